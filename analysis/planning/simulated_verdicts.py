"""The verdicts of many simulated tests at once: the rules of `decision.decide` on arrays.

`decide` handles one analysis and returns messages; planning needs thousands of tests with many looks each. This module
has the same rules without messages, for one primary metric without guardrails; a test compares the two day by day. Axes
are always (tests, looks, variants), the control being variant 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from scipy.special import ndtr, psi, zeta

from analysis.stopping import sequential
from analysis.stopping.rules import Rules
from analysis.stopping.sceptical_arrays import Lifts, sceptical_lifts
from analysis.stopping.sequential import Look

OPEN, SHIP, NO_DIFFERENCE, HARM = 0, 1, 2, 3
#: The values of `Verdict.decision`; an open test is keep_running, or not_enough_data while it is too early.
ENDINGS: Final = ("keep_running", "ship", "no_difference", "stop_harm")

#: As in `evidence` and `decision`, which are not imported because they load every model.
CONTROL_LOG_SD: Final = 0.7
PRACTICALLY_SAME: Final = 0.95


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of simulated tests at each look, before any prior on the lift.

    Attributes
    ----------
    mean, sd : arrays of shape (tests, looks, variants)
        Posterior moments of the mean per member, in the metric's unit.
    log_mean, log_sd : arrays of the same shape
        Of its logarithm; NaN where the mean is not clear of 0.
    members : array of shape (looks, variants)
        Cumulative.
    days : array of shape (looks,)
        Days of running at each look, ascending.
    higher : bool
        Whether more is better.
    """

    mean: np.ndarray
    sd: np.ndarray
    log_mean: np.ndarray
    log_sd: np.ndarray
    members: np.ndarray
    days: np.ndarray
    higher: bool = True


class Limits(NamedTuple):
    """The planned bounds at each look.

    Attributes
    ----------
    lead : array of shape (looks,)
        On |z| of a lead or a shortfall.
    futility : array of the same shape
        On how far a variant lies below a gain that matters.
    """

    lead: np.ndarray
    futility: np.ndarray


@dataclass(frozen=True, slots=True)
class Endings:
    """The ending of each simulated test.

    Attributes
    ----------
    ending : int array of shape (tests,)
        `OPEN`, `SHIP`, `NO_DIFFERENCE` or `HARM`: the first verdict that ends a test, if any.
    look : int array of shape (tests,)
        The look of the ending; the number of looks for an open test.
    variant : int array of shape (tests,)
        The shipped variant; 0 if none.
    announced : array of shape (tests,)
        The shipped variant's log-lift under the lift prior when it was shipped; NaN otherwise.
    """

    ending: np.ndarray
    look: np.ndarray
    variant: np.ndarray
    announced: np.ndarray


def rate_evidence(successes: np.ndarray, members: np.ndarray, days: np.ndarray, *, higher: bool = True) -> Evidence:
    """Return the evidence on rates: Beta(1 + successes, 1 + failures), as in the verdict.

    Parameters
    ----------
    successes : int array of shape (tests, looks, variants)
        Accumulated by look.
    members : int array of shape (looks, variants)
    """
    a = successes + 1.0
    total = members + 2.0
    mean = a / total
    # With 1e9 successes of 1e9 members the difference of two trigammas rounds to 0: use its leading term.
    spread = np.maximum(trigamma(a) - trigamma(total), (1 - mean) / a)
    return Evidence(
        mean, np.sqrt(mean * (1 - mean) / (total + 1)), psi(a) - psi(total), np.sqrt(spread), members, days, higher
    )


def mean_evidence(
    mean: np.ndarray, sd: np.ndarray, members: np.ndarray, days: np.ndarray, *, clear: float = 3.7, higher: bool = True
) -> Evidence:
    """Return the evidence on means per member: Normal(mean, sd), its logarithm by the delta method.

    Parameters
    ----------
    sd : array that broadcasts to the mean's shape
        Standard error of the mean.
    clear : float
        Standard errors that a mean must lie above 0 for its logarithm (`marginals.NormalMarginal`).
    """
    sd = np.broadcast_to(sd, mean.shape)
    known = mean > clear * sd
    safe = np.where(known, mean, 1.0)
    ratio = sd / safe
    log_mean = np.where(known, np.log(safe) - 0.5 * ratio**2, np.nan)
    return Evidence(mean, sd, log_mean, np.where(known, ratio, np.nan), members, days, higher)


