"""Retention: the curve of members who still came back, with each variant's half-life at its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis import charts
from experiments.reporting import phrases
from experiments.reporting.charts import translated
from experiments.reporting.numbers import NARROW, NOTHING, count, decimal, either, listed, percent, plural
from experiments.translation import gettext
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.parts import Number, Part, Table, VariantFacts, by_position, reason_of, shown

CURVE = "Members who came back, by day since they first saw it: how many did so on that day or later."
RETURNING = "Members who have come back, by day since they first saw it."
HARDLY = 0.001
"""A share that would be printed as nothing."""
NOBODY_BACK = "Nobody has come back on a later day yet."


@dataclass(frozen=True)
class Retention:
    """The section: a chart with its note and tables, or an outcome in its place.

    Attributes
    ----------
    tail
        What is expected after the window.
    spec, alternative
        The chart and what it shows in a sentence; no chart where `outcome` says why.
    sentence
        The half-lives in words, for whoever reads no chart.
    """

    note: str
    spec: dict[str, Any] | None
    alternative: str
    sentence: tuple[Part, ...]
    outcome: str
    halves: Table | None = None
    days: Table | None = None
    tail: str = ""


def build(context: Context) -> Retention | None:
    """Return the section; None where the result has no retention."""
    return retention(context.result.get("retention"), context.variants, context.subject)


def retention(
    found: Mapping[str, Any] | None, variants: Sequence[VariantFacts], subject: VariantFacts
) -> Retention | None:
    """The section of a result's "retention"; None where it has none.

    Parameters
    ----------
    subject
        The variant that the page speaks of, told first against the control.
    """
    if not found:
        return None
    reason = reason_of(found)
    rows = [] if reason else by_position(found.get("variants") or (), variants)
    window = plural(int(found.get("horizon") or 0), "day")
    drawn = [pair for pair in rows if pair[1].get("curve")]
    if _anybody(drawn, "curve"):
        return _whole_windows(drawn, rows, variants, subject, window)
    early = [pair for pair in rows if pair[1].get("returning")]
    if _anybody(early, "returning"):
        outcome = (
            f"Nobody has had the full {window} yet, so there is no half-life: the first one comes when they are over."
        )
        spec = _spec(early, "returning", variants, {})
        told = _told(early, "returning")
        return Retention(
            RETURNING, spec, f"Members who have come back: {told}.", (), outcome, None, _days(early, "returning")
        )
    return Retention("", None, "", (), reason or (NOBODY_BACK if rows else "There are not enough members yet to tell."))


def _anybody(rows: Sequence[tuple[VariantFacts, Mapping[str, Any]]], what: str) -> bool:
    """Whether somebody came back on a later day: the estimates are never quite 0, the raw figures are."""
    return any((day["mean"] if day.get("raw") is None else day["raw"]) > 0 for _, row in rows for day in row[what])


def _whole_windows(
    drawn: list[tuple[VariantFacts, Mapping[str, Any]]],
    rows: list[tuple[VariantFacts, Mapping[str, Any]]],
    variants: Sequence[VariantFacts],
    subject: VariantFacts,
    window: str,
) -> Retention:
    ends = {v.key: f"{v.letter} {_short(half['mean'])}" for v, row in drawn if (half := shown(row.get("half_life")))}
    outcome = _no_half_lives(rows, window)
    note = CURVE + (" Half-life in days at the right." if ends else "")
    alternative = f"Share of members who still came back: {_told(drawn, 'curve')}."
    spec = _spec(drawn, "curve", variants, ends)
    sentence = _sentence(rows, subject)
    days = _days(drawn, "curve")
    return Retention(note, spec, alternative, sentence, outcome, _halves(rows), days, _tail(rows))


def _no_half_lives(rows: Sequence[tuple[VariantFacts, Mapping[str, Any]]], window: str) -> str:
    """Whose half-life cannot be told, and why."""
    reasons: dict[str, list[str]] = {}
    for variant, row in rows:
        if not shown(row.get("half_life")):
            reason = reason_of(row.get("half_life")) or f"Nobody has had the full {window} yet."
            reasons.setdefault(reason, []).append(variant.letter)
    outcome = gettext("No half-life for {variants}.")
    return " ".join(_because(outcome, who, why) for why, who in reasons.items())


def _spec(
    rows: list[tuple[VariantFacts, Mapping[str, Any]]],
    what: str,
    variants: Sequence[VariantFacts],
    ends: dict[str, str],
) -> dict[str, Any]:
    points = [
        {"variant": variant.key, "day": day["day"], "mean": day["mean"], "raw": day.get("raw")}
        | {side: day["mean"] if day.get(side) is None else day[side] for side in ("low", "high")}
        for variant, row in rows
        for day in row[what]
    ]
    labels = {variant.key: variant.letter for variant in variants}
    return translated(charts.retention_curves(points, [variant.key for variant in variants], ends=ends, labels=labels))


def _told(rows: list[tuple[VariantFacts, Mapping[str, Any]]], what: str) -> str:
    """The first and the last day of each curve."""
    pieces = []
    for variant, row in rows:
        first, last = row[what][0], row[what][-1]
        pieces.append(
            f"{variant.letter} {percent(first['mean'])} on day {first['day']} and {percent(last['mean'])}"
            f" on day {last['day']}"
        )
    return "; ".join(pieces)


def _sentence(rows: list[tuple[VariantFacts, Mapping[str, Any]]], subject: VariantFacts) -> tuple[Part, ...]:
    """ "Half of those who come back to B do so for the last time within 3.9 days (3.5 to 4.3); with A it is 2.1." """
    told = sorted(
        ((variant, row, half) for variant, row in rows if (half := shown(row.get("half_life")))),
        key=lambda found: (found[0].key != subject.key, found[0].position),
    )
    if not told:
        return ()
    (first, row, half), *others = told
    parts = [
        Part("Half of those who come back to "),
        Part(first.letter, first.colour),
        Part(" do so for the last time within "),
        Part("", number=_half(first, row, half, f"{decimal(half['mean'], 1)} days")),
        Part(f" ({_bounds(half)})"),
    ]
    for place, (variant, row, half) in enumerate(others):
        parts += [
            Part("; with " if place == 0 else ", with "),
            Part(variant.letter, variant.colour),
            Part(" it is " if place == 0 else " "),
            Part("", number=_half(variant, row, half, decimal(half["mean"], 1))),
        ]
    return (*parts, Part("."))


def _half(variant: VariantFacts, row: Mapping[str, Any], half: Mapping[str, Any], text: str) -> Number:
    interval = half["interval"]
    bounds = phrases.between(_short(interval["low"]), _short(interval["high"]))
    why = (
        f"Of the {count(row['mature'])} members of {variant.letter} whose whole window is over, half of those who ever"
        f" came back did so for the last time by then; with {explanations.level_of(interval)} probability the true"
        f" half-life is {bounds} ({explanations.kind_of(interval)})."
    )
    return Number(text, why, f"half-life-{variant.key}")


def _halves(rows: list[tuple[VariantFacts, Mapping[str, Any]]]) -> Table:
    columns = ("variant", "half-life", "95 % interval", "ever came back", "95 % interval", "members seen in full")
    return Table(
        columns,
        tuple(
            (
                variant.letter,
                _short(half["mean"]) if (half := shown(row.get("half_life"))) else NOTHING,
                _bounds(half) if half else NOTHING,
                percent(ever["mean"]) if (ever := shown(row.get("ever_returned"))) else NOTHING,
                f"{percent(ever['interval']['low'])} to {percent(ever['interval']['high'])}" if ever else NOTHING,
                count(row["mature"]),
            )
            for variant, row in rows
        ),
    )


def _days(rows: list[tuple[VariantFacts, Mapping[str, Any]]], what: str) -> Table:
    """Every day of every curve: the estimate, and the raw figure where it is another one."""
    days = sorted({day["day"] for _, row in rows for day in row[what]})
    known = {(variant.key, day["day"]): day for variant, row in rows for day in row[what]}
    columns = ["day"]
    for variant, _ in rows:
        columns += [variant.letter, f"{variant.letter} 95{NARROW}%", f"{variant.letter} raw ○"]
    return Table(
        tuple(columns),
        tuple(
            (str(day), *(cell for variant, _ in rows for cell in _cells(known.get((variant.key, day))))) for day in days
        ),
    )


def _cells(day: Mapping[str, Any] | None) -> tuple[str, str, str]:
    if day is None:
        return NOTHING, NOTHING, NOTHING
    low, high = day.get("low"), day.get("high")
    interval = f"{percent(low)} to {percent(high)}" if low is not None and high is not None else NOTHING
    return percent(day["mean"]), interval, percent(day.get("raw"))


def _tail(rows: list[tuple[VariantFacts, Mapping[str, Any]]]) -> str:
    """What is expected beyond the window, or why nothing is."""
    reasons: dict[str, list[str]] = {}
    expected, day = [], 0
    for variant, row in rows:
        tail = row.get("tail") or {}
        if reason := reason_of(tail):
            if tail["not_shown"]["code"] != "not_asked":
                reasons.setdefault(reason, []).append(variant.letter)
        elif tail.get("active"):
            day = tail["active"][-1]["day"]
            expected.append((variant.letter, tail["active"][-1]))
    pieces = [f"Going on as they did, {_still(expected)} would come back on day {day}."] if expected else []
    outcome = gettext("No forecast after the window for {variants}.")
    return " ".join(pieces + [_because(outcome, who, why) for why, who in reasons.items()])


def _because(outcome: str, letters: Sequence[str], reason: str) -> str:
    """Return what is missing for some variants, and the sentence why."""
    return f"{outcome.format(variants=listed(letters))} {reason}"


def _still(told: list[tuple[str, Mapping[str, Any]]]) -> str:
    """How many come on that day, a variant after the other; in one word where hardly anybody does."""
    if all(point["mean"] < HARDLY for _, point in told):
        return f"hardly anybody who saw {either([letter for letter, _ in told])}"
    return listed([_share_of(letter, point) for letter, point in told])


def _share_of(letter: str, point: Mapping[str, Any]) -> str:
    if point["mean"] < HARDLY:
        return f"under {percent(HARDLY)} of {letter}"
    return (
        f"{percent(point['mean'])} of {letter} ({explanations.range_of(percent(point['low']), percent(point['high']))})"
    )


def _short(days: float) -> str:
    return f"{decimal(days, 1)}{NARROW}d"


def _bounds(half: Mapping[str, Any]) -> str:
    return explanations.range_of(decimal(half["interval"]["low"], 1), decimal(half["interval"]["high"], 1))
