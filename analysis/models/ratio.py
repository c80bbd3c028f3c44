"""Ratio: one sum over another, such as revenue per order, where both vary from member to member.

The two means of a variant are jointly Normal, so ``P(x̄/ȳ ≤ t) = P(x̄ − t ȳ ≤ 0)`` (Fieller 1954). To the second order
in the Normal score that is a skewed posterior, with a finite tail where Fieller's has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.errors import NotShown, not_shown
from analysis.models import moments
from analysis.posterior.joint import IndependentPosterior
from analysis.posterior.skewed import SkewedMarginal
from analysis.priors import NamedPrior
from analysis.statistics import RatioStatistics

#: Standard errors that a denominator must be above 0 for usable bounds of the ratio.
CLEAR_OF_ZERO = 3.7
_SMALLEST_SHARE = 1e-12


@dataclass(frozen=True, slots=True)
class Means:
    """Both means of a variant, and the variances of one member's numerator and denominator.

    Attributes
    ----------
    carriers : float
        Members with a denominator: exact if it is 0 or 1, otherwise an effective number.
    """

    n: int
    x: float
    y: float
    xx: float
    yy: float
    xy: float
    x_squares: float
    carriers: float

    @classmethod
    def of(cls, cell: RatioStatistics) -> Means:
        n, x, y = cell.n, float(cell.x_total), float(cell.y_total)
        return cls(
            n,
            x / n,
            y / n,
            moments.variance(n, x, cell.x_squares),
            moments.variance(n, y, cell.y_squares),
            (cell.xy - x * y / n) / (n - 1),
            cell.x_squares,
            moments.effective_positive(y, cell.y_squares),
        )

    @property
    def ratio(self) -> float:
        return self.x / self.y

    @property
    def clearance(self) -> float:
        """The standard errors by which the denominator is above 0."""
        return self.y / math.sqrt(self.yy / self.n) if self.yy > 0 else math.inf

    def residual(self, ratio: float) -> float:
        """Return the variance of ``x − ratio · y`` of one member."""
        return max(self.xx - 2 * ratio * self.xy + ratio**2 * self.yy, 0.0)


def fit(
    statistics: Mapping[str, RatioStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> IndependentPosterior | NotShown:
    """Return the posterior of Σx/Σy of each variant, in the unit of x per unit of y. `rng` is ignored.

    Parameters
    ----------
    statistics : mapping of variant key to RatioStatistics
        Non-negative numerators; if the sums show negative ones, as `fit_signed`.
    prior : NamedPrior
        With the parameter `amounts_believed`: members with a denominator from which a variance is not pooled.
    """
    below = any(cell.x_total < 0 or cell.xy < 0 for cell in statistics.values())
    return _fit(statistics, prior["amounts_believed"], signed=below)


def fit_signed(
    statistics: Mapping[str, RatioStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> IndependentPosterior | NotShown:
    """Return the same for numerators of either sign (sentiment): differences only, as lifts have no meaning.

    No skewness of the numerators is assumed; `fit` assumes log-normal amounts.
    """
    return _fit(statistics, prior["amounts_believed"], signed=True)


def _fit(
    statistics: Mapping[str, RatioStatistics], believed: float, *, signed: bool
) -> IndependentPosterior | NotShown:
    missing = moments.too_few({key: cell.n for key, cell in statistics.items()}) or _no_denominator(statistics)
    if missing is not None:
        return missing
    cells = {key: Means.of(cell) for key, cell in statistics.items()}
    whole = Means.of(_together(list(statistics.values())))
    pooled, tiny = whole.residual(whole.ratio), _SMALLEST_SHARE * whole.x_squares / whole.n
    if pooled <= tiny:
        return not_shown("no_spread")
    third = 0.0 if signed else _third(whole)
    marginals = []
    for key, cell in cells.items():
        if cell.clearance < CLEAR_OF_ZERO:
            return not_shown("denominator_near_zero", variant=key)
        borrowed = max(0.0, believed - cell.carriers) / (whole.carriers / whole.n)
        own = cell.residual(cell.ratio)
        blended = ((cell.n - 1) * own + borrowed * pooled) / (cell.n - 1 + borrowed)
        if blended <= tiny:
            return not_shown("no_spread.variant", variant=key)
        marginals.append(_leaning(cell, blended, pooled, third, signed=signed))
    return IndependentPosterior(tuple(statistics), tuple(marginals))


def _no_denominator(statistics: Mapping[str, RatioStatistics]) -> NotShown | None:
    empty = [key for key, cell in statistics.items() if not cell.y_total]
    return not_shown("no_denominator", variants=tuple(empty)) if empty else None


def _together(cells: list[RatioStatistics]) -> RatioStatistics:
    whole = cells[0]
    for cell in cells[1:]:
        whole = whole + cell
    return whole


def _third(whole: Means) -> float:
    """Return the third moment of ``x − ratio · y`` with non-zero x log-normal around ratio · y."""
    share = whole.carriers / whole.n
    typical = whole.x / share
    spread = max(whole.residual(whole.ratio) / share, 0.0) / typical**2 if typical else 0.0
    return share * typical**3 * spread**2 * (3 + spread)


def _leaning(cell: Means, own: float, pooled: float, third: float, *, signed: bool) -> SkewedMarginal:
    """Return the posterior of a ratio, with Fieller's skewness of the denominator and that of the numerator."""
    plain, sd = math.sqrt(pooled / cell.n), math.sqrt(own / cell.n) * moments.width_for(cell.carriers)
    skew = moments.bounded(third / pooled**1.5 / math.sqrt(cell.n))
    noise = 2 * (cell.ratio * cell.yy - cell.xy) / cell.n / (cell.y * sd)
    bend = 2 / 3 * moments.bounded(skew * (plain / sd) ** 3 + 1.5 * noise)
    scale = sd / cell.y
    middle = cell.ratio + scale * (moments.bounded(skew * plain / sd / 2) + noise / 2)
    return SkewedMarginal(middle - SkewedMarginal(0.0, scale, bend).mean, scale, bend, signed)
