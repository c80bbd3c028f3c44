"""A metric in words: its name, what it counts, and how its values are written (shares, money, seconds, days, ...)."""

from dataclasses import dataclass

from experiments.analyses.scorecards import TOTAL_RATE, MetricEntry
from experiments.catalogue import metrics
from experiments.reporting.numbers import MINUS, NARROW, NOTHING, count, decimal, money, percent
from experiments.translation import gettext

_ABSOLUTE = ("score", "return")
"""Kinds that go below zero: a per cent of them has no meaning, so they are compared by difference alone."""


@dataclass(frozen=True)
class Measure:
    """How the values of one metric are written.

    Attributes
    ----------
    kind
        The scale that the metric declares.
    per
        What a value is for, such as "per member"; empty for a share or a half-life.
    denominator
        The same as the metric declares it, in English.
    """

    kind: str
    name: str = ""
    unit: str = ""
    currency: str = ""
    per: str = ""
    denominator: str = ""

    @classmethod
    def of(cls, entry: MetricEntry, currency: str = "") -> "Measure":
        """Return the measure of a metric of a result; `currency` is the experiment's, for money."""
        return cls._of(entry.metric, name_of(entry), entry.unit_of_measure, currency)

    @classmethod
    def known(cls, key: str, currency: str = "") -> "Measure":
        """Return the measure of a metric by its declaration, where a result has no scorecard of it."""
        found = metrics.metric(key)
        return cls._of(key, gettext(found.name), found.unit_of_measure.format(currency=currency), currency)

    @classmethod
    def _of(cls, key: str, name: str, unit: str, currency: str) -> "Measure":
        known = metrics.metric(key)
        # Without a currency an amount is a plain number.
        paid = currency if known.scale == "money" else ""
        kind = "number" if known.scale == "money" and not paid else known.scale
        return cls(kind, name, unit, paid, gettext(known.per), known.per)

    @property
    def relative(self) -> bool:
        """Whether a change in per cent of the control has a meaning."""
        return self.kind not in _ABSOLUTE

    @property
    def column(self) -> str:
        """The heading of a column of values, such as "per member"; empty for a value without a denominator."""
        return gettext("per member") if self.kind == "share" else self.per

    def value(self, x: float | None) -> str:
        """A value, such as 13.5 % or € 1.24."""
        if x is None:
            return NOTHING
        if self.kind == "share":
            return percent(x, 1 if abs(x) >= 0.01 or x == 0 else 2)
        if self.kind == "money":
            return money(x, self.currency, _digits(x))
        if self.kind == "seconds":
            return f"{decimal(x, 1)}{NARROW}s"
        if self.kind == "days":
            return f"{decimal(x, 1 if abs(x) >= 1 or x == 0 else _digits(x))}{NARROW}d"
        if self.kind == "people":
            return count(x) if abs(x) >= 100 else decimal(x, 1)
        if self.kind == "times":
            return f"×{NARROW}{decimal(x, 2)}"
        if self.kind == "score":
            return _signed(x, decimal(abs(x), 2))
        if self.kind == "return":
            return _signed(x, f"{decimal(abs(100 * x), 0)}{NARROW}%")
        return decimal(x, _digits(x) + (self.kind != "brought"))

    def difference(self, x: float | None) -> str:
        """A signed difference; shares in members per 100, returns in points."""
        if x is None:
            return NOTHING
        text = self.size(abs(x))
        return text if text == self.size(0.0) else ("+" if x > 0 else MINUS) + text

    def loss(self, x: float | None) -> str:
        """An amount without sign, as losses are written; shares in members per 100."""
        if x is None:
            return NOTHING
        if self.kind == "share" and 0 < 100 * x < 0.005:
            return gettext("fewer than {number} in 100").format(number=decimal(0.01, 2))
        return self.size(x)

    def loss_per(self, x: float) -> str:
        """A loss with what it is per: ``0.53 in 100 members``, ``€ 0.12 per member``."""
        if self.kind != "share":
            return gettext("{amount} {per}").format(amount=self.loss(x), per=self.per) if self.per else self.loss(x)
        if 0 < 100 * x < 0.005:
            return gettext("fewer than {number} in 100 members").format(number=decimal(0.01, 2))
        return gettext("{number} in 100 members").format(number=_of_100(x))

    def tick(self, x: float) -> str:
        """A signed difference at the axis of a chart; shares in members per 100, without saying so at each mark."""
        return _signed(x, _of_100(abs(x))) if self.kind == "share" else self.difference(x)

    def size(self, x: float) -> str:
        """An amount that is 0 or more, without a sign."""
        if self.kind == "share":
            return in_100(_of_100(x))
        if self.kind == "return":
            return gettext("{number} points").format(number=decimal(100 * x, 0 if 100 * x >= 10 else 1))
        if self.kind in ("score", "times"):
            return decimal(x, 2)
        return self.value(x) if x else self._nothing()

    def total(self, x: float | None) -> str:
        """The plain sum behind the mean; nothing where a sum has no meaning."""
        if x is None or self.kind in ("score", "times", "return"):
            return NOTHING
        if self.kind == "money":
            return money(x, self.currency, 2)
        if self.kind == "seconds":
            return f"{decimal(x, 0)}{NARROW}s"
        return count(x)

    def _nothing(self) -> str:
        return money(0, self.currency, 2) if self.kind == "money" else self.value(0.0)


def in_100(number: str) -> str:
    """Return a share in members out of a hundred."""
    return gettext("{number} in 100").format(number=number)


def name_of(entry: MetricEntry) -> str:
    """Return the metric's name on screen."""
    return gettext(entry.name)


def unit_of(entry: MetricEntry) -> str:
    """Return what a metric's figures are in, such as ``share of members``."""
    total = entry.unit_of_measure == TOTAL_RATE
    template = TOTAL_RATE if total else metrics.metric(entry.metric).unit_of_measure
    return gettext(template).format(currency=entry.currency)


def noun(key: str) -> str:
    """Return the name of a metric inside a sentence, such as ``click rate``."""
    return gettext(metrics.metric(key).noun)


def hint(found: metrics.Metric, window_days: int | None, currency: str) -> str:
    """Return what a metric counts, in one sentence.

    Parameters
    ----------
    window_days
        None for totals without dates: they were counted elsewhere, in a window that is not known.
    currency
        ISO 4217 code of the experiment's money.
    """
    template = found.undated_hint if window_days is None else found.hint
    return gettext(template).format(window=window_days, cap=money(found.cap_in(currency), currency, 0))


def _of_100(share: float) -> str:
    return decimal(100 * share, 2 if 100 * share < 1 else 1)


def meaning(found: metrics.Metric, window_days: int | None, currency: str) -> str:
    """Return what a metric counts, and that less is better if it is; parameters as for `hint`."""
    sentences = [hint(found, window_days, currency)]
    if found.direction == "down":
        sentences.append(gettext("Lower is better."))
    return " ".join(filter(None, sentences))


def _digits(x: float) -> int:
    return 2 if abs(x) >= 0.1 or x == 0 else 3


def _signed(x: float, text: str) -> str:
    if not any(digit in text for digit in "123456789"):
        return text
    return ("+" if x > 0 else MINUS) + text
