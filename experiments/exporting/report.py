"""A report in one HTML file: the answer, its health, its figures and charts, with nothing to fetch from anywhere.

Charts are the page's own definitions, drawn as SVG whose colours are CSS variables, so that the file is light or dark
as its reader likes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from analysis import HealthCheck, charts
from analysis.charts.svg import drawn
from analysis.health.checks import is_note
from analysis.posterior.joint import Estimate
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.sampled.retention import RETENTION
from experiments.analyses.sampled.segments import SEGMENTS, SegmentEntry
from experiments.exporting.report_scorecard import blocks
from experiments.exporting.source import Stored
from experiments.reporting.charts import line_of_today, translated
from experiments.reporting.facts import Fact, facts
from experiments.reporting.measures import Measure, name_of
from experiments.reporting.numbers import count, percent, signed_percent, when
from experiments.reporting.withheld import too_early, withheld_note
from experiments.translation import language

CHART_WIDTH = 640
MARKS = {"ok": "✓", "info": "i", "warn": "!", "fail": "✕"}


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its heading, a sentence and the drawing."""

    title: str
    note: str
    svg: str


def write(stored: Stored, file: Path, zone: str = "UTC") -> None:
    """Write the report; `zone` is the IANA name of the time zone that its times are told in."""
    file.write_text(rendered(stored, zone), encoding="utf-8")


def rendered(stored: Stored, zone: str = "UTC") -> str:
    """Return the report as HTML; `zone` is the IANA name of the time zone that its times are told in."""
    wanted = _charts(stored)
    pictures = drawn([translated(spec) for _, _, spec in wanted], width=CHART_WIDTH, locale=language())
    answer = stored.answer
    page: str = _template().render(
        stored=stored,
        heading=answer.heading,
        headline=stored.reading.text(answer.verdict.headline),
        reason=stored.reading.text(answer.verdict.reason),
        facts=_facts(stored),
        health=[_health(stored, check) for check in answer.health],
        metrics=blocks(stored),
        withheld=withheld_note() if too_early(answer.verdict) else "",
        charts=[Chart(title, note, svg) for (title, note, _), svg in zip(wanted, pictures, strict=True)],
        when=when(datetime.fromisoformat(answer.heading.cut_off), zone),
        made=when(datetime.now(UTC), zone),
        priors=_priors(stored),
        seed=answer.provenance.seed,
        versions=answer.provenance.versions,
        light=_colours("light"),
        dark=_colours("dark"),
    )
    return page


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["count"] = count
    environment.filters["percent"] = partial(percent, digits=0)
    return environment.get_template("report.html")


def _priors(stored: Stored) -> list[tuple[str, str, list[str]]]:
    """Return the name and the reason of each prior once, with what it was used for."""
    names = {entry.metric: name_of(entry).lower() for entry in stored.answer.metrics}
    found: dict[str, tuple[str, str, list[str]]] = {}
    for used, prior in stored.answer.provenance.all_priors.items():
        reason = stored.reading.text(prior.reason)
        uses = found.setdefault(prior.name, (prior.name, reason, []))[2]
        uses.append(names.get(used, used.replace("_", " ")))
    return list(found.values())


def _colours(theme: str) -> dict[str, str]:
    palette = charts.PALETTE_LIGHT if theme == "light" else charts.PALETTE_DARK
    return charts.INK[theme] | {f"v{place}": colour for place, colour in enumerate(palette)}


# Figures -----------------------------------------------------------------------------------------------------------


def _facts(stored: Stored) -> tuple[Fact, ...]:
    entry = stored.answer.entry(stored.primary)
    if entry is None:
        return ()
    return facts(stored.answer.verdict, entry, stored.currency, stored.inputs.plan.names)


class CheckLine(NamedTuple):
    """A check with its mark."""

    status: str
    mark: str
    detail: str
    next_step: str


def _health(stored: Stored, check: HealthCheck) -> CheckLine:
    status = "info" if is_note(check.check, check.value) else check.status
    text = stored.reading.text
    return CheckLine(status, MARKS.get(status, "i"), text(check.detail), text(check.next_step))


# Charts ------------------------------------------------------------------------------------------------------------


def _charts(stored: Stored) -> list[tuple[str, str, dict[str, Any]]]:
    """Every chart that the stored answer has figures for: heading, sentence and definition."""
    keys = [variant.key for variant in stored.variants]
    labels = {variant.key: variant.letter for variant in stored.variants}
    makers = (_densities, _lifts, _over_time, _retention, _allocation, _segments)
    return [chart for make in makers for chart in make(stored, keys, labels)]


Made = list[tuple[str, str, dict[str, Any]]]
Labels = Mapping[str, str]


