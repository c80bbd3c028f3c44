"""Partially pooled log-odds, tabulated: what is known of each variant's rate given where the variants' middle lies.

The model: ``theta_v = mu + delta_v``, ``delta_v ~ N(0, tau²)``, ``successes_v ~ Binomial(n_v, logistic(theta_v))``.
Given (mu, tau) the variants are independent, and each posterior is a log-concave curve in one dimension. So a few dozen
nodes of (mu, tau), each with a small table a variant, hold the whole joint posterior: no draws, the same to the digit.
All sums are trapezoids over smooth curves that fall off on both sides, which converge faster than any power of the
step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit, log_expit

from analysis.errors import AnalysisError
from analysis.priors import NamedPrior

#: Points of a variant's table at a node; 96 over ±8.5 standard deviations interpolate to about 1e-9.
POINTS: Final = 96
#: A table ends where the density has fallen by e^-36, a mesh of mu by e^-28.
_TABLE_DROP, _MESH_DROP = 36.0, 28.0
_MAX_NODES, _MAX_NODES_A_TAU = 4_000, 120
_NEGLIGIBLE = 1e-11
_VARYING_NODES = 7
#: Panels for tau as multiples of the prior's scale, four Gauss points each: fine near 0, where alike variants put it.
_TAU_EDGES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 3.5, 5.5)
TAU_BOUNDS: Final = (0.01, 10.0)


@dataclass(frozen=True, slots=True)
class Counts:
    """Successes of members as columns, (variants, 1); need not be whole where epochs were weighted."""

    successes: np.ndarray
    members: np.ndarray

    @classmethod
    def of(cls, successes: object, members: object) -> Counts:
        return cls(np.asarray(successes, float)[:, None], np.asarray(members, float)[:, None])

    def log_likelihood(self, theta: np.ndarray) -> np.ndarray:
        """Return the log-likelihood at log-odds `theta` (variants, ...), less its maximum.

        As ``y d − n log(1 + p(e^d − 1))`` around the maximum, counted for the rarer of the two outcomes, so that a
        milliard members keep twelve digits.
        """
        y, n = (column.reshape(-1, *(1,) * (theta.ndim - 1)) for column in (self.successes, self.members))
        inside = (y > 0) & (y < n)
        fewer = np.minimum(y, n - y)
        rare = np.where(inside, fewer, 0.5) / np.where(inside, n, 1.0)
        away = np.where(y > n / 2, -theta, theta) - (np.log(rare) - np.log1p(-rare))
        around = fewer * away - n * np.log1p(rare * np.expm1(np.minimum(away, 700.0)))
        return np.where(inside, around, n * log_expit(np.where(y > 0, theta, -theta)))


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

    @property
    def theta(self) -> np.ndarray:
        """The points of all tables, (variants, nodes, points)."""
        at = self.low[..., None] + self.step[..., None] * np.arange(POINTS)
        return self.centre[..., None] + self.scale[..., None] * at

    def tails(self, v: int, node: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return P(theta_v < theta) and P(theta_v > theta) given each node; `node` broadcasts against `theta`.

        Quintic Hermite interpolation: value, slope and bend are exact at the points.
        """
        place = (theta - self.centre[v, node]) / self.scale[v, node]
        place = np.clip((place - self.low[v, node]) / self.step[v, node], 0.0, POINTS - 1.0)
        cell = np.minimum(place.astype(np.intp), POINTS - 2)
        w = place - cell
        first = node * POINTS + cell
        second = first + 1
        below, above = self.below[v].ravel(), self.above[v].ravel()
        slope, bend = self.slope[v].ravel(), self.bend[v].ravel()
        f0 = below[first]
        d0, b0, d1, b1 = slope[first], bend[first], slope[second], bend[second]
        # The increase over the cell; from the smaller tail, so that it keeps its digits.
        rise = np.where(f0 < 0.5, below[second] - f0, above[first] - above[second])
        a3 = 10 * rise - 6 * d0 - 4 * d1 - 1.5 * b0 + 0.5 * b1
        a4 = -15 * rise + 8 * d0 + 7 * d1 + 1.5 * b0 - b1
        a5 = 6 * rise - 3 * d0 - 3 * d1 - 0.5 * b0 + 0.5 * b1
        gone = w * (d0 + w * (0.5 * b0 + w * (a3 + w * (a4 + w * a5))))
        return np.clip(f0 + gone, 0.0, 1.0), np.clip(above[first] - gone, 0.0, 1.0)


def log_prior(prior: NamedPrior, mu: np.ndarray) -> np.ndarray:
    """Return the log density of mu: Normal where the prior knows `mean_log_odds`, else of a uniform rate (logistic)."""
    centre, sd = prior.get("mean_log_odds"), prior.get("mean_sd")
    if centre is None or sd is None:
        return log_expit(mu) + log_expit(-mu)
    return -0.5 * ((mu - centre) / sd) ** 2 - math.log(sd * math.sqrt(2 * math.pi))


