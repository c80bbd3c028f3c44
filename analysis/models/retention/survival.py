"""Retention and return curves in closed form, and the half-life. Draws are seeded.

The day of a member's last return within the window, "never" included, has a Dirichlet posterior, which equals
independent Beta posteriors of the discrete-time hazards. So the share whose last return is on day d or later is exactly
Beta. The day of the first return is censored at the cut-off; its hazards keep independent Beta posteriors, whose
product is the Kaplan-Meier curve with its uncertainty (a beta process of the prior's weight; Hjort 1990, Annals of
Statistics 18(3)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.posterior.joint import Interval, IntervalKind, drawn_estimate, interval_from
from analysis.posterior.marginals import BetaMarginal
from analysis.priors import NamedPrior
from analysis.statistics import RetentionStatistics

#: The number that a sampled fit keeps, so that an export has equal shapes.
DRAWS = 4000


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A share on one day.

    Attributes
    ----------
    day : int
        Whole days since first exposure.
    mean, low, high : float
        Posterior mean and interval.
    raw : float
        The share without a prior.
    """

    day: int
    mean: float
    low: float
    high: float
    raw: float

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def last_returns(statistics: RetentionStatistics) -> np.ndarray:
    """Return members of a whole window by the day of their last return, shape (horizon,); day 0 is never."""
    counts = np.zeros(statistics.horizon)
    for day, members in statistics.last:
        counts[day] = members
    return counts


def half_life(last: np.ndarray) -> np.ndarray:
    """Return the days until half of those who returned have last returned.

    Last returns of a day are spread evenly over its 24 hours: with a share G before day d and p on it,
    half is reached at ``d + (0.5 - G) / p``.

    Parameters
    ----------
    last : array of shape (..., horizon - 1)
        Counts or chances of the last return on days 1, 2, ...; each row sums to more than 0.
    """
    gone = np.cumsum(last, axis=-1) / last.sum(axis=-1, keepdims=True)
    gone[..., -1] = 1.0
    at = (gone >= 0.5).argmax(axis=-1)[..., None]
    after = np.take_along_axis(gone, at, -1)
    before = np.where(at > 0, np.take_along_axis(gone, np.maximum(at - 1, 0), -1), 0.0)
    days: np.ndarray = (at + 1 + (0.5 - before) / (after - before))[..., 0]
    return days


def half_life_draws(
    statistics: RetentionStatistics, prior: NamedPrior, rng: np.random.Generator, draws: int = DRAWS
) -> np.ndarray:
    """Draw the half-life: each day's hazard of being the last, given a return, has its own Beta posterior."""
    counts = last_returns(statistics)[1:]
    weights = counts + prior["returned"] / len(counts)
    later = np.cumsum(weights[::-1])[::-1][1:]
    hazards = np.ones((draws, len(weights)))
    hazards[:, :-1] = rng.beta(weights[:-1], later, (draws, len(later)))
    left = np.cumprod(1 - hazards, axis=1)
    return half_life(hazards * np.concatenate([np.ones((draws, 1)), left[:, :-1]], axis=1))


def ever_returned(statistics: RetentionStatistics, prior: NamedPrior) -> BetaMarginal:
    """Return the posterior of the share of members of a whole window who returned in it."""
    never = statistics.mature - statistics.total
    return BetaMarginal(statistics.total + prior["returned"], never + prior["never"])


def retention_curve(
    statistics: RetentionStatistics, prior: NamedPrior, kind: IntervalKind, probability: float
) -> tuple[CurvePoint, ...]:
    """Return the share of members of a whole window whose last return is on day d or later, d = 1, 2, ..."""
    counts, whole = last_returns(statistics), prior["never"] + prior["returned"]
    spread = np.append(prior["never"], np.full(len(counts) - 1, prior["returned"] / max(len(counts) - 1, 1)))
    points = []
    for day in range(1, len(counts)):
        on_or_after = float((counts[day:] + spread[day:]).sum())
        marginal = BetaMarginal(on_or_after, float(counts.sum() + whole - on_or_after))
        band = _interval(marginal, kind, probability)
        raw = float(counts[day:].sum() / counts.sum())
        points.append(CurvePoint(day, marginal.mean, band.low, band.high, raw))
    return tuple(points)


def returning(
    statistics: RetentionStatistics,
    prior: NamedPrior,
    kind: IntervalKind,
    probability: float,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> tuple[CurvePoint, ...]:
    """Return the share of members who have returned by the end of day d (Kaplan-Meier), up to the last observed day."""
    table = np.array([row for row in statistics.first if row[1] > 0], float).reshape(-1, 3)
    if not len(table):
        return ()
    days, at_risk, returned = table.T
    on = prior["returned"] / (statistics.horizon - 1)
    not_yet = prior["never"] + prior["returned"] - on * days
    a, b = on + returned, not_yet + at_risk - returned
    raw = 1 - np.cumprod(1 - returned / at_risk)
    mean = 1 - np.cumprod(b / (a + b))
    drawn = 1 - np.cumprod(1 - rng.beta(a, b, (draws, len(a))), axis=1)
    points = []
    for i, day in enumerate(days):
        band = drawn_estimate(drawn[:, i], kind, probability).interval
        points.append(CurvePoint(int(day), float(mean[i]), band.low, band.high, float(raw[i])))
    return tuple(points)


def _interval(marginal: BetaMarginal, kind: IntervalKind, probability: float) -> Interval:
    return interval_from(lambda p: float(marginal.ppf(p) if p < 0.5 else marginal.isf(1 - p)), kind, probability)
