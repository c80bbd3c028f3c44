"""The planning charts: chance of finding a lift, smallest detectable lift and outcomes, by planned duration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from analysis.charts.base import FINE_PERCENT, PERCENT, apart, frame
from analysis.messages import N_

if TYPE_CHECKING:
    from analysis.planning.curves import Curves

HEIGHT: Final = 210
# The accent colour of the page, which is also the second variant's colour.
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
        The lift worth finding, whose line is thick.
    planned_days : int
        Position of the dotted line.
    power : float
        The target chance, a horizontal line.
    labels : sequence of str
        The label of each lift of the curves.
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
    """Draw the smallest lift that each planned duration finds with the target chance."""
    rows = [
        {"day": day, "lift": smallest}
        for day, smallest in zip(curves.days, curves.detectable, strict=True)
        if smallest is not None
    ]
    lifts = [row["lift"] for row in rows]
    # Short plans only find huge lifts, which would flatten the curve; the longest plan's lift stays visible.
    top = max(min(max([*lifts, 1.5 * lift]), 8 * lift), 2 * min(lifts, default=0.0))
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
        The label of each of `ENDINGS`.
    """
    rows = []
    for day, outcomes in zip(curves.days, curves.by_prior, strict=True):
        low = 0.0
        for field in ENDINGS:
            share = getattr(outcomes, field).value
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
    """Return the axis of durations, in weeks if all are whole weeks, else in days."""
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
    """Return the plan as a dotted vertical line and its target as a horizontal one."""
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
