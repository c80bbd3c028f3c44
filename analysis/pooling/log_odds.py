"""Counts of variants, their likelihood of log-odds, and the posterior mode of a variant given mu and tau."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit


@dataclass(frozen=True, slots=True)
class Counts:
    """Successes of members as columns, (variants, 1); not necessarily integers if epochs were weighted."""

    successes: np.ndarray
    members: np.ndarray

    @classmethod
    def of(cls, successes: object, members: object) -> Counts:
        return cls(np.asarray(successes, float)[:, None], np.asarray(members, float)[:, None])

    def log_likelihood(self, theta: np.ndarray) -> np.ndarray:
        """Return the log-likelihood at log-odds `theta` (variants, ...), less its maximum.

        As ``y d − n log(1 + p(e^d − 1))`` around the maximum, computed for the rarer of the two outcomes, so that a
        billion members keep twelve digits.
        """
        y, n = (column.reshape(-1, *(1,) * (theta.ndim - 1)) for column in (self.successes, self.members))
        inside = (y > 0) & (y < n)
        fewer = np.minimum(y, n - y)
        rare = np.where(inside, fewer, 0.5) / np.where(inside, n, 1.0)
        away = np.where(y > n / 2, -theta, theta) - (np.log(rare) - np.log1p(-rare))
        around = fewer * away - n * np.log1p(rare * np.expm1(np.minimum(away, 700.0)))
        log_likelihood: np.ndarray = np.where(inside, around, n * log_expit(np.where(y > 0, theta, -theta)))
        return log_likelihood


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
    start = (np.log(y + 0.5) - np.log(n - y + 0.5)) / spread + mu / tau**2
    theta: np.ndarray = np.clip(start / (1 / spread + 1 / tau**2), low, high)
    for _ in range(100):
        gradient = y - n * expit(theta) - (theta - mu) / tau**2
        bend = curvature(counts, theta, tau)
        step = gradient / bend
        low, high = np.where(gradient > 0, theta, low), np.where(gradient > 0, high, theta)
        fresh = theta + step
        theta = np.where((fresh < low) | (fresh > high), (low + high) / 2, fresh)
        if (np.abs(step) * np.sqrt(bend)).max() < 1e-5:
            break
    return theta


def curvature(counts: Counts, theta: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Return the curvature of each variant's log posterior at log-odds `theta`, (variants, nodes): 1 / variance."""
    p = expit(theta)
    bend: np.ndarray = counts.members * p * expit(-theta) + 1 / tau**2
    return bend


def log_joint(counts: Counts, mu: np.ndarray, tau: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Return the log of likelihood times prior at `theta`, (variants, nodes[, points]), up to a constant."""
    away = (theta - _as(mu, theta)) / _as(tau, theta)
    log_density: np.ndarray = counts.log_likelihood(theta) - 0.5 * away**2
    return log_density


def _as(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Shape an array over nodes so that it broadcasts against (variants, nodes[, points])."""
    return values if like.ndim == 2 else values[:, None]
