"""A report in one HTML file: the answer, its health, its figures and charts, with nothing to fetch from anywhere.

Charts are the page's own definitions, drawn as SVG whose colours are CSS variables, so that the file is light or dark
as its reader likes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from analysis import charts
from analysis.charts.svg import drawn
from analysis.health.checks import is_note
from experiments.exporting.report_scorecard import blocks
from experiments.exporting.source import Stored
from experiments.reporting.adjustment import deciding
from experiments.reporting.charts import line_of_today, translated
from experiments.reporting.facts import Fact, facts
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import count, percent, signed_percent, when
from experiments.reporting.withheld import too_early, withheld_note, without_chances
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
    stored = replace(stored, result=deciding(stored.result))
    wanted = _charts(stored)
    pictures = drawn([translated(spec) for _, _, spec in wanted], width=CHART_WIDTH, locale=language())
    result, provenance = stored.result, stored.result["provenance"]
    withheld = too_early(result["verdict"])
    page: str = _template().render(
        stored=stored,
        result=result,
        verdict=result["verdict"],
        facts=_facts(stored),
        health=[_health(check) for check in result["health"]],
        metrics=blocks(stored, without_chances(result) if withheld else result),
        withheld=withheld_note() if withheld else "",
        charts=[Chart(title, note, svg) for (title, note, _), svg in zip(wanted, pictures, strict=True)],
        when=when(datetime.fromisoformat(result["cut_off"]), zone),
        made=when(datetime.now(UTC), zone),
        priors=_priors(stored),
        versions=provenance["versions"],
        units=result["units"],
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


def _priors(stored: Stored) -> list[tuple[Mapping[str, Any], list[str]]]:
    """Each prior once, with what it was used for."""
    names = {entry["metric"]: _name(entry).lower() for entry in stored.result["metrics"]}
    found: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
    for used, prior in stored.result["provenance"]["priors"].items():
        found.setdefault(prior["name"], (prior, []))[1].append(names.get(used, used.replace("_", " ")))
    return list(found.values())


def _colours(theme: str) -> dict[str, str]:
    palette = charts.PALETTE_LIGHT if theme == "light" else charts.PALETTE_DARK
    return charts.INK[theme] | {f"v{place}": colour for place, colour in enumerate(palette)}


# Figures -----------------------------------------------------------------------------------------------------------


def _facts(stored: Stored) -> tuple[Fact, ...]:
    entry = next((entry for entry in stored.result["metrics"] if entry["metric"] == stored.primary), None)
    if entry is None:
        return ()
    return facts(stored.result["verdict"], entry, stored.currency, stored.inputs.plan.names)


def _health(check: Mapping[str, Any]) -> dict[str, Any]:
    """A check with its mark."""
    status = "info" if is_note(check["check"], check["value"]) else check["status"]
    return dict(check) | {"status": status, "mark": MARKS.get(status, "i")}


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
    entry = next((entry for entry in stored.result["metrics"] if entry["metric"] == stored.primary), None)
    curves = (stored.reading.drawing.get("densities") or {}).get(stored.primary)
    if entry is None or not curves:
        return []
    told = [{"variant": key, "lift_density": curve} for key, curve in curves.items()]
    spec = charts.lift_densities({"variants": [{"variant": key} for key in keys], "comparisons": told}, labels=labels)
    return [
        (
            f"How much better: {_name(entry).lower()}",
            "The lift over the control; the higher, the likelier.",
            spec,
        )
    ]


def _lifts(stored: Stored, keys: Sequence[str], labels: Labels) -> Made:
    rows = [
        {
            "level": _name(entry),
            "variant": row["variant"],
            "n": 0,
            "lift": row["lift"]["mean"],
            "low": row["lift"]["interval"]["low"],
            "high": row["lift"]["interval"]["high"],
            "raw_lift": None,
        }
        for entry in stored.result["metrics"]
        if Measure.of(entry, stored.currency).relative
        for row in entry["comparisons"]
        if row["lift"]
    ]
    if not rows:
        return []
    note = "Lift over the control with its interval; right of the dotted line is more of it."
    return [("Every metric at a glance", note, charts.segment_forest(rows, keys, labels=labels))]


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
    told = stored.result.get("retention")
    if not told or told.get("not_shown"):
        return []
    rows = [{"variant": row["variant"], **day} for row in told["variants"] for day in row["curve"] or ()]
    if not rows:
        return []
    note = "Members who still came back on that day or later, by day since they first saw it."
    return [("Retention", note, charts.retention_curves(rows, keys, labels=labels))]


def _allocation(stored: Stored, keys: Sequence[str], labels: Labels) -> Made:
    told = stored.result.get("allocation")
    if not told or len(told["epochs"]) < 2:
        return []
    first = datetime.fromisoformat(told["epochs"][0]["started"])
    days = [(datetime.fromisoformat(epoch["started"]) - first).total_seconds() / 86_400 for epoch in told["epochs"]]
    rows = [{"day": day, "weights": epoch["weights"]} for day, epoch in zip(days, told["epochs"], strict=True)]
    today = (datetime.fromisoformat(stored.result["cut_off"]) - first).total_seconds() / 86_400
    spec = charts.allocation_shares(rows, keys, today=today, labels=labels)
    return [("How new members were shared out", told.get("caveat") or "", spec)]


def _segments(stored: Stored, keys: Sequence[str], labels: Labels) -> Made:
    made: Made = []
    for entry in stored.result.get("segments") or ():
        rows = [
            {
                "level": str(row["level"]) or "not known",
                "variant": row["variant"],
                "n": row["n"],
                "lift": row["lift"]["mean"],
                "low": row["lift"]["interval"]["low"],
                "high": row["lift"]["interval"]["high"],
                "raw_lift": row.get("raw_lift"),
            }
            for row in entry.get("segment_rows") or ()
            if row.get("lift")
        ]
        if rows:
            note = "Small groups are drawn towards the whole, as they should be; the open circle is the raw figure."
            note = " ".join(filter(None, (note, _together(entry, labels))))
            title = f"For whom: {entry['segment'].replace('_', ' ')}"
            made.append((title, note, charts.segment_forest(rows, keys, labels=labels)))
    return made


def _together(entry: Mapping[str, Any], labels: Labels) -> str:
    """The lifts of all groups put together again, each weighed by its members: ``All together: B +9.8 % (…).``"""
    told = []
    for row in entry.get("overall") or ():
        if row.get("lift") and row["variant"] in labels:
            low, high = (signed_percent(row["lift"]["interval"][side]) for side in ("low", "high"))
            told.append(f"{labels[row['variant']]} {signed_percent(row['lift']['mean'])} ({low} to {high})")
    return f"All groups together: {', '.join(told)}." if told else ""


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("name") or entry["metric"].replace("_", " "))
