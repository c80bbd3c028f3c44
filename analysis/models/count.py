"""Count: how many times a member did it, on average, from the exact histogram."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.errors import NotShown
from analysis.models.moments import fit_means
from analysis.posterior import IndependentPosterior
from analysis.priors import NamedPrior
from analysis.statistics import CountStatistics


def fit(
    statistics: Mapping[str, CountStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> IndependentPosterior | NotShown:
    """Return the posterior of the mean count per member; see `moments.fit_means`. `rng` is ignored."""
    return fit_means(statistics, prior, "did it")
