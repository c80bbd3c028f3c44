"""Exact comparisons of independent posteriors by Gauss-Legendre quadrature, without draws.

An integral over one variant's posterior is cut into panels at the quantiles of every variant concerned, so that a
posterior of 1e9 members and one of 3 each get panels of their own width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from analysis.posterior.marginals import Marginal, Numbers

# Cuts of panels, in standard deviations of a Normal with the same tail probability; 1e-16 lies beyond 8.2.
_UPPER = np.array([0.65, 1.3, 2.0, 2.7, 3.4, 4.2, 5.2, 6.5, 8.2])
_CUTS = np.concatenate([-_UPPER[::-1], [0.0], _UPPER])
_ORDER = 10
_CDF_ORDER = 7


@lru_cache(maxsize=8)
def rule(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss-Legendre points and weights on the unit interval."""
    nodes, weights = np.polynomial.legendre.leggauss(order)
    return (nodes + 1) / 2, weights / 2


@lru_cache(maxsize=256)
def cuts(marginal: Marginal) -> np.ndarray:
    """Return the quantiles at which panels of this posterior begin and end, ascending."""
    half = _CUTS <= 0
    lower = marginal.ppf(ndtr(_CUTS[half]))
    upper = marginal.isf(ndtr(-_CUTS[~half]))
    return np.concatenate([lower, upper])


def nodes(marginal: Marginal, breaks: Sequence[np.ndarray] = (), order: int = _ORDER) -> tuple[np.ndarray, np.ndarray]:
    """Return points x and weights w such that ``sum(w * g(x))`` is the posterior mean of g.

    Parameters
    ----------
    marginal : Marginal
        The posterior integrated over.
    breaks : sequence of arrays
        Further panel borders: the `cuts` of the posteriors inside g.
    order : int
        Points for each panel.
    """
    own = cuts(marginal)
    edges = np.unique(np.concatenate([own, *breaks]))
    edges = edges[(edges >= own[0]) & (edges <= own[-1])]
    unit, weight = rule(order)
    width = np.diff(edges)
    x = (edges[:-1, None] + width[:, None] * unit).ravel()
    w = (width[:, None] * weight).ravel() * marginal.pdf(x)
    # Normalising removes the rounding error of the density's constant, which matters from about 1e8 members on.
    return x, w / w.sum()


def p_greater(left: Marginal, right: Marginal) -> float:
    """Return P(left > right)."""
    x, w = nodes(left, [cuts(right)])
    above = float(w @ right.cdf(x))
    # Near 1 the complement has the digits.
    return above if above < 0.5 else 1.0 - float(w @ right.sf(x))


