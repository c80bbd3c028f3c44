"""Klette's statistics: from sufficient statistics to posteriors to a verdict.

Usable in a notebook: ``import analysis`` needs numpy and scipy; only the fits of sampled models import PyMC.

>>> from analysis import ProportionStatistics, scorecard
>>> result = scorecard({"a": ProportionStatistics(1000, 100), "b": ProportionStatistics(1000, 130)}, control="a")
>>> round(result.comparison("b").p_beats_control, 3)
0.962
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.decision.decide import decide
    from analysis.errors import AnalysisError, NotShown
    from analysis.health.result import HealthCheck
    from analysis.learning.learn import LearnedLift, TestSummary, learn
    from analysis.planning.audience import Audience
    from analysis.planning.plan import Plan, plan
    from analysis.posterior.joint import Density, Estimate, Interval
    from analysis.priors import NamedPrior
    from analysis.scoring.score import ComparisonResult, MetricResult, VariantResult, scorecard
    from analysis.statistics import (
        AdjustedStatistics,
        AmountStatistics,
        CascadeStatistics,
        CountStatistics,
        ProportionStatistics,
        RatioStatistics,
        RetentionStatistics,
        Statistics,
        ValueStatistics,
        statistics_from_dict,
    )
    from analysis.statistics.arrays import summarise
    from analysis.stopping.rules import Fact, Rules, Verdict
    from analysis.stopping.sequential import Look

# The module of each public name, imported at its first use, so that drawing a chart does not load SciPy.
_HOMES = {
    "AdjustedStatistics": "statistics",
    "AmountStatistics": "statistics",
    "AnalysisError": "errors",
    "Audience": "planning.audience",
    "CascadeStatistics": "statistics",
    "ComparisonResult": "scoring.score",
    "CountStatistics": "statistics",
    "Density": "posterior.joint",
    "Estimate": "posterior.joint",
    "Fact": "stopping.rules",
    "HealthCheck": "health.result",
    "LearnedLift": "learning.learn",
    "TestSummary": "learning.learn",
    "learn": "learning.learn",
    "Interval": "posterior.joint",
    "Look": "stopping.sequential",
    "MetricResult": "scoring.score",
    "NamedPrior": "priors",
    "NotShown": "errors",
    "Plan": "planning.plan",
    "ProportionStatistics": "statistics",
    "RatioStatistics": "statistics",
    "RetentionStatistics": "statistics",
    "Rules": "stopping.rules",
    "Statistics": "statistics",
    "ValueStatistics": "statistics",
    "VariantResult": "scoring.score",
    "Verdict": "stopping.rules",
    "decide": "decision.decide",
    "plan": "planning.plan",
    "scorecard": "scoring.score",
    "statistics_from_dict": "statistics",
    "summarise": "statistics.arrays",
}

__all__ = [
    "AdjustedStatistics",
    "AmountStatistics",
    "AnalysisError",
    "Audience",
    "CascadeStatistics",
    "ComparisonResult",
    "CountStatistics",
    "Density",
    "Estimate",
    "Fact",
    "HealthCheck",
    "LearnedLift",
    "Interval",
    "Look",
    "MetricResult",
    "NamedPrior",
    "NotShown",
    "Plan",
    "ProportionStatistics",
    "RatioStatistics",
    "RetentionStatistics",
    "Rules",
    "Statistics",
    "TestSummary",
    "ValueStatistics",
    "VariantResult",
    "Verdict",
    "decide",
    "learn",
    "plan",
    "scorecard",
    "statistics_from_dict",
    "summarise",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
