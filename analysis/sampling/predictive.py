"""Posterior predictive checks: observed statistics compared with those of replicated data.

A model may converge and still be wrong. A statistic that it was not fitted to (the plain sum of amounts under a
log-normal model, the number of zeros under a negative binomial) is computed for data replicated from the draws; if the
observed value lies outside their range, the fit is not shown. No rows are kept: sums over a billion members cost as
much as over ten thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import norm

from analysis.messages import Message, message

#: Probability that a correct model fails any of its checks; divided among them.
FALSE_ALARMS = 0.01
#: Replicated data sets for each check.
REPLICATIONS = 2000
#: Rows of the upper tail that are drawn one by one; the sum of the rest is close to Normal.
TAIL_ROWS = 200

Quantile = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Check:
    """One observed statistic with the range that the model predicts.

    Attributes
    ----------
    name : Message
        The statistic and the variant.
    observed : float
    low, high : float
        Ends of the range that replicated data span, in the unit of `observed`; `low` is None for a
        one-sided check.
    passed : bool
        Whether the observed value lies within the range.
    """

    name: Message
    observed: float
    low: float | None
    high: float
    passed: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"name": self.name.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Check:
        """Read a stored check back."""
        return cls(**dict(data) | {"name": Message.from_dict(data["name"])})

    @property
    def beside_expected(self) -> Message:
        """The statistic with its observed value and its expected range."""
        if self.low is None:
            return message("check.at_most", name=self.name, observed=self.observed, high=self.high)
        return message("check.range", name=self.name, observed=self.observed, low=self.low, high=self.high)


def check_most(name: Message, observed: float, replicated: np.ndarray, *, checks: int = 1) -> Check:
    """Compare an observed statistic with its replications as `check` does, but one-sided: only large values fail."""
    both = check(name, observed, replicated, checks=checks)
    return Check(name, both.observed, None, both.high, both.observed <= both.high)


def check(name: Message, observed: float, replicated: np.ndarray, *, checks: int = 1) -> Check:
    """Compare an observed statistic with its replications.

    Parameters
    ----------
    replicated : array of shape (replications,)
    checks : int
        Number of checks of this fit, among which the probability of a false alarm, `FALSE_ALARMS`, is divided.
    """
    tail = FALSE_ALARMS / checks / 2
    low, high = (float(q) for q in np.quantile(replicated, [tail, 1 - tail]))
    # A statistic without variation in the model, such as a count that is always 0, is compared up to rounding.
    slack = 1e-9 * max(abs(low), abs(high), abs(observed))
    return Check(name, float(observed), low, high, bool(low - slack <= observed <= high + slack))


def failures(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Return the checks that did not pass."""
    return tuple(one for one in checks if not one.passed)


def thinned(draws: np.ndarray, size: int = REPLICATIONS) -> np.ndarray:
    """Return `size` rows spread evenly over the draws (all of them if there are fewer)."""
    kept: np.ndarray = draws[np.linspace(0, len(draws) - 1, min(size, len(draws))).round().astype(int)]
    return kept


def replicated_sums(
    quantile: Quantile, of: Sequence[Callable[[np.ndarray], np.ndarray]], n: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw sums of functions of the same `n` independent rows, for each of many parameter draws.

    The largest `TAIL_ROWS` or so rows are drawn one by one and the sums over the rest as Normals with their exact means
    and covariances: with heavy tails a few largest rows dominate even a sum over a million.

    Parameters
    ----------
    quantile : callable
        From standard Normal scores of shape (replications, k) to values of that shape: row i under parameter draw i.
        Called with shape (1, k) it gives (replications, k) as well.
    of : sequence of callable
        The functions to sum, such as the square; elementwise.
    n : int
        Rows of each replicated data set, 1 or more.

    Returns
    -------
    array of shape (functions, replications)
    """
    share = min(1.0, TAIL_ROWS / n)
    width = np.shape(quantile(np.zeros((1, 1))))[0]
    if share == 1.0:
        values = quantile(rng.standard_normal((width, n)))
        return np.stack([function(values).sum(axis=1) for function in of])
    many = rng.binomial(n, share, size=(width,))
    above = quantile(-ndtri(share * rng.random((width, many.max()))))
    real = np.arange(many.max()) < many[:, None]
    tail = np.stack([np.where(real, function(above), 0.0).sum(axis=1) for function in of])
    z, weight = _below(-float(ndtri(share)))
    body = quantile(z[None, :])
    sums: np.ndarray = tail + _normal_sums(np.stack([function(body) for function in of]), weight, n - many, rng)
    return sums


def _normal_sums(values: np.ndarray, weight: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw sums over `rows` rows from their Normal limit; `values` at the nodes, (functions, replications, nodes)."""
    mean = values @ weight
    centred = values - mean[..., None]
    sd = np.sqrt(centred**2 @ weight)
    scaled = centred / np.maximum(sd, np.finfo(float).tiny)[..., None]
    correlation = np.einsum("irk,jrk,k->rij", scaled, scaled, weight)
    size, axes = np.linalg.eigh(correlation)
    scores = axes @ (np.sqrt(np.maximum(size, 0.0)) * rng.standard_normal(size.shape))[..., None]
    sums: np.ndarray = rows * mean + np.sqrt(rows) * sd * scores[..., 0].T
    return sums


def _below(top: float, points: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss-Legendre nodes and weights (summing to 1) of a standard Normal cut off above `top`."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    low = -9.0
    z = (nodes + 1) / 2 * (top - low) + low
    mass = weights * norm.pdf(z)
    return z, mass / mass.sum()
