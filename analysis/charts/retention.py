"""Retention: the share of members by the day of their last return."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.charts.base import FINE_PERCENT, apart, by_variant, frame
from analysis.messages import N_

_MOST_MARKS = 5


def retention_curves(
    rows: Iterable[Mapping[str, Any]],
    variants: Sequence[str],
    *,
    ends: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Draw the share of members who returned on a day or later, with a band for its interval.

    Parameters
    ----------
    rows : rows with "variant", "day" (whole, from 1), "mean", "low", "high" and "raw" (shares; raw may be None)
    variants : keys in order, which gives the colours
    ends : mapping of variant key to text, optional
        Text at the end of a line, such as "B 3.9 d"; by default the label.
    labels : mapping of variant key to text, optional
    """
    encoding, names = by_variant(variants, labels)
    table = [dict(row) | {"name": names[row["variant"]]} for row in rows]
    last = max((row["day"] for row in table), default=1)
    top = max((row["high"] for row in table), default=1.0) or 1.0
    x = _days(last)
    axis = {"labelExpr": FINE_PERCENT, "tickCount": 3, "domain": False, "ticks": False}
    y = {"field": "mean", "type": "quantitative", "title": None, "scale": {"domain": [0, top]}, "axis": axis}
    ending = _endings(table, variants, last, ends or {})
    shared = {"x": x, "color": encoding}
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "area", "opacity": 0.16, "interpolate": "monotone"},
            "encoding": shared | {"y": y | {"field": "low"}, "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "line", "strokeWidth": 2.2, "interpolate": "monotone", "point": last == 1},
            "encoding": shared | {"y": y},
        },
        {
            "mark": {"type": "point", "size": 160, "opacity": 0, "filled": True},
            "encoding": shared | {"y": y, "tooltip": _tooltip()},
        },
        {
            "data": {"values": apart(ending, "mean", top=top, order="height")},
            "mark": {"type": "text", "align": "left", "dx": 6, "fontWeight": 600, "fontSize": 12, "clip": False},
            "encoding": shared | {"y": y | {"field": "label_at"}, "text": {"field": "end"}},
        },
    ]
    longest = max((len(row["end"]) for row in ending), default=1)
    return frame(
        N_("Members who still came back, by day since they first saw it."), 190, table, layers, room=14 + 7 * longest
    )


def _endings(
    table: Sequence[dict[str, Any]], variants: Sequence[str], last: int, ends: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the rows of the last day, with the text at the end of each curve."""
    # Curves that end at the same value are named in the order that they have before.
    height = {key: sum(row["mean"] for row in table if row["variant"] == key) for key in variants}
    return [
        row | {"end": ends.get(row["variant"], row["name"]), "height": height[row["variant"]]}
        for row in table
        if row["day"] == last
    ]


def _days(last: int) -> dict[str, Any]:
    """Return the horizontal axis, from day 1 to the last."""
    axis = {"grid": False, "values": _marks(last), "format": "d", "labelFlush": True}
    scale = {"domain": [1, max(last, 2)], "nice": False}
    return {"field": "day", "type": "quantitative", "title": N_("day"), "scale": scale, "axis": axis}


def _marks(last: int) -> list[int]:
    """Return the labelled days: the first, the last, and a few evenly between."""
    step = max(1, -(-(last - 1) // (_MOST_MARKS - 1)))
    marks = list(range(1, last + 1, step))
    return [*(mark for mark in marks if last - mark >= 0.75 * step), last]


def _tooltip() -> list[dict[str, Any]]:
    share = {"type": "quantitative", "format": ".1%"}
    return [
        {"field": "name", "title": N_("variant")},
        {"field": "day", "type": "quantitative", "title": N_("day")},
        {"field": "mean", "title": N_("still came back")} | share,
        {"field": "low", "title": N_("from")} | share,
        {"field": "high", "title": N_("to")} | share,
        {"field": "raw", "title": N_("raw")} | share,
    ]
