"""The evidence of a run, gathered once for every rule: leads in standard errors and the bounds they must pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.health.result import HealthCheck
from analysis.scoring.score import MetricResult, VariantResult
from analysis.stopping import sequential
from analysis.stopping.rules import Rules
from analysis.stopping.sceptical import ScepticalLift, sceptical
from analysis.stopping.sequential import Look

#: Spread of the control's logarithm above which a relative comparison has no meaning: fewer than two successes.
CONTROL_LOG_SD = 0.7
#: Kinds whose mean may lie on either side of 0.
EITHER_SIGN = ("ratio", "value")
#: Standard deviations between members that a lift of 100 % typically equals, for metrics without a lift: a fifth, as
#: for a rate of 4 % or for money with a standard deviation of five times its mean.
MIXTURE_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Case:
    """The inputs of the rules."""

    primary: MetricResult
    rules: Rules
    health: Sequence[HealthCheck]
    guardrails: Sequence[MetricResult]
    elapsed_days: float
    looks: Sequence[Look] | None
    finished: bool
    once: bool = False

    @property
    def others(self) -> list[str]:
        return [row.variant for row in self.primary.variants if row.variant != self.primary.control]

    @property
    def members(self) -> int:
        return sum(row.n for row in self.primary.variants)

    @property
    def fraction(self) -> float | None:
        planned = self.rules.planned_days
        return None if planned is None else self.elapsed_days / planned


def z_score(result: MetricResult, key: str) -> float:
    """Return the lead of a variant over the control in standard errors, positive = better, before any prior.

    The bound does not hold for a posterior that a prior has shrunk.
    """
    ours, control = result.variant(key), result.variant(result.control)
    error = standard_error(result, key)
    if error is None or ours.evidence_mean is None or control.evidence_mean is None:
        return 0.0
    z = (ours.evidence_mean - control.evidence_mean) / error
    return z if result.direction == "higher" else -z


def standard_error(result: MetricResult, key: str) -> float | None:
    """Return the standard error of the difference to the control, in the metric's unit, if there is one."""
    ours, control = result.variant(key), result.variant(result.control)
    if ours.evidence_sd is None or control.evidence_sd is None:
        return None
    error = math.hypot(ours.evidence_sd, control.evidence_sd)
    return error if error > 0 else None


def information_ratio(result: MetricResult, key: str, mixture_sd: float) -> float:
    """Return the mixture's variance over that of the effect; see `sequential.always_valid_bound`.

    On the log scale if both means are clear of 0. Otherwise an effect is measured in standard deviations between
    members, `MIXTURE_SHARE` of which correspond to a typical lift, so that the ratio depends only on the members.
    """
    ours, control = result.variant(key), result.variant(result.control)
    if ours.log_sd is not None and control.log_sd is not None:
        return mixture_sd**2 / (ours.log_sd**2 + control.log_sd**2)
    if standard_error(result, key) is None or not (ours.n and control.n):
        return 0.0
    return (MIXTURE_SHARE * mixture_sd) ** 2 / (1 / ours.n + 1 / control.n)


def bound_of(case: Case, result: MetricResult, key: str) -> float:
    """Return the bound on |z| for one comparison; all comparisons with the control share the error."""
    return sequential.bound(
        elapsed_days=case.elapsed_days,
        members=case.members,
        ratio=information_ratio(result, key, case.rules.mixture_sd),
        alpha=case.rules.alpha / len(case.others),
        planned_days=case.rules.planned_days,
        looks=case.looks,
    )


def futility_score(case: Case, key: str) -> float:
    """Return by how many standard errors a variant lies below the smallest gain that matters, before any prior.

    The gain is `Rules.caring` of the control's mean, or of `natural_unit` where the metric has no lift.
    """
    result, caring = case.primary, case.rules.caring
    ours, control = result.variant(key), result.variant(result.control)
    error = standard_error(result, key)
    if error is None or ours.evidence_mean is None or control.evidence_mean is None:
        return 0.0
    sign = 1 if result.direction == "higher" else -1
    if has_lift(result):
        target = 1 + sign * caring
        error = math.hypot(ours.evidence_sd or 0.0, target * (control.evidence_sd or 0.0))
        return sign * (target * control.evidence_mean - ours.evidence_mean) / error
    unit = natural_unit(result)
    if unit is None:
        return 0.0
    return (caring * unit - sign * (ours.evidence_mean - control.evidence_mean)) / error


