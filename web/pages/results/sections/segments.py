"""Where a variant works: its lift in each group of the declared attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis import charts
from experiments.reporting import phrases
from experiments.reporting.charts import translated
from experiments.reporting.numbers import count, signed_percent
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.drawing import Ridge, common_scale, interval_of, ridge
from web.pages.results.parts import AxisTick, Number, VariantFacts, axis_of

NOT_KNOWN = "not known"
"""Members who came without the attribute."""
EVERYBODY = "all together"


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
    """Return a part for each declared attribute."""
    return segments(context.result.get("segments") or (), context.variants, context.subject)


def segments(
    entries: Sequence[Mapping[str, Any]], variants: Sequence[VariantFacts], subject: VariantFacts
) -> tuple[Segment, ...]:
    """Every segmented attribute of a result, told for `subject` against the control.

    Parameters
    ----------
    entries
        The result's "segments": rows as the segmented model stores them, or ``not_shown`` with its reason.
    subject
        The variant the section is about: the verdict's, else the one most likely to be best.
    """
    return tuple(_segment(entry, variants, subject) for entry in entries)


def _segment(entry: Mapping[str, Any], variants: Sequence[VariantFacts], subject: VariantFacts) -> Segment:
    name = str(entry["segment"])
    title = name.replace("_", " ")
    if entry.get("not_shown"):
        return Segment(name, title, (), (), str(entry["not_shown"]["reason"]), None)
    stored = [row for row in entry.get("segment_rows") or entry.get("rows") or () if row.get("lift")]
    own = [row for row in stored if row["variant"] == subject.key]
    sizes: dict[str, int] = {}
    for row in entry.get("segment_rows") or entry.get("rows") or ():
        sizes[row["level"]] = sizes.get(row["level"], 0) + int(row["n"])
    own.sort(key=lambda row: -sizes[row["level"]])
    whole = next((row for row in entry.get("overall") or () if row["variant"] == subject.key and row.get("lift")), None)
    bounds = [interval_of(row["lift"]) for row in [*own, *([whole] if whole else [])]]
    scale = common_scale([pair for pair in bounds if pair], margin=0.06)
    if not own or scale is None:
        return Segment(name, title, (), (), "There are not enough members yet to tell the groups apart.", None)
    rows = tuple(_row(name, row, sizes[row["level"]], subject, scale) for row in own)
    axis = axis_of(scale, lambda value: signed_percent(value, 0) if value else "0")
    spec = _forest(stored, variants, sizes) if len(variants) > 2 else None
    overall = _overall(name, whole, sum(sizes.values()), subject, scale) if whole else None
    return Segment(name, title, rows, axis, "", spec, overall, bool(entry.get("joint")))


def _overall(name: str, row: Mapping[str, Any], members: int, subject: VariantFacts, scale: Any) -> SegmentRow:
    """The groups put together again, each by how many members it has."""
    mean, interval = row["lift"]["mean"], row["lift"]["interval"]
    bounds = [signed_percent(interval[side]) for side in ("low", "high")]
    why = (
        f"All groups together, each weighed by how many members it has whatever they were shown: {subject.letter}'s"
        f" lift is {phrases.between(*bounds)} with {explanations.level_of(interval)} probability."
    )
    within = f"{explanations.level_of(interval)} interval {explanations.range_of(*bounds)}"
    text = f"{EVERYBODY}: lift {signed_percent(mean)}, {within}"
    drawn = ridge(None, mean, interval["low"], interval["high"], scale)
    return SegmentRow(
        EVERYBODY, count(members), drawn, None, Number(signed_percent(mean, 0), why, f"whole-{name}"), text
    )


def _row(name: str, row: Mapping[str, Any], members: int, subject: VariantFacts, scale: Any) -> SegmentRow:
    mean, interval, raw = row["lift"]["mean"], row["lift"]["interval"], row.get("raw_lift")
    drawn = ridge(None, mean, interval["low"], interval["high"], scale)
    bounds = [signed_percent(interval[side]) for side in ("low", "high")]
    unshrunken = f" The raw figure is {signed_percent(raw)}." if raw is not None else ""
    why = (
        f"Among the {count(members)} members here, {subject.letter}'s lift is {phrases.between(*bounds)} with"
        f" {explanations.level_of(interval)} probability.{unshrunken}"
    )
    raw_at = scale.at(raw) if raw is not None and scale.low <= raw <= scale.high else None
    within = f"{explanations.level_of(interval)} interval {explanations.range_of(*bounds)}"
    text = f"{row['level']}: lift {signed_percent(mean)}, {within}"
    level = str(row["level"]) or NOT_KNOWN
    return SegmentRow(
        level,
        count(members),
        drawn,
        raw_at,
        Number(signed_percent(mean, 0), why, f"segment-{name}-{row['level']}"),
        text,
    )


def _forest(
    stored: Sequence[Mapping[str, Any]], variants: Sequence[VariantFacts], sizes: Mapping[str, int]
) -> dict[str, Any]:
    rows = [
        {
            "level": str(row["level"]) or NOT_KNOWN,
            "variant": row["variant"],
            "n": sizes[row["level"]],
            "lift": row["lift"]["mean"],
            "low": row["lift"]["interval"]["low"],
            "high": row["lift"]["interval"]["high"],
            "raw_lift": row.get("raw_lift"),
        }
        for row in sorted(stored, key=lambda row: -sizes[row["level"]])
    ]
    shown = [variant for variant in variants if not variant.control]
    labels = {variant.key: variant.letter for variant in shown}
    return translated(charts.segment_forest(rows, [variant.key for variant in variants], labels=labels))
