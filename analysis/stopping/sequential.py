"""Sequential bounds on |z| with a fixed error over any number of looks.

Two bounds share the error `alpha` of a comparison. During a planned duration, nine tenths of it are spent along the
O'Brien-Fleming-shaped curve of Lan and DeMets (1983); the last tenth feeds an always-valid normal-mixture bound
(Robbins 1970; Howard et al. 2021), which continues after the planned end. Without a plan this bound has all of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from analysis.errors import AnalysisError

#: Share of alpha spent over the planned duration; the always-valid bound has the rest.
PLANNED_SHARE = 0.9
#: Looks closer than this to the last counted one (share of the plan) do not count, which limits them to 100.
SPACING = 0.01
#: Probability, over all looks, that a variant whose gain is at least the smallest one that matters is called no
#: difference worth having. One-sided; variants do not share it, since a false call must exclude the one that gains.
FUTILITY = 0.05
_GRID = 401
_MIN_STEP = 0.005


@dataclass(frozen=True, slots=True)
class Break:
    """A guardrail that a variant broke, with the figures of the look that proved it.

    Attributes
    ----------
    metric, variant : str
    p_worse : float
        Probability that the variant is worse than the control, from the data alone.
    z, bound : float
        Difference to the control in standard errors, positive = better, and the bound on |z| that it passed.
    day : int
        The day of the run, from 1.
    """

    metric: str
    variant: str
    p_worse: float
    z: float
    bound: float
    day: int


@dataclass(frozen=True, slots=True)
class Look:
    """The part of an analysis that later analyses of the run need.

    Attributes
    ----------
    elapsed_days : float
        Days of the run before it.
    members : int
        Members of all variants counted in it.
    crossed : tuple of str
        Variants whose lead over the control has passed the bound so far.
    harmed : tuple of str
        Variants whose shortfall has passed it so far.
    counted : bool
        Whether the look counts; looks in quick succession do not.
    broken : tuple of Break
        Guardrails that have been broken so far.
    futile : tuple of str
        Variants for which a gain that matters has been excluded so far.
    """

    elapsed_days: float
    members: int
    crossed: tuple[str, ...] = ()
    harmed: tuple[str, ...] = ()
    counted: bool = True
    broken: tuple[Break, ...] = ()
    futile: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        out = asdict(self)
        lists = {name: list(out[name]) for name in ("crossed", "harmed", "futile")}
        return out | lists | {"broken": [asdict(b) for b in self.broken]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Look:
        return cls(
            data["elapsed_days"],
            data["members"],
            tuple(data.get("crossed", ())),
            tuple(data.get("harmed", ())),
            data.get("counted", True),
            tuple(Break(**broken) for broken in data.get("broken", ())),
            tuple(data.get("futile", ())),
        )


def spent(fraction: float, alpha: float) -> float:
    """Return the error that may be spent by a fraction of the plan: ``4 (1 − Φ(Φ⁻¹(1 − alpha/4) / √fraction))``."""
    if fraction <= 0:
        return 0.0
    return float(4 * ndtr(ndtri(alpha / 4) / math.sqrt(min(fraction, 1.0))))


def continuous_bound(fraction: float, alpha: float) -> float:
    """Return the bound on |z| that holds for any number of looks up to the planned end.

    A flat bound on the score: a Brownian motion leaves ±c before time 1 with probability at most 4 (1 − Φ(c)).
    """
    if fraction <= 0:
        return math.inf
    return float(-ndtri(alpha / 4) / math.sqrt(min(fraction, 1.0)))


def planned_bounds(fractions: Sequence[float], information: Sequence[float], alpha: float) -> np.ndarray:
    """Return the two-sided bounds on |z| at each actual look of a planned test.

    Recursive numerical integration over the density of the score that has not crossed (Armitage, McPherson and Rowe
    1969), with the error spent at each look by `spent`.

    Parameters
    ----------
    fractions : sequence of float
        Share of the planned duration at each look, ascending; beyond 1 counts as 1.
    information : sequence of float
        Any measure proportional to the information at each look (members), not descending.
    alpha : float
        Total two-sided error.

    Returns
    -------
    array of shape (looks,)
        ``inf`` if no error is left to spend.
    """
    return np.array(_bounds(tuple(map(float, fractions)), tuple(map(float, information)), alpha))


@lru_cache(maxsize=64)
def _bounds(fractions: tuple[float, ...], information: tuple[float, ...], alpha: float) -> tuple[float, ...]:
    if len(fractions) != len(information) or any(i <= 0 for i in information):
        raise AnalysisError("bad_request", "Each look needs its fraction and information above 0; give one of each.")
    scale = information[-1]
    out: list[float] = []
    grid = density = None
    used, before = 0.0, 0.0
    for fraction, amount in zip(fractions, information, strict=True):
        # A step below the resolution of the grid counts as one grid step, which is slightly stricter.
        now = max(amount / scale, before + _MIN_STEP)
        allowance = max(spent(fraction, alpha) - used, 0.0)
        step = now - before
        limit = _limit(grid, density, step, now, allowance)
        crossed = _crossing(grid, density, step, limit)
        used += crossed
        out.append(limit / math.sqrt(now) if math.isfinite(limit) else math.inf)
        reach = min(limit, 8.5 * math.sqrt(now))
        fresh = np.linspace(-reach, reach, _GRID)
        density = _advance(grid, density, step, fresh)
        grid, before = fresh, now
    return tuple(out)


def _advance(grid: np.ndarray | None, density: np.ndarray | None, step: float, to: np.ndarray) -> np.ndarray:
    """Return the density of the score at `to`, one independent Normal increment after `density` on `grid`."""
    if grid is None or density is None:
        first: np.ndarray = np.exp(-0.5 * to * to / step) / math.sqrt(2 * math.pi * step)
        return first
    z = (to[:, None] - grid) / math.sqrt(step)
    kernel = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi * step)
    carried: np.ndarray = kernel @ (density * _weights(grid))
    return carried


def _weights(grid: np.ndarray) -> np.ndarray:
    """Return Simpson's weights on an even grid of odd length."""
    weights = np.full(len(grid), 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    simpson: np.ndarray = weights * (grid[1] - grid[0]) / 3
    return simpson


def _crossing(grid: np.ndarray | None, density: np.ndarray | None, step: float, limit: float) -> float:
    """Return the probability that the score first leaves ±limit now."""
    if not math.isfinite(limit):
        return 0.0
    if grid is None or density is None:
        return float(2 * ndtr(-limit / math.sqrt(step)))
    outside = ndtr((grid - limit) / math.sqrt(step)) + ndtr((-limit - grid) / math.sqrt(step))
    return float(outside @ (density * _weights(grid)))


def _limit(grid: np.ndarray | None, density: np.ndarray | None, step: float, now: float, allowance: float) -> float:
    """Return the bound on the score that spends the allowance at this look."""
    top = 9.0 * math.sqrt(now)
    if allowance <= _crossing(grid, density, step, top) or allowance < 1e-16:
        return math.inf
    return float(brentq(lambda limit: _crossing(grid, density, step, limit) - allowance, 1e-6, top, xtol=1e-10))


def always_valid_bound(ratio: float, alpha: float) -> float:
    """Return the bound on |z| that holds at any number of looks, without an end.

    The mixture sequential probability ratio test with a Normal mixture over the effect.

    Parameters
    ----------
    ratio : float
        Variance of the mixture over the squared standard error of the effect (``sd² / se²``).
    alpha : float
        Total two-sided error.
    """
    if ratio <= 0:
        return math.inf
    return math.sqrt((1 + 1 / ratio) * (math.log1p(ratio) + 2 * math.log(1 / alpha)))


def counts(elapsed_days: float, planned_days: float, looks: Sequence[Look]) -> bool:
    """Return whether a look now counts: not too soon after the last counted one, nor after that at the end."""
    tried = [look.elapsed_days / planned_days for look in looks if look.counted]
    if not tried:
        return True
    if tried[-1] >= 1:
        return False
    now = elapsed_days / planned_days
    return now >= 1 or now - tried[-1] >= SPACING


def bound(
    *,
    elapsed_days: float,
    members: int,
    ratio: float,
    alpha: float,
    planned_days: float | None,
    looks: Sequence[Look] | None,
) -> float:
    """Return the bound on |z| at this look.

    Parameters
    ----------
    elapsed_days, members : float, int
        Of the run so far.
    ratio : float
        See `always_valid_bound`.
    alpha : float
        Two-sided error of this comparison, already divided by the number of comparisons.
    planned_days : float or None
    looks : sequence of Look, or None
        Every earlier analysis of the run, oldest first. None = not known: a stricter bound that holds for any number
        of looks up to the planned end.
    """
    if planned_days is None:
        return always_valid_bound(ratio, alpha)
    always = always_valid_bound(ratio, (1 - PLANNED_SHARE) * alpha)
    fraction = elapsed_days / planned_days
    if looks is None:
        return min(always, continuous_bound(fraction, PLANNED_SHARE * alpha)) if fraction <= 1 else always
    if not counts(elapsed_days, planned_days, looks):
        return always
    counted = [look for look in looks if look.counted and look.members > 0]
    fractions = [look.elapsed_days / planned_days for look in counted] + [fraction]
    information = list(accumulate([look.members for look in counted] + [max(members, 1)], max))
    return min(always, float(planned_bounds(fractions, information, PLANNED_SHARE * alpha)[-1]))
