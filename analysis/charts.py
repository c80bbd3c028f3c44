"""One chart definition for page, report and notebook: plain Vega-Lite v6, colours as the page's own CSS variables.

In a page the variables follow light and dark; a report or notebook resolves them with `with_theme`
(``altair.Chart.from_dict(with_theme(spec, "light"))`` draws them).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from analysis.errors import AnalysisError

if TYPE_CHECKING:
    from analysis.scoring import MetricResult

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"

#: --v0 .. --v11: slate, burr, amber, then a continuation that differs in lightness as well as in hue.
PALETTE_LIGHT: Final = (
    "#5f6b7a",
    "#8a2f7f",
    "#b4690e",
    "#0f7a72",
    "#2f5fb3",
    "#a8324a",
    "#5c7a1f",
    "#6a4fc0",
    "#8c5a3c",
    "#13708f",
    "#b03a8f",
    "#3d4f2f",
)
PALETTE_DARK: Final = (
    "#9fb0c4",
    "#d88bce",
    "#e8a95a",
    "#5cc7bd",
    "#8fb4f2",
    "#f08da0",
    "#b3d06a",
    "#b7a4f5",
    "#d1a283",
    "#6fc3e0",
    "#f29ad6",
    "#a9bf94",
)
INK: Final = {
    "light": {"ink": "#23201c", "mute": "#6d675f", "line": "#e6e1d8", "card": "#ffffff"},
    "dark": {"ink": "#efeae3", "mute": "#a79f94", "line": "#37322c", "card": "#211e1b"},
}
_PERCENT: Final = "format(datum.value * 100, '.0f') + '\u202f%'"
_SIGNED_PERCENT: Final = "datum.value === 0 ? '0' : format(datum.value * 100, '+.0f') + '\u202f%'"
_VARIABLE = re.compile(r"var\(--([a-z0-9]+)\)")


def colour(position: int) -> str:
    """Return the CSS colour of the variant at a 0-based position; the twelve repeat."""
    return f"var(--v{position % len(PALETTE_LIGHT)})"


def with_theme(spec: Any, theme: Literal["light", "dark"]) -> Any:
    """Return a copy of a chart with every CSS variable replaced by its colour."""
    if theme not in INK:
        raise AnalysisError("bad_request", f"The theme {theme!r} is unknown; use light or dark.")
    palette = PALETTE_LIGHT if theme == "light" else PALETTE_DARK
    known = INK[theme] | {f"v{i}": value for i, value in enumerate(palette)}
    if isinstance(spec, Mapping):
        return {key: with_theme(value, theme) for key, value in spec.items()}
    if isinstance(spec, list | tuple):
        return [with_theme(value, theme) for value in spec]
    if isinstance(spec, str):
        return _VARIABLE.sub(lambda found: known.get(found[1], found[0]), spec)
    return spec


def _chart(description: str, height: int, rows: Sequence[Mapping[str, Any]], layers: list[dict]) -> dict[str, Any]:
    axis = {
        "labelColor": "var(--mute)",
        "titleColor": "var(--mute)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    return {
        "$schema": SCHEMA,
        "description": description,
        "width": "container",
        "height": height,
        "background": "transparent",
        "autosize": {"type": "fit", "contains": "padding"},
        "data": {"values": [dict(row) for row in rows]},
        "layer": layers,
        "config": {"font": "inherit", "view": {"stroke": None}, "axis": axis},
    }


def _by_variant(variants: Sequence[str], labels: Mapping[str, str] | None) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the colour encoding, keyed by the variant's position, and its name on screen."""
    names = {key: (labels or {}).get(key, key.upper()) for key in variants}
    scale = {"domain": list(variants), "range": [colour(i) for i in range(len(variants))]}
    return {"field": "variant", "type": "nominal", "scale": scale, "legend": None}, names


def _beside_line(now: float, planned_days: float | None, over: bool) -> str:
    """Say where the dotted line stands, counted as the axis counts: whole days since the start."""
    said, passed = "end" if over else "today", round(now)
    if passed < 1:
        return said
    if planned_days and passed <= planned_days and not over:
        return f"{said}, after {passed} of {planned_days:g} days"
    return f"{said}, after {passed} {'day' if passed == 1 else 'days'}"


