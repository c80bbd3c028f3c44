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

from analysis.errors import NotShown
from analysis.learning.families import Family, compare
from analysis.learning.random_effects import SPREADS, Likelihood, TestSummary
from analysis.priors import NamedPrior

__all__ = ["FEWEST_TESTS", "LearnedLift", "TestSummary", "learn"]

#: Fewer finished tests than this say too little of how tests differ.
FEWEST_TESTS: Final = 20
#: A share of tests that is nearly all of them, and its Normal quantile.
_NEARLY_ALL: Final = (0.9, 1.2816)


@dataclass(frozen=True, slots=True)
class LearnedLift:
    """What a history of tests says of true differences.

    Attributes
    ----------
    prior : NamedPrior
        ``learned``, for `conversion` (`log_odds_sd`, with `log_odds_sd_varies` where that surely foretells better,
        `mean_log_odds`, `mean_sd`) and for the verdict's lift (`sd`).
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

    Tests in which nobody did it at all, or everybody, say nothing of differences, but of how high rates are.
    """
    told = [test for test in tests if sum(test.successes) and sum(test.successes) < sum(test.members)]
    if len(told) < FEWEST_TESTS:
        there = "is 1 finished experiment" if len(told) == 1 else f"are {len(told)} finished experiments"
        return NotShown(
            "too_little_history",
            f"There {there} to learn from; it takes at least {FEWEST_TESTS} to tell how far variants truly lie apart.",
        )
    return _learned(tests, Likelihood.of(tests))


def _learned(tests: Sequence[TestSummary], likelihood: Likelihood) -> LearnedLift:
    everything = np.arange(len(tests))
    centre, sd = likelihood.means(everything)
    by_spread = likelihood.by_spread(centre, sd).sum(axis=0)
    tau, low, high = _posterior(by_spread)
    families = compare(likelihood, centre, sd)
    members, variants = sum(sum(t.members) for t in tests), sum(len(t.members) for t in tests)
    spread, words = _spread(tau, families)
    prior = NamedPrior(
        "learned",
        (*spread, ("sd", math.sqrt(2) * tau), ("mean_log_odds", centre), ("mean_sd", sd)),
        f"Fitted to {len(tests):,} finished experiments with {variants:,} variants and {members:,} members: {words}",
    )
    return LearnedLift(prior, len(tests), variants, members, tau, low, high, centre, sd, families, _told(families))


def _spread(tau: float, families: Sequence[Family]) -> tuple[tuple[tuple[str, float], ...], str]:
    """Return the prior's parameters of the spread, of one size or differing by test, and what they mean in words."""
    varying = next(family for family in families if family.name == "varying")
    if not varying.surely_ahead or varying.shape is None:
        within = f"two thirds of the variants truly lie within {_percent(tau)} of their test's middle."
        return (("log_odds_sd", tau),), within
    share, normal = _NEARLY_ALL
    widest = varying.spread * math.exp(normal * varying.shape)
    return (("log_odds_sd", varying.spread), ("log_odds_sd_varies", varying.shape)), (
        f"in half of the tests two thirds of the variants truly lie within {_percent(varying.spread)} of their test's "
        f"middle, in {10 * share:.0f} of 10 tests within {_percent(widest)}."
    )


def _percent(log_odds: float) -> str:
    return f"{100 * math.expm1(log_odds):.0f} %"


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
    if not best.surely_ahead:
        return "A Normal spread foretells tests it was not fitted to as well as heavier tails do."
    words = {
        "student_t": "a spread with heavier tails (Student-t)",
        "varying": "a spread that differs from test to test",
    }
    used = any(family.name == "varying" and family.surely_ahead for family in families)
    goes_by = "so the prior does too" if used else "the Normal one stays, as it draws far leads in more"
    return (
        f"On tests it was not fitted to, {words[best.name]} does better than the Normal one, by {best.ahead:.1f} ± "
        f"{best.ahead_se:.1f} in log likelihood over all tests; {goes_by}."
    )