def tabulate(counts: Counts, prior: NamedPrior) -> Tables:
    """Return the joint posterior as tables.

    Parameters
    ----------
    counts : Counts
    prior : NamedPrior
        With `log_odds_sd` (tau is known; with `log_odds_sd_varies` it is the median of a log-normal tau) or
        `log_odds_sd_scale` (tau is half-normal), and perhaps `mean_log_odds` and `mean_sd`.
    """
    mu, tau, log_base = _nodes(counts, prior)
    centre = modes(counts, mu, tau)
    scale = 1 / np.sqrt(_curvature(counts, centre, tau))
    table = _table(counts, mu, tau, centre, scale)
    log_weight = log_base + log_prior(prior, mu) + table.pop("log_evidence").sum(axis=0)
    top = log_weight.max()
    weight = np.exp(log_weight - top)
    total = weight.sum()
    kept = weight > _NEGLIGIBLE * weight.max()
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


def modes(counts: Counts, mu: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Return the mode of each variant's log-odds at each (mu, tau), (variants, nodes), to 1e-5 of its spread.

    Newton's method inside a bracket: the root lies between mu and the likelihood's maximum.
    """
    y, n = counts.successes, counts.members
    pull = y - n * expit(mu)
    with np.errstate(divide="ignore"):
        best = np.log(y) - np.log(n - y)
    reach = mu + tau**2 * pull
    inner = np.where(pull > 0, np.minimum(reach, best), np.maximum(reach, best))
    low, high = np.minimum(mu, inner), np.maximum(mu, inner)
    spread = 1 / (y + 0.5) + 1 / (n - y + 0.5)
    guess = (np.log(y + 0.5) - np.log(n - y + 0.5)) / spread + mu / tau**2
    theta = np.clip(guess / (1 / spread + 1 / tau**2), low, high)
    for _ in range(100):
        gradient = y - n * expit(theta) - (theta - mu) / tau**2
        curvature = _curvature(counts, theta, tau)
        step = gradient / curvature
        low, high = np.where(gradient > 0, theta, low), np.where(gradient > 0, high, theta)
        fresh = theta + step
        theta = np.where((fresh < low) | (fresh > high), (low + high) / 2, fresh)
        if (np.abs(step) * np.sqrt(curvature)).max() < 1e-5:
            break
    return theta


def _curvature(counts: Counts, theta: np.ndarray, tau: np.ndarray) -> np.ndarray:
    p = expit(theta)
    return counts.members * p * expit(-theta) + 1 / tau**2


def _log_joint(counts: Counts, mu: np.ndarray, tau: np.ndarray, theta: np.ndarray) -> np.ndarray:
    away = (theta - _as(mu, theta)) / _as(tau, theta)
    return counts.log_likelihood(theta) - 0.5 * away**2


def _as(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Shape an array over nodes so that it broadcasts against (variants, nodes[, points])."""
    return values if like.ndim == 2 else values[:, None]


def _laplace(counts: Counts, prior: NamedPrior, mu: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Return the log posterior density of mu (given tau) up to a constant, by Laplace's approximation in each theta."""
    centre = modes(counts, mu, tau)
    within = _log_joint(counts, mu, tau, centre) - 0.5 * np.log(_curvature(counts, centre, tau)) - np.log(tau)
    return log_prior(prior, mu) + within.sum(axis=0)


def _mesh(counts: Counts, prior: NamedPrior, tau: float, at_most: int) -> np.ndarray:
    """Return an even mesh of mu over all of its posterior given tau, fine enough for each variant's posterior too.

    The posterior of mu is log-concave, so zooming in on what lies within e^-28 of the best point finds all of it.
    """
    low, high = -60.0, 60.0
    if prior.get("mean_log_odds") is not None:
        low, high = (prior["mean_log_odds"] + side * 40 * prior["mean_sd"] for side in (-1, 1))
    for _ in range(24):
        mu = np.linspace(low, high, 33)
        spread = np.full(33, tau)
        log_density = _laplace(counts, prior, mu, spread)
        inside = np.flatnonzero(log_density > log_density.max() - _MESH_DROP)
        low, high = mu[max(inside[0] - 1, 0)], mu[min(inside[-1] + 1, 32)]
        if len(inside) >= 12:
            break
    width = (mu[1] - mu[0]) * len(inside)
    best = int(log_density.argmax())
    own = width / 15  # the standard deviation, were it Normal: e^-28 is 7.5 of them
    theta = modes(counts, mu[best : best + 1], spread[:1])
    follows = (1 / (tau**2 * _curvature(counts, theta, spread[:1]))).max()
    # Seen from one theta, mu is known this well: the nodes must be no farther apart, or its density has ripples.
    seen = 1 / math.sqrt(1 / own**2 + follows / tau**2)
    points = int((high - low) / min(0.9 * seen, 0.8)) + 2
    return np.linspace(low, high, min(max(points, 20), at_most))


def _nodes(counts: Counts, prior: NamedPrior) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mu, tau and the log of the integration weight (with the prior of tau) at every node."""
    varies = prior.get("log_odds_sd_varies")
    if prior.get("log_odds_sd") is not None and varies is None:
        tau = _checked(prior, "log_odds_sd")
        mu = _mesh(counts, prior, tau, _MAX_NODES)
        return mu, np.full(len(mu), tau), np.full(len(mu), math.log(mu[1] - mu[0]))
    parts = []
    if varies is not None:
        spreads = _log_normal_taus(_checked(prior, "log_odds_sd"), varies)
    else:
        spreads = _taus(counts, _checked(prior, "log_odds_sd_scale"))
    for tau, log_share in zip(*spreads, strict=True):
        mu = _mesh(counts, prior, float(tau), _MAX_NODES_A_TAU)
        base = log_share + math.log(mu[1] - mu[0])
        rough = base + _laplace(counts, prior, mu, np.full(len(mu), tau))
        parts.append((mu, np.full(len(mu), tau), np.full(len(mu), base), float(np.logaddexp.reduce(rough))))
    best = max(height for *_, height in parts)
    kept = [part[:3] for part in parts if part[3] > best - 20]
    mu, taus, base = (np.concatenate(column) for column in zip(*kept, strict=True))
    return mu, taus, base


def _log_normal_taus(median: float, varies: float) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes of a tau that differs from test to test (log-normal), and the log of their weight: Gauss-Hermite."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_VARYING_NODES)
    return np.clip(median * np.exp(varies * nodes), *TAU_BOUNDS), np.log(weights / weights.sum())


def _taus(counts: Counts, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes of tau and the log of their weight under its half-normal prior: Gauss-Legendre, panel by panel."""
    y, n = counts.successes[:, 0], counts.members[:, 0]
    known = np.sort(np.sqrt(1 / (y + 0.5) + 1 / (n - y + 0.5)))[:2]
    # A spread far below what two variants' own errors let one see is as good as none: panels begin there.
    edges = scale * np.array([edge for edge in _TAU_EDGES if edge == 0 or edge * scale > 0.3 * known[-1] or edge >= 1])
    unit, weights = np.polynomial.legendre.leggauss(4)
    width = np.diff(edges)
    taus = (edges[:-1, None] + width[:, None] * (unit + 1) / 2).ravel()
    log_share = np.log((width[:, None] * weights / 2).ravel())
    return taus, log_share - 0.5 * (taus / scale) ** 2 + 0.5 * math.log(2 / math.pi) - math.log(scale)


def _checked(prior: NamedPrior, name: str) -> float:
    value = prior[name]
    low, high = TAU_BOUNDS
    if not low <= value <= high:
        raise AnalysisError(
            "bad_prior",
            f"{name} of the prior {prior.name} is {value}; the spread of log-odds between variants is a number from "
            f"{low} (as good as the same) to {high}.",
        )
    return value


def _table(
    counts: Counts, mu: np.ndarray, tau: np.ndarray, centre: np.ndarray, scale: np.ndarray
) -> dict[str, np.ndarray]:
    """Tabulate each variant's posterior at each node; see `Tables`."""
    peak = _log_joint(counts, mu, tau, centre)
    low = -_reach(counts, mu, tau, centre, scale, peak, -1.0)
    step = (_reach(counts, mu, tau, centre, scale, peak, 1.0) - low) / (POINTS - 1)
    theta = centre[..., None] + scale[..., None] * (low[..., None] + step[..., None] * np.arange(POINTS))
    density = np.exp(_log_joint(counts, mu, tau, theta) - peak[..., None])
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
    nothing = np.zeros((*cells.shape[:-1], 1))
    below = np.concatenate([nothing, np.cumsum(cells, axis=-1)], axis=-1)
    above = np.concatenate([np.cumsum(cells[..., ::-1], axis=-1)[..., ::-1], nothing], axis=-1)
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
    """Return how far from the mode, in units of `scale`, the density has fallen by e^-36.

    Newton's method: the fall is convex, so from its second step on it nears the root from beyond it.
    """
    away = np.full(centre.shape, math.sqrt(2 * _TABLE_DROP))
    for _ in range(16):
        theta = centre + side * scale * away
        short = _TABLE_DROP - (peak - _log_joint(counts, mu, tau, theta))
        fall = -side * scale * (counts.successes - counts.members * expit(theta) - (theta - mu) / tau**2)
        step = short / fall
        away = away + step
        if np.abs(step).max() < 0.05:
            break
    return away
