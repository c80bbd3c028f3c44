"""The nodes of mu (the variants' centre) and tau (their spread) to sum over: few, but fine enough for every variant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import log_expit

from analysis.errors import AnalysisError
from analysis.pooling.log_odds import Counts, curvature, log_joint, modes
from analysis.priors import NamedPrior

TAU_BOUNDS: Final = (0.01, 10.0)
#: Posterior share below which a tau, or a node, is left out.
NEGLIGIBLE: Final = 1e-9
#: A mesh of mu ends where its density has fallen by e^-18.
_MESH_DROP = 18.0
_ZOOM = 33
#: Nodes of mu for all values of tau together, and for each tau if there are many.
_MAX_NODES, _FEWEST_MOST = 1_200, 300
#: Relative error allowed in a sum over the nodes of mu.
_RIPPLE = 1e-5
#: Search range of log tau in standard deviations of its prior, and the posterior mass left out on either side.
_LOWEST, _HIGHEST, _LEFT_OUT = -4.5, 12.0, 0.0013
#: Distance of tau values: in standard deviations of the posterior's narrowest part, and in log tau.
_STEPS_IN_SDS, _STEP_OF_LOG_TAU = 1.2, 0.6
_FEWEST_TAUS, _MOST_TAUS = 5, 24
#: Panels for tau as multiples of the prior's scale, four Gauss points each: fine near 0, for similar variants.
_TAU_EDGES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 3.5, 5.5)


def log_prior(prior: NamedPrior, mu: np.ndarray) -> np.ndarray:
    """Return the log density of mu: Normal if the prior has `mean_log_odds`, else of a uniform rate (logistic)."""
    centre, sd = prior.get("mean_log_odds"), prior.get("mean_sd")
    if centre is None or sd is None:
        logistic: np.ndarray = log_expit(mu) + log_expit(-mu)
        return logistic
    return -0.5 * ((mu - centre) / sd) ** 2 - math.log(sd * math.sqrt(2 * math.pi))


def _laplace(counts: Counts, prior: NamedPrior, mu: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Return the log posterior density of mu (given tau) up to a constant, by Laplace's approximation in each theta."""
    centre = modes(counts, mu, tau)
    within = log_joint(counts, mu, tau, centre) - 0.5 * np.log(curvature(counts, centre, tau)) - np.log(tau)
    log_weight: np.ndarray = log_prior(prior, mu) + within.sum(axis=0)
    return log_weight


@dataclass(frozen=True, slots=True)
class _Extent:
    """The range of mu given each tau, arrays (taus,): ends, the distance of nodes, and the log of its share."""

    low: np.ndarray
    high: np.ndarray
    seen: np.ndarray
    log_evidence: np.ndarray


