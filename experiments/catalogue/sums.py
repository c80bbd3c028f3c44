"""Sums of an amount, a count or a ratio in a file of totals, and the statistic that they make."""

import math
from collections.abc import Mapping
from decimal import Decimal

from analysis.errors import AnalysisError
from analysis.statistics import AmountStatistics, ProportionStatistics, RatioStatistics, Statistics
from experiments.catalogue.metric import Metric
from experiments.catalogue.metrics import METRICS
from experiments.translation import gettext

SUMS = ("mean", "sd", "total", "squares", "positive", "denominator", "denominator_squares", "products")
"""Meanings of columns: of one member's value the mean and standard deviation, or the sum and the sum of squares;
members above 0; and of a ratio the sum and squares of the denominators and the sum of numerator times denominator."""

SUMMED = ("amount", "count", "ratio")
TOTALS = ("proportion", *SUMMED)
"""Kinds of metrics that a file of totals can give."""

_NEEDED = {
    "amount": ("total", "squares"),
    "count": ("total", "squares"),
    "ratio": ("total", "squares", "denominator", "denominator_squares", "products"),
}


def given_metrics() -> tuple[str, ...]:
    """Return the keys of the built-in metrics that a file of totals can give."""
    return tuple(one.key for one in METRICS if one.kind in TOTALS)


def missing(metric: Metric, cells: Mapping[str, float]) -> tuple[str, ...]:
    """Return the meanings that a metric needs and the row does not give."""
    given = set(cells) | ({"total", "squares"} if {"mean", "sd"} <= set(cells) else set())
    return tuple(name for name in _NEEDED[metric.kind] if name not in given)


def complete(n: int, cells: Mapping[str, float]) -> dict[str, float]:
    """Return the sums of ``n`` members with mean and standard deviation (of a sample) turned into sum and squares.

    Raises
    ------
    ValueError
        A negative standard deviation or square.
    """
    sums = {name: value for name, value in cells.items() if name not in ("mean", "sd")}
    if "total" not in sums and "mean" in cells:
        sums["total"] = n * cells["mean"]
    if "squares" not in sums and "sd" in cells:
        if cells["sd"] < 0:
            raise ValueError(gettext("sd: {value:g} is negative; the minimum is 0").format(value=cells["sd"]))
        sums["squares"] = (n - 1) * cells["sd"] ** 2 + sums["total"] ** 2 / n if n else 0.0
    return sums


def statistic(metric: Metric, n: int, successes: int, sums: Mapping[str, float] | None) -> Statistics:
    """Return the statistic of a variant.

    Raises
    ------
    ValueError
        The sums contradict each other, such as squares too small for their total.
    """
    if sums is None:
        return ProportionStatistics(n, successes)
    total, squares = sums["total"], sums["squares"]
    try:
        if metric.kind == "ratio":
            x, y = Decimal(str(float(total))), Decimal(str(float(sums["denominator"])))
            return RatioStatistics(n, x, y, squares, sums["denominator_squares"], sums["products"])
        # Without the number of members above 0, the smallest one that these sums allow.
        least = min(n, math.ceil(total * total / squares * (1 - 1e-9))) if squares > 0 else 0
        return AmountStatistics(n, int(sums.get("positive", least)), Decimal(str(float(total))), squares)
    except AnalysisError as error:
        raise ValueError(str(error)) from None


def nothing(metric: Metric) -> Statistics:
    """Return the statistic of a variant that the file does not give."""
    if metric.kind == "ratio":
        return RatioStatistics.empty()
    return ProportionStatistics.empty() if metric.kind == "proportion" else AmountStatistics.empty(None)
