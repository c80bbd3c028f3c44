"""Sceptical lifts: shrunk towards 0 by the lift prior, jointly over all variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

_DRAWS_LOG2 = 13


@dataclass(frozen=True, slots=True)
class ScepticalLift:
    """The joint posterior of lifts under independent N(0, sd²) priors on their logarithm, Normal by its moments.

    Attributes
    ----------
    variants : tuple of str
        All variants, the control among them (its log-lift is 0).
    mean : array of shape (variants,)
        Posterior mean of the log-lift (or of the difference); positive is better in the metric's direction.
    loss : array of shape (variants,)
        Mean shortfall against the best variant if this one is shipped, as a share of the control's mean.
    p_gain : float
        Chance that the best variant beats the control by more than the threshold of caring.
    """

    variants: tuple[str, ...]
    mean: np.ndarray
    loss: np.ndarray
    p_gain: float


def sceptical(
    variants: Sequence[str],
    control: str,
    mean: Sequence[float],
    sd: Sequence[float],
    *,
    prior_sd: float,
    caring: float,
    higher: bool,
    relative: bool = True,
) -> ScepticalLift:
    """Combine each variant's logarithm with the lift prior.

    The control's mean has a flat prior and is integrated out, which correlates the lifts. Expected losses are averages
    over 8,192 scrambled Sobol points with a fixed seed, so that results are reproducible.

    Parameters
    ----------
    mean, sd : sequences of float
        Moments of the logarithm of each variant's mean, without the lift prior.
    prior_sd : float
        Prior standard deviation of the log-lift.
    caring : float
        Relative gain below which a difference does not matter.
    higher : bool
        Whether more is better; otherwise signs are reversed.
    relative : bool
        Whether `mean` and `sd` are of logarithms. Otherwise they are of means that can be negative, in a unit that
        replaces the control's mean, and differences are used instead of lifts.
    """
    c = list(variants).index(control)
    others = [v for v in range(len(variants)) if v != c]
    y, s = np.asarray(mean, float), np.asarray(sd, float)
    lift = y[others] - y[c]
    covariance = np.diag(s[others] ** 2) + s[c] ** 2
    # (Σ⁻¹ + I/τ²)⁻¹ without inverting Σ, which may be tiny: τ²(Σ + τ²I)⁻¹ Σ.
    gain = np.linalg.solve(covariance + prior_sd**2 * np.eye(len(others)), np.column_stack([covariance, lift[:, None]]))
    shrunk = prior_sd**2 * gain[:, -1]
    spread = prior_sd**2 * gain[:, :-1]
    draws = _normal_draws(shrunk, (spread + spread.T) / 2)
    sign = 1.0 if higher else -1.0
    gains = np.zeros((len(draws), len(variants)))
    gains[:, others] = sign * (np.expm1(draws) if relative else draws)
    top = gains.max(axis=1)
    expected = np.zeros(len(variants))
    expected[others] = sign * shrunk
    return ScepticalLift(tuple(variants), expected, top.mean() - gains.mean(axis=0), float((top > caring).mean()))


def _normal_draws(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    engine = qmc.MultivariateNormalQMC(np.zeros(len(mean)), seed=20_130_118)
    draws: np.ndarray = mean + engine.random(2**_DRAWS_LOG2) @ root.T
    return draws
