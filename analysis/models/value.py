"""Value: net value per member and return on cost of a variant.

The outcomes of a variant have a multivariate Normal mean (central limit theorem); a weighted sum of them is Normal with
the variance that the sums of their products give. Costs are declared, not measured: they shift a mean and add no
uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from analysis.errors import NotShown, not_shown
from analysis.models import moments
from analysis.posterior.joint import IndependentPosterior
from analysis.posterior.skewed import SkewedMarginal
from analysis.priors import NamedPrior
from analysis.statistics import ValueStatistics


def fit(
    statistics: Mapping[str, ValueStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> IndependentPosterior | NotShown:
    """Return the posterior of the net value per member, in the experiment's currency; `rng` is ignored.

    The fixed cost is divided by the members so far, so its effect declines as the test runs.

    Parameters
    ----------
    statistics : mapping of variant key to ValueStatistics
    prior : NamedPrior
        With the parameter `amounts_believed`.
    """
    gross = _gross(statistics, prior["amounts_believed"])
    if isinstance(gross, NotShown):
        return gross
    costs = [cell.cost / cell.n for cell in statistics.values()]
    moved = (SkewedMarginal(m.centre - cost, m.scale, m.bend) for m, cost in zip(gross, costs, strict=True))
    return IndependentPosterior(tuple(statistics), tuple(moved))


def fit_roi(
    statistics: Mapping[str, ValueStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> IndependentPosterior | NotShown:
    """Return the posterior of ``(value − cost) / cost``: 0.5 is a return of 50 % on the cost. `rng` is ignored.

    Differences only, since a lift over a return has no meaning. NotShown if a variant has no cost.
    """
    free = [key for key, cell in statistics.items() if cell.n and not cell.cost > 0]
    if free:
        return not_shown("no_cost", variants=tuple(free))
    gross = _gross(statistics, prior["amounts_believed"])
    if isinstance(gross, NotShown):
        return gross
    rates = [cell.n / cell.cost for cell in statistics.values()]
    scaled = (
        SkewedMarginal(m.centre * rate - 1, m.scale * rate, m.bend, signed=True)
        for m, rate in zip(gross, rates, strict=True)
    )
    return IndependentPosterior(tuple(statistics), tuple(scaled))


def value_sums(cell: ValueStatistics) -> moments.Sums:
    """Return the sums of members' weighted outcomes, before any cost."""
    total = math.fsum(w * float(s) for w, s in zip(cell.weights, cell.sums, strict=True))
    weights = np.array(cell.weights)
    squares = max(float(weights @ np.array(cell.products) @ weights), total * total / cell.n if cell.n else 0.0)
    return moments.Sums(cell.n, total, squares, _carriers(cell, total, squares), counted=False)


def _carriers(cell: ValueStatistics, total: float, squares: float) -> float:
    """Return the number of carriers of the value; all members if outcomes may be losses."""
    if min(cell.weights) < 0:
        return float(cell.n) if squares else 0.0
    return moments.effective_positive(total, squares)


def _gross(statistics: Mapping[str, ValueStatistics], believed: float) -> tuple[SkewedMarginal, ...] | NotShown:
    """Return the posterior of each variant's value per member before its cost."""
    short = moments.too_few({key: cell.n for key, cell in statistics.items()})
    if short is not None:
        return short
    cells = {key: value_sums(cell) for key, cell in statistics.items()}
    zero = moments.all_zero(cells)
    if zero is not None:
        return zero
    whole = moments.together(list(cells.values()))
    losses = any(min(cell.weights) < 0 for cell in statistics.values())
    third = 0.0 if losses else moments.smallest_third(whole)
    return moments.fit_sums(cells, third, believed)
