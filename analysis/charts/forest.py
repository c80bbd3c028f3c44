"""The lift in each segment, one row for each group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.charts.base import SIGNED_PERCENT, by_variant, frame, zero_line
from analysis.messages import N_

_WIDEST = 120
"""Maximum width of a level's name in pixels; longer names are cut, and complete in the tooltip."""


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
    encoding, names = by_variant(variants, labels)
    table = [dict(row) | {"name": names[row["variant"]]} for row in rows]
    levels = list(dict.fromkeys(row["level"] for row in table))
    shown = [v for v in variants if any(row["variant"] == v for row in table)]
    plain = {"ticks": False, "domain": False, "grid": False}
    y = {"field": "level", "type": "nominal", "sort": levels, "title": None, "axis": plain | {"labelLimit": _WIDEST}}
    offset = {"field": "variant", "type": "nominal", "sort": shown}
    axis = {"labelExpr": SIGNED_PERCENT, "gridDash": [2, 3], "domain": False, "tickCount": 4}
    tooltip = _tooltip()

    def place(field: str) -> dict[str, Any]:
        return {"field": field, "type": "quantitative", "title": N_("lift over the control"), "axis": axis}

    shared = {"y": y, "yOffset": offset, "color": encoding, "tooltip": tooltip}
    layers = [
        zero_line(),
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
    return frame(N_("Lift over the control in each segment, with its 95 % interval."), height, table, layers)


def _tooltip() -> list[dict[str, Any]]:
    return [
        {"field": "level", "title": N_("segment")},
        {"field": "name", "title": N_("variant")},
        {"field": "n", "type": "quantitative", "title": N_("members"), "format": ","},
        {"field": "lift", "type": "quantitative", "format": "+.1%"},
        {"field": "low", "type": "quantitative", "title": N_("95 % from"), "format": "+.1%"},
        {"field": "high", "type": "quantitative", "title": N_("to"), "format": "+.1%"},
        {"field": "raw_lift", "type": "quantitative", "title": N_("raw"), "format": "+.1%"},
    ]
