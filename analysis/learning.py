"""A prior learned from finished experiments: how far the variants of one test truly lie apart.

A random-effects fit with the exact binomial likelihood: ``theta_tv = mu_t + delta_tv`` with ``mu_t ~ N(m, s²)`` over
tests and ``delta_tv ~ N(0, tau²)`` within one. A Normal approximation of the rates would learn too small a tau where
clicks are few. Everything is on a fixed mesh: the same history gives the same digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import gammaincc, logsumexp

from analysis.errors import AnalysisError, NotShown
from analysis.pooling import Counts, modes
from analysis.priors import NamedPrior

#: Fewer finished tests than this say too little of how tests differ.
FEWEST_TESTS: Final = 20
#: Spreads tried: 0.02 is nearly none, 2.5 is a factor of twelve.
SPREADS: Final = np.geomspace(0.02, 2.5, 21)
TAILS: Final = (2.5, 4.0, 8.0, 16.0)
VARYING: Final = (0.3, 0.6, 1.0)
_FOLDS = 5
_MESH = np.linspace(-3.6, 3.6, 33)
_ORDER = 9
_ROWS = 400


@dataclass(frozen=True, slots=True)
class TestSummary:
    """A finished experiment, as far as learning needs it.

    Attributes
    ----------
    key : str
        Its name, for the evidence.
    members, successes : tuple of int
        One a variant, at least two variants; successes at most members.
    """

    __test__ = False  # no test case of pytest's

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
class Family:
    """One shape of the spread between variants, and how well it foretells tests it was not fitted to.

    Attributes
    ----------
    name : str
        ``normal``, ``student_t`` (some variants lie far out) or ``varying`` (some tests lie farther apart than others).
    spread : float
        tau of the Normal; scale of the Student-t; median of tau over tests.
    shape : float or None
        Degrees of freedom of the Student-t; standard deviation of log tau over tests.
    log_score : float
        Mean log likelihood a test over tests held out, five folds.
    ahead : float
        Held-out log likelihood gained over the Normal, in all tests.
    ahead_se : float
        Its standard error.
    """

    name: str
    spread: float
    shape: float | None
    log_score: float
    ahead: float
    ahead_se: float


@dataclass(frozen=True, slots=True)
class LearnedLift:
    """What a history of tests says of true differences.

    Attributes
    ----------
    prior : NamedPrior
        ``learned``, for `conversion` (`log_odds_sd`, `mean_log_odds`, `mean_sd`) and for the verdict's lift (`sd`).
    tests, variants, members : int
        What it rests on.
    tau : float
        Posterior mean of tau under a flat prior.
    tau_low, tau_high : float
        Its 95 % equal-tailed interval.
    mean_log_odds, mean_sd : float
        Mean and standard deviation of tests' typical log-odds.
    families : tuple of Family
        The Normal first, then what it was compared with.
    better : str
        In a sentence: which shape foretells better.
    """

    prior: NamedPrior
    tests: int
    variants: int
    members: int
    tau: float
    tau_low: float
    tau_high: float
    mean_log_odds: float
    mean_sd: float
    families: tuple[Family, ...]
    better: str

    @property
    def evidence(self) -> dict[str, Any]:
        """Plain JSON values, to be stored beside the prior."""
        numbers = ("tests", "variants", "members", "tau", "tau_low", "tau_high", "mean_log_odds", "mean_sd", "better")
        return {name: getattr(self, name) for name in numbers} | {"families": [asdict(f) for f in self.families]}


def learn(tests: Sequence[TestSummary]) -> LearnedLift | NotShown:
    """Fit the spread of true differences to finished tests, or say that there are too few.

    Tests in which nobody did it at all say nothing of differences and are left out.
    """
    told = [test for test in tests if sum(test.successes) and sum(test.successes) < sum(test.members)]
    if len(told) < FEWEST_TESTS:
        there = "is 1 finished experiment" if len(told) == 1 else f"are {len(told)} finished experiments"
        return NotShown(
            "too_little_history",
            f"There {there} to learn from; it takes at least {FEWEST_TESTS} to tell how far variants truly lie apart.",
        )
    return _learned(told, _Likelihood.of(told))


def _learned(tests: Sequence[TestSummary], likelihood: _Likelihood) -> LearnedLift:
    everything = np.arange(len(tests))
    centre, sd = likelihood.means(everything)
    by_spread = likelihood.by_spread(centre, sd).sum(axis=0)
    tau, low, high = _posterior(by_spread)
    families = _families(likelihood)
    members, variants = sum(sum(t.members) for t in tests), sum(len(t.members) for t in tests)
    prior = NamedPrior(
        "learned",
        (("log_odds_sd", tau), ("sd", math.sqrt(2) * tau), ("mean_log_odds", centre), ("mean_sd", sd)),
        f"Fitted to {len(tests):,} finished experiments with {variants:,} variants and {members:,} members: two thirds "
        f"of the variants truly lie within {100 * math.expm1(tau):.0f} % of their test's middle.",
    )
    return LearnedLift(prior, len(tests), variants, members, tau, low, high, centre, sd, families, _told(families))


def _posterior(log_likelihood: np.ndarray) -> tuple[float, float, float]:
    """Return mean and 95 % interval of tau under a flat prior, from the log-likelihood at `SPREADS`."""
    fine = np.linspace(SPREADS[0], SPREADS[-1], 20_001)
    height = CubicSpline(np.log(SPREADS), log_likelihood)(np.log(fine))
    mass = np.exp(height - height.max())
    mass /= mass.sum()
    below = np.cumsum(mass)
    low, high = (float(fine[min(int(np.searchsorted(below, p)), len(fine) - 1)]) for p in (0.025, 0.975))
    return float(mass @ fine), low, high


def _told(families: Sequence[Family]) -> str:
    best = max(families[1:], key=lambda family: family.ahead)
    words = {
        "student_t": "a spread with heavier tails (Student-t)",
        "varying": "a spread that differs from test to test",
    }
    surely = best.ahead > 2 * best.ahead_se and best.ahead > 2
    if not surely:
        return "A Normal spread foretells tests it was not fitted to as well as heavier tails do."
    return (
        f"On tests it was not fitted to, {words[best.name]} does better than the Normal one, by {best.ahead:.1f} ± "
        f"{best.ahead_se:.1f} in log likelihood over all tests; the Normal one stays, as it draws far leads in more."
    )


# The likelihood on its mesh ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Likelihood:
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
    def of(cls, tests: Sequence[TestSummary]) -> _Likelihood:
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
                _log_likelihood(y[i : i + _ROWS], n[i : i + _ROWS], np.repeat(mu, sizes, axis=0)[i : i + _ROWS])
                for i in range(0, len(y), _ROWS)
            ]
        )
        return cls(rows, first, mu, log_width)

    def over_mu(self, by_test: np.ndarray, centre: float, sd: float) -> np.ndarray:
        """Integrate mu out of (tests, mesh, ...) under its Normal prior."""
        log_prior = -0.5 * ((self.mu - centre) / sd) ** 2 - math.log(sd * math.sqrt(2 * math.pi)) + self.log_width
        return logsumexp(by_test + log_prior.reshape(*log_prior.shape, *(1,) * (by_test.ndim - 2)), axis=1)

    def together(self, rows: np.ndarray) -> np.ndarray:
        """Sum the variants of each test: (rows, ...) to (tests, ...)."""
        return np.add.reduceat(rows, self.first, axis=0)

    def by_spread(self, centre: float, sd: float) -> np.ndarray:
        """Return each test's log-likelihood at every spread, (tests, spreads)."""
        return self.over_mu(self.together(self.rows), centre, sd)

    def means(self, tests: np.ndarray) -> tuple[float, float]:
        """Fit mean and standard deviation of the tests' mu by expectation-maximisation, at the best spread by then."""
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


