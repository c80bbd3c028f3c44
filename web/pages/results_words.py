"""The words and figures of the results page: how each number is written and the one sentence that explains it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis import wording
from web.formatting import NARROW, NOTHING, count, decimal, money, percent, signed_percent

# Where a metric decides, how its best variant is called in "Chance of being …".
SUPERLATIVES = {
    "sticky_rate": "the stickiest",
    "click_rate": "the most clicked",
    "share_rate": "the most shared",
    "purchase_rate": "the best seller",
    "revenue": "the best earner",
    "orders": "the most ordered",
    "dwell": "the longest looked at",
    "return_rate": "the most returned to",
    "response_rate": "the most talked about",
    "negative_rate": "the least complained about",
}

# What a check guards against, for those that are in order; its own sentence stands before it.
MEANINGS = {
    "srm": "The groups differ only in what they saw.",
    "multi_exposed": "Whoever met two variants would blur the difference between them.",
    "silence": "An app that stops logging looks like members who stop acting.",
    "late_events": "Late events make the newest days look weaker than they are.",
    "immature": "Members whose window is open can still act, so their figures can only grow.",
    "bots": "Bots act alike on every variant and would hide a difference.",
    "crossing": "A member who meets another variant through a share makes the variants look more alike.",
    "clock_skew": "Clocks that are wrong put actions before the exposure they belong to.",
    "before_exposure": "What is stamped before a member met the content cannot be its doing.",
}

CHECK_NAMES = {
    "srm": "Split between the variants",
    "multi_exposed": "Members who met two variants",
    "silence": "Silence",
    "late_events": "Late events",
    "immature": "Members still inside their window",
    "bots": "Bots",
    "crossing": "Crossing between variants",
    "clock_skew": "Clocks",
    "before_exposure": "Events before the exposure",
}

MARKS = {"ok": ("✓", "in order"), "info": ("i", "good to know"), "warn": ("!", "look at this"), "fail": ("✕", "failed")}


IN_100 = " in 100"
"""After a share that is told in members out of a hundred."""


@dataclass(frozen=True)
class Measure:
    """How the values of one metric are written: a share of members, money, seconds or a plain number."""

    kind: str
    name: str = ""
    unit: str = ""
    currency: str = ""

    @classmethod
    def of(cls, metric: Mapping[str, Any], currency: str = "") -> "Measure":
        """The measure of one entry of a result's "metrics"; `currency` is the experiment's, for money."""
        unit = str(metric.get("unit_of_measure") or "")
        paid = metric.get("currency") or (currency if metric["metric"] in ("revenue", "net_value") else "")
        kind = "share" if metric["kind"] == "proportion" else "money" if paid else "number"
        if kind == "number" and ("second" in unit or metric["metric"] == "dwell"):
            kind = "seconds"
        return cls(kind, name_of(metric), unit, paid)

    def value(self, x: float | None) -> str:
        """A value per member, such as 13.5 % or € 1.24."""
        if x is None:
            return NOTHING
        if self.kind == "share":
            return percent(x, 1 if abs(x) >= 0.01 or x == 0 else 2)
        if self.kind == "money":
            return money(x, self.currency, _digits(x))
        if self.kind == "seconds":
            return f"{decimal(x, 1)}{NARROW}s"
        return decimal(x, _digits(x) + 1)

    def difference(self, x: float | None) -> str:
        """A signed difference per member; shares in members per 100."""
        if x is None:
            return NOTHING
        text = self._size(abs(x))
        return text if text == self._size(0.0) else ("+" if x > 0 else "−") + text

    def loss(self, x: float | None) -> str:
        """An amount without sign, as losses are written; shares in members per 100."""
        if x is None:
            return NOTHING
        if self.kind == "share" and 0 < 100 * x < 0.005:
            return f"fewer than 0.01{IN_100}"
        return self._size(x)

    def _size(self, x: float) -> str:
        if self.kind == "share":
            return f"{decimal(100 * x, 2 if 100 * x < 1 else 1)}{IN_100}"
        return self.value(x) if x else self._nothing()

    def total(self, x: float | None) -> str:
        """The plain sum behind the mean."""
        if x is None:
            return NOTHING
        if self.kind == "money":
            return money(x, self.currency, 2)
        if self.kind == "seconds":
            return f"{decimal(x, 0)}{NARROW}s"
        return count(x)

    def _nothing(self) -> str:
        return money(0, self.currency, 2) if self.kind == "money" else self.value(0.0)


def _digits(x: float) -> int:
    return 2 if abs(x) >= 0.1 or x == 0 else 3


def name_of(metric: Mapping[str, Any]) -> str:
    """The metric's name on screen; its key in words where the result carries none."""
    return str(metric.get("name") or metric["metric"].replace("_", " ").capitalize())


