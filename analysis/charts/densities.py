"""The posterior of every variant's lift, as overlapping ridges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.charts.base import SIGNED_PERCENT, by_variant, frame, zero_line
from analysis.messages import N_

if TYPE_CHECKING:
    from analysis.scoring.score import MetricResult


def lift_densities(
    result: MetricResult | Mapping[str, Any], *, labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Draw the posterior of every variant's lift over the control as overlapping ridges."""
    data = result if isinstance(result, Mapping) else result.to_dict()
    encoding, names = by_variant([row["variant"] for row in data["variants"]], labels)
    rows = [
        {"variant": c["variant"], "name": names[c["variant"]], "lift": x, "density": y}
        for c in data["comparisons"]
        if c["lift_density"] is not None
        for x, y in zip(c["lift_density"]["x"], c["lift_density"]["y"], strict=True)
    ]
    axis = {"labelExpr": SIGNED_PERCENT, "grid": False, "tickCount": 6}
    x = {"field": "lift", "type": "quantitative", "title": N_("lift over the control"), "axis": axis}
    y = {"field": "density", "type": "quantitative", "axis": None, "stack": None}
    layers = [
        zero_line(),
        {
            "mark": {"type": "area", "opacity": 0.22, "line": {"strokeWidth": 1.5}, "interpolate": "monotone"},
            "encoding": {"x": x, "y": y, "color": encoding, "tooltip": [{"field": "name", "title": N_("variant")}]},
        },
    ]
    return frame(N_("How much better or worse than the control each variant may be."), 160, rows, layers)
