"""The pictures of planning: what a plan of any length finds, its smallest lift, and how tests end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from analysis.charts.base import FINE_PERCENT, PERCENT, apart, frame
from analysis.messages import N_

if TYPE_CHECKING:
    from analysis.planning.curves import Curves

HEIGHT: Final = 210
# The accent of the page, which is the second variant's colour too.
_ACCENT: Final = "var(--v1)"

#: How tests end, from the bottom: field of `Outcomes` and its colour.
ENDINGS: Final = {
    "right": "var(--v1)",
    "no_difference": "var(--v0)",
    "harm": "var(--v2)",
    "wrong": "var(--v6)",
    "open": "var(--line)",
}


def lift_chances(
    curves: Curves, *, lift: float, planned_days: int, power: float, labels: Sequence[str]
) -> dict[str, Any]:
    """Draw the chance of finding each lift, by planned duration.

    Parameters
    ----------
    curves : Curves
    lift : float
        The one worth finding, whose line is the thick one.
    planned_days : int
        Where the dotted line is.
    power : float
        The wanted chance: a level line.
    labels : sequence of str
        What each lift of the curves is called.
    """
    rows = [
        {"day": day, "lift": label, "chance": share.value, "main": curve.lift == lift}
        for curve, label in zip(curves.lifts, labels, strict=True)
        for day, share in zip(curves.days, curve.chances, strict=True)
    ]
    shade = {"condition": {"test": "datum.main", "value": _ACCENT}, "value": "var(--v0)"}
    x, y = _days(curves.days), _shares("chance")
    tooltip = [
        {"field": "lift", "title": N_("true lift")},
        {"field": "day", "type": "quantitative", "title": N_("planned days")},
        {"field": "chance", "type": "quantitative", "title": N_("chance of finding it"), "format": ".0%"},
    ]
    lines = {"x": x, "y": y, "detail": {"field": "lift"}, "color": shade}
    width = {"condition": {"test": "datum.main", "value": 3}, "value": 1.6}
    ends = apart([row for row in rows if row["day"] == curves.days[-1]], "chance", gap=0.1)
    layers = [
        *_plan_lines(planned_days, power, curves.days),
        {"mark": {"type": "line", "interpolate": "monotone"}, "encoding": lines | {"strokeWidth": width}},
        {
            "mark": {"type": "point", "size": 160, "opacity": 0, "filled": True},
            "encoding": lines | {"tooltip": tooltip},
        },
        _names(ends, x, y, shade, "lift"),
    ]
    return frame(N_("Chance of finding a lift, by planned duration."), HEIGHT, rows, layers, room=52)


def detectable_lifts(curves: Curves, *, lift: float, planned_days: int) -> dict[str, Any]:
    """Draw the smallest lift that each planned duration finds with the wanted chance."""
    rows = [
        {"day": day, "lift": found}
        for day, found in zip(curves.days, curves.detectable, strict=True)
        if found is not None
    ]
    found = [row["lift"] for row in rows]
    # Short plans find huge lifts alone, which would press the rest down; but what the longest finds must be seen.
    top = max(min(max([*found, 1.5 * lift]), 8 * lift), 2 * min(found, default=0.0))
    x = _days(curves.days)
    axis = {"labelExpr": f"(datum.value ? '+' : '') + {FINE_PERCENT}", "tickCount": 4, "domain": False, "ticks": False}
    y = {"field": "lift", "type": "quantitative", "title": None, "axis": axis, "scale": {"domain": [0, top]}}
    tooltip = [
        {"field": "day", "type": "quantitative", "title": N_("planned days")},
        {"field": "lift", "type": "quantitative", "title": N_("smallest lift found"), "format": "+.1%"},
    ]
    shown = [row for row in rows if row["lift"] <= top]
    layers = [
        *_plan_lines(planned_days, lift, curves.days),
        {
            "mark": {"type": "line", "strokeWidth": 2.4, "interpolate": "monotone", "color": _ACCENT, "clip": True},
            "encoding": {"x": x, "y": y},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 40, "opacity": 1, "color": _ACCENT},
            "encoding": {"x": x, "y": y, "tooltip": tooltip},
        },
    ]
    return frame(N_("Smallest lift that is found, by planned duration."), HEIGHT, shown, layers, room=16)


def endings(curves: Curves, *, planned_days: int, labels: Mapping[str, str]) -> dict[str, Any]:
    """Draw how tests end whose true lifts are drawn from the prior, as bands that add up to all, by duration.

    Parameters
    ----------
    labels : mapping of str to str
        What each of `ENDINGS` is called.
    """
    rows = []
    for day, found in zip(curves.days, curves.by_prior, strict=True):
        low = 0.0
        for field in ENDINGS:
            share = getattr(found, field).value
            rows.append({"day": day, "ending": labels[field], "low": low, "high": low + share, "share": share})
            low += share
    scale = {"domain": [labels[field] for field in ENDINGS], "range": list(ENDINGS.values())}
    shade = {"field": "ending", "type": "nominal", "scale": scale, "legend": None}
    band = {"x": _days(curves.days), "y": _shares("low"), "y2": {"field": "high"}, "color": shade}
    tooltip = [
        {"field": "ending", "title": N_("ends")},
        {"field": "day", "type": "quantitative", "title": N_("planned days")},
        {"field": "share", "type": "quantitative", "title": N_("of such tests"), "format": ".0%"},
    ]
    layers = [
        {"mark": {"type": "area", "opacity": 0.5}, "encoding": band | {"tooltip": tooltip}},
        _plan_line(planned_days, curves.days),
    ]
    return frame(N_("How tests end, by planned duration."), HEIGHT, rows, layers, room=16)


def _days(days: Sequence[int]) -> dict[str, Any]:
    """The axis of durations: in weeks where they are whole ones, else in days."""
    unit = 7 if days[-1] > 14 else 1
    last = days[-1] // unit
    step = next(step for step in (1, 2, 3, 4, 6, 8, 13) if last / step <= 7)
    marks = [unit * number for number in range(step, last + 1, step)]
    axis = {"grid": False, "values": marks, "labelExpr": f"datum.value / {unit}"}
    title = N_("planned days") if unit == 1 else N_("planned weeks")
    return {"field": "day", "type": "quantitative", "title": title, "scale": _reach(days), "axis": axis}


def _reach(days: Sequence[int]) -> dict[str, Any]:
    return {"domain": [days[0], days[-1]], "nice": False, "zero": False}


def _shares(field: str) -> dict[str, Any]:
    axis = {"labelExpr": PERCENT, "values": [0, 0.25, 0.5, 0.75, 1], "domain": False, "ticks": False}
    return {"field": field, "type": "quantitative", "title": None, "axis": axis, "scale": {"domain": [0, 1]}}


def _plan_line(planned_days: int, days: Sequence[int]) -> dict[str, Any]:
    return {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "color": "var(--mute)", "strokeDash": [2, 3]},
        "encoding": {"x": {"datum": planned_days, "type": "quantitative", "scale": _reach(days)}},
    }


def _plan_lines(planned_days: int, level: float, days: Sequence[int]) -> list[dict[str, Any]]:
    """The plan as a dotted line, and what is wanted of it as a level one."""
    return [
        _plan_line(planned_days, days),
        {
            "data": {"values": [{}]},
            "mark": {"type": "rule", "color": "var(--mute)", "strokeDash": [2, 3]},
            "encoding": {"y": {"datum": level, "type": "quantitative"}},
        },
    ]


def _names(
    rows: Sequence[Mapping[str, Any]], x: dict[str, Any], y: dict[str, Any], shade: dict[str, Any], field: str
) -> dict[str, Any]:
    mark = {"type": "text", "align": "left", "dx": 6, "fontWeight": 600, "fontSize": 12, "clip": False}
    place = {"x": x, "y": y | {"field": "label_at"}, "text": {"field": field}, "color": shade}
    return {"data": {"values": list(rows)}, "mark": mark, "encoding": place}
