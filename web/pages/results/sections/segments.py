"""Segments: the lift of a variant in each group of the declared attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis import charts
from analysis.posterior.joint import Estimate
from experiments.analyses.sampled import results
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.sampled.segments import SEGMENTS, SegmentEntry
from experiments.reporting.charts import translated
from experiments.reporting.numbers import count, signed_percent
from experiments.translation import N_, gettext, ngettext
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.drawing import Ridge, Scale, common_scale, ridge
from web.pages.results.parts import AxisTick, Number, VariantFacts, axis_of, reason_of

NOT_KNOWN = N_("unknown")
"""Members without the attribute."""
ALL_MEMBERS = N_("all members")


@dataclass(frozen=True)
class SegmentRow:
    """One level of a segment for the variant in question; places are per cent of the drawing's width."""

    level: str
    members: str
    drawn: Ridge | None
    raw_at: float | None
    lift: Number
    text: str


@dataclass(frozen=True)
class Segment:
    """One attribute: its rows, or the reason why there are none; the chart of all variants where there are several."""

    key: str
    title: str
    rows: tuple[SegmentRow, ...]
    axis: tuple[AxisTick, ...]
    not_shown: str
    spec: dict[str, Any] | None
    overall: SegmentRow | None = None
    joint: bool = False


def build(context: Context) -> tuple[Segment, ...]:
    """Return a part for each declared attribute, about the subject against the control."""
    return tuple(_segment(context, entry) for entry in context.answer.entries(SEGMENTS))


def _segment(context: Context, entry: SegmentEntry | Unfitted) -> Segment:
    name = str(entry.shape["segment"]) if isinstance(entry, Unfitted) else entry.segment
    title, subject = name.replace("_", " "), context.subject
    if isinstance(entry, Unfitted):
        return Segment(name, title, (), (), reason_of(entry, context.reading), None)
    sizes: dict[str, int] = {}
    for row in entry.segment_rows:
        sizes[row.level] = sizes.get(row.level, 0) + row.n
    lifted = [(row, row.lift) for row in entry.segment_rows if row.lift]
    own = [(row, lift) for row, lift in lifted if row.variant == subject.key]
    own.sort(key=lambda pair: -sizes[pair[0].level])
    whole = next((row.lift for row in entry.overall if row.variant == subject.key and row.lift), None)
    bounds = [(lift.interval.low, lift.interval.high) for lift in [*(lift for _, lift in own), *filter(None, [whole])]]
    scale = common_scale(bounds, margin=0.06)
    if not own or scale is None:
        return Segment(name, title, (), (), gettext("There are not enough members yet to compare the groups."), None)
    rows = tuple(_row(name, row, lift, sizes[row.level], subject, scale) for row, lift in own)
    axis = axis_of(scale, lambda value: signed_percent(value, 0) if value else "0")
    spec = _forest(lifted, context.variants, sizes) if len(context.variants) > 2 else None
    overall = _overall(name, whole, sum(sizes.values()), subject, scale) if whole else None
    return Segment(name, title, rows, axis, "", spec, overall, entry.joint)


def _overall(name: str, lift: Estimate, members: int, subject: VariantFacts, scale: Scale) -> SegmentRow:
    """Return the row of all groups, each weighted by its members."""
    mean, interval = lift.median, lift.interval
    why = gettext("Lift of {letter} over all groups, each weighted by its members.").format(letter=subject.letter)
    drawn = ridge(None, mean, interval.low, interval.high, scale)
    number = Number(signed_percent(mean, 0), f"{why} {_bounds(lift)}", f"whole-{name}")
    level = gettext(ALL_MEMBERS)
    return SegmentRow(level, count(members), drawn, None, number, _label(level, lift))


def _bounds(lift: Estimate) -> str:
    interval = lift.interval
    return explanations.explain_interval(interval, signed_percent(interval.low), signed_percent(interval.high))


def _label(level: str, lift: Estimate) -> str:
    text = gettext("{segment}, lift: {interval}")
    return text.format(segment=level, interval=explanations.spoken(lift, signed_percent))


def _row(
    name: str, row: results.SegmentRow, lift: Estimate, members: int, subject: VariantFacts, scale: Scale
) -> SegmentRow:
    mean, interval, raw = lift.median, lift.interval, row.raw_lift
    drawn = ridge(None, mean, interval.low, interval.high, scale)
    level = row.level or gettext(NOT_KNOWN)
    why = [
        ngettext(
            "Lift of {letter} among {members} member.", "Lift of {letter} among {members} members.", members
        ).format(letter=subject.letter, members=count(members)),
        _bounds(lift),
    ]
    if raw is not None:
        why.append(gettext("The raw figure is {raw}.").format(raw=signed_percent(raw)))
    raw_at = scale.at(raw) if raw is not None and scale.low <= raw <= scale.high else None
    number = Number(signed_percent(mean, 0), " ".join(why), f"segment-{name}-{row.level}")
    return SegmentRow(level, count(members), drawn, raw_at, number, _label(level, lift))


def _forest(
    lifted: Sequence[tuple[results.SegmentRow, Estimate]], variants: Sequence[VariantFacts], sizes: Mapping[str, int]
) -> dict[str, Any]:
    rows = [
        {
            "level": row.level or gettext(NOT_KNOWN),
            "variant": row.variant,
            "n": sizes[row.level],
            "lift": lift.median,
            "low": lift.interval.low,
            "high": lift.interval.high,
            "raw_lift": row.raw_lift,
        }
        for row, lift in sorted(lifted, key=lambda pair: -sizes[pair[0].level])
    ]
    shown = [variant for variant in variants if not variant.control]
    labels = {variant.key: variant.letter for variant in shown}
    spec: dict[str, Any] = translated(charts.segment_forest(rows, [variant.key for variant in variants], labels=labels))
    return spec
