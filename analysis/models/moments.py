"""The mean per member by its moments, for amounts, counts, adjusted outcomes and values.

The central limit theorem gives the width; its error with a few hundred buyers is corrected in closed form:

1. *Skewness.* A mean of skewed amounts is more often too low than too high, and if it is too low its spread is too
   small as well. The posterior is bent by the Cornish-Fisher expansion of Student's statistic (Johnson 1978; Hall
   1992). The third moment is that of all variants together, so that it does not depend on which variant has the
   largest buyer, and cancels in the difference of equal groups.
2. *Few buyers.* The width is that of Student's t with as many degrees of freedom as there are buyers, less one.
3. *Fewer carriers than the prior's weight.* The variance is partly borrowed from all variants together.

``python -m tests.analysis.models.amount_coverage`` measures the coverage, and the cases in which it is too low.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scipy.special import stdtrit

from analysis.errors import NotShown, not_shown
from analysis.posterior.joint import IndependentPosterior
from analysis.posterior.skewed import SkewedMarginal

#: Maximum absolute skewness of a mean that is used, since the expansion does not hold beyond it.
MOST_SKEW = 0.5
#: Minimum of members with an amount for a variant's interval.
FEWEST_CARRIERS = 5
_SMALLEST_SHARE = 1e-12
_FEWEST_FREEDOM = 3.0


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums behind the mean of one number per member, in one variant.

    Attributes
    ----------
    n : int
        Members.
    total, squares : float
        Sums of the number and of its square.
    positive : float
        Carriers: members with an amount, or an effective number of them if they were not counted.
    counted : bool
        Whether carriers were counted.
    """

    n: int
    total: float
    squares: float
    positive: float
    counted: bool = True

    @property
    def mean(self) -> float:
        return self.total / self.n

    @property
    def variance(self) -> float:
        return variance(self.n, self.total, self.squares)


def variance(n: int, total: float, total_squares: float) -> float:
    """Return the sample variance (n − 1) from sums, never negative through rounding."""
    return max(total_squares - total * total / n, 0.0) / (n - 1)


def together(cells: Sequence[Sums]) -> Sums:
    """Return the sums of all variants as if they were one."""
    return Sums(
        sum(c.n for c in cells),
        math.fsum(c.total for c in cells),
        math.fsum(c.squares for c in cells),
        math.fsum(c.positive for c in cells),
    )


def log_normal_third(all_cells: Sums) -> float:
    """Return the third central moment of one member's amount, as if positive amounts were log-normal.

    Of a share q of members with a log-normal amount of mean m and squared relative spread w:
    ``q m³ [(1 − q)(1 − 2q) + 3 w (1 − q) + 3 w² + w³]``. For a gamma it is too large by up to 1.8 times at the shape
    1/2, for two price points it may be too large or too small; `MOST_SKEW` bounds the effect.
    """
    q, m = all_cells.positive / all_cells.n, all_cells.total / all_cells.positive
    w = max(all_cells.squares * all_cells.positive / all_cells.total**2 - 1, 0.0)
    return q * m**3 * ((1 - q) * (1 - 2 * q) + 3 * w * (1 - q) + 3 * w**2 + w**3)


def smallest_third(all_cells: Sums) -> float:
    """Return the smallest third central moment of non-negative numbers with these sums (Cauchy-Schwarz)."""
    mean, square = all_cells.total / all_cells.n, all_cells.squares / all_cells.n
    return square**2 / mean - 3 * mean * square + 2 * mean**3


def effective_positive(total: float, squares: float) -> float:
    """Return the effective number of carriers: equal members with the same sums (Kish 1965)."""
    return total * total / squares if squares > 0 else 0.0


def too_few(cells: Mapping[str, int]) -> NotShown | None:
    """Return the first variant with fewer than the two members that a spread needs, as the reason."""
    for key, n in cells.items():
        if n < 2:
            return not_shown("no_members.spread", variant=key, members=n)
    return None


