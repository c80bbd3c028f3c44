"""The two chart sections of the results page: the chance of being best over time, and where a variant works."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from analysis import charts
from experiments.reporting import phrases
from experiments.reporting.numbers import count, day, moment, signed_percent
from web.pages.results import words
from web.pages.results.drawing import Ridge, common_scale, interval_of, ridge
from web.pages.results.parts import AxisTick, Number, VariantFacts, axis_of

FIRST_ALONE = "The curve begins with the second analysis."
HALF_A_DAY = timedelta(hours=12)
NOT_KNOWN = "not known"
"""Members who came without the attribute."""
EVERYBODY = "all together"


@dataclass(frozen=True)
class OverTime:
    """The chart over time: its definition, the same figures as a table, and a sentence in its place for the blind."""

    title: str
    spec: dict[str, Any] | None
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    alternative: str
    note: str = ""


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


def over_time(
    history: Sequence[Mapping[str, Any]],
    variants: Sequence[VariantFacts],
    *,
    title: str,
    started_at: datetime,
    zone: str,
    planned_days: float | None,
    today: float | None,
    ended_at: datetime | None = None,
    none: str = "",
) -> OverTime:
    """The chance of being best at each stored analysis.

    Parameters
    ----------
    history
        Rows ``{"at": datetime or microseconds, "p_best": {variant key: chance}}``, oldest first.
    started_at
        Beginning of the run; days are counted from it.
    planned_days, today
        In days since `started_at`; None where nothing is planned or the run has ended.
    ended_at
        End of the run; analyses after it tell of the end, not of a later day.
    none
        Why there is no curve, where there is none.
    """
    rows = _until(ended_at, [row for row in history if row.get("p_best") and not none])
    columns = ("analysed", *(variant.letter for variant in variants))
    table = tuple(
        (day(_moment(row["at"]), zone), *(phrases.chance(row["p_best"].get(variant.key)) for variant in variants))
        for row in rows
    )
    if len(rows) < 2:
        alone = "It was analysed at its end only, so there is no curve." if ended_at else FIRST_ALONE
        return OverTime(title, None, columns, table, none or alone)
    points = [
        {"day": round(_days(started_at, row["at"]), 4), "variant": variant.key, "p_best": row["p_best"][variant.key]}
        for row in rows
        for variant in variants
        if row["p_best"].get(variant.key) is not None
    ]
    spec = charts.posterior_over_time(
        points,
        [variant.key for variant in variants],
        planned_days=planned_days,
        today=_days(started_at, ended_at) if ended_at else today,
        over=ended_at is not None,
        labels={variant.key: variant.letter for variant in variants},
    )
    last = rows[-1]["p_best"]
    now = ", ".join(f"{v.letter} {phrases.chance(last[v.key])}" for v in variants if last.get(v.key) is not None)
    note = "As the test went on." if ended_at else "As the test goes on. Lines that still swing are a reason to wait."
    return OverTime(title, spec, columns, table, f"{title} over {len(rows)} analyses; at the last one: {now}.", note)


def _until(ended_at: datetime | None, rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The points up to the end of the run: the last one of those after it stands at the end."""
    if ended_at is None:
        return rows
    end = moment(ended_at)
    after = [row for row in rows if _moment(row["at"]) >= end]
    last = end - HALF_A_DAY if after else end  # two points on one spot would draw an upright line
    during = [row for row in rows if _moment(row["at"]) < last]
    return [*during, *({**row, "at": end} for row in after[-1:])]


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
        f" lift is {phrases.between(*bounds)} with {words.level_of(interval)} probability."
    )
    text = f"{EVERYBODY}: lift {signed_percent(mean)}, {words.level_of(interval)} interval {words.range_of(*bounds)}"
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
        f" {words.level_of(interval)} probability.{unshrunken}"
    )
    raw_at = scale.at(raw) if raw is not None and scale.low <= raw <= scale.high else None
    text = f"{row['level']}: lift {signed_percent(mean)}, {words.level_of(interval)} interval {words.range_of(*bounds)}"
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
    return charts.segment_forest(
        rows, [variant.key for variant in variants], labels={variant.key: variant.letter for variant in shown}
    )


def _moment(at: Any) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else moment(at)


def _days(started_at: datetime, at: Any) -> float:
    return (_moment(at) - moment(started_at)).total_seconds() / 86_400
