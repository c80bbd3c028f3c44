"""The mean per member by its moments, shared by amounts and counts."""

from __future__ import annotations

import math
from collections.abc import Mapping

from analysis.errors import NotShown
from analysis.marginals import NormalMarginal
from analysis.posterior import IndependentPosterior
from analysis.priors import NamedPrior
from analysis.statistics import AmountStatistics, CountStatistics


def variance(n: int, total: float, total_squares: float) -> float:
    """Return the sample variance (n − 1) from sums, never negative through rounding."""
    return max(total_squares - total * total / n, 0.0) / (n - 1)


def fit_means(
    statistics: Mapping[str, AmountStatistics | CountStatistics], prior: NamedPrior, did: str
) -> IndependentPosterior | NotShown:
    """Return Normal(mean, s/√n) for each variant, or why there is none.

    The mean is the plain one. The variance is the sample's, except that a variant with fewer than the prior's
    `amounts_believed` positive members borrows from the variance of all variants together, weighted as the members it
    would take to bring the missing ones. So a variant in which nobody bought yet has a width, and not 0.

    Parameters
    ----------
    did : str
        What a positive member did, for sentences ("bought", "did it").
    """
    for key, cell in statistics.items():
        if cell.n < 2:
            members = "no members" if cell.n == 0 else "one member"
            return NotShown("no_members", f"Variant {key} has {members}; a spread needs at least two.")
    n = sum(cell.n for cell in statistics.values())
    positive = sum(cell.positive for cell in statistics.values())
    if positive == 0:
        return NotShown("all_zero", f"Nobody {did} yet, in any variant, so there is nothing to compare.")
    total = math.fsum(float(cell.total) for cell in statistics.values())
    pooled = variance(n, total, math.fsum(float(c.total_squares) for c in statistics.values()))
    # Rounding of sums leaves about 1e-16 of the squares behind.
    if pooled <= 1e-12 * (total / n) ** 2:
        return NotShown("no_spread", "Every member has the same amount, so there is no spread to judge chance by.")
    believed, share = prior["amounts_believed"], positive / n
    marginals = []
    for key, cell in statistics.items():
        borrowed = max(0.0, believed - cell.positive) / share
        own = variance(cell.n, float(cell.total), float(cell.total_squares))
        blended = ((cell.n - 1) * own + borrowed * pooled) / (cell.n - 1 + borrowed)
        if blended <= 1e-12 * (total / n) ** 2:
            return NotShown("no_spread", f"Every member of variant {key} has the same amount: there is no spread.")
        marginals.append(NormalMarginal(float(cell.total) / cell.n, math.sqrt(blended / cell.n)))
    return IndependentPosterior(tuple(statistics), tuple(marginals))