def fit_sums(cells: Mapping[str, Sums], third: float, believed: float) -> tuple[SkewedMarginal, ...] | NotShown:
    """Return the posterior of each variant's mean, or why there is none.

    Parameters
    ----------
    cells : mapping of variant key to Sums
        Each of at least two members.
    third : float
        Third central moment of one member's number, all variants together.
    believed : float
        Members with an amount from which a variant's variance is not pooled with the others.
    """
    whole = together(list(cells.values()))
    pooled, tiny = whole.variance, _SMALLEST_SHARE * whole.squares / whole.n
    # Rounding of sums leaves about 1e-16 of the squares behind.
    if pooled <= tiny:
        return not_shown("no_spread")
    marginals = []
    for key, cell in cells.items():
        borrowed = max(0.0, believed - cell.positive) / (whole.positive / whole.n)
        blended = ((cell.n - 1) * cell.variance + borrowed * pooled) / (cell.n - 1 + borrowed)
        if blended <= tiny:
            return not_shown("no_spread.variant", variant=key)
        more, larger = likeness(cell, whole)
        marginals.append(leaning(cell, blended, pooled * more * larger**2, third * more * larger**3))
    return tuple(marginals)


def likeness(cell: Sums, whole: Sums) -> tuple[float, float]:
    """Return the variant's share of carriers and the amount of a carrier, relative to all variants.

    Both scale the pooled moments. The relative amount is used only beyond two standard errors: within them, chance
    decides which variant has the largest buyer. Neither is used if carriers were not counted: an effective number is
    small if one member dominates, and would remove the skewness in exactly that case.
    """
    if not cell.counted or cell.positive == 0:
        return 1.0, 1.0
    more = (cell.positive + 1) / (whole.positive * cell.n / whole.n + 1)
    typical = whole.total / whole.positive
    spread = max(whole.squares / whole.positive / typical**2 - 1, 0.0)
    apart = math.log(cell.total / cell.positive / typical)
    beyond = max(abs(apart) - 2 * math.sqrt(spread / cell.positive), 0.0)
    return more, math.exp(math.copysign(beyond, apart))


def leaning(cell: Sums, own: float, pooled: float, third: float) -> SkewedMarginal:
    """Return the posterior of one mean: width by its own variance, skewness by the pooled moments."""
    plain, sd = math.sqrt(pooled / cell.n), math.sqrt(own / cell.n) * width_for(cell.positive)
    skew = bounded(third / pooled**1.5 / math.sqrt(cell.n))
    bend = 2 / 3 * bounded(skew * (plain / sd) ** 3)
    middle = cell.mean + bounded(skew * plain / sd / 2) * sd
    return SkewedMarginal(middle - SkewedMarginal(0.0, sd, bend).mean, sd, bend)


def bounded(skew: float) -> float:
    """Return a skewness of a mean, within `MOST_SKEW`."""
    return min(max(skew, -MOST_SKEW), MOST_SKEW)


def width_for(positive: float) -> float:
    """Return the width of Student's 95 % interval with `positive` − 1 degrees of freedom, relative to the Normal's."""
    return float(stdtrit(max(positive - 1, _FEWEST_FREEDOM), 0.975)) / 1.959963984540054


def posterior_of(cells: Mapping[str, Sums], third: float, believed: float) -> IndependentPosterior | NotShown:
    """Return `fit_sums` as a posterior."""
    marginals = fit_sums(cells, third, believed)
    return marginals if isinstance(marginals, NotShown) else IndependentPosterior(tuple(cells), marginals)


def posterior_from_nought(cells: Mapping[str, Sums], third: float, believed: float) -> IndependentPosterior | NotShown:
    """Return the posterior of means of a non-negative number.

    No interval of a variant extends below 0, and with fewer than `FEWEST_CARRIERS` carriers there is none, since its
    coverage would be 50 to 90 % instead of 95 %. Comparisons are kept: the variance borrowed from the other variants
    makes them wide enough (95 to 98 %).
    """
    fitted = posterior_of(cells, third, believed)
    if isinstance(fitted, NotShown):
        return fitted
    few = {key: _few(key, cell) for key, cell in cells.items() if cell.positive < FEWEST_CARRIERS}
    return replace(fitted, least=0.0, no_intervals=few)


def _few(key: str, cell: Sums) -> NotShown:
    carriers = round(cell.positive)
    return not_shown("few_carriers", variant=key, carriers=carriers, members=cell.n, fewest=FEWEST_CARRIERS)


def all_zero(cells: Mapping[str, Sums]) -> NotShown | None:
    """Return the reason if no member of any variant has a value."""
    return None if any(cell.positive for cell in cells.values()) else not_shown("all_zero")
