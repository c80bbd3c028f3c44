"""The likelihood of finished experiments under a random-effects model, on a fixed mesh.

``theta_tv = mu_t + delta_tv`` with ``mu_t ~ N(m, s²)`` over tests and ``delta_tv ~ N(0, tau²)`` within one. The
binomial likelihood is exact: a Normal approximation of the rates would underestimate tau if clicks are few.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import logsumexp

from analysis.errors import AnalysisError
from analysis.pooling.log_odds import Counts, modes

#: Candidate spreads: 0.02 is nearly none, 2.5 is a factor of twelve.
SPREADS: Final = np.geomspace(0.02, 2.5, 21)
_MESH = np.linspace(-3.6, 3.6, 33)
_ORDER = 9
_ROWS = 400


@dataclass(frozen=True, slots=True)
class TestSummary:
    """The data of a finished experiment for learning.

    Attributes
    ----------
    key : str
        Its name, for the evidence.
    members, successes : tuple of int
        One for each of at least two variants; successes at most members.
    """

    __test__ = False  # not a pytest test case

    key: str
    members: tuple[int, ...]
    successes: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.members) != len(self.successes) or len(self.members) < 2:
            raise AnalysisError(
                "bad_statistics",
                f"The test {self.key} has {len(self.members)} members' and {len(self.successes)} successes' counts; "
                "give one of each for every variant, at least two.",
            )
        for n, y in zip(self.members, self.successes, strict=True):
            if not (n > 0 and 0 <= y <= n):
                raise AnalysisError(
                    "bad_statistics",
                    f"The test {self.key} has a variant with {y} successes of {n} members; give members above 0 and "
                    "no more successes than members.",
                )


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Log-likelihoods of variants (rows) at each test's mesh of mu and at every spread.

    Attributes
    ----------
    rows : array (rows, mesh, spreads)
    first : array (tests,)
        Number of each test's first row.
    mu, log_width : arrays (tests, mesh)
    """

    rows: np.ndarray
    first: np.ndarray
    mu: np.ndarray
    log_width: np.ndarray

    @classmethod
    def of(cls, tests: Sequence[TestSummary]) -> Likelihood:
        sizes = np.array([len(test.members) for test in tests])
        y = np.concatenate([test.successes for test in tests]).astype(float)
        n = np.concatenate([test.members for test in tests]).astype(float)
        first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        total, members = np.add.reduceat(y, first), np.add.reduceat(n, first)
        centre = np.log(total + 0.5) - np.log(members - total + 0.5)
        near = np.sqrt(1 / (total + 0.5) + 1 / (members - total + 0.5) + 0.02 / sizes)
        mu = centre[:, None] + near[:, None] * np.sinh(_MESH)
        log_width = np.log(near[:, None] * np.cosh(_MESH) * (_MESH[1] - _MESH[0]))
        rows = np.concatenate(
            [
                log_likelihood(y[i : i + _ROWS], n[i : i + _ROWS], np.repeat(mu, sizes, axis=0)[i : i + _ROWS])
                for i in range(0, len(y), _ROWS)
            ]
        )
        return cls(rows, first, mu, log_width)

    def over_mu(self, by_test: np.ndarray, centre: float, sd: float) -> np.ndarray:
        """Integrate mu out of (tests, mesh, ...) under its Normal prior."""
        log_prior = -0.5 * ((self.mu - centre) / sd) ** 2 - math.log(sd * math.sqrt(2 * math.pi)) + self.log_width
        log_likelihood: np.ndarray = logsumexp(
            by_test + log_prior.reshape(*log_prior.shape, *(1,) * (by_test.ndim - 2)), axis=1
        )
        return log_likelihood

    def together(self, rows: np.ndarray) -> np.ndarray:
        """Sum the variants of each test: (rows, ...) to (tests, ...)."""
        return np.add.reduceat(rows, self.first, axis=0)

    def by_spread(self, centre: float, sd: float) -> np.ndarray:
        """Return each test's log-likelihood at every spread, (tests, spreads)."""
        return self.over_mu(self.together(self.rows), centre, sd)

    def means(self, tests: np.ndarray) -> tuple[float, float]:
        """Fit mean and standard deviation of the tests' mu by expectation-maximisation, at the current best spread."""
        every = self.together(self.rows)[tests]
        mu, width = self.mu[tests], self.log_width[tests]
        centre, sd = float(mu.mean()), max(float(mu[:, len(_MESH) // 2].std()), 0.05)
        for _ in range(30):
            log_prior = -0.5 * ((mu - centre) / sd) ** 2 + width
            best = int(logsumexp(every + log_prior[..., None], axis=1).sum(axis=0).argmax())
            mass = every[..., best] + log_prior
            mass = np.exp(mass - logsumexp(mass, axis=1, keepdims=True))
            means = (mass * mu).sum(axis=1)
            within = (mass * (mu - means[:, None]) ** 2).sum(axis=1)
            before, centre = centre, float(means.mean())
            sd = max(float(np.sqrt(within.mean() + means.var())), 0.02)
            if abs(centre - before) < 1e-7 * sd:
                break
        return centre, sd


def log_likelihood(y: np.ndarray, n: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """Return log ∫ Binomial(y | theta) N(theta; mu, spread²) d theta, (rows, mesh, spreads), less the best theta's.

    Gauss-Hermite around the mode of each integrand (Liu and Pierce 1994).
    """
    counts = Counts(y[:, None], n[:, None])
    nodes, weights = np.polynomial.hermite.hermgauss(_ORDER)
    out = np.empty((*mu.shape, len(SPREADS)))
    for k, spread in enumerate(SPREADS):
        tau = np.full(mu.shape[1], spread)
        centre = modes(counts, mu, tau)
        odds = 1 / (1 + np.exp(-centre))
        scale = np.sqrt(2 / (n[:, None] * odds * (1 - odds) + 1 / spread**2))
        theta = centre[..., None] + scale[..., None] * nodes
        heights = counts.log_likelihood(theta) - 0.5 * ((theta - mu[..., None]) / spread) ** 2
        total = logsumexp(heights + nodes**2 + np.log(weights), axis=-1)
        out[..., k] = total + np.log(scale / (spread * math.sqrt(2 * math.pi)))
    return out