def title_of_chance(metric: str, name: str) -> str:
    """Heading of the chart over time: "Chance of being the stickiest"."""
    best = SUPERLATIVES.get(metric)
    return f"Chance of being {best}" if best else f"Chance of being best: {name}"


def range_of(low: str, high: str) -> str:
    """Two bounds in words."""
    return f"{low} to {high}"


def level_of(interval: Mapping[str, Any] | None) -> str:
    """The probability an interval holds, such as "95 %"."""
    return percent(interval["probability"], 0) if interval else "95" + NARROW + "%"


def chance(p: float | None) -> str:
    """A chance as the verdict writes it; never rounded to certainty."""
    return NOTHING if p is None else wording.chance(p)


def explain_mean(measure: Measure, letter: str, row: Mapping[str, Any]) -> str:
    """Why a per-member value is what it is."""
    members, interval = count(row["n"]), row.get("interval")
    total = measure.total(row["total"])
    seen = {
        "share": f"{total} of the {members} members who saw {letter} count here",
        "money": f"The {members} members who saw {letter} brought {total} in all",
        "seconds": f"The {members} members who saw {letter} spent {total} in all",
    }.get(measure.kind, f"The {members} members who saw {letter} add up to {total}")
    if not interval:
        return f"{seen}."
    bounds = wording.between(measure.value(interval["low"]), measure.value(interval["high"]))
    return f"{seen}; with {level_of(interval)} probability the true value per member is {bounds}."


def explain_lift(measure: Measure, letter: str, control: str, comparison: Mapping[str, Any]) -> str:
    """What a lift, or the difference shown in its place, says."""
    lift, difference = comparison.get("lift"), comparison.get("difference")
    if lift:
        bounds = [signed_percent(lift["interval"][side]) for side in ("low", "high")]
        return (
            f"{letter} stands {direction_words(lift['mean'])} {control}; with {level_of(lift['interval'])}"
            f" probability the true lift is {wording.between(*bounds)}."
        )
    if difference:
        bounds = [measure.difference(difference["interval"][side]) for side in ("low", "high")]
        reason = (comparison.get("lift_not_shown") or "a percentage of so small a control would mislead").rstrip(".")
        whom = "" if measure.kind == "share" else " per member"
        return f"The difference{whom} is {wording.between(*bounds)}; {_lower(reason)}."
    return "There is not enough data to compare yet."


def direction_words(lift: float) -> str:
    """A relative change as "18.4 % above" or "2.0 % below"."""
    return f"{percent(abs(lift))} {'above' if lift >= 0 else 'below'}"


def explain_best(letter: str, name: str, lower_is_better: bool) -> str:
    """What a chance of being best means."""
    way = "lowest" if lower_is_better else "highest"
    return f"How likely it is, going by all data so far, that {letter} truly has the {way} “{name}” of all variants."


def explain_loss(measure: Measure, letter: str, loss: float | None) -> str:
    """What a loss if wrong means."""
    if loss is None:
        return f"It is as good as certain that {letter} is the best, so there is nothing to lose."
    unit = " members" if measure.kind == "share" else " per member"
    gone = f"{measure.loss(loss)}{unit}"
    return (
        f"What we give up on average in “{measure.name}” if we ship {letter} while another variant is truly better:"
        f" {gone}."
    )


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