def _densities(stored: Stored, keys: Sequence[str], labels: Labels) -> Made:
    entry = stored.answer.entry(stored.primary)
    curves = stored.reading.drawing.get("densities", {}).get(stored.primary)
    if entry is None or not curves:
        return []
    rows = [{"variant": key, "lift_density": curve} for key, curve in curves.items()]
    spec = charts.lift_densities({"variants": [{"variant": key} for key in keys], "comparisons": rows}, labels=labels)
    return [
        (
            f"How much better: {name_of(entry).lower()}",
            "The lift over the control; the higher, the likelier.",
            spec,
        )
    ]


def _lifts(stored: Stored, keys: Sequence[str], labels: Labels) -> Made:
    rows = [
        _lift(name_of(entry), row.variant, 0, row.lift)
        for entry in stored.answer.metrics
        if Measure.of(entry, stored.currency).relative
        for row in entry.deciding.comparisons
        if row.lift
    ]
    if not rows:
        return []
    note = "Lift over the control with its interval; right of the dotted line is more of it."
    return [("Every metric at a glance", note, charts.segment_forest(rows, keys, labels=labels))]


def _lift(level: str, variant: str, n: int, lift: Estimate, raw_lift: float | None = None) -> dict[str, Any]:
    """Return a row of a forest."""
    bounds = {"low": lift.interval.low, "high": lift.interval.high, "raw_lift": raw_lift}
    return {"level": level, "variant": variant, "n": n, "lift": lift.mean} | bounds


def _over_time(stored: Stored, keys: Sequence[str], labels: Labels) -> Made:
    started = stored.started_at if stored.started_at.tzinfo else stored.started_at.replace(tzinfo=UTC)
    rows = [
        {"day": (point.at - started).total_seconds() / 86_400, "variant": key, "p_best": chance}
        for point in stored.history
        for key, chance in point.p_best.items()
        if key in labels
    ]
    if len({row["day"] for row in rows}) < 2:
        return []
    last = line_of_today(None)
    spec = charts.posterior_over_time(rows, keys, planned_days=stored.planned_days, now_label=last, labels=labels)
    return [("Chance of being best", "As the test went on.", spec)]


def _retention(stored: Stored, keys: Sequence[str], labels: Labels) -> Made:
    rows = [
        {"variant": row.variant, **day.to_dict()}
        for entry in stored.answer.entries(RETENTION)
        if not isinstance(entry, Unfitted) and entry.not_shown is None
        for row in entry.variants
        for day in row.curve
    ]
    if not rows:
        return []
    note = "Members who still came back on that day or later, by day since they first saw it."
    return [("Retention", note, charts.retention_curves(rows, keys, labels=labels))]


def _allocation(stored: Stored, keys: Sequence[str], labels: Labels) -> Made:
    allocation = stored.answer.allocation
    if allocation is None or len(allocation.epochs) < 2:
        return []
    starts = [datetime.fromisoformat(epoch.started) for epoch in allocation.epochs]
    rows = [
        {"day": (start - starts[0]).total_seconds() / 86_400, "weights": epoch.weights}
        for start, epoch in zip(starts, allocation.epochs, strict=True)
    ]
    today = (datetime.fromisoformat(stored.answer.heading.cut_off) - starts[0]).total_seconds() / 86_400
    spec = charts.allocation_shares(rows, keys, today=today, labels=labels)
    return [("How new members were shared out", stored.reading.text(allocation.caveat), spec)]


def _segments(stored: Stored, keys: Sequence[str], labels: Labels) -> Made:
    made: Made = []
    for entry in stored.answer.entries(SEGMENTS):
        if isinstance(entry, Unfitted):
            continue
        rows = [
            _lift(row.level or "not known", row.variant, row.n, row.lift, row.raw_lift)
            for row in entry.segment_rows
            if row.lift
        ]
        if rows:
            note = "Small groups are drawn towards the whole, as they should be; the open circle is the raw figure."
            note = " ".join(filter(None, (note, _together(entry, labels))))
            title = f"For whom: {entry.segment.replace('_', ' ')}"
            made.append((title, note, charts.segment_forest(rows, keys, labels=labels)))
    return made


def _together(entry: SegmentEntry, labels: Labels) -> str:
    """Return the lifts of all groups together, each weighed by its members: ``All together: B +9.8 % (…).``"""
    lifts = []
    for row in entry.overall:
        if row.lift and row.variant in labels:
            low, high = signed_percent(row.lift.interval.low), signed_percent(row.lift.interval.high)
            lifts.append(f"{labels[row.variant]} {signed_percent(row.lift.mean)} ({low} to {high})")
    return f"All groups together: {', '.join(lifts)}." if lifts else ""
