"""Sample ratio mismatch: tests of the traffic split that stay valid under repeated looks, and the chi-square test.

Three tests of the same counts, from the strongest guarantee to the weakest:

*always valid*
    A Dirichlet-multinomial Bayes factor against the planned shares (Lindon and Malek 2022, arXiv 2011.03567). The
    probability that it ever passes 1,000 while the split is right is at most 1 in 1,000.
*planned*
    For a planned duration and constant shares: by Lévy's inequality the counts' departure, a sum of
    independent steps, passes a bound at any look up to the end at most twice as often as at the end. Nine tenths of
    the alarm's error go there, one tenth to the always-valid test, which has no end.
*once*
    For a finished test that is analysed once: the chi-square test itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln
from scipy.stats import chi2

from analysis.errors import AnalysisError

#: Concentration of the alternative on the plan, in members: of 529 faulty Upworthy tests (median 14,700 members) it
#: detects 58.4 % at 2,000 and 51 % at 100 or 10,000; a mixture of concentrations detects at most 57.5 %, and the best
#: concentration for each test, if it were known, 58.6 %. Of 1,957 sound tests it fails 0.15 % at any concentration.
CONCENTRATION = 2000.0
#: Share of the alarm's alpha for the planned bound; the always-valid test has the rest.
PLANNED_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Epoch:
    """Members counted while one set of shares applied.

    Attributes
    ----------
    counts : mapping of variant key to int
        A missing variant has no members.
    weights : mapping of variant key to float
        Shares that applied, above 0; scaled to 1.
    """

    counts: Mapping[str, int]
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        unknown = [key for key in self.counts if key not in self.weights]
        if unknown:
            raise AnalysisError("unknown_variant", f"Variant {unknown[0]!r} has members but no planned weight.")
        if len(self.weights) < 2:
            raise AnalysisError("too_few_variants", f"A split needs at least 2 variants, not {len(self.weights)}.")
        for key, weight in self.weights.items():
            if not (math.isfinite(weight) and weight > 0):
                raise AnalysisError("bad_request", f"The weight of {key!r} is {weight}; give a number above 0.")
            if self.counts.get(key, 0) < 0:
                raise AnalysisError(
                    "bad_request", f"Variant {key!r} has {self.counts[key]} members; a count is 0 or more."
                )

    @property
    def n(self) -> int:
        return sum(self.counts.values())

    @property
    def seen(self) -> np.ndarray:
        """The members by variant, in the order of the weights."""
        return np.array([self.counts.get(key, 0) for key in self.weights], float)

    @property
    def shares(self) -> np.ndarray:
        planned = np.array(list(self.weights.values()), float)
        shares: np.ndarray = planned / planned.sum()
        return shares

    @property
    def expected(self) -> np.ndarray:
        return self.n * self.shares


@dataclass(frozen=True, slots=True)
class Split:
    """The fit of the counts to the split.

    Attributes
    ----------
    statistic, freedom : float, int
        Pearson's chi-square, summed over epochs, and its degrees of freedom.
    once : float
        Its p for a single look.
    always : float
        The p that is valid at any number of looks.
    planned : float or None
        The p that is valid at any number of looks up to the planned end and beyond; None without a plan.
    """

    statistic: float
    freedom: int
    once: float
    always: float
    planned: float | None


def judge(epochs: Sequence[Epoch], fraction: float | None = None) -> Split:
    """Judge the split of a run.

    Parameters
    ----------
    epochs : sequence of Epoch
        One for each set of shares, in order.
    fraction : float or None
        Share of the planned duration that is over; None without a plan.
    """
    exposed = [epoch for epoch in epochs if epoch.n]
    statistic = math.fsum(chi_square(epoch) for epoch in exposed)
    freedom = sum(len(epoch.weights) - 1 for epoch in exposed)
    once = float(chi2.sf(statistic, freedom)) if freedom else 1.0
    always = math.exp(-max(log_evidence(exposed), 0.0))
    if fraction is None:
        return Split(statistic, freedom, once, always, None)
    planned = always / (1 - PLANNED_SHARE)
    if len(exposed) == 1 and fraction <= 1:
        planned = min(planned, planned_p(statistic, freedom, fraction) / PLANNED_SHARE)
    return Split(statistic, freedom, once, always, min(planned, 1.0))


def chi_square(epoch: Epoch) -> float:
    """Return Pearson's chi-square against the shares that applied (no continuity correction)."""
    return float(((epoch.seen - epoch.expected) ** 2 / epoch.expected).sum())


def planned_p(statistic: float, freedom: int, fraction: float) -> float:
    """Return a p that holds at every look up to the planned end: ``2 P(chi-square > statistic · fraction)``.

    The departure, scaled by the members of the end, is a Brownian motion W in `freedom` dimensions; before the end
    ``|W|² = statistic · fraction``, and ``P(max |W| > c) ≤ 2 P(|W at the end| > c)`` (Lévy). With even arrivals the
    share of time equals that of members; earlier arrivals make the test stricter.
    """
    return min(1.0, 2 * float(chi2.sf(statistic * max(fraction, 0.0), freedom)))


def log_evidence(epochs: Sequence[Epoch], concentration: float = CONCENTRATION) -> float:
    """Return the logarithm of the Bayes factor against the shares that applied.

    Each epoch is predicted from the earlier ones: its shares, tilted by the departure of each variant's members from
    the plan so far. The product of these predictions over those of the plan has mean 1 at any time while the split is
    right, however the shares change. Constant shares give the one-epoch figure.
    """
    total, before = 0.0, 0.0
    seen: dict[str, float] = {}
    expected: dict[str, float] = {}
    for epoch in epochs:
        prior = concentration * epoch.shares
        earlier = np.array([seen.get(key, 0.0) for key in epoch.weights])
        planned = np.array([expected.get(key, 0.0) for key in epoch.weights])
        tilted = epoch.shares * (prior + earlier) / (prior + planned)
        total += _log_factor(epoch.seen, epoch.shares, (concentration + before) * tilted / tilted.sum())
        before += epoch.n
        for key, n, due in zip(epoch.weights, epoch.seen, epoch.expected, strict=True):
            seen[key], expected[key] = seen.get(key, 0.0) + n, expected.get(key, 0.0) + due
    return total


def _log_factor(counts: np.ndarray, shares: np.ndarray, prior: np.ndarray) -> float:
    """Return the log of Dirichlet-multinomial over multinomial; counts may be rows."""
    whole = prior.sum()
    factor: float = (
        gammaln(whole)
        - gammaln(whole + counts.sum(-1))
        + (gammaln(prior + counts) - gammaln(prior)).sum(-1)
        - (counts * np.log(shares)).sum(-1)
    )
    return factor


def always_valid_p(counts: np.ndarray, weights: np.ndarray, concentration: float = CONCENTRATION) -> np.ndarray:
    """Return ``min(1, 1 / Bayes factor)`` for rows of counts under constant shares, for simulations.

    Parameters
    ----------
    counts : array of shape (..., variants)
    weights : array of shape (variants,)
    """
    counts, share = np.asarray(counts, float), np.asarray(weights, float) / np.sum(weights)
    p: np.ndarray = np.exp(-np.maximum(_log_factor(counts, share, concentration * share), 0.0))
    return p