def _first_range(counts: Counts, prior: NamedPrior, taus: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first search range of mu: around the variants' log-odds, by their precision."""
    did, did_not = counts.successes + 0.5, counts.members - counts.successes + 0.5
    log_odds, known = np.log(did / did_not), np.sqrt(1 / did + 1 / did_not)
    reach = 6 * (taus + known.min())
    low, high = log_odds.min() - reach, log_odds.max() + reach
    if prior.get("mean_log_odds") is not None:
        low, high = np.minimum(low, prior["mean_log_odds"]), np.maximum(high, prior["mean_log_odds"])
    return low, high


def _extent(counts: Counts, prior: NamedPrior, taus: np.ndarray, inside_at_least: int = 12) -> _Extent:
    """Return the range of the posterior of mu given each tau.

    It is log-concave, so its range is found by widening until both ends lie e^-18 below the maximum, and then shrinking
    to the part above that level.
    """
    low, high = _first_range(counts, prior, taus)
    spread = np.repeat(taus, _ZOOM)
    for _ in range(40):
        mu = np.linspace(low, high, _ZOOM, axis=1)
        log_density = _laplace(counts, prior, mu.ravel(), spread).reshape(mu.shape)
        inside = log_density > log_density.max(axis=1, keepdims=True) - _MESH_DROP
        first, last = inside.argmax(axis=1), _ZOOM - 1 - inside[:, ::-1].argmax(axis=1)
        step = (high - low) / (_ZOOM - 1)
        too_short = (first == 0) | (last == _ZOOM - 1)
        if not too_short.any() and (last - first).min() >= inside_at_least - 1:
            break
        low, high = (
            np.where(first == 0, low - (high - low), low + step * (first - 1)),
            np.where(last == _ZOOM - 1, high + (high - low), high - step * (_ZOOM - 2 - last)),
        )
    low, high = low + step * (first - 1), high - step * (_ZOOM - 2 - last)
    own = step * (last - first + 1) / 12  # the standard deviation if it is Normal: e^-18 is at 6 of them
    best = np.take_along_axis(mu, log_density.argmax(axis=1)[:, None], axis=1)[:, 0]
    follows = (1 / (taus**2 * curvature(counts, modes(counts, best, taus), taus))).max(axis=0)
    # The precision of mu given one theta: nodes farther apart would give its density ripples.
    seen = 1 / np.sqrt(1 / own**2 + follows / taus**2)
    return _Extent(low, high, seen, np.logaddexp.reduce(log_density, axis=1) + np.log(step))


def nodes(counts: Counts, prior: NamedPrior) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mu, tau and the log of the integration weight (with the prior of tau) at every node.

    An even mesh of mu for each tau. Its step depends on the share of the tau: a sum over points h standard deviations
    apart has the relative error 2 exp(-2 pi² / h²), which is negligible for a rare tau.
    """
    taus, log_share = _spreads(counts, prior)
    extent = _extent(counts, prior, taus)
    share = np.exp(log_share + extent.log_evidence - np.logaddexp.reduce(log_share + extent.log_evidence))
    parts, most = [], max(_MAX_NODES // len(taus), _FEWEST_MOST)
    for t in np.flatnonzero(share > NEGLIGIBLE):
        apart = math.sqrt(2 * math.pi**2 / math.log(2 * (1 + share[t] / _RIPPLE)))
        points = int((extent.high[t] - extent.low[t]) / (apart * min(extent.seen[t], 0.9))) + 2
        # A spread far below the precision of mu is equivalent to one that the nodes can resolve.
        tau = taus[t] * max(points / most, 1.0)
        mu = np.linspace(extent.low[t], extent.high[t], min(max(points, 12), most))
        parts.append((mu, np.full(len(mu), tau), np.full(len(mu), log_share[t] + math.log(mu[1] - mu[0]))))
    mu, tau, base = (np.concatenate(column) for column in zip(*parts, strict=True))
    return mu, tau, base


def _spreads(counts: Counts, prior: NamedPrior) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of tau to integrate over and the log of each one's weight with its prior."""
    varies = prior.get("log_odds_sd_varies")
    if prior.get("log_odds_sd") is None:
        return _taus(counts, _checked(prior, "log_odds_sd_scale"))
    tau = _checked(prior, "log_odds_sd")
    if varies is None:
        return np.array([tau]), np.zeros(1)
    return _log_normal_taus(counts, prior, tau, varies)


def _log_normal_taus(counts: Counts, prior: NamedPrior, median: float, varies: float) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes of a tau that varies between tests (log-normal), and the log of their weight.

    An even mesh over the range of the posterior of log tau, which may be much narrower than its prior (twenty variants)
    or skewed (few members in one variant, many in another), with a step for its narrowest part and for the functions of
    tau.
    """
    top = min(math.log(TAU_BOUNDS[1] / median) / varies, _HIGHEST)
    rough = np.linspace(_LOWEST, top, int((top - _LOWEST) / min(1.0, 0.8 / varies)) + 2)
    height = _extent(counts, prior, _tau_at(median, varies, rough), inside_at_least=6).log_evidence - 0.5 * rough**2
    curve = CubicSpline(rough, height)
    fine = np.linspace(_LOWEST, top, 1_001)
    mass = curve(fine)
    best = int(mass.argmax())
    mass = np.exp(mass - mass[best])
    below = np.cumsum(mass) / mass.sum()
    left_out = _LEFT_OUT * min(1.0, 0.5 / varies) ** 2  # wider, the more the ends differ from the rest
    low, high = fine[np.searchsorted(below, [left_out, 1 - left_out])]
    high = max(high, low + fine[1] - fine[0])
    narrow = 1 / math.sqrt(max(-float(curve(fine[best], 2)), 1.0))
    step = min(_STEPS_IN_SDS * narrow, _STEP_OF_LOG_TAU / varies)
    nodes = min(max(math.ceil((high - low) / step) + 1, _FEWEST_TAUS), _MOST_TAUS)
    scores = np.linspace(low, high, nodes)
    log_share = -0.5 * scores**2 + math.log((scores[1] - scores[0]) / math.sqrt(2 * math.pi))
    log_share[[0, -1]] += math.log(0.5)  # a trapezoid, since the largest tau may have a high density
    return _tau_at(median, varies, scores), log_share


def _tau_at(median: float, varies: float, score: np.ndarray) -> np.ndarray:
    return np.clip(median * np.exp(varies * score), *TAU_BOUNDS)


def _taus(counts: Counts, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes of tau and the log of their weight under its half-normal prior: Gauss-Legendre, panel by panel."""
    y, n = counts.successes[:, 0], counts.members[:, 0]
    known = np.sort(np.sqrt(1 / (y + 0.5) + 1 / (n - y + 0.5)))[:2]
    # A spread far below the errors of two variants is equivalent to none, so panels start there.
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