def _spread(rows: Sequence[Mapping[str, Any]], gap: float = 0.085) -> list[dict[str, Any]]:
    """Place the names at the lines' ends at least `gap` of the axis apart, so that none covers another."""
    placed: list[dict[str, Any]] = []
    floor = 0.0
    for i, row in enumerate(sorted(rows, key=lambda row: row["p_best"])):
        room_above = gap * (len(rows) - 1 - i)
        at = max(floor, min(row["p_best"], 1 - room_above))
        placed.append(dict(row) | {"label_at": at})
        floor = at + gap
    return placed


def _clear_height(last_rows: Sequence[Mapping[str, Any] | None]) -> float:
    """Return the height, between the grid lines, that lies farthest from where the lines end."""
    ends = [row["p_best"] for row in last_rows if row] or [0.0]
    return max((0.75, 0.25, 0.9, 0.1), key=lambda at: min(abs(at - end) for end in ends))


def posterior_over_time(
    history: Iterable[Mapping[str, Any]],
    variants: Sequence[str],
    *,
    planned_days: float | None = None,
    today: float | None = None,
    over: bool = False,
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Draw each variant's chance of being best, as the test went on.

    Parameters
    ----------
    history : rows with "day" (days of running), "variant" and "p_best" (0..1)
    variants : keys in order, which gives the colours
    planned_days : float, optional
        The axis reaches so far.
    today : float, optional
        Where the dotted line stands; by default the last day of the history.
    over : bool
        The run has ended: the line says "end" and the axis stops there.
    labels : mapping of variant key to text, optional
    """
    encoding, names = _by_variant(variants, labels)
    rows = [
        {"day": float(r["day"]), "variant": r["variant"], "p_best": float(r["p_best"]), "name": names[r["variant"]]}
        for r in history
    ]
    last = max((row["day"] for row in rows), default=0.0)
    now = last if today is None else float(today)
    end = max(0.0 if over else planned_days or 0.0, now, 1.0)
    scale, axis = {"domain": [0, end], "nice": False}, {"grid": False, "labelOverlap": "greedy"}
    x = {"field": "day", "type": "quantitative", "title": "days since the start", "scale": scale, "axis": axis}
    y = {
        "field": "p_best",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [0, 1]},
        "axis": {"labelExpr": _PERCENT, "values": [0, 0.5, 1], "domain": False, "ticks": False},
    }
    tooltip = [
        {"field": "name", "title": "variant"},
        {"field": "day", "type": "quantitative", "format": ".1f"},
        {"field": "p_best", "type": "quantitative", "title": "chance of being best", "format": ".1%"},
    ]
    beside = {"align": "right", "dx": -6} if now > end / 2 else {"align": "left", "dx": 6}
    said = _beside_line(now, planned_days, over)
    mark = {"datum": now, "type": "quantitative"}
    lonely = len(rows) <= len(variants)
    last_rows = [max((r for r in rows if r["variant"] == v), key=lambda r: r["day"], default=None) for v in variants]
    text = {"type": "text", "text": said, "color": "var(--mute)", "fontSize": 12} | beside
    height = {"datum": _clear_height(last_rows), "type": "quantitative"}
    label = {"data": {"values": [{}]}, "encoding": {"x": mark, "y": height}}
    layers = [
        {
            "data": {"values": [{}]},
            "mark": {"type": "rule", "color": "var(--mute)", "strokeDash": [2, 3]},
            "encoding": {"x": mark},
        },
        {
            "mark": {"type": "line", "strokeWidth": 2.2, "interpolate": "linear", "point": lonely},
            "encoding": {"x": x, "y": y, "color": encoding, "tooltip": tooltip},
        },
        label | {"mark": text | {"stroke": "var(--card)", "strokeWidth": 5, "strokeJoin": "round"}},
        label | {"mark": text},
        {
            "data": {"values": _spread([row for row in last_rows if row])},
            "mark": {"type": "text", "align": "left", "dx": 6, "fontWeight": 600, "fontSize": 12},
            "encoding": {"x": x, "y": y | {"field": "label_at"}, "color": encoding, "text": {"field": "name"}},
        },
    ]
    return _chart("Each variant's chance of being best, by day.", 190, rows, layers)


def segment_forest(
    rows: Iterable[Mapping[str, Any]],
    variants: Sequence[str],
    *,
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Draw the lift in each segment: the pooled estimate with its 95 % interval, the raw figure as an open circle.

    Parameters
    ----------
    rows : rows with "level", "variant", "n", "lift", "low", "high", "raw_lift" (which may be None)
    variants : all keys in order, the control among them, which gives the colours
    """
    encoding, names = _by_variant(variants, labels)
    table = [dict(row) | {"name": names[row["variant"]]} for row in rows]
    levels = list(dict.fromkeys(row["level"] for row in table))
    shown = [v for v in variants if any(row["variant"] == v for row in table)]
    plain = {"ticks": False, "domain": False, "grid": False}
    y = {"field": "level", "type": "nominal", "sort": levels, "title": None, "axis": plain}
    offset = {"field": "variant", "type": "nominal", "sort": shown}
    axis = {"labelExpr": _SIGNED_PERCENT, "gridDash": [2, 3], "domain": False, "tickCount": 4, "labelOverlap": "greedy"}
    tooltip = [
        {"field": "level", "title": "segment"},
        {"field": "name", "title": "variant"},
        {"field": "n", "type": "quantitative", "title": "members", "format": ","},
        {"field": "lift", "type": "quantitative", "format": "+.1%"},
        {"field": "low", "type": "quantitative", "title": "95 % from", "format": "+.1%"},
        {"field": "high", "type": "quantitative", "title": "to", "format": "+.1%"},
        {"field": "raw_lift", "type": "quantitative", "title": "raw", "format": "+.1%"},
    ]

    def place(field: str) -> dict[str, Any]:
        return {"field": field, "type": "quantitative", "title": "lift over the control", "axis": axis}

    shared = {"y": y, "yOffset": offset, "color": encoding, "tooltip": tooltip}
    layers = [
        {
            "data": {"values": [{}]},
            "mark": {"type": "rule", "color": "var(--mute)", "strokeDash": [2, 3]},
            "encoding": {"x": {"datum": 0, "type": "quantitative"}},
        },
        {
            "mark": {"type": "rule", "strokeWidth": 3, "strokeCap": "round"},
            "encoding": shared | {"x": place("low"), "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
            "encoding": shared | {"x": place("lift")},
        },
        {
            "transform": [{"filter": "isValid(datum.raw_lift)"}],
            "mark": {"type": "point", "filled": False, "size": 45, "stroke": "var(--mute)"},
            "encoding": {"y": y, "yOffset": offset, "tooltip": tooltip, "x": place("raw_lift")},
        },
    ]
    height = max(60, len(levels) * (16 * max(len(shown), 1) + 10))
    return _chart("Lift over the control in each segment, with its 95 % interval.", height, table, layers)


def lift_densities(
    result: MetricResult | Mapping[str, Any], *, labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Draw the posterior of every variant's lift over the control as soft overlapping ridges."""
    data = result if isinstance(result, Mapping) else result.to_dict()
    encoding, names = _by_variant([row["variant"] for row in data["variants"]], labels)
    rows = [
        {"variant": c["variant"], "name": names[c["variant"]], "lift": x, "density": y}
        for c in data["comparisons"]
        if c["lift_density"] is not None
        for x, y in zip(c["lift_density"]["x"], c["lift_density"]["y"], strict=True)
    ]
    axis = {"labelExpr": _SIGNED_PERCENT, "grid": False, "tickCount": 6}
    x = {"field": "lift", "type": "quantitative", "title": "lift over the control", "axis": axis}
    y = {"field": "density", "type": "quantitative", "axis": None, "stack": None}
    layers = [
        {
            "data": {"values": [{}]},
            "mark": {"type": "rule", "color": "var(--mute)", "strokeDash": [2, 3]},
            "encoding": {"x": {"datum": 0, "type": "quantitative"}},
        },
        {
            "mark": {"type": "area", "opacity": 0.22, "line": {"strokeWidth": 1.5}, "interpolate": "monotone"},
            "encoding": {"x": x, "y": y, "color": encoding, "tooltip": [{"field": "name", "title": "variant"}]},
        },
    ]
    return _chart("How much better or worse than the control each variant may be.", 160, rows, layers)
