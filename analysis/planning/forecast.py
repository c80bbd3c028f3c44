"""The outcomes of a planned test, from thousands of tests simulated with the stopping rule.

The rule is `simulated_verdicts.first_verdicts`, which is `decision.decide` on arrays, so that the guarantee and the
plan agree. The same seed gives the same digits; every share carries its Monte Carlo error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from analysis.planning import simulated_verdicts
from analysis.planning.audience import Audience
from analysis.stopping.rules import Rules

SEED: Final = 20_260_401
TESTS: Final = 2_000
#: A longer plan is simulated with a look every few days, which changes its chances by less than the simulation error.
MOST_LOOKS: Final = 60


@dataclass(frozen=True, slots=True)
class Share:
    """A share of simulated tests with its Monte Carlo standard error."""

    value: float
    error: float

    @classmethod
    def of(cls, true: np.ndarray) -> Share:
        p, n = float(np.mean(true)), len(true)
        # Wilson's centre gives a positive error even if all or none of the tests agree.
        centre = (p * n + 0.5) / (n + 1)
        return cls(p, math.sqrt(centre * (1 - centre) / n))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The outcomes of a planned test, as shares of simulated tests.

    Attributes
    ----------
    right : Share
        Shipped a variant that is truly better than the control and within the threshold of caring of the best.
    wrong : Share
        Shipped another variant.
    no_difference : Share
        Ended with "no difference worth having".
    harm : Share
        Stopped because every new variant was proven worse.
    open : Share
        Still open at the planned end.
    median_days : float or None
        Days until half of all tests have ended; None if fewer than half end.
    announced_lift, true_lift : float or None
        Mean lift of shipped variants: as announced on that day (under the lift prior), and the true one.
    """

    right: Share
    wrong: Share
    no_difference: Share
    harm: Share
    open: Share
    median_days: float | None
    announced_lift: float | None
    true_lift: float | None

    @property
    def decisive(self) -> float:
        """The share of tests that end with a verdict within the plan."""
        return 1 - self.open.value

    @property
    def exaggeration(self) -> float | None:
        """Announced over true lift: 1 is unbiased; None if no variant was shipped or the true lift is 0."""
        if self.announced_lift is None or not self.true_lift or self.true_lift <= 0:
            return None
        return self.announced_lift / self.true_lift


def look_days(days: int, most: int = MOST_LOOKS) -> np.ndarray:
    """Return the days of looks: every day, or every few days if there are more than `most`; always the last."""
    step = math.ceil(days / most)
    return np.arange(days, 0, -step, dtype=float)[::-1]


def simulate(
    audience: Audience, rules: Rules, log_lifts: np.ndarray, days: np.ndarray, *, seed: int
) -> simulated_verdicts.Endings:
    """Simulate tests looked at on `days`, and return how each ended.

    Parameters
    ----------
    log_lifts : array of shape (tests, variants − 1)
        True log-lift of each new variant.
    """
    evidence = simulate_evidence(audience, log_lifts, days, seed=seed)
    return simulated_verdicts.first_verdicts(evidence, rules)


def simulate_evidence(
    audience: Audience, log_lifts: np.ndarray, days: np.ndarray, *, seed: int
) -> simulated_verdicts.Evidence:
    """Draw the outcomes of each simulated test, accumulated by look."""
    rng = np.random.default_rng(seed)
    members = audience.members(days)
    arrived = np.diff(members, axis=0, prepend=0)
    true = audience.mean * np.exp(np.concatenate([np.zeros((len(log_lifts), 1)), log_lifts], axis=1))[:, None, :]
    if audience.sd is None:
        done = rng.binomial(arrived, np.minimum(true, 1.0)).cumsum(axis=1)
        return simulated_verdicts.rate_evidence(done, members, days, higher=audience.higher)
    # The mean of many amounts is Normal; the standard deviation is treated as known.
    noise = rng.standard_normal((len(log_lifts), len(days), len(audience.weights))) * np.sqrt(arrived)
    counted = np.maximum(members, 1)
    mean = true + audience.sd * noise.cumsum(axis=1) / counted
    return simulated_verdicts.mean_evidence(mean, audience.sd / np.sqrt(counted), members, days, higher=audience.higher)


def outcomes(
    endings: simulated_verdicts.Endings, log_lifts: np.ndarray, days: np.ndarray, rules: Rules, higher: bool
) -> Outcomes:
    """Summarise the outcomes of simulated tests with given true log-lifts."""
    sign = 1.0 if higher else -1.0
    gains = np.concatenate([np.zeros((len(log_lifts), 1)), sign * np.expm1(log_lifts)], axis=1)
    shipped = endings.ending == simulated_verdicts.SHIP
    own = gains[np.arange(len(gains)), endings.variant]
    right = shipped & (own > 0) & (gains.max(axis=1) - own < rules.caring)
    ended = np.sort(np.append(days, np.inf)[endings.look])
    median = float(ended[(len(ended) - 1) // 2])
    announced = sign * np.expm1(sign * endings.announced[shipped])
    return Outcomes(
        Share.of(right),
        Share.of(shipped & ~right),
        Share.of(endings.ending == simulated_verdicts.NO_DIFFERENCE),
        Share.of(endings.ending == simulated_verdicts.HARM),
        Share.of(endings.ending == simulated_verdicts.OPEN),
        median if math.isfinite(median) else None,
        float(announced.mean()) if shipped.any() else None,
        float(own[shipped].mean()) if shipped.any() else None,
    )


def expected(
    audience: Audience, rules: Rules, days: int, lift: float | None, *, tests: int, seed: int, looks: int = MOST_LOOKS
) -> Outcomes:
    """Simulate a plan of given days; a lift of None draws the true lifts from the lift prior."""
    planned, at = replace(rules, planned_days=float(days)), look_days(days, looks)
    if lift is None:
        log_lifts = drawn_lifts(audience, rules, tests, seed)
    else:
        log_lifts = np.tile(audience.log_lifts(lift), (tests, 1))
    return outcomes(simulate(audience, planned, log_lifts, at, seed=seed), log_lifts, at, planned, audience.higher)


def drawn_lifts(audience: Audience, rules: Rules, tests: int, seed: int) -> np.ndarray:
    """Draw true log-lifts from the lift prior, of shape (tests, variants − 1)."""
    rng = np.random.default_rng([seed, 1])
    drawn = rng.normal(0.0, rules.lift_prior["sd"], (tests, audience.comparisons))
    # Rates are kept below 1.
    return drawn if audience.sd is not None else np.minimum(drawn, math.log(0.999 / audience.mean))
