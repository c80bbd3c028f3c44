"""Amount: money or seconds per member, zeros included, each member cut at the metric's declared cap."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.errors import NotShown
from analysis.models import moments
from analysis.posterior.joint import IndependentPosterior
from analysis.priors import NamedPrior
from analysis.statistics import AmountStatistics


def fit(
    statistics: Mapping[str, AmountStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> IndependentPosterior | NotShown:
    """Return the posterior of the mean capped amount per member; see `moments`.

    By moments rather than a distribution of amounts: with two price points a log-normal is wrong by a large factor, the
    central limit theorem is not. The log-normal is used only for the third moment, which bends the posterior slightly.
    `rng` is ignored.

    Parameters
    ----------
    statistics : mapping of variant key to AmountStatistics
    prior : NamedPrior
        With the parameter `amounts_believed`.
    """
    short = moments.too_few({key: cell.n for key, cell in statistics.items()})
    if short is not None:
        return short
    cells = {
        key: moments.Sums(cell.n, float(cell.total), cell.total_squares, cell.positive)
        for key, cell in statistics.items()
    }
    zero = moments.all_zero(cells)
    if zero is not None:
        return zero
    third = moments.log_normal_third(moments.together(list(cells.values())))
    return moments.posterior_from_nought(cells, third, prior["amounts_believed"])
