"""Conversion without pooling: binomial with independent Beta priors, in closed form."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.errors import NotShown, not_shown
from analysis.posterior.joint import IndependentPosterior
from analysis.posterior.marginals import BetaMarginal
from analysis.priors import NamedPrior
from analysis.statistics import ProportionStatistics


def fit(
    statistics: Mapping[str, ProportionStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> IndependentPosterior | NotShown:
    """Return Beta(alpha + successes, beta + failures) for each variant.

    Parameters
    ----------
    statistics : mapping of variant key to ProportionStatistics
    prior : NamedPrior
        With parameters `alpha` and `beta`.
    rng : ignored
        No draws are used.

    Returns
    -------
    IndependentPosterior of rates between 0 and 1, or NotShown if a variant has no members yet.
    """
    if missing := without_members(statistics):
        return missing
    alpha, beta = prior["alpha"], prior["beta"]
    return IndependentPosterior(
        tuple(statistics),
        tuple(BetaMarginal(alpha + c.successes, beta + c.n - c.successes) for c in statistics.values()),
    )


def without_members(statistics: Mapping[str, ProportionStatistics]) -> NotShown | None:
    """Return the variants without members as a reason; None if all have some."""
    empty = [key for key, cell in statistics.items() if cell.n == 0]
    return not_shown("no_members.variants", variants=tuple(empty)) if empty else None