def trigamma(x: np.ndarray) -> np.ndarray:
    """Return the variance of the logarithm of a Gamma(x): asymptotic from 12 on, where it has twelve digits."""
    x = np.atleast_1d(np.asarray(x, dtype=float))
    far = np.maximum(x, 12.0)
    inverse = 1 / far
    square = inverse * inverse
    tail = square * (1 / 6 - square * (1 / 30 - square * (1 / 42 - square / 30)))
    out: np.ndarray = inverse * (1 + 0.5 * inverse + tail)
    near = x < 12
    if near.any():
        out[near] = zeta(2.0, x[near])
    return out


def planned_limits(
    days: Sequence[float] | np.ndarray, members: Sequence[int] | np.ndarray, rules: Rules, alpha: float
) -> np.ndarray:
    """Return the planned bound on |z| at each look; inf at looks that do not count (`sequential.bound`).

    Parameters
    ----------
    days, members
        Of running, and of all variants, at each look.
    alpha : float
        Two-sided error of one comparison.
    """
    limits = np.full(len(days), np.inf)
    if rules.planned_days is None:
        return limits
    tried: list[Look] = []
    places = []
    for place, (day, number) in enumerate(zip(days, members, strict=True)):
        if number > 0 and sequential.counts(float(day), rules.planned_days, tried):
            tried.append(Look(float(day), int(number)))
            places.append(place)
    if not tried:
        return limits
    fractions = [look.elapsed_days / rules.planned_days for look in tried]
    spent = sequential.PLANNED_SHARE * alpha
    limits[places] = sequential.planned_bounds(fractions, [look.members for look in tried], spent)
    return limits


def always_limits(log_sd: np.ndarray, rules: Rules, alpha: float) -> np.ndarray:
    """Return the always-valid bound on |z| of each comparison; of shape (tests, looks, variants − 1)."""
    share = 1.0 if rules.planned_days is None else 1 - sequential.PLANNED_SHARE
    alpha = share * alpha
    ratio = rules.mixture_sd**2 / (log_sd[..., 1:] ** 2 + log_sd[..., :1] ** 2)
    with np.errstate(divide="ignore"):
        bound = np.sqrt((1 + 1 / ratio) * (np.log1p(ratio) - 2 * np.log(alpha)))
    return np.where(np.isnan(bound), np.inf, bound)


def first_verdicts(evidence: Evidence, rules: Rules, *, limits: Limits | None = None) -> Endings:
    """Apply the rules of `decide` to every test at every look, and return how each ends.

    Parameters
    ----------
    evidence : Evidence
    rules : Rules
    limits : Limits, optional
        The planned bounds at each look; by default those of looks at exactly the evidence's days.
    """
    tests, looks, variants = evidence.mean.shape
    if limits is None:
        members = evidence.members.sum(axis=1)
        limits = Limits(
            planned_limits(evidence.days, members, rules, rules.alpha / (variants - 1)),
            planned_limits(evidence.days, members, rules, 2 * sequential.FUTILITY),
        )
    crossed, harmed, futile = _passed(evidence, rules, limits)
    endings = Endings(np.zeros(tests, np.int8), np.full(tests, looks), np.zeros(tests, int), np.full(tests, np.nan))
    still = np.arange(tests)
    for look in range(looks):
        if evidence.members[look].min() < rules.min_members or not len(still):
            continue
        seen = _Seen(evidence, rules, look, still, crossed[still, look], harmed[still, look], futile[still, look])
        ended, variant, announced = seen.verdicts()
        over = ended != OPEN
        settled = still[over]
        endings.ending[settled], endings.look[settled] = ended[over], look
        endings.variant[settled], endings.announced[settled] = variant[over], announced[over]
        still = still[~over]
    return endings


