"""A metric: which events of a member count, how they become one number, which model reads it, how it is written."""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Literal

from experiments.translation import N_

DAY_US = 86_400_000_000
"""A later day begins this many microseconds after a member's first exposure: 24 hours, not midnight."""

# Currencies whose smallest unit is the whole one: their amounts run a hundred times higher.
_WHOLE_UNIT_CURRENCIES = frozenset({"CLP", "ISK", "JPY", "KRW", "PYG", "RWF", "UGX", "VND", "XAF", "XOF", "XPF", "IDR"})


Kind = Literal["proportion", "amount", "count", "ratio", "retention", "cascade", "value"]
Scale = Literal["share", "money", "seconds", "days", "people", "brought", "times", "score", "return", "number"]
Default = Literal["", "primary", "other", "guardrail"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured outcome of a member within the attribution window.

    Attributes
    ----------
    key : str
        Its name in the API.
    name : str
        Its name on screen; this and the other texts are English, and translated where they are shown.
    hint : str
        One sentence for the reader; ``{window}`` is the window in days, ``{cap}`` the cap.
    kind : str
        Its sufficient statistic: ``proportion`` (did it or not), ``amount`` (a sum a member), ``count`` (how many
        times), ``ratio`` (one sum over another), ``retention`` (when members came back), ``cascade`` (whom they
        brought) or ``value`` (what all of it is worth).
    events : tuple of str
        Event types that count anywhere in the window.
    later_events : tuple of str
        Event types that count only from 24 hours after first exposure on.
    statistic : str
        How a member's events become what is measured: ``any``, ``count``, ``sum`` of values, ``mean`` (sum of values
        over the number of events that carry one), ``days`` (distinct whole days since first exposure), ``brought``
        (who came through the member, by the exposures themselves) or ``worth`` (money and actions by their weights).
    model : str
        Key of the posterior model.
    direction : str
        ``up`` where more is better, ``down`` where less is.
    unit_of_measure : str
        What a figure is in; ``{currency}`` is the experiment's currency.
    cap : Decimal or None
        A member's amount is cut here (winsorised), so that one member cannot decide; how many were cut is kept.
    money : bool
        Whether values are money: only events in the experiment's currency add up.
    property_name : str or None
        The property of an event that holds the value; None for the event's own value.
    decides : bool
        Whether a verdict may rest on it, so that it can be the primary metric or a guardrail.
    population : str
        ``direct``: what randomised members do themselves; ``total``: with everyone whom they brought.
    scale : str
        How a value is written: ``share``, ``money``, ``seconds``, ``days``, ``people``, ``brought`` (members a member
        brought), ``times`` (members a member reached), ``score`` (from −1 to 1), ``return`` (earned beyond each unit
        spent) or ``number``.
    per : str
        What a value is for, such as "per member"; empty where the value needs none, as a share does.
    signed : bool
        Whether values can be below 0, so that a sum of 0 does not mean that no member acted.
    noun : str
        Its name inside a sentence.
    undated_hint : str
        The hint of totals that came without dates, so that no window is known; only shares can come so.
    superlative : str
        What the best variant is called, as in "Chance of being the stickiest"; empty where no verdict rests on it.
    default : str
        Its part in a new experiment unless others are chosen: ``primary``, ``other`` or ``guardrail``; empty for none.
    column_names : tuple of str
        Words in the name of an imported column of successes that suggest this metric.
    """

    key: str
    name: str
    hint: str
    kind: Kind
    events: tuple[str, ...]
    later_events: tuple[str, ...] = ()
    statistic: Literal["any", "count", "sum", "mean", "days", "brought", "worth"] = "any"
    model: str = "conversion"
    direction: Literal["up", "down"] = "up"
    unit_of_measure: str = N_("share of members")
    cap: Decimal | None = None
    money: bool = False
    population: str = "direct"
    property_name: str | None = None
    decides: bool = True
    scale: Scale = "share"
    per: str = ""
    signed: bool = False
    noun: str = ""
    undated_hint: str = ""
    superlative: str = ""
    default: Default = ""
    column_names: tuple[str, ...] = ()

    @property
    def event_types(self) -> tuple[str, ...]:
        """Every event type the metric looks at, each once."""
        return tuple(dict.fromkeys(self.events + self.later_events))

    def cap_in(self, currency: str) -> Decimal | None:
        """The cap in a currency: a hundred times higher where the currency has no smaller unit."""
        if self.cap is not None and self.money and currency in _WHOLE_UNIT_CURRENCIES:
            return self.cap * 100
        return self.cap

    def hint_in(self, currency: str, window: int | str) -> str:
        """Return the hint in English, as the API gives it."""
        return self.hint.format(window=window, cap=f"{self.cap_in(currency) or 0:,} {currency}")

    def definition(self, currency: str, window_days: int, clock_tolerance_seconds: float = 0) -> dict[str, Any]:
        """The whole declaration as it held in one analysis, ready for JSON."""
        earlier = f", less {clock_tolerance_seconds:g} seconds for clocks that are behind"
        cap = self.cap_in(currency)
        declared = {name: value for name, value in asdict(self).items() if name not in _PRESENTATION}
        return declared | {
            "events": list(self.events),
            "later_events": list(self.later_events),
            "hint": self.hint_in(currency, window_days),
            "unit_of_measure": self.unit_of_measure.format(currency=currency),
            "cap": None if cap is None else str(cap),
            "window_days": window_days,
            "counts_from": "the member's first exposure" + (earlier if clock_tolerance_seconds else ""),
            "clock_tolerance_seconds": clock_tolerance_seconds,
            "later_day": "24 hours or more after the member's first exposure",
        }


_PRESENTATION = frozenset({"noun", "undated_hint", "scale", "per", "signed", "superlative", "default", "column_names"})
"""Fields on how a metric is shown or chosen, not how it was measured: not in the definition stored with a result."""
