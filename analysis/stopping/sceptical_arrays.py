"""Sceptical lifts for thousands of tests at once; `sceptical.sceptical` handles one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import ndtr

#: As in `decision`: a chance of a gain below this makes it unlikely.
LITTLE_CHANCE: Final = 0.05

# Nodes over the control's mean, in standard deviations: an even grid, exact for a Normal to the last digits if a lift
# given that mean is not much narrower than a step; every second node is enough for smooth functions. And over the size
# of the best gain: Gauss-Legendre.
_NODES = np.linspace(-4.5, 4.5, 37)
_NODE_WEIGHTS = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()
_FEWER, _FEWER_WEIGHTS = _NODES[::2], _NODE_WEIGHTS[::2] / _NODE_WEIGHTS[::2].sum()
_UNIT, _UNIT_WEIGHTS = np.polynomial.legendre.leggauss(28)


@dataclass(frozen=True, slots=True)
class Lifts:
    """The joint posterior of log-lifts under independent Normal priors, of many tests.

    Given the control's mean the lifts are independent Normals, so that integrating over it needs sums over a few nodes.

    Attributes
    ----------
    mean : array of shape (tests, variants − 1)
        Posterior mean of the log-lift, positive = better.
    slope : array of the same shape
        Decrease of each with a standard deviation of the control's mean.
    spread : array of the same shape
        Standard deviation of each, given the control's mean.
    higher : bool
    """

    mean: np.ndarray
    slope: np.ndarray
    spread: np.ndarray
    higher: bool

    @property
    def variance(self) -> np.ndarray:
        variance: np.ndarray = self.slope**2 + self.spread**2
        return variance

    def _none_above(self, above: np.ndarray | float, nodes: np.ndarray, rows: Any = slice(None)) -> np.ndarray:
        """Return the chance that no lift lies above a bound, at each node; of shape (tests, nodes)."""
        none: np.ndarray | float = 1.0
        for v in range(self.mean.shape[1]):
            at = self.mean[rows, v, None] - self.slope[rows, v, None] * nodes
            none = none * ndtr((above - at) / self.spread[rows, v, None])
        return np.asarray(none)

    @property
    def _sign(self) -> float:
        return 1.0 if self.higher else -1.0

    def p_gain(self, caring: float) -> np.ndarray:
        """Return the chance that the best variant beats the control by more than a share of it; of shape (tests,)."""
        if self.mean.shape[1] == 1:
            return self._single_gains(caring)[:, 0]
        chance: np.ndarray = 1 - self._none_above(self._above(caring), _NODES) @ _NODE_WEIGHTS
        return chance

    def gain_is_unlikely(self, caring: float) -> np.ndarray:
        """Return whether `p_gain` is below `LITTLE_CHANCE`; without a sum over nodes if one variant decides it."""
        single = self._single_gains(caring)
        unlikely: np.ndarray = single.sum(axis=1) < LITTLE_CHANCE
        unsure = ~unlikely & (single.max(axis=1) < LITTLE_CHANCE)
        if unsure.any():
            none = self._none_above(self._above(caring), _NODES, unsure)
            unlikely[unsure] = 1 - none @ _NODE_WEIGHTS < LITTLE_CHANCE
        return unlikely

    def _above(self, caring: float) -> float:
        return float(self._sign * np.log1p(self._sign * caring))

    def _single_gains(self, caring: float) -> np.ndarray:
        """Return the chance of such a gain for each variant alone."""
        chances: np.ndarray = ndtr((self.mean - self._above(caring)) / np.sqrt(self.variance))
        return chances

    def gains(self) -> np.ndarray:
        """Return each variant's expected gain as a share of the control's mean; of shape (tests, variants − 1)."""
        sign = self._sign
        return sign * np.expm1(sign * self.mean + 0.5 * self.variance)

    def best_gain(self) -> np.ndarray:
        """Return the expected gain of the best variant, the control included: the integral of its upper tail."""
        if self.mean.shape[1] == 1:
            return self._only_gain()
        given = self.mean[:, None, :] - self.slope[:, None, :] * _FEWER[:, None]
        reach = np.maximum((given + 6 * self.spread[:, None, :]).max(axis=2), 0.0)
        total = np.zeros(len(self.mean))
        for unit, weight in zip(_UNIT, _UNIT_WEIGHTS, strict=True):
            at = reach * (0.5 * (unit + 1))
            tail = (1 - self._none_above(at, _FEWER)) * np.exp(self._sign * at) * reach
            total += (tail @ _FEWER_WEIGHTS) * (0.5 * weight)
        return total

    def _only_gain(self) -> np.ndarray:
        """Return the expected gain for one variant, in closed form."""
        mean, spread, sign = self.mean[:, 0], np.sqrt(self.variance[:, 0]), self._sign
        tilted = np.exp(sign * mean + 0.5 * spread**2) * ndtr((mean + sign * spread**2) / spread)
        gain: np.ndarray = sign * (tilted - ndtr(mean / spread))
        return gain

    def losses(self) -> np.ndarray:
        """Return each variant's expected shortfall against the best, as a share; of shape (tests, variants)."""
        gains = np.concatenate([np.zeros((len(self.mean), 1)), self.gains()], axis=1)
        shortfall: np.ndarray = self.best_gain()[:, None] - gains
        return shortfall


def sceptical_lifts(log_mean: np.ndarray, log_sd: np.ndarray, *, prior_sd: float, higher: bool = True) -> Lifts:
    """Combine logarithms of shape (tests, variants) with independent N(0, prior_sd²) priors on the log-lifts.

    The control's mean has a flat prior; the other variants inform it too, as their lifts are probably small.
    """
    y = log_mean if higher else -log_mean
    own = log_sd[:, 1:] ** 2
    weight = prior_sd**2 / (prior_sd**2 + own)
    precision = 1 / log_sd[:, 0] ** 2 + (1 / (own + prior_sd**2)).sum(axis=1)
    control = (y[:, 0] / log_sd[:, 0] ** 2 + (y[:, 1:] / (own + prior_sd**2)).sum(axis=1)) / precision
    return Lifts(
        weight * (y[:, 1:] - control[:, None]), weight / np.sqrt(precision)[:, None], np.sqrt(weight * own), higher
    )