def _passed(evidence: Evidence, rules: Rules, limits: Limits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the leads, shortfalls and excluded gains that have passed their bounds by each look, at it or earlier."""
    mean, sd, sign = evidence.mean, evidence.sd, 1 if evidence.higher else -1
    z = (mean[..., 1:] - mean[..., :1]) / np.hypot(sd[..., 1:], sd[..., :1]) * sign
    bound = np.minimum(always_limits(evidence.log_sd, rules, rules.alpha / z.shape[-1]), limits.lead[:, None])
    crossed = np.logical_or.accumulate(z >= bound, axis=1)
    harmed = np.logical_or.accumulate(z <= -bound, axis=1)
    target = 1 + sign * rules.caring
    below = sign * (target * mean[..., :1] - mean[..., 1:]) / np.hypot(sd[..., 1:], target * sd[..., :1])
    bound = np.minimum(always_limits(evidence.log_sd, rules, 2 * sequential.FUTILITY), limits.futility[:, None])
    return crossed, harmed, np.logical_or.accumulate(below >= bound, axis=1)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The open tests at one look; `still` are their indices, `crossed`, `harmed` and `futile` refer to them."""

    evidence: Evidence
    rules: Rules
    look: int
    still: np.ndarray
    crossed: np.ndarray
    harmed: np.ndarray
    futile: np.ndarray

    def verdicts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return for each open test the ending, the variant shipped and its announced log-lift."""
        open_tests = len(self.still)
        ended, variant = np.zeros(open_tests, np.int8), np.zeros(open_tests, int)
        announced = np.full(open_tests, np.nan)
        log_sd = self.evidence.log_sd[self.still, self.look, 0]
        clear = log_sd <= CONTROL_LOG_SD  # NaN is not
        ended[clear & self.harmed.all(axis=1) & ~self.crossed.any(axis=1)] = HARM
        if self.evidence.days[self.look] < self.rules.min_days:
            return ended, variant, announced
        practically = self._practically_same()
        proven = self.crossed & ~self.harmed & ~practically & clear[:, None]
        self._ship(proven, ended, variant, announced)
        self._same(practically, clear & (ended == OPEN) & self.futile.all(axis=1), ended)
        return ended, variant, announced

    def _ship(self, proven: np.ndarray, ended: np.ndarray, variant: np.ndarray, announced: np.ndarray) -> None:
        rows = np.flatnonzero(proven.any(axis=1))
        if not len(rows):
            return
        lifts = self._lifts(rows)
        loss = np.where(proven[rows], lifts.losses()[:, 1:], np.inf)
        best = loss.argmin(axis=1)
        enough = loss[np.arange(len(rows)), best] < self.rules.caring
        chosen = rows[enough]
        ended[chosen], variant[chosen] = SHIP, best[enough] + 1
        announced[chosen] = lifts.mean[enough, best[enough]]

    def _same(self, practically: np.ndarray, open_now: np.ndarray, ended: np.ndarray) -> None:
        """Mark tests without a difference worth having: within the ROPE, or without a likely gain that matters."""
        same = practically.all(axis=1) & open_now
        ended[same] = NO_DIFFERENCE
        moved = self.crossed.any(axis=1) | self.harmed.any(axis=1)
        rows = np.flatnonzero(open_now & ~same & ~moved)
        if not len(rows):
            return
        ended[rows[self._lifts(rows).gain_is_unlikely(self.rules.caring)]] = NO_DIFFERENCE

    def _lifts(self, rows: np.ndarray) -> Lifts:
        log_mean, log_sd = self._logs(rows)
        return sceptical_lifts(log_mean, log_sd, prior_sd=self.rules.lift_prior["sd"], higher=self.evidence.higher)

    def _logs(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log moments; for a mean that may be 0, wide ones near its largest plausible value."""
        at = (self.still[rows], self.look)
        log_mean, log_sd = self.evidence.log_mean[at], self.evidence.log_sd[at]
        unclear = np.isnan(log_mean)
        if unclear.any():
            top = self.evidence.mean[at] + 2 * self.evidence.sd[at]
            log_mean = np.where(unclear, np.log(np.maximum(top, 1e-300)), log_mean)
            log_sd = np.where(unclear, 1.0, log_sd)
        return log_mean, log_sd

    def _practically_same(self) -> np.ndarray:
        """Return the variants within the ROPE of the control, with the probability that the rule requires."""
        at, rope = (self.still, self.look), self.rules.caring
        mean, sd = self.evidence.mean[at], self.evidence.sd[at]

        def below(bound: float) -> np.ndarray:  # P(variant < (1 + bound) × control)
            chance: np.ndarray = ndtr(
                ((1 + bound) * mean[:, :1] - mean[:, 1:]) / np.hypot(sd[:, 1:], (1 + bound) * sd[:, :1])
            )
            return chance

        same: np.ndarray = below(rope) - below(-rope) >= PRACTICALLY_SAME
        return same