def _log_likelihood(y: np.ndarray, n: np.ndarray, mu: np.ndarray) -> np.ndarray:
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


# Other shapes --------------------------------------------------------------------------------------------------------


def _families(likelihood: _Likelihood) -> tuple[Family, ...]:
    """Compare shapes by their log score on tests held out, fold by fold."""
    candidates = _candidates(likelihood)
    folds = np.arange(len(likelihood.mu)) % _FOLDS
    scores = {name: np.empty(len(folds)) for name in ("normal", "student_t", "varying")}
    for fold in range(_FOLDS):
        fitted, held_out = folds != fold, folds == fold
        for name in scores:
            best = max((c for c in candidates if c[0] == name), key=lambda c: c[3][fitted].sum())
            scores[name][held_out] = best[3][held_out]
    found = []
    for name, score in scores.items():
        best = max((c for c in candidates if c[0] == name), key=lambda c: c[3].sum())
        ahead = score - scores["normal"]
        error = float(ahead.std(ddof=1) * math.sqrt(len(ahead)))
        found.append(Family(name, best[1], best[2], float(score.mean()), float(ahead.sum()), error))
    return tuple(found)


def _candidates(likelihood: _Likelihood) -> list[tuple[str, float, float | None, np.ndarray]]:
    """Every shape on the mesh of spreads with the log-likelihood of each test."""
    centre, sd = likelihood.means(np.arange(len(likelihood.mu)))
    normal = likelihood.by_spread(centre, sd)
    near = np.flatnonzero(normal.sum(axis=0) > normal.sum(axis=0).max() - 200)
    near = np.arange(max(near[0] - 4, 0), near[-1] + 1)
    found: list[tuple[str, float, float | None, np.ndarray]] = []
    for k in near:
        spread = float(SPREADS[k])
        found.append(("normal", spread, None, normal[:, k]))
        for freedom in TAILS:
            share = np.log(np.maximum(_scales_of_t(spread, freedom), 1e-300))
            rows = logsumexp(likelihood.rows + share, axis=-1)
            found.append(("student_t", spread, freedom, likelihood.over_mu(likelihood.together(rows), centre, sd)))
        for wide in VARYING:
            share = -0.5 * (np.log(SPREADS / spread) / wide) ** 2
            found.append(("varying", spread, wide, logsumexp(normal + share - logsumexp(share), axis=-1)))
    return found


def _scales_of_t(scale: float, freedom: float) -> np.ndarray:
    """A Student-t as a mixture of Normals: the share of each of `SPREADS`."""
    log_edges = (np.log(SPREADS[1:]) + np.log(SPREADS[:-1])) / 2
    # A t is Normal with variance scale² freedom / chi²: P(spread < s) = P(chi² > freedom (scale / s)²).
    below = gammaincc(freedom / 2, freedom / 2 * (scale / np.exp(log_edges)) ** 2)
    return np.diff(np.concatenate([[0.0], below, [1.0]]))
