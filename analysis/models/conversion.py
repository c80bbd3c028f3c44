"""Conversion: the rate at which members act. Binomial with partially pooled log-odds, by deterministic quadrature.

Variants of one test are similar: ``theta_v = mu + delta_v``, ``delta_v ~ N(0, tau²)``, with tau known from earlier
tests. The more variants and the fewer members there are, the more a lucky variant is shrunk towards the others, so that
the chance of being best of many is calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.errors import NotShown
from analysis.models.conversion_flat import without_members
from analysis.pooling.log_odds import Counts
from analysis.pooling.posterior import PooledPosterior
from analysis.pooling.tables import tabulate
from analysis.priors import NamedPrior
from analysis.statistics import ProportionStatistics


def fit(
    statistics: Mapping[str, ProportionStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> PooledPosterior | NotShown:
    """Return the joint posterior of the variants' rates.

    Parameters
    ----------
    statistics : mapping of variant key to ProportionStatistics
    prior : NamedPrior
        `log_odds_sd` (tau; with `log_odds_sd_varies`, tau varies between tests, log-normal with that standard
        deviation of its logarithm) or `log_odds_sd_scale` (tau is half-normal of that scale); optionally
        `mean_log_odds` and `mean_sd` of mu, without which a typical variant's rate is uniform.
    rng : ignored
        No draws are used.

    Returns
    -------
    PooledPosterior of rates between 0 and 1, or NotShown if a variant has no members yet.

    Raises
    ------
    AnalysisError
        `bad_prior` if the prior has no spread between variants.
    """
    if missing := without_members(statistics):
        return missing
    cells = statistics.values()
    counts = Counts.of([cell.successes for cell in cells], [cell.n for cell in cells])
    return PooledPosterior(tuple(statistics), counts, tabulate(counts, prior))
