"""The mean per member by its moments: shared by amounts, counts, adjusted outcomes and values.

The central limit theorem gives the width; what it leaves out with a few hundred buyers is corrected in closed form:

1. *Skewness.* A mean of skewed amounts is more often too low than too high, and where it is too low its spread is too
   small as well. The posterior is bent by the Cornish-Fisher expansion of Student's statistic (Johnson 1978; Hall
   1992). The third moment is that of all variants together, so that the variant with the one big buyer does not
   decide it, and cancels in the difference of equal groups, as it must.
2. *Few buyers.* The width is that of Student's t with as many degrees of freedom as there are buyers, less one.
3. *Fewer than the prior believes.* The variance is partly borrowed from all variants together.

``python -m tests.analysis.models.amount_coverage`` measures the coverage, and where it is too low.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scipy.special import stdtrit

from analysis.errors import NotShown, not_shown
from analysis.posterior.joint import IndependentPosterior
from analysis.posterior.skewed import SkewedMarginal

#: The largest skewness of a mean that is used, either way: beyond it the expansion does not hold.
MOST_SKEW = 0.5
#: Members with an amount from which on a variant has an interval.
FEWEST_CARRIERS = 5
_SMALLEST_SHARE = 1e-12
_FEWEST_FREEDOM = 3.0


@dataclass(frozen=True, slots=True)
class Sums:
    """What the mean of one number a member rests on, in one variant.

    Attributes
    ----------
    n : int
        Members.
    total, squares : float
        Sums of the number and of its square.
    positive : float
        Members who carry it: those with an amount, or an effective number of them where they were not counted.
    counted : bool
        Whether they were.
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
    1/2, for two price points it may be either; `MOST_SKEW` bounds what that can do.
    """
    q, m = all_cells.positive / all_cells.n, all_cells.total / all_cells.positive
    w = max(all_cells.squares * all_cells.positive / all_cells.total**2 - 1, 0.0)
    return q * m**3 * ((1 - q) * (1 - 2 * q) + 3 * w * (1 - q) + 3 * w**2 + w**3)


def smallest_third(all_cells: Sums) -> float:
    """Return the least third central moment that numbers of 0 or more with these sums can have (Cauchy-Schwarz)."""
    mean, square = all_cells.total / all_cells.n, all_cells.squares / all_cells.n
    return square**2 / mean - 3 * mean * square + 2 * mean**3


def effective_positive(total: float, squares: float) -> float:
    """Return the number of members, all alike, that would give these sums of a number of 0 or more (Kish 1965)."""
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
        Members with an amount from which on a variant's spread is its own.
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
    """Return how many times as many members of a variant carry the number as of all, and how much more each.

    Its moments are scaled by both. How much more is used beyond two standard errors only: within, it is chance
    which variant the big buyer is in. Neither is where carriers were not counted: an effective number is small where
    one member weighs much, and would take the lean away just there.
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
    """Return the posterior of one mean: width by its own variance, lean by the moments of all."""
    plain, sd = math.sqrt(pooled / cell.n), math.sqrt(own / cell.n) * width_for(cell.positive)
    skew = bounded(third / pooled**1.5 / math.sqrt(cell.n))
    bend = 2 / 3 * bounded(skew * (plain / sd) ** 3)
    middle = cell.mean + bounded(skew * plain / sd / 2) * sd
    return SkewedMarginal(middle - SkewedMarginal(0.0, sd, bend).mean, sd, bend)


def bounded(skew: float) -> float:
    """Return a skewness of a mean, within `MOST_SKEW`."""
    return min(max(skew, -MOST_SKEW), MOST_SKEW)


def width_for(positive: float) -> float:
    """Return how much wider than the Normal's Student's 95 % interval is, with `positive` − 1 degrees of freedom."""
    return float(stdtrit(max(positive - 1, _FEWEST_FREEDOM), 0.975)) / 1.959963984540054


def posterior_of(cells: Mapping[str, Sums], third: float, believed: float) -> IndependentPosterior | NotShown:
    """Return `fit_sums` as a posterior."""
    marginals = fit_sums(cells, third, believed)
    return marginals if isinstance(marginals, NotShown) else IndependentPosterior(tuple(cells), marginals)


def posterior_from_nought(cells: Mapping[str, Sums], third: float, believed: float) -> IndependentPosterior | NotShown:
    """Return the posterior of means of a number that is 0 or more.

    No interval of a variant reaches below 0, and where fewer than `FEWEST_CARRIERS` members carry the number
    there is none: it would hold the truth in 50 to 90 % of the cases instead of 95 %. Comparisons stay, since what is
    borrowed from the other variants makes theirs wide enough (95 to 98 %).
    """
    found = posterior_of(cells, third, believed)
    if isinstance(found, NotShown):
        return found
    few = {key: _few(key, cell) for key, cell in cells.items() if cell.positive < FEWEST_CARRIERS}
    return replace(found, least=0.0, no_intervals=few)


def _few(key: str, cell: Sums) -> NotShown:
    carriers = round(cell.positive)
    return not_shown("few_carriers", variant=key, carriers=carriers, members=cell.n, fewest=FEWEST_CARRIERS)


def all_zero(cells: Mapping[str, Sums]) -> NotShown | None:
    """Return the reason where no member of any variant has anything to add up."""
    return None if any(cell.positive for cell in cells.values()) else not_shown("all_zero")
