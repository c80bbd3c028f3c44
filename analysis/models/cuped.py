"""CUPED: reduce variance with a pre-experiment covariate (Deng, Xu, Kohavi and Walker 2013).

``y = x − θ (c − c̄)`` with one θ and one c̄ for all variants has the same expected difference between variants as x, and
a variance smaller by the squared correlation of x and c.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.errors import NotShown, not_shown
from analysis.models import moments
from analysis.models.moments import variance
from analysis.posterior.joint import IndependentPosterior
from analysis.priors import NamedPrior
from analysis.statistics import AdjustedStatistics

_SMALLEST_SHARE = 1e-12


@dataclass(frozen=True, slots=True)
class Adjusted:
    """One variant's outcome after the adjustment.

    Attributes
    ----------
    n : int
    mean, variance : float
        Of one member's adjusted outcome, in the outcome's unit.
    plain_mean, plain_variance : float
        Of the unadjusted outcome.
    """

    n: int
    mean: float
    variance: float
    plain_mean: float
    plain_variance: float

    @property
    def sd(self) -> float:
        return math.sqrt(self.variance)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """The adjustment by the covariate.

    Attributes
    ----------
    theta : float
        Reduction of a member's outcome for each unit of the covariate above its mean; 0 if not used.
    correlation : float or None
        Of outcome and covariate over all members; None if either has no spread.
    variance_reduction : float
        Share by which the squared standard error of a difference shrinks, on average over variants: 0.64 is
        equivalent to 2.8 times the members. Negative if the adjustment increases the variance.
    variants : mapping of variant key to Adjusted
    not_used : NotShown or None
        Why the unadjusted outcome is used instead.
    """

    theta: float
    correlation: float | None
    variance_reduction: float
    variants: Mapping[str, Adjusted]
    not_used: NotShown | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, without the variants' moments."""
        return {
            "theta": self.theta,
            "correlation": self.correlation,
            "variance_reduction": self.variance_reduction,
            "not_used": None if self.not_used is None else self.not_used.to_dict(),
            "variants": {key: asdict(cell) for key, cell in self.variants.items()},
        }


def adjust(statistics: Mapping[str, AdjustedStatistics]) -> Adjustment | NotShown:
    """Adjust every variant by one θ, from all members together.

    Parameters
    ----------
    statistics : mapping of variant key to AdjustedStatistics

    Returns
    -------
    Adjustment, with `not_used` if the covariate does not help; NotShown if a variant has fewer than 2 members.
    """
    for key, cell in statistics.items():
        if cell.n < 2:
            return not_shown("no_members.spread", variant=key, members=cell.n)
    whole = AdjustedStatistics.empty()
    for cell in statistics.values():
        whole = whole + cell
    spread = variance(whole.n, whole.covariate_total, whole.covariate_squares)
    if spread <= _SMALLEST_SHARE * whole.covariate_squares / whole.n:
        return _unadjusted(statistics, not_shown("covariate_without_spread"))
    theta = _covariance(whole) / spread
    centre = whole.covariate_total / whole.n
    cells = {key: _adjusted(cell, theta, centre) for key, cell in statistics.items()}
    outcome = variance(whole.n, float(whole.total), whole.total_squares)
    correlation = theta * math.sqrt(spread / outcome) if outcome > 0 else None
    return Adjustment(theta, correlation, _reduction(cells), cells)


def _covariance(cell: AdjustedStatistics) -> float:
    return (cell.cross - float(cell.total) * cell.covariate_total / cell.n) / (cell.n - 1)


def _adjusted(cell: AdjustedStatistics, theta: float, centre: float) -> Adjusted:
    plain = variance(cell.n, float(cell.total), cell.total_squares)
    known = variance(cell.n, cell.covariate_total, cell.covariate_squares)
    mean = float(cell.total) / cell.n
    return Adjusted(
        cell.n,
        mean - theta * (cell.covariate_total / cell.n - centre),
        max(plain - 2 * theta * _covariance(cell) + theta**2 * known, 0.0),
        mean,
        plain,
    )


def _reduction(cells: Mapping[str, Adjusted]) -> float:
    plain = math.fsum(cell.plain_variance / cell.n for cell in cells.values())
    left = math.fsum(cell.variance / cell.n for cell in cells.values())
    return 1 - left / plain if plain > 0 else 0.0


def _unadjusted(statistics: Mapping[str, AdjustedStatistics], why: NotShown) -> Adjustment:
    cells = {key: _adjusted(cell, 0.0, 0.0) for key, cell in statistics.items()}
    return Adjustment(0.0, None, 0.0, cells, why)


def fit(
    statistics: Mapping[str, AdjustedStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> IndependentPosterior | NotShown:
    """Return the posterior of the mean adjusted outcome per member, in the outcome's unit; `rng` is ignored.

    A covariate without spread leaves the outcome unadjusted; see `adjust`. The members with an outcome
    are not counted, so an effective number is used, and the skewness is the smallest that the sums allow.

    Parameters
    ----------
    statistics : mapping of variant key to AdjustedStatistics
    prior : NamedPrior
        With the parameter `amounts_believed`.
    """
    adjustment = adjust(statistics)
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
    zero = moments.all_zero(plain)
    if zero is not None:
        return zero
    whole = moments.together(list(plain.values()))
    if whole.variance <= 0:
        return not_shown("no_spread")
    cells = {key: _sums(cell, plain[key].positive) for key, cell in adjustment.variants.items()}
    # The outcome's skewness is kept while its spread shrinks.
    left = moments.together(list(cells.values())).variance / whole.variance
    return moments.posterior_of(cells, moments.smallest_third(whole) * left**1.5, prior["amounts_believed"])


def _sums(cell: Adjusted, positive: float) -> moments.Sums:
    total = cell.n * cell.mean
    return moments.Sums(cell.n, total, (cell.n - 1) * cell.variance + total * cell.mean, positive, counted=False)
