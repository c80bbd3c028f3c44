"""Joint posteriors of all variants of one metric, with intervals, densities and estimates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from analysis.errors import AnalysisError, NotShown
from analysis.posterior import quadrature
from analysis.posterior.marginals import Marginal, shortest_from

IntervalKind = Literal["eti", "hdi"]
DENSITY_POINTS = 61


@dataclass(frozen=True, slots=True)
class Interval:
    """A credible interval with its kind and probability.

    Attributes
    ----------
    kind : {"eti", "hdi"}
        Equal-tailed, or the shortest of that probability.
    probability : float
        Posterior probability inside.
    low, high : float
        Its ends, in the unit of the estimate.
    """

    kind: IntervalKind
    probability: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.kind not in ("eti", "hdi"):
            raise AnalysisError("bad_request", f"The interval kind {self.kind!r} is unknown; use eti or hdi.")
        if not 0 < self.probability < 1:
            raise AnalysisError("bad_request", f"The interval probability {self.probability} is not between 0 and 1.")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A posterior mean and median with their interval.

    A lift is shown by its median: the mean of a ratio is larger than the truth where the control has few outcomes.
    """

    mean: float
    interval: Interval
    median: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Estimate:
        """Read a stored estimate back."""
        return cls(data["mean"], Interval(**data["interval"]), data["median"])


def estimate_to_dict(value: Estimate | NotShown) -> dict[str, Any]:
    """Return an estimate, or why there is none, as plain JSON values."""
    return {"not_shown": value.to_dict()} if isinstance(value, NotShown) else value.to_dict()


def estimate_from_dict(data: Mapping[str, Any]) -> Estimate | NotShown:
    """Read `estimate_to_dict` back."""
    return NotShown.from_dict(data["not_shown"]) if "not_shown" in data else Estimate.from_dict(data)


def estimates_from_dict(data: Mapping[str, Any], *names: str) -> dict[str, Estimate | None]:
    """Read estimates of a stored row back by their names; a missing one is None."""
    return {name: None if data[name] is None else Estimate.from_dict(data[name]) for name in names}


