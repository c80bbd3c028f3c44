"""Klette's statistics: from sufficient statistics to posteriors to a verdict in plain words.

Works alone, in a notebook: ``import analysis`` needs numpy and scipy; PyMC is imported by the segment model's fit only.

>>> from analysis import ProportionStatistics, scorecard
>>> result = scorecard({"a": ProportionStatistics(1000, 100), "b": ProportionStatistics(1000, 130)}, control="a")
>>> round(result.comparison("b").p_beats_control, 3)
0.982
"""

from analysis.errors import AnalysisError, NotShown
from analysis.posterior import Density, Estimate, Interval
from analysis.priors import NamedPrior
from analysis.scorecard import ComparisonResult, MetricResult, VariantResult, scorecard
from analysis.statistics import (
    AmountStatistics,
    CountStatistics,
    ProportionStatistics,
    Statistics,
    statistics_from_dict,
)

__all__ = [
    "AmountStatistics",
    "AnalysisError",
    "ComparisonResult",
    "CountStatistics",
    "Density",
    "Estimate",
    "Interval",
    "MetricResult",
    "NamedPrior",
    "NotShown",
    "ProportionStatistics",
    "Statistics",
    "VariantResult",
    "scorecard",
    "statistics_from_dict",
]