def futility_bound(case: Case, key: str) -> float:
    """Return the bound on `futility_score` from which a gain that matters is excluded, at any number of looks."""
    return sequential.bound(
        elapsed_days=case.elapsed_days,
        members=case.members,
        ratio=information_ratio(case.primary, key, case.rules.mixture_sd),
        alpha=2 * sequential.FUTILITY,
        planned_days=case.rules.planned_days,
        looks=case.looks,
    )


def has_lift(result: MetricResult) -> bool:
    """Return whether the control's mean is so clear of 0 that lifts have a meaning."""
    control = result.variant(result.control)
    return control.log_mean is not None and (control.log_sd or 0.0) <= CONTROL_LOG_SD


def look_now(case: Case) -> Look:
    """Return the leads, shortfalls and excluded gains that have passed their bounds, at this or an earlier look."""
    looks = case.looks or ()
    crossed = {key for look in looks for key in look.crossed}
    harmed = {key for look in looks for key in look.harmed}
    futile = {key for look in looks for key in look.futile}
    planned = case.rules.planned_days
    counted = planned is None or case.looks is None or sequential.counts(case.elapsed_days, planned, case.looks)
    if case.primary.not_shown is None:
        for key in case.others:
            z, bound = z_score(case.primary, key), bound_of(case, case.primary, key)
            if z >= bound:
                crossed.add(key)
            if z <= -bound:
                harmed.add(key)
            if futility_score(case, key) >= futility_bound(case, key):
                futile.add(key)
    ordered = [row.variant for row in case.primary.variants]
    return Look(
        float(case.elapsed_days),
        case.members,
        tuple(key for key in ordered if key in crossed),
        tuple(key for key in ordered if key in harmed),
        counted,
        futile=tuple(key for key in ordered if key in futile),
    )


def sceptical_lifts(case: Case) -> ScepticalLift | None:
    """Return the lifts under the lift prior, or None while the control's mean is not clear of 0.

    Metrics that can be negative (net value, sentiment) have no lift; their differences in `natural_unit` are used
    instead.
    """
    primary = case.primary
    common: dict[str, Any] = {
        "variants": [row.variant for row in primary.variants],
        "control": primary.control,
        "prior_sd": case.rules.lift_prior["sd"],
        "caring": case.rules.caring,
        "higher": primary.direction == "higher",
    }
    if has_lift(primary):
        moments = [_log_moments(row) for row in primary.variants]
        return sceptical(mean=[m for m, _ in moments], sd=[s for _, s in moments], relative=True, **common)
    unit = natural_unit(primary)
    if primary.kind not in EITHER_SIGN or unit is None:
        return None
    means = [(row.evidence_mean or 0.0) / unit for row in primary.variants]
    sds = [(row.evidence_sd or 0.0) / unit for row in primary.variants]
    return sceptical(mean=means, sd=sds, relative=False, **common)


def natural_unit(result: MetricResult) -> float | None:
    """Return the unit of differences if the control's mean may be 0: the largest plausible size of a mean."""
    rows = [row for row in result.variants if row.evidence_mean is not None and row.evidence_sd is not None]
    if len(rows) < len(result.variants):
        return None
    unit = max(abs(row.evidence_mean or 0.0) + 2 * (row.evidence_sd or 0.0) for row in rows)
    return unit if unit > 0 else None


def _log_moments(row: VariantResult) -> tuple[float, float]:
    """Return a variant's log moments; if its mean may be 0, wide ones near its largest plausible value."""
    if row.log_mean is not None and row.log_sd is not None:
        return row.log_mean, row.log_sd
    return math.log(max((row.evidence_mean or 0.0) + 2 * (row.evidence_sd or 0.0), 1e-300)), 1.0