def best_and_loss(marginals: Sequence[Marginal], *, higher: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return each variant's chance of being best and its expected loss.

    The loss of v is E[max_j x_j] − E[x_v] (E[x_v] − E[min_j x_j] where lower is better): the mean shortfall if v is
    shipped. It is summed as ``integral of P(x_v < t < max_j≠v x_j) dt``, so that small losses keep their
    digits.

    Returns
    -------
    p_best, loss : arrays of shape (variants,)
        `p_best` sums to 1; `loss` is in the metric's unit, 0 or more.
    """
    edges = np.unique(np.concatenate([cuts(m) for m in marginals]))
    unit, weight = rule(_ORDER)
    width = np.diff(edges)
    t = (edges[:-1, None] + width[:, None] * unit).ravel()
    dt = (width[:, None] * weight).ravel()
    below = np.array([m.cdf(t) for m in marginals])
    above = np.array([m.sf(t) for m in marginals])
    worse, better = (below, above) if higher else (above, below)
    p_best, loss = np.empty(len(marginals)), np.empty(len(marginals))
    for i, marginal in enumerate(marginals):
        mass = dt * marginal.pdf(t)
        p_best[i] = mass @ np.prod(np.delete(worse, i, axis=0), axis=0) / mass.sum()
        # 1 - prod(1 - better) without cancellation.
        rest = np.delete(better, i, axis=0)
        any_better = -np.expm1(np.log1p(-np.minimum(rest, 1 - 1e-16)).sum(axis=0))
        loss[i] = dt @ (worse[i] * any_better)
    return p_best / p_best.sum(), loss


@lru_cache(maxsize=256)
def _has_edge(outer: Marginal) -> bool:
    """Return whether the density jumps at an end of its range, as without successes (a kink in the integral)."""
    ends = cuts(outer)[[0, -1]]
    return bool((outer.pdf(ends) * outer.sd > 1e-3).any())


@lru_cache(maxsize=256)
def _plain_nodes(marginal: Marginal, order: int) -> tuple[np.ndarray, np.ndarray]:
    return nodes(marginal, order=order)


def quantile(
    cdf: Callable[[np.ndarray], np.ndarray],
    p: float,
    start: Callable[[float], float],
    scale: float,
    support: tuple[float, float],
    close: float = 1e-8,
) -> float:
    """Return the quantile at `p` of a distribution function, to `close` of its spread.

    On the scale of Normal scores the distribution function is nearly linear, so a secant needs three or four steps;
    otherwise (a bounded or one-sided posterior) bisection takes over.

    Parameters
    ----------
    start : callable
        A starting point for a probability.
    scale : float
        A rough standard deviation.
    support : pair of float
        Bounds with negligible probability outside.
    """
    p = float(min(max(p, 1e-9), 1 - 1e-9))
    target = float(ndtri(p))

    def off(value: float) -> float:
        return float(ndtri(np.clip(cdf(np.array([value]))[0], 1e-300, 1 - 1e-16))) - target

    old = start(p)
    off_old = off(old)
    new = old - off_old * scale
    for _ in range(7):
        off_new = off(new)
        if abs(off_new) < close:
            return new
        if off_new == off_old or abs(new - old) > 50 * scale:
            break
        old, off_old, new = new, off_new, new - off_new * (new - old) / (off_new - off_old)
    return _bracketed(off, start(p), scale, support)


def _bracketed(off: Callable[[float], float], start: float, scale: float, support: tuple[float, float]) -> float:
    step = 0.5 * scale
    low, high = start - step, start + step
    floor, ceiling = support
    while off(low) > 0 and low > floor:
        low, high, step = low - step, low, 2 * step
    while off(high) < 0 and high < ceiling:
        low, high, step = high, high + step, 2 * step
    if off(low) > 0 or off(high) < 0:
        return floor if off(low) > 0 else ceiling
    return float(brentq(off, low, high, xtol=1e-9 * scale, rtol=1e-12))


@dataclass(frozen=True, slots=True)
class Compared:
    """The posterior of a difference (treatment − control) or a lift (treatment / control − 1), both independent.

    The integral runs over the narrower of the two, so that the other's distribution function is smooth between its
    points.
    """

    treatment: Marginal
    control: Marginal
    relative: bool

    @property
    def mean(self) -> float:
        if not self.relative:
            return self.treatment.mean - self.control.mean
        if self.control.inverse_mean is None:
            return float("nan")
        return self.treatment.mean * self.control.inverse_mean - 1

    @property
    def scale(self) -> float:
        """Return a rough standard deviation, only for brackets and axes."""
        t, c = self.treatment, self.control
        if not self.relative:
            return float(np.hypot(t.sd, c.sd))
        return float(np.hypot(t.sd / c.mean, t.mean * c.sd / c.mean**2))

    def cdf(self, values: Numbers, order: int = _CDF_ORDER) -> np.ndarray:
        """Return P(compared <= value) for each value of a one-dimensional array."""
        at = np.atleast_1d(np.asarray(values, float))[:, None]
        inner, outer = self._inner_outer()
        if at.size == 1 and _has_edge(outer):
            x, w = nodes(inner, [self._edges_seen_from_inner(float(at[0, 0]))], order)
        else:
            x, w = _plain_nodes(inner, order)
        below: np.ndarray
        if inner is self.control:
            below = outer.cdf((1 + at) * x if self.relative else x + at) @ w
            return below
        if not self.relative:
            below = outer.sf(x - at) @ w
            return below
        inside = np.where(at > -1, 1 + at, 1.0)
        return np.where(at[:, 0] > -1, outer.sf(x / inside) @ w, 0.0)

    def ppf(self, p: float) -> float:
        """Return the quantile at `p`, to 1e-9 of the spread."""
        return quantile(self.cdf, p, self._guess, self.scale, self.support(1e-10))

    def _guess(self, p: float) -> float:
        """Return a starting point: Normal for a difference, log-normal for a lift between numbers clear of 0."""
        z, t, c = float(ndtri(p)), self.treatment, self.control
        if not self.relative:
            return t.mean - c.mean + z * self.scale
        if t.log_mean is None or c.log_mean is None or t.log_sd is None or c.log_sd is None:
            return t.mean / c.mean - 1 + z * self.scale
        return float(np.exp(t.log_mean - c.log_mean + z * np.hypot(t.log_sd, c.log_sd)) - 1)

    def range_to_draw(self) -> tuple[float, float]:
        """Return approximate 0.05 % quantiles for an axis."""
        return self._guess(5e-4), self._guess(1 - 5e-4)

    def support(self, tail: float) -> tuple[float, float]:
        """Return bounds with less than twice `tail` outside on each side."""
        t_low, t_high = float(self.treatment.ppf(tail)), float(self.treatment.isf(tail))
        c_low, c_high = float(self.control.ppf(tail)), float(self.control.isf(tail))
        if not self.relative:
            return t_low - c_high, t_high - c_low
        c_low = max(c_low, 1e-9 * c_high)
        ends = [t / c - 1 for t in (t_low, t_high) for c in (c_low, c_high)]
        return min(ends), max(ends)

    def _inner_outer(self) -> tuple[Marginal, Marginal]:
        t, c = self.treatment, self.control
        control_first = c.sd * abs(t.mean) <= t.sd * abs(c.mean) if self.relative else c.sd <= t.sd
        return (c, t) if control_first else (t, c)

    def _edges_seen_from_inner(self, at: float) -> np.ndarray:
        inner, outer = self._inner_outer()
        ends = cuts(outer)[[0, -1]]
        if not self.relative:
            return ends - at if inner is self.control else ends + at
        factor = max(1 + at, 1e-300)
        return ends / factor if inner is self.control else ends * factor
