"""CUPED for rates: the partially pooled model on adjusted counts, so that a covariate changes the noise, not the prior.

The adjusted rate m with standard error s has the weight of ``m (1 − m) / s²`` members. With a covariate of pure noise
these are the members themselves, and the result is the plain one; a real covariate stands for more members.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from analysis.errors import NotShown
from analysis.models.cuped import Adjusted, adjust
from analysis.pooling.log_odds import Counts
from analysis.pooling.posterior import PooledPosterior
from analysis.pooling.tables import tabulate
from analysis.priors import NamedPrior
from analysis.statistics import AdjustedStatistics


class EffectiveCounts(NamedTuple):
    """The counts that weigh as much as an adjusted rate; not integers."""

    n: float
    successes: float


def effective_counts(statistics: Mapping[str, AdjustedStatistics]) -> dict[str, EffectiveCounts] | NotShown:
    """Return the effective counts of each variant; NotShown if a variant has fewer than 2 members.

    A rate that the adjustment moves out of (0, 1), or leaves without spread, keeps its own counts: there are too few
    outcomes to adjust.
    """
    adjustment = adjust(statistics)
    if isinstance(adjustment, NotShown):
        return adjustment
    return {key: _effective(cell) for key, cell in adjustment.variants.items()}


def _effective(cell: Adjusted) -> EffectiveCounts:
    rate = cell.mean
    if not 0 < rate < 1 or cell.variance <= 0:
        return EffectiveCounts(cell.n, cell.n * cell.plain_mean)
    members = cell.n * rate * (1 - rate) / cell.variance
    return EffectiveCounts(members, members * rate)


def fit(
    statistics: Mapping[str, AdjustedStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> PooledPosterior | NotShown:
    """Return the joint posterior of the variants' adjusted rates.

    Parameters
    ----------
    statistics : mapping of variant key to AdjustedStatistics
        Outcomes of 0 and 1.
    prior : NamedPrior
        As for `conversion.fit`.
    rng : ignored
        No draws are used.
    """
    cells = effective_counts(statistics)
    if isinstance(cells, NotShown):
        return cells
    counts = Counts.of([cell.successes for cell in cells.values()], [cell.n for cell in cells.values()])
    return PooledPosterior(tuple(statistics), counts, tabulate(counts, prior))
