"""Retention: the curve of members who still return, with each variant's half-life at its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis import NotShown, charts
from analysis.posterior.joint import Estimate
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.sampled.results import CurvePoint, TailPoint, VariantRetention
from experiments.analyses.sampled.retention import RETENTION
from experiments.reporting.charts import translated
from experiments.reporting.numbers import NARROW, NOTHING, count, decimal, listed, percent
from experiments.translation import gettext, ngettext
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.parts import Number, Part, Table, VariantFacts, by_position, filled, reason_of, shown

HARDLY = 0.001
"""The smallest share that is printed as it is."""


@dataclass(frozen=True)
class Retention:
    """The section: a chart with its note and tables, or an outcome in its place.

    Attributes
    ----------
    tail
        The forecast after the window.
    spec, alternative
        The chart and what it shows in a sentence; no chart where `outcome` says why.
    sentence
        The half-lives in words.
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
    whole: Curves = [(variant, row.curve) for variant, row in rows if row.curve]
    if _returned(whole):
        return _whole_windows(context, whole, rows)
    early: Curves = [(variant, row.returning) for variant, row in rows if row.returning]
    if _returned(early):
        window = context.plan.window_days if isinstance(entry, Unfitted) else entry.horizon
        note = gettext("Share of members who have returned, by day since their first exposure.")
        return Retention(note, _spec(context, early, {}), _ends(early), (), _no_window(window), None, _days(early))
    nothing = gettext("No member has returned on a later day yet.")
    if not rows:
        nothing = gettext("There are not enough members yet.")
    return Retention("", None, "", (), reason or nothing)


def _no_window(days: int) -> str:
    """Return why there is no half-life as long as no window has ended."""
    return ngettext(
        "No member's {days}-day window has ended, so there is no half-life yet.",
        "No member's {days}-day window has ended, so there is no half-life yet.",
        days,
    ).format(days=count(days))


Rows = list[tuple[VariantFacts, VariantRetention]]
Curves = list[tuple[VariantFacts, Sequence[CurvePoint]]]


def _returned(curves: Curves) -> bool:
    """Whether a member returned on a later day: the estimates are never quite 0, the raw figures are."""
    return any(day.raw > 0 for _, curve in curves for day in curve)


def _whole_windows(context: Context, curves: Curves, rows: Rows) -> Retention:
    ends = {
        variant.key: f"{variant.letter} {_short(half.mean)}"
        for variant, row in rows
        if row.curve and (half := shown(row.half_life))
    }
    note = gettext("Share of members who returned on that day or later, by day since their first exposure.")
    if ends:
        note = " ".join((note, gettext("The half-life in days is at the right.")))
    return Retention(
        note,
        _spec(context, curves, ends),
        _ends(curves),
        _sentence(rows, context.subject),
        _no_half_lives(context, rows),
        _halves(rows),
        _days(curves),
        _tail(context, rows),
    )


def _no_half_lives(context: Context, rows: Rows) -> str:
    """Return which variants have no half-life, and why."""
    reasons: dict[str, list[str]] = {}
    for variant, row in rows:
        if isinstance(row.half_life, NotShown):
            reasons.setdefault(context.reading.text(row.half_life.reason), []).append(variant.letter)
    outcome = gettext("No half-life for {variants}.")
    return " ".join(_because(outcome, letters, why) for why, letters in reasons.items())


def _spec(context: Context, curves: Curves, ends: dict[str, str]) -> dict[str, Any]:
    points = [{"variant": variant.key, **day.to_dict()} for variant, curve in curves for day in curve]
    labels = {variant.key: variant.letter for variant in context.variants}
    keys = [variant.key for variant in context.variants]
    spec: dict[str, Any] = translated(charts.retention_curves(points, keys, ends=ends, labels=labels))
    return spec


def _ends(curves: Curves) -> str:
    """Return the first and the last day of each curve, for a screen reader."""
    text = gettext("{variant}: {first} returned by day {first_day}, {last} by day {last_day}.")
    return " ".join(
        text.format(
            variant=variant.letter,
            first=percent(curve[0].mean),
            first_day=curve[0].day,
            last=percent(curve[-1].mean),
            last_day=curve[-1].day,
        )
        for variant, curve in curves
    )


