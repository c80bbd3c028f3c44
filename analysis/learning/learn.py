"""A prior learned from finished experiments: the spread of true differences within a test.

A random-effects fit with the exact binomial likelihood: ``theta_tv = mu_t + delta_tv`` with ``mu_t ~ N(m, s²)`` over
tests and ``delta_tv ~ N(0, tau²)`` within one. A Normal approximation of the rates would underestimate tau if
clicks are few. All integrals use a fixed mesh, so the same history gives the same digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from scipy.interpolate import CubicSpline

from analysis.errors import NotShown, not_shown
from analysis.learning.families import Family, compare
from analysis.learning.random_effects import SPREADS, Likelihood, TestSummary
from analysis.messages import Message, message
from analysis.priors import NamedPrior

__all__ = ["FEWEST_TESTS", "LearnedLift", "TestSummary", "learn"]

#: Minimum number of finished tests to learn from.
FEWEST_TESTS: Final = 20
#: The Normal quantile below which nine of ten tests lie.
NINE_OF_TEN: Final = 1.2816


@dataclass(frozen=True, slots=True)
class LearnedLift:
    """True differences learned from a history of tests.

    Attributes
    ----------
    prior : NamedPrior
        ``learned``, for `conversion` (`log_odds_sd`, with `log_odds_sd_varies` if that clearly predicts better,
        `mean_log_odds`, `mean_sd`) and for the verdict's lift (`sd`).
    tests, variants, members : int
        Size of the history.
    tau : float
        Posterior mean of tau under a flat prior.
    tau_low, tau_high : float
        Its 95 % equal-tailed interval.
    mean_log_odds, mean_sd : float
        Mean and standard deviation of tests' typical log-odds.
    families : tuple of Family
        The Normal first, then the alternatives.
    better : Message
        Which shape predicts held-out tests better.
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
    better: Message

    @property
    def evidence(self) -> dict[str, Any]:
        """Return plain JSON values, stored with the prior."""
        numbers = ("tests", "variants", "members", "tau", "tau_low", "tau_high", "mean_log_odds", "mean_sd")
        figures = {name: getattr(self, name) for name in numbers}
        return figures | {"better": self.better.to_dict(), "families": [asdict(f) for f in self.families]}


def learn(tests: Sequence[TestSummary]) -> LearnedLift | NotShown:
    """Fit the spread of true differences to finished tests, or return that there are too few.

    Tests with no successes or only successes have information on the level of rates, but not on differences.
    """
    informative = [test for test in tests if sum(test.successes) and sum(test.successes) < sum(test.members)]
    if len(informative) < FEWEST_TESTS:
        return not_shown("too_little_history", tests=len(informative), fewest=FEWEST_TESTS)
    return _learned(tests, Likelihood.of(tests))


def _learned(tests: Sequence[TestSummary], likelihood: Likelihood) -> LearnedLift:
    everything = np.arange(len(tests))
    centre, sd = likelihood.means(everything)
    by_spread = likelihood.by_spread(centre, sd).sum(axis=0)
    tau, low, high = _posterior(by_spread)
    families = compare(likelihood, centre, sd)
    members, variants = sum(sum(t.members) for t in tests), sum(len(t.members) for t in tests)
    size = {"tests": len(tests), "variants": variants, "members": members}
    spread, reason = _spread(tau, families, size)
    prior = NamedPrior(
        "learned",
        (*spread, ("sd", math.sqrt(2) * tau), ("mean_log_odds", centre), ("mean_sd", sd)),
        reason,
    )
    return LearnedLift(prior, len(tests), variants, members, tau, low, high, centre, sd, families, _better(families))


def _spread(
    tau: float, families: Sequence[Family], size: Mapping[str, int]
) -> tuple[tuple[tuple[str, float], ...], Message]:
    """Return the prior's parameters of the spread, constant or varying between tests, and its reason."""
    varying = next(family for family in families if family.name == "varying")
    if not varying.surely_ahead or varying.shape is None:
        return (("log_odds_sd", tau),), message("prior.learned", **size, within=math.expm1(tau))
    within, widest = (varying.spread * math.exp(normal * varying.shape) for normal in (0.0, NINE_OF_TEN))
    reason = message("prior.learned_varies", **size, within=math.expm1(within), widest=math.expm1(widest))
    return (("log_odds_sd", varying.spread), ("log_odds_sd_varies", varying.shape)), reason


def _posterior(log_likelihood: np.ndarray) -> tuple[float, float, float]:
    """Return mean and 95 % interval of tau under a flat prior, from the log-likelihood at `SPREADS`."""
    fine = np.linspace(SPREADS[0], SPREADS[-1], 20_001)
    height = CubicSpline(np.log(SPREADS), log_likelihood)(np.log(fine))
    mass = np.exp(height - height.max())
    mass /= mass.sum()
    below = np.cumsum(mass)
    low, high = (float(fine[min(int(np.searchsorted(below, p)), len(fine) - 1)]) for p in (0.025, 0.975))
    return float(mass @ fine), low, high


def _better(families: Sequence[Family]) -> Message:
    """Return which shape of the spread predicts held-out tests better, and whether the prior uses it."""
    best = max(families[1:], key=lambda family: family.ahead)
    if not best.surely_ahead:
        return message("families.normal")
    used = any(family.name == "varying" and family.surely_ahead for family in families)
    figures = {"ahead": best.ahead, "error": best.ahead_se}
    if best.name == "varying":
        return message("families.varying", **figures)
    return message("families.student_t_varying" if used else "families.student_t", **figures)
