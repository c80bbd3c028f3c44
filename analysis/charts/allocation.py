"""The traffic split over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.charts.base import PERCENT, apart, by_variant, days_run, frame
from analysis.messages import N_


def allocation_shares(
    epochs: Iterable[Mapping[str, Any]],
    variants: Sequence[str],
    *,
    today: float,
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Draw each variant's share of new members as a band, with a step for each change of the split.

    Parameters
    ----------
    epochs : rows with "day" (days since the launch, ascending) and "weights" ({variant: share, 0 to 1})
    variants : keys in order from the top, which gives the colours
    today : float
        End of the last step, in days since the launch.
    labels : mapping of variant key to text, optional
    """
    encoding, names = by_variant(variants, labels)
    steps = [(float(epoch["day"]), epoch["weights"]) for epoch in epochs]
    end = max(today, *(day for day, _ in steps), 0.1) if steps else max(today, 0.1)
    rows: list[dict[str, Any]] = [
        {"day": day, "variant": key, "name": names[key], "share": share, "low": low, "high": low + share}
        for day, weights in [*steps, *((end, weights) for _, weights in steps[-1:])]
        for key, low, share in _bands(weights, variants)
    ]
    x = days_run(end)
    axis = {"labelExpr": PERCENT, "values": [0, 0.5, 1], "domain": False, "ticks": False, "grid": False}
    y = {"field": "low", "type": "quantitative", "title": None, "scale": {"domain": [0, 1]}, "axis": axis}
    share = {"field": "share", "type": "quantitative", "title": N_("share of new members"), "format": ".0%"}
    tooltip = [
        {"field": "name", "title": N_("variant")},
        {"field": "day", "type": "quantitative", "title": N_("day"), "format": ".1f"},
        share,
    ]
    at_end = [row | {"middle": (row["low"] + row["high"]) / 2} for row in rows[-len(variants) :]]
    band = {"type": "area", "interpolate": "step-after", "opacity": 0.3, "line": {"strokeWidth": 1.5}}
    name = {"type": "text", "align": "left", "dx": 6, "fontWeight": 600, "fontSize": 12}
    layers = [
        {"mark": band, "encoding": {"x": x, "y": y, "y2": {"field": "high"}, "color": encoding, "tooltip": tooltip}},
        {
            "data": {"values": apart(at_end, "middle", gap=0.11)},
            "mark": name,
            "encoding": {"x": x, "y": y | {"field": "label_at"}, "color": encoding, "text": {"field": "name"}},
        },
    ]
    longest = max((len(label) for label in names.values()), default=1)
    return frame(N_("Each variant's share of the new members, by day."), 150, rows, layers, room=14 + 8 * longest)


def _bands(weights: Mapping[str, float], variants: Sequence[str]) -> list[tuple[str, float, float]]:
    """Return each variant with the start and the height of its band; the first variant is on top."""
    low, bands = 0.0, []
    for key in reversed(variants):
        share = float(weights.get(key, 0.0))
        bands.append((key, low, share))
        low += share
    return bands
