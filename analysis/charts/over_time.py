"""The chance of being best over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.charts.base import PERCENT, apart, by_variant, days_run, frame
from analysis.messages import N_

_TOP = 24
"""Pixels above the plot for the label of the dotted line, which no line of the chart can cross there."""


def posterior_over_time(
    history: Iterable[Mapping[str, Any]],
    variants: Sequence[str],
    *,
    planned_days: float | None = None,
    today: float | None = None,
    over: bool = False,
    now_label: str = "",
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Draw each variant's chance of being best over time.

    Parameters
    ----------
    history : rows with "day" (days of running), "variant" and "p_best" (0..1)
    variants : keys in order, which gives the colours
    planned_days : float, optional
        End of the axis.
    today : float, optional
        Position of the dotted line; by default the last analysis.
    over : bool
        The run has ended: the axis stops at the line.
    now_label : str
        Label above the dotted line.
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
    x, y = days_run(end), _chances()
    lonely = len(rows) <= len(variants)
    last_rows = [max((r for r in rows if r["variant"] == v), key=lambda r: r["day"], default=None) for v in variants]
    line, label = _line_of_now(now, now_label, end)
    layers = [
        line,
        {
            "mark": {"type": "line", "strokeWidth": 2.2, "interpolate": "linear", "point": lonely},
            "encoding": {"x": x, "y": y, "color": encoding, "tooltip": _tooltip()},
        },
        label,
        {
            "data": {"values": apart([row for row in last_rows if row], "p_best", gap=0.11)},
            "mark": {"type": "text", "align": "left", "dx": 6, "fontWeight": 600, "fontSize": 12},
            "encoding": {"x": x, "y": y | {"field": "label_at"}, "color": encoding, "text": {"field": "name"}},
        },
    ]
    # Before the planned end, the names are placed over the remaining days.
    longest = 0 if now < end / 2 else max((len(name) for name in names.values()), default=1)
    return frame(N_("Each variant's chance of being best, by day."), 190, rows, layers, room=14 + 8 * longest, top=_TOP)


def _chances() -> dict[str, Any]:
    """Return the vertical axis, from 0 to 100 %."""
    return {
        "field": "p_best",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [0, 1]},
        "axis": {"labelExpr": PERCENT, "values": [0, 0.5, 1], "domain": False, "ticks": False},
    }


def _tooltip() -> list[dict[str, Any]]:
    return [
        {"field": "name", "title": N_("variant")},
        {"field": "day", "type": "quantitative", "title": N_("day"), "format": ".1f"},
        {"field": "p_best", "type": "quantitative", "title": N_("chance of being best"), "format": ".1%"},
    ]


def _line_of_now(now: float, text: str, end: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the dotted line, and its label above the plot on the side that has more room."""
    placement = {"align": "right", "dx": 1} if now > end / 2 else {"align": "left", "dx": -1}
    x = {"datum": now, "type": "quantitative"}
    line = {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "color": "var(--mute)", "strokeDash": [2, 3]},
        "encoding": {"x": x},
    }
    label = {
        "data": {"values": [{}]},
        "encoding": {"x": x, "y": {"value": -12}},
        "mark": {"type": "text", "text": text, "color": "var(--mute)", "fontSize": 12} | placement,
    }
    return line, label