def _sentence(rows: Rows, subject: VariantFacts) -> tuple[Part, ...]:
    """Return the half-life of the subject in a sentence, and that of each other variant in a shorter one."""
    halves = sorted(
        ((variant, row.mature, half) for variant, row in rows if (half := shown(row.half_life))),
        key=lambda pair: (pair[0].key != subject.key, pair[0].position),
    )
    parts: list[Part] = []
    template = gettext(
        "Half of the members who return to {variant} have returned for the last time after {days} days ({interval})."
    )
    for variant, mature, half in halves:
        number = Part("", number=_half(variant, mature, half, decimal(half.mean, 1)))
        named = Part(variant.letter, variant.colour)
        parts += [Part(" ")] if parts else []
        parts += filled(template, variant=named, days=number, interval=_bounds(half))
        template = gettext("For {variant} it is {days} days.")
    return tuple(parts)


def _half(variant: VariantFacts, mature: int, half: Estimate, text: str) -> Number:
    interval = half.interval
    why = ngettext(
        "Half-life among the {members} member who saw {letter} and whose window has ended.",
        "Half-life among the {members} members who saw {letter} and whose window has ended.",
        mature,
    ).format(members=count(mature), letter=variant.letter)
    bounds = explanations.explain_interval(interval, _short(interval.low), _short(interval.high))
    return Number(text, f"{why} {bounds}", f"half-life-{variant.key}")


def _halves(rows: Rows) -> Table:
    known = next((half.interval for _, row in rows if (half := shown(row.half_life))), None)
    interval = gettext("{level} interval").format(level=explanations.level_of(known))
    columns = (gettext("variant"), gettext("half-life"), interval, gettext("ever returned"), interval)
    return Table(
        (*columns, gettext("members with full window")),
        tuple(
            (
                variant.letter,
                _short(half.mean) if (half := shown(row.half_life)) else NOTHING,
                _bounds(half) if half else NOTHING,
                percent(ever.mean) if (ever := shown(row.ever_returned)) else NOTHING,
                explanations.range_of(percent(ever.interval.low), percent(ever.interval.high)) if ever else NOTHING,
                count(row.mature),
            )
            for variant, row in rows
        ),
    )


def _days(curves: Curves) -> Table:
    """Return each day of each curve: the estimate, its interval and the raw figure."""
    days = sorted({day.day for _, curve in curves for day in curve})
    known = {(variant.key, day.day): day for variant, curve in curves for day in curve}
    columns = [gettext("day")]
    for variant, _ in curves:
        raw = gettext("{variant} raw ○").format(variant=variant.letter)
        columns += [variant.letter, f"{variant.letter} {explanations.level_of(None)}", raw]
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
    return percent(day.mean), explanations.range_of(percent(day.low), percent(day.high)), percent(day.raw)


def _tail(context: Context, rows: Rows) -> str:
    """Return the forecast after the window, or why there is none."""
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
        text = gettext("Forecast of members who return on day {day}: {shares}.")
        shares = ", ".join(_forecast(letter, point) for letter, point in expected)
        pieces.append(text.format(day=expected[-1][1].day, shares=shares))
    outcome = gettext("No forecast after the window for {variants}.")
    return " ".join(pieces + [_because(outcome, who, why) for why, who in reasons.items()])


def _because(outcome: str, letters: Sequence[str], reason: str) -> str:
    """Return what is missing for some variants, and the sentence why."""
    return f"{outcome.format(variants=listed(letters))} {reason}"


def _forecast(letter: str, point: TailPoint) -> str:
    if point.mean < HARDLY:
        return gettext("{variant} under {share}").format(variant=letter, share=percent(HARDLY))
    interval = explanations.range_of(percent(point.low), percent(point.high))
    return f"{letter} {percent(point.mean)} ({interval})"


def _short(days: float) -> str:
    return f"{decimal(days, 1)}{NARROW}d"


def _bounds(half: Estimate) -> str:
    return explanations.range_of(decimal(half.interval.low, 1), decimal(half.interval.high, 1))
