"""The evidence of a run, gathered once for every rule: leads in standard errors and the bounds they must pass."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis import sequential
from analysis.health import HealthCheck
from analysis.scoring import MetricResult, VariantResult
from analysis.sequential import Look
from analysis.shrinkage import ScepticalLift, sceptical
from analysis.verdict import Rules

#: Spread of the control's logarithm from which a relative comparison is pointless: fewer than two members did it.
CONTROL_LOG_SD = 0.7


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that a rule may look at."""

    primary: MetricResult
    rules: Rules
    health: Sequence[HealthCheck]
    guardrails: Sequence[MetricResult]
    elapsed_days: float
    looks: Sequence[Look] | None
    names: Mapping[str, str]
    metrics: Mapping[str, str]
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

    def name(self, key: str) -> str:
        return self.names.get(key, key.upper())

    def metric(self, result: MetricResult, nameless: str = "a guardrail") -> str:
        return self.metrics.get(result.metric) or result.metric.replace("_", " ") or nameless


def z_score(result: MetricResult, key: str) -> float:
    """Return the lead of a variant over the control in standard errors, positive = better, without the lift prior."""
    ours, control = result.variant(key), result.variant(result.control)
    if ours.mean is None or control.mean is None or ours.sd is None or control.sd is None:
        return 0.0
    z = (ours.mean - control.mean) / math.hypot(ours.sd, control.sd)
    return z if result.direction == "higher" else -z


def bound_of(case: Case, result: MetricResult, key: str) -> float:
    """Return the bound on |z| for one comparison, the error shared between all comparisons with the control."""
    ours, control = result.variant(key), result.variant(result.control)
    prior_sd = case.rules.lift_prior["sd"]
    ratio = 0.0
    if ours.log_sd is not None and control.log_sd is not None:
        ratio = prior_sd**2 / (ours.log_sd**2 + control.log_sd**2)
    return sequential.bound(
        elapsed_days=case.elapsed_days,
        members=case.members,
        ratio=ratio,
        alpha=case.rules.alpha / len(case.others),
        planned_days=case.rules.planned_days,
        looks=case.looks,
    )


def look_now(case: Case) -> Look:
    """Return which leads and shortfalls have passed the bound by now; what passed once stays passed."""
    past = case.looks or ()
    crossed = {key for look in past for key in look.crossed}
    harmed = {key for look in past for key in look.harmed}
    planned = case.rules.planned_days
    counted = planned is None or case.looks is None or sequential.counts(case.elapsed_days, planned, case.looks)
    if case.primary.not_shown is None:
        for key in case.others:
            z, bound = z_score(case.primary, key), bound_of(case, case.primary, key)
            if z >= bound:
                crossed.add(key)
            if z <= -bound:
                harmed.add(key)
    ordered = [row.variant for row in case.primary.variants]
    return Look(
        float(case.elapsed_days),
        case.members,
        tuple(key for key in ordered if key in crossed),
        tuple(key for key in ordered if key in harmed),
        counted,
    )


def sceptical_lifts(case: Case) -> ScepticalLift | None:
    """Return the lifts under the lift prior, or None while the control's mean is not clear of 0."""
    control = case.primary.variant(case.primary.control)
    if control.log_mean is None or (control.log_sd or 0.0) > CONTROL_LOG_SD:
        return None
    moments = [_log_moments(row) for row in case.primary.variants]
    return sceptical(
        [row.variant for row in case.primary.variants],
        case.primary.control,
        [mean for mean, _ in moments],
        [sd for _, sd in moments],
        prior_sd=case.rules.lift_prior["sd"],
        caring=case.rules.caring,
        higher=case.primary.direction == "higher",
    )


def _log_moments(row: VariantResult) -> tuple[float, float]:
    """Return a variant's log moments; where its mean may be 0, a wide guess near the top of what it may be."""
    if row.log_mean is not None and row.log_sd is not None:
        return row.log_mean, row.log_sd
    return math.log((row.mean or 0.0) + 2 * (row.sd or 0.0)), 1.0
