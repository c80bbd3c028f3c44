"""The base of every chart: the frame, the colours as CSS variables, and shared marks."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from analysis.errors import AnalysisError
from analysis.messages import N_

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"

#: --v0 .. --v11 of the page: slate, burr, amber, then colours that differ in both lightness and hue.
PALETTE_LIGHT: Final = (
    "#5f6b7a",
    "#8a2f7f",
    "#a25c06",
    "#14756f",
    "#2a63ad",
    "#67690f",
    "#a5402d",
    "#5b4db3",
    "#7b5433",
    "#2c6e35",
    "#ae3468",
    "#474d55",
)
PALETTE_DARK: Final = (
    "#9fb0c4",
    "#d88bce",
    "#e8a95a",
    "#6cc5bd",
    "#8bb5ee",
    "#c2c46a",
    "#eb9a86",
    "#b3a7f2",
    "#cda988",
    "#8bc892",
    "#f094b8",
    "#c4c9d0",
)
INK: Final = {
    "light": {"ink": "#23201c", "mute": "#6d675f", "line": "#e6e1d8", "card": "#ffffff"},
    "dark": {"ink": "#efeae3", "mute": "#a79f94", "line": "#37322c", "card": "#211e1b"},
}
PERCENT: Final = "format(datum.value * 100, '.0f') + '\u202f%'"
FINE_PERCENT: Final = "format(datum.value * 100, '.3~g') + '\u202f%'"
SIGNED_PERCENT: Final = "datum.value === 0 ? '0' : format(datum.value * 100, '+.0f') + '\u202f%'"
#: The page's font by name: labels are measured to keep them apart, and "inherit" would be measured too small.
FONT: Final = 'ui-sans-serif, system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif'
MOST_MARKS: Final = 7
"""The number of axis marks that fit on a phone."""
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
        return _VARIABLE.sub(lambda match: known.get(match[1], match[0]), spec)
    return spec


def frame(
    description: str,
    height: int,
    rows: Sequence[Mapping[str, Any]],
    layers: list[dict[str, Any]],
    *,
    room: int = 5,
    top: int = 5,
) -> dict[str, Any]:
    """Put layers over one table of rows.

    Parameters
    ----------
    room, top : int
        Pixels kept free at the right, for names at the ends of lines, and above, for labels over the plot.
    """
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
    # Labels that would overlap on a phone are left out.
    apart_labels = {"labelOverlap": "greedy", "labelSeparation": 8}
    return {
        "$schema": SCHEMA,
        "description": description,
        "width": "container",
        "height": height,
        "background": "transparent",
        "padding": {"left": 5, "top": top, "right": room, "bottom": 5},
        "autosize": {"type": "fit", "contains": "padding"},
        "data": {"values": [dict(row) for row in rows]},
        "layer": layers,
        "config": {"font": FONT, "view": {"stroke": None}, "axis": axis, "axisX": apart_labels},
    }


def by_variant(variants: Sequence[str], labels: Mapping[str, str] | None) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the colour encoding, keyed by the variant's position, and its name on screen."""
    names = {key: (labels or {}).get(key, key.upper()) for key in variants}
    scale = {"domain": list(variants), "range": [colour(i) for i in range(len(variants))]}
    return {"field": "variant", "type": "nominal", "scale": scale, "legend": None}, names


def days_run(end: float) -> dict[str, Any]:
    """Return the horizontal axis of a run: whole days since its launch (0), up to `end`."""
    step = next(step for step in (1, 2, 3, 7, 14, 28, 56, 91) if end / step <= MOST_MARKS or step == 91)
    scale = {"domain": [0, end], "nice": False}
    axis = {"grid": False, "values": list(range(0, math.floor(end) + 1, step)), "format": "d"}
    return {
        "field": "day",
        "type": "quantitative",
        "title": N_("whole days since the launch"),
        "scale": scale,
        "axis": axis,
    }


def zero_line() -> dict[str, Any]:
    """Return the dotted line of no difference."""
    return {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "color": "var(--mute)", "strokeDash": [2, 3]},
        "encoding": {"x": {"datum": 0, "type": "quantitative"}},
    }


def apart(
    rows: Sequence[Mapping[str, Any]], field: str, *, top: float = 1.0, gap: float = 0.085, order: str = ""
) -> list[dict[str, Any]]:
    """Set "label_at" for the names at the ends of lines, so that none covers another.

    Parameters
    ----------
    rows : one a name
    field : str
        Where the line ends, 0 to `top`.
    gap : float
        Minimum distance of two names, as a share of `top`.
    order : str
        The field that orders the names from below; `field` if empty.
    """
    placed: list[dict[str, Any]] = []
    floor = 0.0
    for i, row in enumerate(sorted(rows, key=lambda row: row[order or field])):
        room_above = gap * top * (len(rows) - 1 - i)
        at = max(floor, min(row[field], top - room_above))
        placed.append(dict(row) | {"label_at": at})
        floor = at + gap * top
    return placed
