"""Retention: the curve of members who still came back, with each variant's half-life at its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis import NotShown, charts
from analysis.posterior.joint import Estimate
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.sampled.results import CurvePoint, TailPoint, VariantRetention
from experiments.analyses.sampled.retention import RETENTION
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
    """Return the section; None where the result has no retention. The subject comes first, then the others."""
    entries = context.answer.entries(RETENTION)
    if not entries:
        return None
    entry = entries[0]
    reason = reason_of(entry, context.reading)
    rows: Rows = [] if isinstance(entry, Unfitted) or reason else by_position(entry.variants, context.variants)
    window = plural(context.plan.window_days if isinstance(entry, Unfitted) else entry.horizon, "day")
    whole: Curves = [(variant, row.curve) for variant, row in rows if row.curve]
    if _returned(whole):
        return _whole_windows(context, whole, rows, window)
    early: Curves = [(variant, row.returning) for variant, row in rows if row.returning]
    if _returned(early):
        outcome = (
            f"Nobody has had the full {window} yet, so there is no half-life: the first one comes when they are over."
        )
        alternative = f"Members who have come back: {_ends(early)}."
        return Retention(RETURNING, _spec(context, early, {}), alternative, (), outcome, None, _days(early))
    return Retention("", None, "", (), reason or (NOBODY_BACK if rows else "There are not enough members yet to tell."))


Rows = list[tuple[VariantFacts, VariantRetention]]
Curves = list[tuple[VariantFacts, Sequence[CurvePoint]]]


def _returned(curves: Curves) -> bool:
    """Whether somebody came back on a later day: the estimates are never quite 0, the raw figures are."""
    return any(day.raw > 0 for _, curve in curves for day in curve)


def _whole_windows(context: Context, curves: Curves, rows: Rows, window: str) -> Retention:
    ends = {
        variant.key: f"{variant.letter} {_short(half.mean)}"
        for variant, row in rows
        if row.curve and (half := shown(row.half_life))
    }
    return Retention(
        CURVE + (" Half-life in days at the right." if ends else ""),
        _spec(context, curves, ends),
        f"Share of members who still came back: {_ends(curves)}.",
        _sentence(rows, context.subject),
        _no_half_lives(context, rows, window),
        _halves(rows),
        _days(curves),
        _tail(context, rows),
    )


def _no_half_lives(context: Context, rows: Rows, window: str) -> str:
    """Whose half-life cannot be told, and why."""
    reasons: dict[str, list[str]] = {}
    for variant, row in rows:
        if isinstance(row.half_life, NotShown):
            reason = context.reading.text(row.half_life.reason) or f"Nobody has had the full {window} yet."
            reasons.setdefault(reason, []).append(variant.letter)
    outcome = gettext("No half-life for {variants}.")
    return " ".join(_because(outcome, who, why) for why, who in reasons.items())


def _spec(context: Context, curves: Curves, ends: dict[str, str]) -> dict[str, Any]:
    points = [{"variant": variant.key, **day.to_dict()} for variant, curve in curves for day in curve]
    labels = {variant.key: variant.letter for variant in context.variants}
    keys = [variant.key for variant in context.variants]
    spec: dict[str, Any] = translated(charts.retention_curves(points, keys, ends=ends, labels=labels))
    return spec


def _ends(curves: Curves) -> str:
    """The first and the last day of each curve."""
    pieces = []
    for variant, curve in curves:
        first, last = curve[0], curve[-1]
        pieces.append(
            f"{variant.letter} {percent(first.mean)} on day {first.day} and {percent(last.mean)} on day {last.day}"
        )
    return "; ".join(pieces)


def _sentence(rows: Rows, subject: VariantFacts) -> tuple[Part, ...]:
    """ "Half of those who come back to B do so for the last time within 3.9 days (3.5 to 4.3); with A it is 2.1." """
    halves = sorted(
        ((variant, row.mature, half) for variant, row in rows if (half := shown(row.half_life))),
        key=lambda found: (found[0].key != subject.key, found[0].position),
    )
    if not halves:
        return ()
    (first, mature, half), *others = halves
    parts = [
        Part("Half of those who come back to "),
        Part(first.letter, first.colour),
        Part(" do so for the last time within "),
        Part("", number=_half(first, mature, half, f"{decimal(half.mean, 1)} days")),
        Part(f" ({_bounds(half)})"),
    ]
    for place, (variant, mature, half) in enumerate(others):
        parts += [
            Part("; with " if place == 0 else ", with "),
            Part(variant.letter, variant.colour),
            Part(" it is " if place == 0 else " "),
            Part("", number=_half(variant, mature, half, decimal(half.mean, 1))),
        ]
    return (*parts, Part("."))


def _half(variant: VariantFacts, mature: int, half: Estimate, text: str) -> Number:
    interval = half.interval
    bounds = phrases.between(_short(interval.low), _short(interval.high))
    why = (
        f"Of the {count(mature)} members of {variant.letter} whose whole window is over, half of those who ever"
        f" came back did so for the last time by then; with {explanations.level_of(interval)} probability the true"
        f" half-life is {bounds} ({explanations.kind_of(interval)})."
    )
    return Number(text, why, f"half-life-{variant.key}")


def _halves(rows: Rows) -> Table:
    columns = ("variant", "half-life", "95 % interval", "ever came back", "95 % interval", "members seen in full")
    return Table(
        columns,
        tuple(
            (
                variant.letter,
                _short(half.mean) if (half := shown(row.half_life)) else NOTHING,
                _bounds(half) if half else NOTHING,
                percent(ever.mean) if (ever := shown(row.ever_returned)) else NOTHING,
                f"{percent(ever.interval.low)} to {percent(ever.interval.high)}" if ever else NOTHING,
                count(row.mature),
            )
            for variant, row in rows
        ),
    )


def _days(curves: Curves) -> Table:
    """Every day of every curve: the estimate, and the raw figure where it is another one."""
    days = sorted({day.day for _, curve in curves for day in curve})
    known = {(variant.key, day.day): day for variant, curve in curves for day in curve}
    columns = ["day"]
    for variant, _ in curves:
        columns += [variant.letter, f"{variant.letter} 95{NARROW}%", f"{variant.letter} raw ○"]
    return Table(
        tuple(columns),
        tuple(
            (str(day), *(cell for variant, _ in curves for cell in _cells(known.get((variant.key, day)))))
            for day in days
        ),
    )


def _cells(day: CurvePoint | None) -> tuple[str, str, str]:
    if day is None:
        return NOTHING, NOTHING, NOTHING
    return percent(day.mean), f"{percent(day.low)} to {percent(day.high)}", percent(day.raw)


def _tail(context: Context, rows: Rows) -> str:
    """What is expected beyond the window, or why nothing is."""
    reasons: dict[str, list[str]] = {}
    expected: list[tuple[str, TailPoint]] = []
    for variant, row in rows:
        if row.tail.not_shown is not None:
            if row.tail.not_shown.code != "not_asked":
                reasons.setdefault(context.reading.text(row.tail.not_shown.reason), []).append(variant.letter)
        elif row.tail.active:
            expected.append((variant.letter, row.tail.active[-1]))
    pieces = []
    if expected:
        day = expected[-1][1].day
        pieces.append(f"Going on as they did, {_still(expected)} would come back on day {day}.")
    outcome = gettext("No forecast after the window for {variants}.")
    return " ".join(pieces + [_because(outcome, who, why) for why, who in reasons.items()])


def _because(outcome: str, letters: Sequence[str], reason: str) -> str:
    """Return what is missing for some variants, and the sentence why."""
    return f"{outcome.format(variants=listed(letters))} {reason}"


def _still(expected: list[tuple[str, TailPoint]]) -> str:
    """How many come on that day, a variant after the other; in one word where hardly anybody does."""
    if all(point.mean < HARDLY for _, point in expected):
        return f"hardly anybody who saw {either([letter for letter, _ in expected])}"
    return listed([_share_of(letter, point) for letter, point in expected])


def _share_of(letter: str, point: TailPoint) -> str:
    if point.mean < HARDLY:
        return f"under {percent(HARDLY)} of {letter}"
    return f"{percent(point.mean)} of {letter} ({explanations.range_of(percent(point.low), percent(point.high))})"


def _short(days: float) -> str:
    return f"{decimal(days, 1)}{NARROW}d"


def _bounds(half: Estimate) -> str:
    return explanations.range_of(decimal(half.interval.low, 1), decimal(half.interval.high, 1))
