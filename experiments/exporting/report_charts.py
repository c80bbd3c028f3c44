"""The charts of a report: every chart that the stored result has figures for."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from analysis import charts
from analysis.posterior.joint import Estimate
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.sampled.retention import RETENTION
from experiments.analyses.sampled.segments import SEGMENTS, SegmentEntry
from experiments.exporting.source import Stored
from experiments.reporting.charts import line_of_today
from experiments.reporting.measures import Measure, name_of, noun
from experiments.reporting.numbers import listed, signed_percent
from experiments.translation import gettext

DAY = 86_400


class ChartSpec(NamedTuple):
    """A chart with its heading, a sentence and its Vega-Lite definition."""

    title: str
    note: str
    spec: dict[str, Any]


Labels = Mapping[str, str]
Maker = Callable[[Stored, Sequence[str], Labels], list[ChartSpec]]


def charts_of(stored: Stored) -> list[ChartSpec]:
    """Return the charts in reading order, with variants by their letters."""
    keys = [variant.key for variant in stored.variants]
    labels = {variant.key: variant.letter for variant in stored.variants}
    return [chart for make in MAKERS for chart in make(stored, keys, labels)]


def _densities(stored: Stored, keys: Sequence[str], labels: Labels) -> list[ChartSpec]:
    curves = stored.reading.drawing.get("densities", {}).get(stored.primary)
    if stored.answer.entry(stored.primary) is None or not curves:
        return []
    rows = [{"variant": key, "lift_density": curve} for key, curve in curves.items()]
    spec = charts.lift_densities({"variants": [{"variant": key} for key in keys], "comparisons": rows}, labels=labels)
    title = gettext("Lift in {metric}").format(metric=noun(stored.primary))
    return [ChartSpec(title, gettext("Posterior density of the lift over the control."), spec)]


def _lifts(stored: Stored, keys: Sequence[str], labels: Labels) -> list[ChartSpec]:
    rows = [
        _lift(name_of(entry), row.variant, 0, row.lift)
        for entry in stored.answer.metrics
        if Measure.of(entry, stored.currency).relative
        for row in entry.deciding.comparisons
        if row.lift
    ]
    if not rows:
        return []
    note = gettext("Lift over the control with its interval. Values right of the dotted line are increases.")
    return [ChartSpec(gettext("All metrics"), note, charts.segment_forest(rows, keys, labels=labels))]


def _lift(level: str, variant: str, n: int, lift: Estimate, raw_lift: float | None = None) -> dict[str, Any]:
    """Return a row of a forest."""
    bounds = {"low": lift.interval.low, "high": lift.interval.high, "raw_lift": raw_lift}
    return {"level": level, "variant": variant, "n": n, "lift": lift.median} | bounds


def _over_time(stored: Stored, keys: Sequence[str], labels: Labels) -> list[ChartSpec]:
    started = stored.started_at if stored.started_at.tzinfo else stored.started_at.replace(tzinfo=UTC)
    rows = [
        {"day": (point.at - started).total_seconds() / DAY, "variant": key, "p_best": chance}
        for point in stored.history
        for key, chance in point.p_best.items()
        if key in labels
    ]
    if len({row["day"] for row in rows}) < 2:
        return []
    last = line_of_today(None)
    spec = charts.posterior_over_time(rows, keys, planned_days=stored.planned_days, now_label=last, labels=labels)
    return [ChartSpec(gettext("Chance of being best"), gettext("By day of the test."), spec)]


def _retention(stored: Stored, keys: Sequence[str], labels: Labels) -> list[ChartSpec]:
    rows = [
        {"variant": row.variant, **day.to_dict()}
        for entry in stored.answer.entries(RETENTION)
        if not isinstance(entry, Unfitted) and entry.not_shown is None
        for row in entry.variants
        for day in row.curve
    ]
    if not rows:
        return []
    note = gettext("Share of members who returned on that day or later, by day since their first exposure.")
    return [ChartSpec(gettext("Retention"), note, charts.retention_curves(rows, keys, labels=labels))]


def _allocation(stored: Stored, keys: Sequence[str], labels: Labels) -> list[ChartSpec]:
    allocation = stored.answer.allocation
    if allocation is None or len(allocation.epochs) < 2:
        return []
    starts = [datetime.fromisoformat(epoch.started) for epoch in allocation.epochs]
    rows = [
        {"day": (start - starts[0]).total_seconds() / DAY, "weights": epoch.weights}
        for start, epoch in zip(starts, allocation.epochs, strict=True)
    ]
    today = (datetime.fromisoformat(stored.answer.heading.cut_off) - starts[0]).total_seconds() / DAY
    spec = charts.allocation_shares(rows, keys, today=today, labels=labels)
    return [ChartSpec(gettext("Traffic split"), stored.reading.text(allocation.caveat), spec)]


def _segments(stored: Stored, keys: Sequence[str], labels: Labels) -> list[ChartSpec]:
    made = []
    for entry in stored.answer.entries(SEGMENTS):
        if isinstance(entry, Unfitted):
            continue
        unknown = gettext("unknown")
        rows = [
            _lift(row.level or unknown, row.variant, row.n, row.lift, row.raw_lift)
            for row in entry.segment_rows
            if row.lift
        ]
        if rows:
            note = gettext("Small groups are drawn towards the overall lift. Open circles are the raw lifts.")
            title = gettext("Lift by {segment}").format(segment=entry.segment.replace("_", " "))
            parts = " ".join(filter(None, (note, _overall(entry, labels))))
            made.append(ChartSpec(title, parts, charts.segment_forest(rows, keys, labels=labels)))
    return made


def _overall(entry: SegmentEntry, labels: Labels) -> str:
    """Return the lifts of all groups together, each weighted by its members; "" if there are none."""
    template = gettext("{variant} {lift} ({low} to {high})")
    lifts = [
        template.format(
            variant=labels[row.variant],
            lift=signed_percent(row.lift.median),
            low=signed_percent(row.lift.interval.low),
            high=signed_percent(row.lift.interval.high),
        )
        for row in entry.overall
        if row.lift and row.variant in labels
    ]
    return gettext("All groups together: {lifts}.").format(lifts=listed(lifts)) if lifts else ""


MAKERS: tuple[Maker, ...] = (_densities, _lifts, _over_time, _retention, _allocation, _segments)
