"""Tables of partially pooled log-odds: the posterior of each variant given mu and tau.

The model: ``theta_v = mu + delta_v``, ``delta_v ~ N(0, tau²)``, ``successes_v ~ Binomial(n_v, logistic(theta_v))``.
Given (mu, tau) the variants are independent, and each posterior is a log-concave curve in one dimension. So a few dozen
nodes of (mu, tau), each with a small table for each variant, hold the whole joint posterior, without draws.
All sums are trapezoids over smooth curves that fall off on both sides, which converge faster than any power of the
step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.special import expit

from analysis.pooling.grid import NEGLIGIBLE, log_prior, nodes
from analysis.pooling.log_odds import Counts, curvature, log_joint, modes
from analysis.priors import NamedPrior

#: Points of a variant's table at a node; 96 over ±8.5 standard deviations interpolate to about 1e-9.
POINTS: Final = 96
#: A table ends where the density has fallen by e^-36.
_TABLE_DROP = 36.0


@dataclass(frozen=True, slots=True)
class Tables:
    """The joint posterior of all variants' log-odds: a mixture of nodes within which the variants are independent.

    Attributes
    ----------
    weight : array (nodes,)
        Posterior probability of each node of (mu, tau); sums to 1.
    mu, tau : arrays (nodes,)
    centre, scale : arrays (variants, nodes)
        Mode and curvature's standard deviation of theta given the node.
    low, step : arrays (variants, nodes)
        First point and distance of the table, in units of `scale` from `centre`.
    mass : array (variants, nodes, points)
        Posterior mass of each point given the node; sums to 1.
    below, above : arrays (variants, nodes, points)
        P(theta < point) and P(theta > point), each summed from its own end so that tails keep their digits.
    slope, bend : arrays (variants, nodes, points)
        First and second derivative of `below` by the point's number.
    evidence : float
        Log marginal likelihood, each variant's likelihood counted from its maximum.
    """

    weight: np.ndarray
    mu: np.ndarray
    tau: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    step: np.ndarray
    mass: np.ndarray
    below: np.ndarray
    above: np.ndarray
    slope: np.ndarray
    bend: np.ndarray
    evidence: float
    _cells: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_cells", _polynomials(self.below, self.above, self.slope, self.bend))

    @property
    def theta(self) -> np.ndarray:
        """The points of all tables, (variants, nodes, points)."""
        at = self.low[..., None] + self.step[..., None] * np.arange(POINTS)
        return self.centre[..., None] + self.scale[..., None] * at

    def steepness(self, v: int) -> np.ndarray:
        """Return the standard deviation of a Normal that falls like a variant's steeper side, given each node."""
        steeper = np.minimum(-self.low[v], self.low[v] + (POINTS - 1) * self.step[v])
        steepness: np.ndarray = self.scale[v] * steeper / math.sqrt(2 * _TABLE_DROP)
        return steepness

    def tails(self, v: int, node: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return P(theta_v < theta) and P(theta_v > theta) given each node; `node` broadcasts against `theta`.

        Quintic Hermite interpolation: value, slope and bend are exact at the points.
        """
        place = (theta - self.centre[v, node]) / self.scale[v, node]
        place = np.minimum(np.maximum((place - self.low[v, node]) / self.step[v, node], 0.0), POINTS - 1.0)
        cell = np.minimum(place.astype(np.intp), POINTS - 2)
        w = place - cell
        read = self._cells[v].take(node * (POINTS - 1) + cell, axis=0)
        f0, g0, a1, a2, a3, a4, a5 = (read[..., i] for i in range(7))
        gone = w * (a1 + w * (a2 + w * (a3 + w * (a4 + w * a5))))
        return np.minimum(np.maximum(f0 + gone, 0.0), 1.0), np.minimum(np.maximum(g0 - gone, 0.0), 1.0)


def _polynomials(below: np.ndarray, above: np.ndarray, slope: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """Return what `Tables.tails` reads of each cell, (variants, cells, 7): side by side, for one memory access."""
    f0, f1, g0, g1 = below[..., :-1], below[..., 1:], above[..., :-1], above[..., 1:]
    d0, d1, b0, b1 = slope[..., :-1], slope[..., 1:], bend[..., :-1], bend[..., 1:]
    # The increase over the cell, from the smaller tail to keep its digits.
    rise = np.where(f0 < 0.5, f1 - f0, g0 - g1)
    coefficients = np.empty((*rise.shape, 7))
    for i, part in enumerate((f0, g0, d0, 0.5 * b0)):
        coefficients[..., i] = part
    coefficients[..., 4] = 10 * rise - 6 * d0 - 4 * d1 - 1.5 * b0 + 0.5 * b1
    coefficients[..., 5] = -15 * rise + 8 * d0 + 7 * d1 + 1.5 * b0 - b1
    coefficients[..., 6] = 6 * rise - 3 * d0 - 3 * d1 - 0.5 * b0 + 0.5 * b1
    return coefficients.reshape(len(below), -1, 7)


def tabulate(counts: Counts, prior: NamedPrior) -> Tables:
    """Return the joint posterior as tables.

    Parameters
    ----------
    counts : Counts
    prior : NamedPrior
        With `log_odds_sd` (tau is fixed; with `log_odds_sd_varies` it is the median of a log-normal tau) or
        `log_odds_sd_scale` (tau is half-normal), and perhaps `mean_log_odds` and `mean_sd`.
    """
    mu, tau, log_base = nodes(counts, prior)
    centre = modes(counts, mu, tau)
    scale = 1 / np.sqrt(curvature(counts, centre, tau))
    table = _table(counts, mu, tau, centre, scale)
    log_weight = log_base + log_prior(prior, mu) + table.pop("log_evidence").sum(axis=0)
    top = log_weight.max()
    weight = np.exp(log_weight - top)
    total = weight.sum()
    kept = weight > NEGLIGIBLE * weight.max()
    arrays = {name: value[:, kept] for name, value in table.items()}
    return Tables(
        weight=weight[kept] / weight[kept].sum(),
        mu=mu[kept],
        tau=tau[kept],
        centre=centre[:, kept],
        scale=scale[:, kept],
        evidence=float(top + math.log(total)),
        **arrays,
    )


def _table(
    counts: Counts, mu: np.ndarray, tau: np.ndarray, centre: np.ndarray, scale: np.ndarray
) -> dict[str, np.ndarray]:
    """Tabulate each variant's posterior at each node; see `Tables`."""
    peak = log_joint(counts, mu, tau, centre)
    low = -_reach(counts, mu, tau, centre, scale, peak, -1.0)
    step = (_reach(counts, mu, tau, centre, scale, peak, 1.0) - low) / (POINTS - 1)
    theta = centre[..., None] + scale[..., None] * (low[..., None] + step[..., None] * np.arange(POINTS))
    density = np.exp(log_joint(counts, mu, tau, theta) - peak[..., None])
    total = density.sum(axis=-1)
    mass = density / total[..., None]
    y, n = counts.successes[..., None], counts.members[..., None]
    p, variance = expit(theta), (tau**2)[:, None]
    unit = (scale * step)[..., None]
    pull = unit * (y - n * p - (theta - mu[:, None]) / variance)
    stiff = -(unit**2) * (n * p * expit(-theta) + 1 / variance)
    slope = mass
    bend = mass * pull
    # The density's own second derivative makes the cumulative sum exact to the seventh order of the step.
    curve = mass * (pull**2 + stiff)
    cells = (
        (slope[..., :-1] + slope[..., 1:]) / 2
        + (bend[..., :-1] - bend[..., 1:]) / 10
        + (curve[..., :-1] + curve[..., 1:]) / 120
    )
    cells = np.maximum(cells, 0.0)
    cells /= cells.sum(axis=-1, keepdims=True)
    zero = np.zeros((*cells.shape[:-1], 1))
    below = np.concatenate([zero, np.cumsum(cells, axis=-1)], axis=-1)
    above = np.concatenate([np.cumsum(cells[..., ::-1], axis=-1)[..., ::-1], zero], axis=-1)
    return {
        "low": low,
        "step": step,
        "mass": mass,
        "below": below,
        "above": above,
        "slope": slope,
        "bend": bend,
        "log_evidence": peak + np.log(total * step * scale) - np.log(tau * math.sqrt(2 * math.pi)),
    }


def _reach(
    counts: Counts,
    mu: np.ndarray,
    tau: np.ndarray,
    centre: np.ndarray,
    scale: np.ndarray,
    peak: np.ndarray,
    side: float,
) -> np.ndarray:
    """Return the distance from the mode, in units of `scale`, at which the density has fallen by e^-36.

    Newton's method: the fall is convex, so from the second step on the root is approached from outside.
    """
    away = np.full(centre.shape, math.sqrt(2 * _TABLE_DROP))
    for _ in range(16):
        theta = centre + side * scale * away
        short = _TABLE_DROP - (peak - log_joint(counts, mu, tau, theta))
        fall = -side * scale * (counts.successes - counts.members * expit(theta) - (theta - mu) / tau**2)
        step = short / fall
        away = away + step
        if np.abs(step).max() < 0.05:
            break
    return away
