"""Shapes of the spread between variants, compared by their prediction of held-out tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import gammaincc, logsumexp

from analysis.learning.random_effects import SPREADS, Likelihood

#: Degrees of freedom to try for the Student-t.
TAILS: Final = (2.5, 4.0, 8.0, 16.0)
#: Medians and standard deviations of the logarithm to try for a tau that differs between tests.
MEDIANS: Final = np.geomspace(0.02, 1.5, 80)
VARYING: Final = np.linspace(0.1, 1.5, 29)
_FOLDS = 5
_FINE = np.geomspace(SPREADS[0], SPREADS[-1], 161)


@dataclass(frozen=True, slots=True)
class Family:
    """One shape of the spread between variants, with its score on held-out tests.

    Attributes
    ----------
    name : str
        ``normal``, ``student_t`` (some variants are outliers) or ``varying`` (the spread differs between tests).
    spread : float
        tau of the Normal; scale of the Student-t; median of tau over tests.
    shape : float or None
        Degrees of freedom of the Student-t; standard deviation of log tau over tests.
    log_score : float
        Mean held-out log likelihood of a test, five folds.
    ahead : float
        Gain in held-out log likelihood over the Normal, in all tests.
    ahead_se : float
        Its standard error.
    """

    name: str
    spread: float
    shape: float | None
    log_score: float
    ahead: float
    ahead_se: float

    @property
    def surely_ahead(self) -> bool:
        return self.ahead > 2 * self.ahead_se and self.ahead > 2


@dataclass(frozen=True, slots=True)
class _Shape:
    """The candidates of one family: `fits` are log-likelihoods, (tests, candidates)."""

    spreads: np.ndarray
    shapes: np.ndarray
    fits: np.ndarray

    def held_out(self, folds: np.ndarray) -> np.ndarray:
        """Return each test's log-likelihood under the candidate that fits the other folds best."""
        score = np.empty(len(self.fits))
        for fold in range(_FOLDS):
            score[folds == fold] = self.fits[folds == fold, self.fits[folds != fold].sum(axis=0).argmax()]
        return score

    def best(self) -> tuple[float, float | None]:
        """Return spread and shape of the candidate that fits all tests best."""
        at = int(self.fits.sum(axis=0).argmax())
        return float(self.spreads[at]), None if np.isnan(self.shapes[at]) else float(self.shapes[at])


def compare(likelihood: Likelihood, centre: float, sd: float) -> tuple[Family, ...]:
    """Return every family with its log score on held-out tests, the Normal first.

    Parameters
    ----------
    centre, sd : float
        Mean and standard deviation of the tests' typical log-odds.
    """
    normal = likelihood.by_spread(centre, sd)
    fine = CubicSpline(np.log(SPREADS), normal, axis=1)(np.log(_FINE))
    shapes = {
        "normal": _Shape(_FINE, np.full(len(_FINE), np.nan), fine),
        "student_t": _student_t(likelihood, normal, centre, sd),
        "varying": _varying(fine),
    }
    folds = np.arange(len(normal)) % _FOLDS
    scores = {name: shape.held_out(folds) for name, shape in shapes.items()}
    families = []
    for name, score in scores.items():
        ahead = score - scores["normal"]
        error = float(ahead.std(ddof=1) * np.sqrt(len(ahead)))
        families.append(Family(name, *shapes[name].best(), float(score.mean()), float(ahead.sum()), error))
    return tuple(families)


def _student_t(likelihood: Likelihood, normal: np.ndarray, centre: float, sd: float) -> _Shape:
    total = normal.sum(axis=0)
    near = np.flatnonzero(total > total.max() - 200)
    tried = [(float(SPREADS[k]), tails) for k in range(max(near[0] - 4, 0), near[-1] + 1) for tails in TAILS]
    fits = []
    for scale, freedom in tried:
        share = np.log(np.maximum(_scales_of_t(scale, freedom), 1e-300))
        rows = logsumexp(likelihood.rows + share, axis=-1)
        fits.append(likelihood.over_mu(likelihood.together(rows), centre, sd))
    spreads, shapes = np.array(tried).T
    return _Shape(spreads, shapes, np.array(fits).T)


def _varying(fine: np.ndarray) -> _Shape:
    """Return every candidate log-normal tau as a mixture of known ones on a fine mesh."""
    top = fine.max(axis=1, keepdims=True)
    medians, shapes = (grid.ravel() for grid in np.meshgrid(MEDIANS, VARYING, indexing="ij"))
    weight = np.exp(-0.5 * (np.log(_FINE[:, None] / medians) / shapes) ** 2)
    mixed = np.exp(fine - top) @ (weight / weight.sum(axis=0))
    return _Shape(medians, shapes, np.log(np.maximum(mixed, 1e-300)) + top)


def _scales_of_t(scale: float, freedom: float) -> np.ndarray:
    """Return a Student-t as a mixture of Normals: the share of each of `SPREADS`."""
    log_edges = (np.log(SPREADS[1:]) + np.log(SPREADS[:-1])) / 2
    # A t is Normal with variance scale² freedom / chi²: P(spread < s) = P(chi² > freedom (scale / s)²).
    below = gammaincc(freedom / 2, freedom / 2 * (scale / np.exp(log_edges)) ** 2)
    return np.diff(np.concatenate([[0.0], below, [1.0]]))
