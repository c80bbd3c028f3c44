"""Whether "no difference worth having" keeps its promise under daily looks, and how many days that costs.

Tests with a true gain of exactly the smallest one that matters, and of twice and three times it, must rarely be called
no difference; tests without a difference should be called so in reasonable time. Beside the product's bound stand the
rule without a bound of its own (a chance below 5 % of such a gain, at any look) and a single test at the planned end.
"""

import numpy as np
from scipy.special import ndtri

from analysis.planning import simulated_verdicts
from analysis.planning.audience import Audience
from analysis.planning.forecast import simulate_evidence
from analysis.planning.simulated_verdicts import NO_DIFFERENCE, Limits, first_verdicts
from analysis.stopping.rules import Rules

CARING, DAYS, A_DAY, BASE = 0.03, 20, 20_000, 0.10
GAINS = (0.0, CARING, 2 * CARING, 3 * CARING)


def rows(tests: int, seed: int = 21) -> list[dict]:
    """Return a row for each rule and true gain.

    `called` is the share of tests that are ever called no difference, `day` the median day of those calls.
    """
    found = []
    days = np.arange(1.0, DAYS + 1)
    for gain in GAINS:
        drawn = np.full((tests, 1), np.log1p(gain))
        for name, rules in (("planned", Rules(planned_days=DAYS, caring=CARING)), ("no plan", Rules(caring=CARING))):
            evidence = simulate_evidence(Audience(BASE, A_DAY), drawn, days, seed=seed)
            for rule, endings in (("bound", first_verdicts(evidence, rules)), ("without", _without(evidence, rules))):
                called = endings.ending == NO_DIFFERENCE
                day = float(np.median(days[endings.look[called]])) if called.any() else None
                found.append({"rule": f"{name}, {rule}", "gain": gain, "called": float(called.mean()), "day": day})
        found.append({"rule": "one look at the end", "gain": gain, "called": _once(evidence), "day": float(DAYS)})
    return found


def _without(evidence, rules):
    """Return the endings if a gain is excluded as soon as it is unlikely, without a bound of its own."""
    open_bound = np.full(len(evidence.days), -np.inf)
    members = evidence.members.sum(axis=1)
    lead = simulated_verdicts.planned_limits(evidence.days, members, rules, rules.alpha)
    return first_verdicts(evidence, rules, limits=Limits(lead, open_bound))


def _once(evidence) -> float:
    """Return the share of tests in which one one-sided test of 5 % at the end excludes the gain."""
    mean, sd = evidence.mean[:, -1], evidence.sd[:, -1]
    target = 1 + CARING
    below = (target * mean[:, 0] - mean[:, 1]) / np.hypot(sd[:, 1], target * sd[:, 0])
    return float((below >= -ndtri(0.05)).mean())
