"""What is read off the tables of partially pooled rates: deterministic sums over nodes, no draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_expit, logit, ndtri

from analysis import quadrature
from analysis.pooling import POINTS, Counts, Tables
from analysis.posterior import (
    DENSITY_POINTS,
    Density,
    Estimate,
    Interval,
    IntervalKind,
    density_from_cdf,
    interval_from,
)

#: Spread of the control's logarithm above which a lift has no useful bounds.
LIFT_LOG_SD = 0.7
#: Every third point of a table carries an integral over it: 0.55 standard deviations apart are enough for 1e-6. A curve
#: to be drawn needs every fifth, and no point that a pixel cannot show. Where a posterior leans far, so that its points
#: are more than `_WIDE` apart, the other's distribution function may have an edge between them: they are laid closer.
_EXACT, _DRAWN = (3, 1e-12), (5, 1e-7)
_WIDE, _CLOSER = 0.185, 4
_PANELS, _ORDER = 14, 5
_AT_ONCE = 1_000_000


class _Moments(NamedTuple):
    """Given each node, arrays (variants, nodes): of the rate, its inverse, its logarithm and its log-odds."""

    mean: np.ndarray
    variance: np.ndarray
    inverse: np.ndarray
    log_mean: np.ndarray
    log_variance: np.ndarray
    odds_mean: np.ndarray
    odds_variance: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class PooledPosterior:
    """The joint posterior of partially pooled rates; see `posterior.Posterior`.

    Attributes
    ----------
    counts : Counts
        What it was fitted to.
    tables : Tables
    """

    variants: tuple[str, ...]
    counts: Counts
    tables: Tables
    _moments: _Moments = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_moments", _moments(self.tables))

    # One variant -----------------------------------------------------------------------------------------------------

    def mean(self, v: int) -> float:
        return float(self.tables.weight @ self._moments.mean[v])

    def sd(self, v: int) -> float:
        return self._over(self._moments.mean[v], self._moments.variance[v])[1]

    def log_moments(self, v: int) -> tuple[float, float]:
        return self._over(self._moments.log_mean[v], self._moments.log_variance[v])

    def _odds_moments(self, v: int) -> tuple[float, float]:
        return self._over(self._moments.odds_mean[v], self._moments.odds_variance[v])

    def _over(self, means: np.ndarray, variances: np.ndarray) -> tuple[float, float]:
        """Mean and standard deviation over the mixture from those given each node."""
        mean = float(self.tables.weight @ means)
        return mean, math.sqrt(float(self.tables.weight @ (variances + (means - mean) ** 2)))

    def _cdf(self, v: int, theta: np.ndarray) -> np.ndarray:
        """P(theta_v < theta) for a one-dimensional array."""
        nodes = np.arange(len(self.tables.weight))[:, None]
        return self.tables.weight @ self.tables.tails(v, nodes, theta[None, :])[0]

    def interval(self, v: int, kind: IntervalKind = "eti", probability: float = 0.95) -> Interval:
        mean, sd = self._odds_moments(v)

        def cdf(theta: np.ndarray) -> np.ndarray:
            return self._cdf(v, theta)

        def ppf(p: float) -> float:
            found = quadrature.quantile(
                cdf, p, lambda q: mean + sd * float(ndtri(q)), sd, (mean - 40 * sd, mean + 40 * sd)
            )
            return float(expit(found))

        rough = _rough(lambda x: cdf(logit(x)), *expit([mean - 7 * sd, mean + 7 * sd])) if kind == "hdi" else None
        return interval_from(ppf, kind, probability, rough)

    def density(self, v: int) -> Density:
        low, high = (self._drawn_end(v, side) for side in (-1.0, 1.0))
        x = np.linspace(low, high, DENSITY_POINTS)
        theta = np.clip(logit(x), -700, 700)
        tables = self.tables
        with np.errstate(divide="ignore"):
            log_pdf = _log_density(self, v, theta)
        y = tables.weight @ np.exp(log_pdf) / np.maximum(x * (1 - x), 1e-300)
        return Density(tuple(x.tolist()), tuple(np.where((x > 0) & (x < 1), y, 0.0).tolist()))

    def _drawn_end(self, v: int, side: float) -> float:
        mean, sd = self._odds_moments(v)
        p = 5e-4 if side < 0 else 1 - 5e-4
        guess = mean + side * 3.3 * sd
        return float(expit(quadrature.quantile(lambda t: self._cdf(v, t), p, lambda q: guess, sd, (-745.0, 745.0))))

    # All variants ----------------------------------------------------------------------------------------------------

    def best_and_loss(self, *, higher: bool) -> tuple[np.ndarray, np.ndarray]:
        nodes = len(self.tables.weight)
        points = (len(self.variants) * (_PANELS + 1) - 1) * _ORDER
        size = max(1, _AT_ONCE // (points * len(self.variants)))
        parts = [self._best_and_loss(np.arange(i, min(i + size, nodes)), higher) for i in range(0, nodes, size)]
        p_best = np.sum([part[0] for part in parts], axis=0)
        return p_best / p_best.sum(), np.sum([part[1] for part in parts], axis=0)

    def _best_and_loss(self, nodes: np.ndarray, higher: bool) -> tuple[np.ndarray, np.ndarray]:
        """The share of some nodes: panels cut at every variant's own points, within each node."""
        tables, several = self.tables, range(len(self.variants))
        ends = np.linspace(0, POINTS - 1, _PANELS + 1)
        at = tables.low[:, nodes, None] + tables.step[:, nodes, None] * ends
        edges = (tables.centre[:, nodes, None] + tables.scale[:, nodes, None] * at).transpose(1, 0, 2)
        edges = np.sort(edges.reshape(len(nodes), -1), axis=1)
        unit, weights = quadrature.rule(_ORDER)
        width = np.diff(edges, axis=1)
        theta = (edges[:, :-1, None] + width[..., None] * unit).reshape(len(nodes), -1)
        measure = (width[..., None] * weights).reshape(len(nodes), -1) * tables.weight[nodes, None]
        below, above = (
            np.array(t) for t in zip(*(tables.tails(v, nodes[:, None], theta) for v in several), strict=True)
        )
        worse, better = (below, above) if higher else (above, below)
        log_worse = np.log(np.maximum(worse, 1e-300))
        log_none_better = np.log1p(-np.minimum(better, 1 - 1e-16))
        rate = measure * expit(theta) * expit(-theta)
        p_best, loss = np.empty(len(several)), np.empty(len(several))
        for v in several:
            density = np.exp(_log_density(self, v, theta, nodes))
            others = log_worse.sum(axis=0) - log_worse[v]
            p_best[v] = (measure * density * np.exp(others)).sum()
            any_better = -np.expm1(log_none_better.sum(axis=0) - log_none_better[v])
            loss[v] = (rate * worse[v] * any_better).sum()
        return p_best, loss

    # Pairs -----------------------------------------------------------------------------------------------------------

    def p_greater(self, v: int, c: int) -> float:
        inner, outer, node, theta, w = self._carried(v, c)
        below, above = self.tables.tails(outer, node, theta)
        greater, not_greater = (below, above) if inner == v else (above, below)
        chance = float(w @ greater)
        return chance if chance < 0.5 else 1.0 - float(w @ not_greater)

    def _carried(
        self, v: int, c: int, care: tuple[int, float] = _EXACT
    ) -> tuple[int, int, np.ndarray, np.ndarray, np.ndarray]:
        """The narrower of two variants carries an integral: its points with their nodes and weights, flat."""
        tables, (thin, negligible) = self.tables, care
        narrow = float(tables.weight @ tables.scale[v]) < float(tables.weight @ tables.scale[c])
        inner, outer = (v, c) if narrow else (c, v)
        theta, mass = tables.theta[inner], tables.mass[inner]
        if tables.step[inner].max() > _WIDE:
            points = POINTS if care == _DRAWN else _CLOSER * POINTS
            theta = theta[:, :1] + (theta[:, -1:] - theta[:, :1]) * np.linspace(0, 1, points)
            mass, thin = np.exp(_log_density(self, inner, theta)), 1
        theta, mass = theta[:, ::thin], mass[:, ::thin]
        w = tables.weight[:, None] * mass / mass.sum(axis=1, keepdims=True)
        kept = w > negligible
        node = np.nonzero(kept)[0]
        return inner, outer, node, theta[kept], w[kept] / w[kept].sum()

    def difference(self, v: int, c: int, kind: IntervalKind = "eti", probability: float = 0.95) -> Estimate:
        return _Pair(self, v, c, relative=False).estimate(kind, probability)

    def lift(self, v: int, c: int, kind: IntervalKind = "eti", probability: float = 0.95) -> Estimate | None:
        return _Pair(self, v, c, relative=True).estimate(kind, probability) if self._clear(c) else None

    def lift_density(self, v: int, c: int) -> Density | None:
        if not self._clear(c):
            return None
        pair = _Pair(self, v, c, relative=True, care=_DRAWN)
        return density_from_cdf(pair.cdf, pair.guess(5e-4), pair.guess(1 - 5e-4))

    def p_lift_within(self, v: int, c: int, half_width: float) -> float | None:
        if not self._clear(c):
            return None
        low, high = _Pair(self, v, c, relative=True).cdf(np.array([-half_width, half_width]))
        return float(high - low)

    def _clear(self, c: int) -> bool:
        return self.log_moments(c)[1] <= LIFT_LOG_SD

    def draws(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Return independent joint draws by the inverse distribution function, (size, variants)."""
        tables = self.tables
        node = np.sort(rng.choice(len(tables.weight), size, p=tables.weight))
        uniform = rng.random((len(self.variants), size))
        out = np.empty((size, len(self.variants)))
        starts = np.searchsorted(node, np.arange(len(tables.weight) + 1))
        theta = tables.theta
        # On the scale of Normal scores the quantile function is nearly straight between points.
        score, below = ndtri(uniform), ndtri(np.clip(tables.below, 1e-300, 1 - 1e-16))
        for j, (first, last) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
            for v in range(len(self.variants)):
                out[first:last, v] = np.interp(score[v, first:last], below[v, j], theta[v, j])
        return expit(rng.permutation(out))


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """The posterior of a difference (v − c) or a lift (v / c − 1) of two rates."""

    posterior: PooledPosterior
    v: int
    c: int
    relative: bool
    care: tuple[int, float] = _EXACT
    _parts: tuple = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_parts", self.posterior._carried(self.v, self.c, self.care))

    @property
    def mean(self) -> float:
        weight, moments = self.posterior.tables.weight, self.posterior._moments
        if self.relative:
            return float(weight @ (moments.mean[self.v] * moments.inverse[self.c])) - 1
        return float(weight @ (moments.mean[self.v] - moments.mean[self.c]))

    def guess(self, p: float) -> float:
        """A quantile as of a Normal (difference) or log-normal (lift)."""
        posterior, moments = self.posterior, self.posterior._moments
        if self.relative:
            means, variances = moments.log_mean, moments.log_variance
        else:
            means, variances = moments.mean, moments.variance
        mean, sd = posterior._over(means[self.v] - means[self.c], variances[self.v] + variances[self.c])
        there = mean + float(ndtri(p)) * sd
        return math.expm1(there) if self.relative else there

    def cdf(self, values: np.ndarray) -> np.ndarray:
        inner, outer, node, theta, w = self._parts
        values = np.asarray(values, float)
        at = self._threshold(values[:, None], inner, theta)
        below, above = self.posterior.tables.tails(outer, node, at)
        return (below if outer == self.v else above) @ w

    def _threshold(self, value: np.ndarray, inner: int, theta: np.ndarray) -> np.ndarray:
        """The log-odds that the outer variant must have for the pair to equal `value`."""
        rate, rest = expit(theta), expit(-theta)
        if not self.relative:
            shift = value if inner == self.c else -value
            rate, rest = rate + shift, rest - shift
        else:
            factor = np.maximum(1 + value, 1e-300)
            factor = factor if inner == self.c else 1 / factor
            rate, rest = rate * factor, rest - rate * (factor - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(rate <= 0, -np.inf, np.where(rest <= 0, np.inf, np.log(rate) - np.log(rest)))

    def estimate(self, kind: IntervalKind, probability: float) -> Estimate:
        scale = (self.guess(0.84) - self.guess(0.16)) / 2
        ends = (-1.0, math.inf) if self.relative else (-1.0, 1.0)

        def ppf(p: float) -> float:
            return quadrature.quantile(self.cdf, p, self.guess, scale, ends)

        rough = None
        if kind == "hdi":
            sketch = _Pair(self.posterior, self.v, self.c, self.relative, _DRAWN)
            rough = _rough(sketch.cdf, self.guess(1e-6), self.guess(1 - 1e-6))
        return Estimate(self.mean, interval_from(ppf, kind, probability, rough))


def _rough(cdf: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> Callable[[float], float]:
    """A tabulated quantile function, good to a thousandth of the spread: to find the shortest interval with."""
    x = np.linspace(low, high, 83)[1:-1]
    below = cdf(x)
    rising = np.concatenate([[True], np.diff(np.maximum.accumulate(below)) > 0])
    score = ndtri(np.clip(below[rising], 1e-300, 1 - 1e-16))
    return lambda p: float(np.interp(ndtri(min(max(p, 1e-9), 1 - 1e-9)), score, x[rising]))


def _log_density(
    posterior: PooledPosterior, v: int, theta: np.ndarray, nodes: np.ndarray | slice = slice(None)
) -> np.ndarray:
    """Return the log density of theta_v given each node, (nodes, points); `theta` is (points,) or (nodes, points)."""
    tables = posterior.tables
    own = Counts(posterior.counts.successes[v : v + 1], posterior.counts.members[v : v + 1])
    centre = tables.centre[v, nodes][:, None]
    mu, tau = tables.mu[nodes][:, None], tables.tau[nodes][:, None]
    theta = np.broadcast_to(theta, (len(centre), theta.shape[-1]))

    def log_joint(at: np.ndarray) -> np.ndarray:
        return own.log_likelihood(at[None])[0] - 0.5 * ((at - mu) / tau) ** 2

    # The table's point of largest mass fixes the constant.
    top = tables.mass[v, nodes].argmax(axis=1)[:, None]
    peak = np.take_along_axis(tables.mass[v, nodes], top, axis=1)
    at_peak = centre + tables.scale[v, nodes][:, None] * (
        tables.low[v, nodes][:, None] + tables.step[v, nodes][:, None] * top
    )
    unit = tables.step[v, nodes][:, None] * tables.scale[v, nodes][:, None]
    return log_joint(theta) - log_joint(at_peak) + np.log(peak / unit)


def _moments(tables: Tables) -> _Moments:
    theta = tables.theta

    def spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = (tables.mass * values).sum(axis=-1)
        return mean, (tables.mass * (values - mean[..., None]) ** 2).sum(axis=-1)

    inverse = (tables.mass * (1 + np.exp(np.minimum(-theta, 700.0)))).sum(axis=-1)
    return _Moments(*spread(expit(theta)), inverse, *spread(log_expit(theta)), *spread(theta))
