"""Klette's statistics: from sufficient statistics to posteriors to a verdict in plain words.

Works alone, in a notebook: ``import analysis`` needs numpy and scipy; PyMC is imported by the segment model's fit only.

>>> from analysis import ProportionStatistics, scorecard
>>> result = scorecard({"a": ProportionStatistics(1000, 100), "b": ProportionStatistics(1000, 130)}, control="a")
>>> round(result.comparison("b").p_beats_control, 3)
0.982
"""

from analysis.decision import decide
from analysis.errors import AnalysisError, NotShown
from analysis.health import HealthCheck
from analysis.posterior import Density, Estimate, Interval
from analysis.priors import NamedPrior
from analysis.scorecard import ComparisonResult, MetricResult, VariantResult, scorecard
from analysis.sequential import Look
from analysis.statistics import (
    AmountStatistics,
    CountStatistics,
    ProportionStatistics,
    Statistics,
    statistics_from_dict,
)
from analysis.verdict import Fact, Rules, Verdict

__all__ = [
    "AmountStatistics",
    "AnalysisError",
    "ComparisonResult",
    "CountStatistics",
    "Density",
    "Estimate",
    "Fact",
    "HealthCheck",
    "Interval",
    "Look",
    "MetricResult",
    "NamedPrior",
    "NotShown",
    "ProportionStatistics",
    "Rules",
    "Statistics",
    "VariantResult",
    "Verdict",
    "decide",
    "scorecard",
    "statistics_from_dict",
]
