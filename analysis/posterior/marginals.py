"""One-dimensional posteriors in closed form, for a variant's rate or mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import special, stats
from scipy.optimize import minimize_scalar

#: Arguments of the functions of a posterior, elementwise.
Numbers = np.ndarray | float


class Marginal(Protocol):
    """The posterior of one number. All methods take and return arrays of any shape."""

    @property
    def mean(self) -> float: ...
    @property
    def sd(self) -> float: ...
    @property
    def log_mean(self) -> float | None:
        """Return the posterior mean of the logarithm; None if the number may be 0 or less."""

    @property
    def log_sd(self) -> float | None: ...
    @property
    def inverse_mean(self) -> float | None:
        """E[1/x], for the mean of a relative lift; None if x is too near 0 for the lift to have a finite spread."""

    def pdf(self, x: Numbers) -> np.ndarray: ...
    def cdf(self, x: Numbers) -> np.ndarray: ...
    def sf(self, x: Numbers) -> np.ndarray: ...
    def ppf(self, p: Numbers) -> np.ndarray: ...
    def isf(self, p: Numbers) -> np.ndarray:
        """Return the point with upper-tail probability `p`, precise even if `ppf(1 - p)` is not."""

    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray: ...
    def __hash__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class BetaMarginal:
    """Beta(a, b): a rate after `a - prior` successes and `b - prior` failures."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    @property
    def sd(self) -> float:
        n = self.a + self.b
        return float(np.sqrt(self.a / n * (self.b / n) / (n + 1)))

    @property
    def log_mean(self) -> float:
        return float(special.digamma(self.a) - special.digamma(self.a + self.b))

    @property
    def log_sd(self) -> float:
        spread = special.polygamma(1, self.a) - special.polygamma(1, self.a + self.b)
        # With 1e9 successes of 1e9 members, the difference of two trigammas rounds to 0: use its leading term.
        return float(np.sqrt(max(spread, self.b / (self.a * (self.a + self.b)))))

    @property
    def inverse_mean(self) -> float | None:
        # The variance of 1/x is finite only for a > 2.
        return (self.a + self.b - 1) / (self.a - 1) if self.a > 2 else None

    def pdf(self, x: Numbers) -> np.ndarray:
        density: np.ndarray = stats.beta.pdf(x, self.a, self.b)
        return density

    def cdf(self, x: Numbers) -> np.ndarray:
        below: np.ndarray = special.betainc(self.a, self.b, np.clip(x, 0, 1))
        return below

    def sf(self, x: Numbers) -> np.ndarray:
        above: np.ndarray = special.betaincc(self.a, self.b, np.clip(x, 0, 1))
        return above

    def ppf(self, p: Numbers) -> np.ndarray:
        quantile: np.ndarray = special.betaincinv(self.a, self.b, p)
        return quantile

    def isf(self, p: Numbers) -> np.ndarray:
        quantile: np.ndarray = special.betainccinv(self.a, self.b, p)
        return quantile

    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray:
        return rng.beta(self.a, self.b, size)


@dataclass(frozen=True, slots=True)
class NormalMarginal:
    """Normal(mean, sd): a mean per member, by the central limit theorem."""

    mean: float
    sd: float

    #: Below this many standard deviations from 0 the lift over this mean has no usable bounds (Fieller).
    CLEAR_OF_ZERO = 3.7

    @property
    def _clear(self) -> bool:
        return self.mean > self.CLEAR_OF_ZERO * self.sd

    @property
    def log_mean(self) -> float | None:
        # Second-order delta method.
        return float(np.log(self.mean) - 0.5 * (self.sd / self.mean) ** 2) if self._clear else None

    @property
    def log_sd(self) -> float | None:
        return self.sd / self.mean if self._clear else None

    @property
    def inverse_mean(self) -> float | None:
        # E[1/x] of a Normal exists only in the asymptotic sense; its series to the second order.
        return (1 + (self.sd / self.mean) ** 2) / self.mean if self._clear else None

    def pdf(self, x: Numbers) -> np.ndarray:
        z = (x - self.mean) / self.sd
        density: np.ndarray = np.exp(-0.5 * z * z) / (self.sd * np.sqrt(2 * np.pi))
        return density

    def cdf(self, x: Numbers) -> np.ndarray:
        below: np.ndarray = special.ndtr((x - self.mean) / self.sd)
        return below

    def sf(self, x: Numbers) -> np.ndarray:
        above: np.ndarray = special.ndtr((self.mean - x) / self.sd)
        return above

    def ppf(self, p: Numbers) -> np.ndarray:
        quantile: np.ndarray = self.mean + self.sd * special.ndtri(p)
        return quantile

    def isf(self, p: Numbers) -> np.ndarray:
        quantile: np.ndarray = self.mean - self.sd * special.ndtri(p)
        return quantile

    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray:
        return rng.normal(self.mean, self.sd, size)


def shortest_from(ppf: Callable[[float], float], probability: float) -> float:
    """Return the probability below the shortest interval of that probability of a unimodal posterior."""

    def width(lower: float) -> float:
        return float(ppf(lower + probability) - ppf(lower))

    slack = 1 - probability
    minimum = minimize_scalar(width, bounds=(0.0, slack), method="bounded", options={"xatol": 1e-10})
    return min((0.0, float(minimum.x), slack), key=width)
