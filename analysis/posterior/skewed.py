"""A skewed posterior: Normal without skewness, a shifted log-normal with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.posterior.marginals import Numbers

# Gauss-Hermite nodes for means over a standard Normal; the outermost lie at ±3.75, with 2 in 10,000 beyond.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
#: The number must be above 0 at this many Normal scores below the median to have a logarithm and an inverse.
CLEAR_OF_ZERO = 3.8
_STRAIGHT = 1e-9


@dataclass(frozen=True, slots=True)
class SkewedMarginal:
    """``x = centre + scale · (exp(bend · z) − 1) / bend`` for a standard Normal z (Johnson's S_L; Normal for bend 0).

    The bend follows from the Cornish-Fisher expansion of Student's statistic for a mean of skewed values (Johnson 1978;
    Hall 1992): to the second order ``x = centre + scale · (z + bend/2 · z²)``, but increasing everywhere.

    Attributes
    ----------
    centre : float
        The median.
    scale : float
        Standard deviation for bend 0, above 0.
    bend : float
        About a third of the skewness; positive if the right tail is longer.
    signed : bool
        Whether the number has no natural lower bound of 0 (sentiment, return on cost), so that it has no relative lift.
    """

    centre: float
    scale: float
    bend: float = 0.0
    signed: bool = False

    @property
    def _straight(self) -> bool:
        return abs(self.bend) < _STRAIGHT

    def _at(self, z: Numbers) -> np.ndarray:
        if self._straight:
            return self.centre + self.scale * np.asarray(z, float)
        return self.centre + self.scale * np.expm1(self.bend * np.asarray(z, float)) / self.bend

    def _score(self, x: Numbers) -> np.ndarray:
        """Return the z of a point; infinite beyond the end of the shorter tail."""
        t = (np.asarray(x, float) - self.centre) / self.scale
        if self._straight:
            return t
        stretched = 1 + self.bend * t
        inside = stretched > 0
        return np.where(inside, np.log(np.where(inside, stretched, 1.0)) / self.bend, -np.sign(self.bend) * np.inf)

    @property
    def mean(self) -> float:
        if self._straight:
            return self.centre
        return float(self.centre + self.scale * np.expm1(self.bend**2 / 2) / self.bend)

    @property
    def sd(self) -> float:
        if self._straight:
            return self.scale
        square = self.bend**2
        return float(self.scale * np.sqrt(np.expm1(square) * np.exp(square)) / abs(self.bend))

    @property
    def _clear(self) -> bool:
        return not self.signed and float(self._at(-CLEAR_OF_ZERO)) > 0

    @property
    def log_mean(self) -> float | None:
        return float(_WEIGHTS @ np.log(self._at(_NODES))) if self._clear else None

    @property
    def log_sd(self) -> float | None:
        if not self._clear:
            return None
        logs = np.log(self._at(_NODES))
        return float(np.sqrt(_WEIGHTS @ (logs - _WEIGHTS @ logs) ** 2))

    @property
    def inverse_mean(self) -> float | None:
        return float(_WEIGHTS @ (1 / self._at(_NODES))) if self._clear else None

    def pdf(self, x: Numbers) -> np.ndarray:
        z = self._score(x)
        known = np.where(np.isfinite(z), z, 0.0)
        slope = self.scale * np.exp(self.bend * known)
        return np.where(np.isfinite(z), np.exp(-0.5 * known * known) / (slope * np.sqrt(2 * np.pi)), 0.0)

    def cdf(self, x: Numbers) -> np.ndarray:
        below: np.ndarray = special.ndtr(self._score(x))
        return below

    def sf(self, x: Numbers) -> np.ndarray:
        above: np.ndarray = special.ndtr(-self._score(x))
        return above

    def ppf(self, p: Numbers) -> np.ndarray:
        return self._at(special.ndtri(p))

    def isf(self, p: Numbers) -> np.ndarray:
        return self._at(-special.ndtri(p))

    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray:
        return self._at(rng.standard_normal(size))
