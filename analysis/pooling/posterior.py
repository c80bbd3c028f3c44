"""The joint posterior of partially pooled rates, by deterministic sums over tables, without draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_expit, logit, ndtri

from analysis.pooling.log_odds import Counts
from analysis.pooling.tables import POINTS, Tables
from analysis.posterior import quadrature
from analysis.posterior.joint import Density, Estimate, Interval, IntervalKind, density_from_cdf, interval_from

#: Spread of the control's logarithm above which a lift has no useful bounds.
LIFT_LOG_SD = 0.7
#: Distance of the points of an integral over one variant's table, in standard deviations of the steeper side of either,
#: and the mass below which a point is left out. A curve for drawing needs no more points than pixels. If a posterior is
#: skewed, the other's distribution function may have an edge between two points of an even mesh: points are closer by
#: the cube of the skew, as direct integration at 40 of 40 and 0 of 500 requires.
_EXACT, _DRAWN = (0.6, 1e-9), (1.0, 1e-6)
_CLOSEST, _FARTHEST = 4, 6
#: Ends of a curve for drawing, in standard deviations.
_SKETCHED = 0.05
_PANELS, _ORDER = 10, 5
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


class _Carried(NamedTuple):
    """Points of the variant `inner`, flat, over which the other one's distribution function is summed."""

    inner: int
    outer: int
    node: np.ndarray
    theta: np.ndarray
    rate: np.ndarray
    rest: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class PooledPosterior:
    """The joint posterior of partially pooled rates; see `posterior.Posterior`.

    Attributes
    ----------
    counts : Counts
        The data of the fit.
    tables : Tables
    """

    variants: tuple[str, ...]
    counts: Counts
    tables: Tables
    _moments: _Moments = field(init=False, repr=False)
    _kept: dict[tuple[int, int, tuple[float, float]], _Carried] = field(init=False, repr=False, default_factory=dict)

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
        """Return mean and standard deviation of the mixture from those given each node."""
        mean = float(self.tables.weight @ means)
        return mean, math.sqrt(float(self.tables.weight @ (variances + (means - mean) ** 2)))

    def _cdf(self, v: int, theta: np.ndarray) -> np.ndarray:
        """Return P(theta_v < theta) for a one-dimensional array."""
        nodes = np.arange(len(self.tables.weight))[:, None]
        below: np.ndarray = self.tables.weight @ self.tables.tails(v, nodes, theta[None, :])[0]
        return below

    def interval(self, v: int, kind: IntervalKind = "eti", probability: float = 0.95) -> Interval:
        mean, sd = self._odds_moments(v)

        def cdf(theta: np.ndarray) -> np.ndarray:
            return self._cdf(v, theta)

        def ppf(p: float) -> float:
            log_odds = quadrature.quantile(
                cdf, p, lambda q: mean + sd * float(ndtri(q)), sd, (mean - 40 * sd, mean + 40 * sd)
            )
            return float(expit(log_odds))

        rough = _rough(lambda x: cdf(logit(x)), *expit([mean - 7 * sd, mean + 7 * sd])) if kind == "hdi" else None
        return interval_from(ppf, kind, probability, rough)

    def density(self, v: int) -> Density:
        low, high = (self._drawn_end(v, side) for side in (-1.0, 1.0))
        # By cells: without successes the density rises without bounds towards 0.
        return density_from_cdf(lambda x: self._cdf(v, np.clip(logit(x), -700, 700)), low, high)

    def _drawn_end(self, v: int, side: float) -> float:
        mean, sd = self._odds_moments(v)
        p = 5e-4 if side < 0 else 1 - 5e-4
        guess = mean + side * 3.3 * sd
        ends = (-745.0, 745.0)
        return float(expit(quadrature.quantile(lambda t: self._cdf(v, t), p, lambda q: guess, sd, ends, _SKETCHED)))

    # All variants ----------------------------------------------------------------------------------------------------

    def best_and_loss(self, *, higher: bool) -> tuple[np.ndarray, np.ndarray]:
        nodes = len(self.tables.weight)
        points = (len(self.variants) * (_PANELS + 1) - 1) * _ORDER
        size = max(1, _AT_ONCE // (points * len(self.variants)))
        parts = [self._best_and_loss(np.arange(i, min(i + size, nodes)), higher) for i in range(0, nodes, size)]
        p_best = np.sum([part[0] for part in parts], axis=0)
        return p_best / p_best.sum(), np.sum([part[1] for part in parts], axis=0)

    def _best_and_loss(self, nodes: np.ndarray, higher: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return the contribution of some nodes, with panels cut at every variant's points within each node."""
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
        carried = self._carried(v, c)
        below, above = self.tables.tails(carried.outer, carried.node, carried.theta)
        greater, not_greater = (below, above) if carried.inner == v else (above, below)
        chance = float(carried.weight @ greater)
        return chance if chance < 0.5 else 1.0 - float(carried.weight @ not_greater)

    def _carried(self, v: int, c: int, care: tuple[float, float] = _EXACT) -> _Carried:
        """Return the integration points of the narrower of two variants with their nodes and weights, flat."""
        if (v, c, care) not in self._kept:
            self._kept[v, c, care] = self._carry(v, c, *care)
        return self._kept[v, c, care]

    def _carry(self, v: int, c: int, apart: float, negligible: float) -> _Carried:
        tables = self.tables
        narrow = float(tables.weight @ tables.scale[v]) < float(tables.weight @ tables.scale[c])
        inner, outer = (v, c) if narrow else (c, v)
        steep = np.minimum(tables.steepness(inner), tables.steepness(outer))
        lean = np.maximum(tables.scale[inner] / tables.steepness(inner), tables.scale[outer] / tables.steepness(outer))
        # Distance of points in steps of the table; below 1 they are closer than the table's points.
        steps = apart * steep / (lean**3 * tables.step[inner] * tables.scale[inner])
        strides = np.where(steps < 1, -np.minimum(np.ceil(1 / steps), _CLOSEST), np.minimum(np.floor(steps), _FARTHEST))
        node, theta, weight = [], [], []
        for stride in np.unique(strides):
            alike = np.flatnonzero(strides == stride)
            at, mass = self._points(inner, alike, int(stride))
            w = tables.weight[alike, None] * mass / mass.sum(axis=1, keepdims=True)
            kept = w > negligible
            node.append(alike[np.nonzero(kept)[0]])
            theta.append(at[kept])
            weight.append(w[kept])
        flat, points = np.concatenate(weight), np.concatenate(theta)
        return _Carried(inner, outer, np.concatenate(node), points, expit(points), expit(-points), flat / flat.sum())

    def _points(self, v: int, nodes: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
        """Return one variant's points at some nodes, at a distance in table steps (below 0: points to a step)."""
        tables = self.tables
        at = np.arange(0, POINTS - 1 + 1e-9, stride if stride > 0 else -1 / stride)
        away = tables.low[v, nodes, None] + tables.step[v, nodes, None] * at
        theta = tables.centre[v, nodes, None] + tables.scale[v, nodes, None] * away
        mass = tables.mass[v, nodes, ::stride] if stride > 0 else np.exp(_log_density(self, v, theta, nodes))
        return theta, mass

    def difference(self, v: int, c: int, kind: IntervalKind = "eti", probability: float = 0.95) -> Estimate:
        return _Pair(self, v, c, relative=False).estimate(kind, probability)

    def lift(self, v: int, c: int, kind: IntervalKind = "eti", probability: float = 0.95) -> Estimate | None:
        return _Pair(self, v, c, relative=True).estimate(kind, probability) if self._clear(c) else None

    def lift_density(self, v: int, c: int) -> Density | None:
        if not self._clear(c):
            return None
        pair = _Pair(self, v, c, relative=True, care=_DRAWN)
        return density_from_cdf(pair.cdf, pair.ppf(5e-4, _SKETCHED), pair.ppf(1 - 5e-4, _SKETCHED))

    def p_lift_within(self, v: int, c: int, half_width: float) -> float | None:
        if not self._clear(c):
            return None
        low, high = _Pair(self, v, c, relative=True).cdf(np.array([-half_width, half_width]))
        return float(high - low)

    def _clear(self, c: int) -> bool:
        """Return whether a lift over this variant has bounds; without successes a log-normal tau gives no mean."""
        known = bool(np.ptp(self.tables.tau) == 0) or float(self.counts.successes[c, 0]) > 0
        return known and self.log_moments(c)[1] <= LIFT_LOG_SD

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
        rates: np.ndarray = expit(rng.permutation(out))
        return rates


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """The posterior of a difference (v − c) or a lift (v / c − 1) of two rates."""

    posterior: PooledPosterior
    v: int
    c: int
    relative: bool
    care: tuple[float, float] = _EXACT
    _parts: _Carried = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_parts", self.posterior._carried(self.v, self.c, self.care))

    @property
    def mean(self) -> float:
        weight, moments = self.posterior.tables.weight, self.posterior._moments
        if self.relative:
            return float(weight @ (moments.mean[self.v] * moments.inverse[self.c])) - 1
        return float(weight @ (moments.mean[self.v] - moments.mean[self.c]))

    def guess(self, p: float) -> float:
        """Return a quantile of a Normal (difference) or log-normal (lift) approximation."""
        posterior, moments = self.posterior, self.posterior._moments
        if self.relative:
            means, variances = moments.log_mean, moments.log_variance
        else:
            means, variances = moments.mean, moments.variance
        mean, sd = posterior._over(means[self.v] - means[self.c], variances[self.v] + variances[self.c])
        point = mean + float(ndtri(p)) * sd
        return math.expm1(point) if self.relative else point

    def cdf(self, values: np.ndarray) -> np.ndarray:
        carried = self._parts
        values = np.asarray(values, float)
        below, above = self.posterior.tables.tails(carried.outer, carried.node, self._threshold(values[:, None]))
        chance: np.ndarray = (below if carried.outer == self.v else above) @ carried.weight
        return chance

    def _threshold(self, value: np.ndarray) -> np.ndarray:
        """Return the log-odds of the outer variant for which the pair equals `value`."""
        inner, rate, rest = self._parts.inner, self._parts.rate, self._parts.rest
        if not self.relative:
            shift = value if inner == self.c else -value
            rate, rest = rate + shift, rest - shift
        else:
            factor = np.maximum(1 + value, 1e-300)
            factor = factor if inner == self.c else 1 / factor
            rate, rest = rate * factor, rest - rate * (factor - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_odds: np.ndarray = np.log(np.maximum(rate, 0.0)) - np.log(np.maximum(rest, 0.0))
            return log_odds

    def ppf(self, p: float, close: float = 1e-8) -> float:
        scale = (self.guess(0.84) - self.guess(0.16)) / 2
        ends = (-1.0, math.inf) if self.relative else (-1.0, 1.0)
        value = quadrature.quantile(self.cdf, p, self.guess, scale, ends, close)
        return min(max(value, ends[0]), ends[1])

    def estimate(self, kind: IntervalKind, probability: float) -> Estimate:
        rough = None
        if kind == "hdi":
            sketch = _Pair(self.posterior, self.v, self.c, self.relative, _DRAWN)
            rough = _rough(sketch.cdf, self.guess(1e-6), self.guess(1 - 1e-6))
        return Estimate(self.mean, interval_from(self.ppf, kind, probability, rough), self.ppf(0.5))


def _rough(cdf: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> Callable[[float], float]:
    """Return a tabulated quantile function, exact to a thousandth of the spread, for finding the shortest interval."""
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
        log_density: np.ndarray = own.log_likelihood(at[None])[0] - 0.5 * ((at - mu) / tau) ** 2
        return log_density

    # The table's point of largest mass fixes the constant.
    top = tables.mass[v, nodes].argmax(axis=1)[:, None]
    peak = np.take_along_axis(tables.mass[v, nodes], top, axis=1)
    at_peak = centre + tables.scale[v, nodes][:, None] * (
        tables.low[v, nodes][:, None] + tables.step[v, nodes][:, None] * top
    )
    unit = tables.step[v, nodes][:, None] * tables.scale[v, nodes][:, None]
    log_density: np.ndarray = log_joint(theta) - log_joint(at_peak) + np.log(peak / unit)
    return log_density


def _moments(tables: Tables) -> _Moments:
    theta = tables.theta

    def spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = (tables.mass * values).sum(axis=-1)
        return mean, (tables.mass * (values - mean[..., None]) ** 2).sum(axis=-1)

    inverse = (tables.mass * (1 + np.exp(np.minimum(-theta, 700.0)))).sum(axis=-1)
    return _Moments(*spread(expit(theta)), inverse, *spread(log_expit(theta)), *spread(theta))
