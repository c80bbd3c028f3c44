"""Count: the mean number of events per member, from the exact histogram."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from analysis.errors import NotShown
from analysis.models import moments
from analysis.posterior.joint import IndependentPosterior
from analysis.priors import NamedPrior
from analysis.statistics import CountStatistics


def fit(
    statistics: Mapping[str, CountStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> IndependentPosterior | NotShown:
    """Return the posterior of the mean count per member; see `moments`. `rng` is ignored.

    The histogram gives the third moment as well, so no shape is assumed.
    """
    short = moments.too_few({key: cell.n for key, cell in statistics.items()})
    if short is not None:
        return short
    cells = {
        key: moments.Sums(cell.n, float(cell.total), float(cell.total_squares), cell.positive)
        for key, cell in statistics.items()
    }
    zero = moments.all_zero(cells)
    if zero is not None:
        return zero
    return moments.posterior_from_nought(cells, _third(list(statistics.values())), prior["amounts_believed"])


def _third(cells: list[CountStatistics]) -> float:
    """Return the third central moment of the counts of all variants together."""
    n, mean = sum(cell.n for cell in cells), sum(cell.total for cell in cells) / sum(cell.n for cell in cells)
    return math.fsum(m * (times - mean) ** 3 for cell in cells for times, m in cell.histogram) / n
