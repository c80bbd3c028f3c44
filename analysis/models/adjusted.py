"""Adjusted: the mean per member after CUPED; the arithmetic is in `analysis.models.cuped`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.errors import NotShown
from analysis.models import cuped, moments
from analysis.posterior.joint import IndependentPosterior
from analysis.priors import NamedPrior
from analysis.statistics import AdjustedStatistics


def fit(
    statistics: Mapping[str, AdjustedStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> IndependentPosterior | NotShown:
    """Return the posterior of the mean adjusted outcome per member, in the outcome's unit; `rng` is ignored.

    A covariate without spread leaves the plain outcome; `adjustment.adjust` says so. How many members have an outcome
    was not counted, so an effective number of them stands in, and the lean is the least that the sums allow.

    Parameters
    ----------
    statistics : mapping of variant key to AdjustedStatistics
    prior : NamedPrior
        With the parameter `amounts_believed`.
    """
    adjustment = cuped.adjust(statistics)
    if isinstance(adjustment, NotShown):
        return adjustment
    plain = {
        key: moments.Sums(
            cell.n,
            float(cell.total),
            cell.total_squares,
            moments.effective_positive(float(cell.total), cell.total_squares),
            counted=False,
        )
        for key, cell in statistics.items()
    }
    zero = moments.nobody(plain, "has an outcome")
    if zero is not None:
        return zero
    whole = moments.together(list(plain.values()))
    if whole.variance <= 0:
        return NotShown("no_spread", "Every member has the same outcome, so there is no spread to judge chance by.")
    cells = {key: _sums(cell, plain[key].positive) for key, cell in adjustment.variants.items()}
    # The outcome's skewness is kept while its spread shrinks.
    left = moments.together(list(cells.values())).variance / whole.variance
    return moments.posterior_of(cells, moments.smallest_third(whole) * left**1.5, prior["amounts_believed"])


def _sums(cell: cuped.Adjusted, positive: float) -> moments.Sums:
    total = cell.n * cell.mean
    return moments.Sums(cell.n, total, (cell.n - 1) * cell.variance + total * cell.mean, positive, counted=False)
