"""A report in one HTML file: the answer, its health, its figures and charts, with nothing to fetch from anywhere.

Charts are the page's own definitions, drawn as SVG whose colours are CSS variables, so that the file is light or dark
as its reader likes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from analysis import charts, wording
from analysis.charts.svg import drawn
from experiments.exporting.reading import Stored, VariantName

CHART_WIDTH = 640
MARKS = {"ok": "✓", "info": "i", "warn": "!", "fail": "✕"}


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its heading, a sentence and the drawing."""

    title: str
    note: str
    svg: str


@dataclass(frozen=True, slots=True)
class Line:
    """One variant of one metric in the scorecard; every field is text."""

    variant: VariantName
    position: int
    members: str
    mean: str
    interval: str
    lift: str
    best: str
    beats: str


def write(stored: Stored, file: Path) -> None:
    """Write the report."""
    file.write_text(rendered(stored), encoding="utf-8")


def rendered(stored: Stored) -> str:
    """Return the report as HTML."""
    wanted = _charts(stored)
    pictures = drawn([spec for _, _, spec in wanted], width=CHART_WIDTH)
    result, provenance = stored.result, stored.result["provenance"]
    return _template().render(
        stored=stored,
        result=result,
        verdict=result["verdict"],
        health=[check | {"mark": MARKS.get(check["status"], "i")} for check in result["health"]],
        metrics=[(entry, _lines(stored, entry)) for entry in result["metrics"]],
        charts=[Chart(title, note, svg) for (title, note, _), svg in zip(wanted, pictures, strict=True)],
        when=_moment(result["cut_off"]),
        made=datetime.now(UTC).strftime("%-d %b %Y, %H:%M UTC"),
        priors=_priors(stored),
        versions=provenance["versions"],
        units=result["units"],
        light=_colours("light"),
        dark=_colours("dark"),
    )


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["percent"] = wording.percent
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


def _moment(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%-d %b %Y, %H:%M UTC")


# Figures -----------------------------------------------------------------------------------------------------------


def _lines(stored: Stored, entry: Mapping[str, Any]) -> list[Line]:
    rows = {row["variant"]: row for row in entry["variants"]}
    comparisons = {row["variant"]: row for row in entry["comparisons"]}
    return [
        _line(entry, variant, position, rows[variant.key], comparisons.get(variant.key))
        for position, variant in enumerate(stored.variants)
        if variant.key in rows
    ]


def _line(
    entry: Mapping[str, Any],
    variant: VariantName,
    position: int,
    row: Mapping[str, Any],
    compared: Mapping[str, Any] | None,
) -> Line:
    mean, bounds = "–", ""
    if row["mean"] is not None:
        mean = _value(row["mean"], entry)
    if row["interval"]:
        bounds = _range(_value(row["interval"]["low"], entry), _value(row["interval"]["high"], entry))
    return Line(
        variant,
        position,
        f"{row['n']:,}",
        mean,
        bounds,
        _compared(compared, entry),
        "–" if row["p_best"] is None else wording.chance(row["p_best"]),
        "" if compared is None or compared["p_beats_control"] is None else wording.chance(compared["p_beats_control"]),
    )


def _compared(row: Mapping[str, Any] | None, entry: Mapping[str, Any]) -> str:
    """The lift with its interval; the difference where a lift means nothing; the control has neither."""
    if row is None:
        return "control"
    if row["lift"]:
        interval = row["lift"]["interval"]
        bounds = _range(wording.signed_percent(interval["low"]), wording.signed_percent(interval["high"]))
        return f"{wording.signed_percent(row['lift']['mean'])} ({bounds})"
    if row["difference"]:
        interval = row["difference"]["interval"]
        bounds = _range(_value(interval["low"], entry), _value(interval["high"], entry))
        return f"{_value(row['difference']['mean'], entry)} more ({bounds})"
    return "–"


def _value(number: float, entry: Mapping[str, Any]) -> str:
    if entry["kind"] == "proportion":
        return wording.percent(number, 2 if abs(number) < 0.1 else 1)
    digits = 0 if abs(number) >= 1000 else 2 if abs(number) >= 0.1 else 4
    return f"{number:,.{digits}f}".replace("-", wording.MINUS)


def _range(low: str, high: str) -> str:
    return f"{low} to {high}"


# Charts ------------------------------------------------------------------------------------------------------------


def _charts(stored: Stored) -> list[tuple[str, str, dict[str, Any]]]:
    """Every chart that the stored answer has figures for: heading, sentence and definition."""
    keys = [variant.key for variant in stored.variants]
    labels = {variant.key: variant.letter for variant in stored.variants}
    makers = (_densities, _lifts, _over_time, _staying, _allocation, _segments)
    return [chart for make in makers for chart in make(stored, keys, labels)]


Made = list[tuple[str, str, dict[str, Any]]]
Labels = Mapping[str, str]


def _densities(stored: Stored, keys: Sequence[str], labels: Labels) -> Made:
    entry = next((entry for entry in stored.result["metrics"] if entry["metric"] == stored.primary), None)
    curves = (stored.drawing.get("densities") or {}).get(stored.primary)
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
        {"day": (point["at"] - started).total_seconds() / 86_400, "variant": key, "p_best": chance}
        for point in stored.history
        for key, chance in point["p_best"].items()
        if key in labels
    ]
    if len({row["day"] for row in rows}) < 2:
        return []
    spec = charts.posterior_over_time(rows, keys, planned_days=stored.planned_days, labels=labels)
    return [("Chance of being best", "As the test went on.", spec)]


def _staying(stored: Stored, keys: Sequence[str], labels: Labels) -> Made:
    told = stored.result.get("retention")
    if not told or told.get("not_shown"):
        return []
    rows = [{"variant": row["variant"], **day} for row in told["variants"] for day in row["staying"] or ()]
    if not rows:
        return []
    note = "Members who still came back on that day or later, by day since they first saw it."
    return [("How long it sticks", note, charts.staying_curves(rows, keys, labels=labels))]


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
            title = f"For whom: {entry['segment'].replace('_', ' ')}"
            made.append((title, note, charts.segment_forest(rows, keys, labels=labels)))
    return made


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("name") or entry["metric"].replace("_", " "))
