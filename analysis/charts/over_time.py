"""The chance of being best, as the test went on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.charts.base import PERCENT, apart, by_variant, frame


def _beside_line(now: float, planned_days: float | None, over: bool) -> str:
    """Say where the dotted line stands, counted as the axis counts: whole days since the start."""
    said, passed = "end" if over else "today", round(now)
    if passed < 1:
        return said
    if planned_days and passed <= planned_days and not over:
        return f"{said}, after {passed} of {planned_days:g} days"
    return f"{said}, after {passed} {'day' if passed == 1 else 'days'}"


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
    encoding, names = by_variant(variants, labels)
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
        "axis": {"labelExpr": PERCENT, "values": [0, 0.5, 1], "domain": False, "ticks": False},
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
            "data": {"values": apart([row for row in last_rows if row], "p_best")},
            "mark": {"type": "text", "align": "left", "dx": 6, "fontWeight": 600, "fontSize": 12},
            "encoding": {"x": x, "y": y | {"field": "label_at"}, "color": encoding, "text": {"field": "name"}},
        },
    ]
    return frame("Each variant's chance of being best, by day.", 190, rows, layers)
