"""The days left of a running test, from futures simulated with the stopping rule."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from analysis.planning import simulated_verdicts
from analysis.planning.forecast import SEED, Share, look_days
from analysis.stopping.rules import Rules
from analysis.stopping.sequential import FUTILITY, PLANNED_SHARE, continuous_bound

HORIZON_DAYS: Final = 180


@dataclass(frozen=True, slots=True)
class DaysLeft:
    """The days left until a verdict, simulated from the current evidence.

    Attributes
    ----------
    median : int or None
        Median over the simulated futures; None if fewer than half end within the horizon.
    low, high : int or None
        80 % of the futures end between these; None if the tail exceeds the horizon.
    settled : Share
        Share that ends with a verdict within the horizon: the planned end, or `HORIZON_DAYS`.
    """

    median: int | None
    low: int | None
    high: int | None
    settled: Share


def days_left(
    *,
    effect: float,
    standard_error: float,
    elapsed_days: float,
    rules: Rules,
    comparisons: int,
    ratio: float | None = None,
    tests: int = 500,
    seed: int = SEED,
) -> DaysLeft:
    """Simulate the futures of a running test: the true lift of the leading variant, and the remaining days.

    Members keep arriving at the pace so far. The bound is the one for any number of looks, since the number of future
    looks is unknown.

    Parameters
    ----------
    effect : float
        Log-lift of the leading variant under the lift prior, positive = better.
    standard_error : float
        Of the log-lift now, without the prior.
    elapsed_days, rules, comparisons
        Days so far, the rules, and the number of comparisons that share the error.
    ratio : float, optional
        The mixture's variance over the effect's now (`evidence.information_ratio`), if it is not that of log-lifts.
    """
    if ratio is not None:
        rules = replace(rules, mixture_sd=min(max(math.sqrt(ratio) * standard_error, 1e-4), 10.0))
    extra = _days_ahead(elapsed_days, rules.planned_days)
    rng = np.random.default_rng(seed)
    prior, squared = rules.lift_prior["sd"] ** 2, standard_error**2
    true = effect + math.sqrt(prior * squared / (prior + squared)) * rng.standard_normal((tests, 1))
    steps = rng.standard_normal((tests, len(extra))) * np.sqrt(np.diff(extra, prepend=0.0))
    # Information grows with the days; `seen` is the lift in the data without the prior.
    days = elapsed_days + extra
    seen = effect * (1 + squared / prior) * elapsed_days + true * extra
    seen = (seen + standard_error * math.sqrt(elapsed_days) * steps.cumsum(axis=1)) / days
    log_mean = np.stack([np.zeros_like(seen), seen], axis=2)
    log_sd = np.broadcast_to((standard_error * np.sqrt(elapsed_days / days / 2))[:, None], log_mean.shape)
    mean = np.exp(log_mean)
    enough = np.full((len(days), 2), max(rules.min_members, 2))
    evidence = simulated_verdicts.Evidence(mean, mean * log_sd, log_mean, log_sd, enough, days)
    shared = replace(rules, alpha=max(rules.alpha / comparisons, 1e-6))
    endings = simulated_verdicts.first_verdicts(evidence, shared, limits=_future_limits(days, elapsed_days, shared))
    return _days_left(np.append(extra, np.inf)[endings.look])


def _days_ahead(elapsed_days: float, planned: float | None) -> np.ndarray:
    """Return the days from now at which futures are evaluated, at most 40."""
    if planned is not None and planned > elapsed_days:
        left = math.ceil(planned - elapsed_days - 1e-9)
        return look_days(left, 40)
    return np.unique(np.rint(np.geomspace(1, HORIZON_DAYS, 46)))


def _future_limits(days: np.ndarray, elapsed_days: float, rules: Rules) -> simulated_verdicts.Limits:
    planned = rules.planned_days
    if planned is None or planned <= elapsed_days:
        none = np.full(len(days), np.inf)
        return simulated_verdicts.Limits(none, none)
    # Counted from now, the last day may end a fraction after the plan; it still counts as the planned end.
    lead, futility = (
        np.array([continuous_bound(day / planned, PLANNED_SHARE * alpha) for day in days])
        for alpha in (rules.alpha, 2 * FUTILITY)
    )
    return simulated_verdicts.Limits(lead, futility)


def _days_left(ended: np.ndarray) -> DaysLeft:
    ordered = np.sort(ended)

    def at(share: float) -> int | None:
        day = ordered[min(int(share * len(ordered)), len(ordered) - 1)]
        return int(day) if math.isfinite(day) else None

    return DaysLeft(at(0.5), at(0.1), at(0.9), Share.of(np.isfinite(ended)))
