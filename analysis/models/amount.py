"""Amount: money or seconds per member, zeros included, each member cut at the metric's declared cap."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.errors import NotShown
from analysis.models.moments import fit_means
from analysis.posterior import IndependentPosterior
from analysis.priors import NamedPrior
from analysis.statistics import AmountStatistics


def fit(
    statistics: Mapping[str, AmountStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> IndependentPosterior | NotShown:
    """Return the posterior of the mean capped amount per member; see `moments.fit_means`.

    A Normal on the mean rather than a shape for the amounts: a log-normal is wrong by several times where amounts have
    two price points, the central limit theorem is not. `rng` is ignored.
    """
    return fit_means(statistics, prior, "has an amount")