@dataclass(frozen=True, slots=True)
class Density:
    """A posterior density for drawing: `DENSITY_POINTS` points, `x` ascending, `y` integrating to about 1."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"x": list(self.x), "y": list(self.y)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Density:
        """Read a stored density back."""
        return cls(tuple(data["x"]), tuple(data["y"]))


def interval_from(
    ppf: Callable[[float], float],
    kind: IntervalKind,
    probability: float,
    rough: Callable[[float], float] | None = None,
) -> Interval:
    """Return an interval from a quantile function; `rough`, a faster one, is used to find the shortest."""
    Interval(kind, probability, 0.0, 0.0)  # refuses a bad kind or probability before any work
    if kind == "hdi":
        lower = shortest_from(rough or ppf, probability)
        return Interval(kind, probability, float(ppf(lower)), float(ppf(lower + probability)))
    tail = (1 - probability) / 2
    return Interval(kind, probability, float(ppf(tail)), float(ppf(1 - tail)))


def density(marginal: Marginal, points: int = DENSITY_POINTS, least: float = -math.inf) -> Density:
    """Return the exact density of a closed-form posterior between its 0.05 % quantiles, from `least` on."""
    low, high = max(least, float(marginal.ppf(5e-4))), float(marginal.isf(5e-4))
    x = np.linspace(low, high, points)
    return Density(tuple(x.tolist()), tuple(marginal.pdf(x).tolist()))


def density_from_cdf(cdf: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> Density:
    """Return a density by cells: the probability in each cell over its width, at its middle."""
    edges = np.linspace(low, high, DENSITY_POINTS + 1)
    mass, width = np.clip(np.diff(cdf(edges)), 0, None), np.diff(edges)
    # For a rate of nearly 0 or 100 % the cells may be narrower than a float resolves.
    height = np.divide(mass, width, out=np.zeros_like(mass), where=width > 0)
    return Density(tuple(((edges[:-1] + edges[1:]) / 2).tolist()), tuple(height.tolist()))


class Posterior(Protocol):
    """The interface of all posteriors. `v` is a variant's position; lift = v / c − 1, difference = v − c."""

    @property
    def variants(self) -> tuple[str, ...]: ...

    def mean(self, v: int) -> float: ...
    def sd(self, v: int) -> float: ...
    def interval(self, v: int, kind: IntervalKind, probability: float) -> Interval: ...
    def density(self, v: int) -> Density: ...
    def best_and_loss(self, *, higher: bool) -> tuple[np.ndarray, np.ndarray]: ...
    def p_greater(self, v: int, c: int) -> float: ...
    def difference(self, v: int, c: int, kind: IntervalKind, probability: float) -> Estimate: ...
    def lift(self, v: int, c: int, kind: IntervalKind, probability: float) -> Estimate | None:
        """Return the lift, or None if the control is so near 0 that the lift has no finite spread."""

    def lift_density(self, v: int, c: int) -> Density | None: ...
    def p_lift_within(self, v: int, c: int, half_width: float) -> float | None: ...
    def log_moments(self, v: int) -> tuple[float, float] | None:
        """Return mean and sd of the logarithm; None if the number may be 0 or less."""

    def draws(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Return a matrix (size, variants)."""


@dataclass(frozen=True, slots=True)
class IndependentPosterior:
    """Closed-form posteriors that are independent between variants: everything by quadrature, to the digit.

    Attributes
    ----------
    least : float
        Lower bound of the number: no interval or density of a variant extends below. An interval cut there has the same
        coverage.
    no_intervals : mapping of variant key to NotShown
        Variants whose interval would have too little coverage, with the reason.
    """

    variants: tuple[str, ...]
    marginals: tuple[Marginal, ...]
    least: float = -math.inf
    no_intervals: Mapping[str, NotShown] = field(default_factory=dict)

    def mean(self, v: int) -> float:
        return float(self.marginals[v].mean)

    def sd(self, v: int) -> float:
        return float(self.marginals[v].sd)

    def interval(self, v: int, kind: IntervalKind = "eti", probability: float = 0.95) -> Interval:
        marginal = self.marginals[v]

        def ppf(p: float) -> float:
            return max(self.least, float(marginal.ppf(p) if p < 0.5 else marginal.isf(1 - p)))

        return interval_from(ppf, kind, probability)

    def density(self, v: int) -> Density:
        return density(self.marginals[v], least=self.least)

    def best_and_loss(self, *, higher: bool) -> tuple[np.ndarray, np.ndarray]:
        return quadrature.best_and_loss(self.marginals, higher=higher)

    def p_greater(self, v: int, c: int) -> float:
        return quadrature.p_greater(self.marginals[v], self.marginals[c])

    def _compared(self, v: int, c: int, *, relative: bool) -> quadrature.Compared:
        return quadrature.Compared(self.marginals[v], self.marginals[c], relative)

    def difference(self, v: int, c: int, kind: IntervalKind = "eti", probability: float = 0.95) -> Estimate:
        compared = self._compared(v, c, relative=False)
        return Estimate(compared.mean, interval_from(compared.ppf, kind, probability), float(compared.ppf(0.5)))

    def lift(self, v: int, c: int, kind: IntervalKind = "eti", probability: float = 0.95) -> Estimate | None:
        if self.marginals[c].inverse_mean is None:
            return None
        compared = self._compared(v, c, relative=True)
        return Estimate(compared.mean, interval_from(compared.ppf, kind, probability), float(compared.ppf(0.5)))

    def lift_density(self, v: int, c: int) -> Density | None:
        if self.marginals[c].inverse_mean is None:
            return None
        compared = self._compared(v, c, relative=True)
        low, high = compared.range_to_draw()
        return density_from_cdf(lambda x: compared.cdf(x, order=4), low, high)

    def p_lift_within(self, v: int, c: int, half_width: float) -> float | None:
        if self.marginals[c].inverse_mean is None:
            return None
        compared = self._compared(v, c, relative=True)
        return float(compared.cdf(half_width)[0] - compared.cdf(-half_width)[0])

    def log_moments(self, v: int) -> tuple[float, float] | None:
        marginal = self.marginals[v]
        if marginal.log_mean is None or marginal.log_sd is None:
            return None
        return marginal.log_mean, marginal.log_sd

    def draws(self, size: int, rng: np.random.Generator) -> np.ndarray:
        return np.column_stack([m.draw(size, rng) for m in self.marginals])


@dataclass(frozen=True, slots=True)
class DrawnPosterior:
    """A joint posterior given by draws.

    Attributes
    ----------
    matrix : array of shape (draws, variants)
    """

    variants: tuple[str, ...]
    matrix: np.ndarray

    def mean(self, v: int) -> float:
        return float(self.matrix[:, v].mean())

    def sd(self, v: int) -> float:
        return float(self.matrix[:, v].std(ddof=1))

    def interval(self, v: int, kind: IntervalKind = "eti", probability: float = 0.95) -> Interval:
        return drawn_estimate(self.matrix[:, v], kind, probability).interval

    def density(self, v: int) -> Density:
        return drawn_density(self.matrix[:, v])

    def best_and_loss(self, *, higher: bool) -> tuple[np.ndarray, np.ndarray]:
        signed = self.matrix if higher else -self.matrix
        top = signed.max(axis=1, keepdims=True)
        winners = signed == top
        return (winners / winners.sum(axis=1, keepdims=True)).mean(axis=0), (top - signed).mean(axis=0)

    def p_greater(self, v: int, c: int) -> float:
        return float((self.matrix[:, v] > self.matrix[:, c]).mean())

    def difference(self, v: int, c: int, kind: IntervalKind = "eti", probability: float = 0.95) -> Estimate:
        return drawn_estimate(self.matrix[:, v] - self.matrix[:, c], kind, probability)

    def _lift_draws(self, v: int, c: int) -> np.ndarray | None:
        below = self.matrix[:, c]
        if below.min() <= 0 or below.std() > 0.7 * below.mean():
            return None
        lifts: np.ndarray = self.matrix[:, v] / below - 1
        return lifts

    def lift(self, v: int, c: int, kind: IntervalKind = "eti", probability: float = 0.95) -> Estimate | None:
        lifts = self._lift_draws(v, c)
        return None if lifts is None else drawn_estimate(lifts, kind, probability)

    def lift_density(self, v: int, c: int) -> Density | None:
        lifts = self._lift_draws(v, c)
        return None if lifts is None else drawn_density(lifts)

    def p_lift_within(self, v: int, c: int, half_width: float) -> float | None:
        lifts = self._lift_draws(v, c)
        return None if lifts is None else float((np.abs(lifts) <= half_width).mean())

    def log_moments(self, v: int) -> tuple[float, float] | None:
        own = self.matrix[:, v]
        if own.min() <= 0:
            return None
        return float(np.log(own).mean()), float(np.log(own).std(ddof=1))

    def draws(self, size: int, rng: np.random.Generator) -> np.ndarray:
        return self.matrix[rng.integers(0, len(self.matrix), size)]


def drawn_estimate(draws: np.ndarray, kind: IntervalKind = "eti", probability: float = 0.95) -> Estimate:
    """Summarise draws of one number."""
    ordered = np.sort(draws)
    interval = interval_from(lambda p: float(np.quantile(ordered, p)), kind, probability)
    return Estimate(float(draws.mean()), interval, float(np.median(draws)))


def drawn_density(draws: np.ndarray) -> Density:
    """Return a Gaussian kernel density of draws (Silverman's bandwidth), computed on a fine histogram."""
    low, high = np.quantile(draws, [5e-4, 1 - 5e-4])
    if high <= low:
        return Density((float(low),), (1.0,))
    width = 0.9 * min(draws.std(), (np.quantile(draws, 0.75) - np.quantile(draws, 0.25)) / 1.34) * len(draws) ** -0.2
    counts, edges = np.histogram(draws, bins=400, range=(low - 4 * width, high + 4 * width))
    centres = (edges[:-1] + edges[1:]) / 2
    x = np.linspace(low, high, DENSITY_POINTS)
    z = (x[:, None] - centres) / width
    y = np.exp(-0.5 * z * z) @ counts / (len(draws) * width * np.sqrt(2 * np.pi))
    return Density(tuple(x.tolist()), tuple(y.tolist()))
