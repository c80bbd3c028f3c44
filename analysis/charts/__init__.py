"""One chart definition for page, report and notebook: plain Vega-Lite v6, colours as the page's own CSS variables.

In a page the variables follow light and dark; a report or notebook resolves them with `with_theme`
(``altair.Chart.from_dict(with_theme(spec, "light"))`` draws them). Each chart has a file.
"""

from analysis.charts.allocation import allocation_shares
from analysis.charts.base import INK, PALETTE_DARK, PALETTE_LIGHT, SCHEMA, colour, with_theme
from analysis.charts.cascade import Burr, burr
from analysis.charts.densities import lift_densities
from analysis.charts.forest import segment_forest
from analysis.charts.over_time import posterior_over_time
from analysis.charts.retention import retention_curves

__all__ = [
    "INK",
    "PALETTE_DARK",
    "PALETTE_LIGHT",
    "SCHEMA",
    "Burr",
    "allocation_shares",
    "burr",
    "colour",
    "lift_densities",
    "posterior_over_time",
    "segment_forest",
    "retention_curves",
    "with_theme",
]
