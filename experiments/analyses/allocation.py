"""How new members were shared out, as an analysis tells it, and the shares that it proposes for those still to come."""

from collections.abc import Sequence
from typing import Any

from analysis import HealthCheck, MetricResult, NotShown
from analysis.allocation import Proposal, propose
from analysis.wording import counted
from experiments.analyses.plan import AdaptiveAllocation, Plan, PlannedEpoch
from experiments.analyses.serialise import iso
from experiments.collect.collected import Collected

CAVEAT = (
    "New members went where the results were better, which bends the figures a little: a variant that began badly is "
    "seen less, so its mean stays too low by up to 1.5 % with a floor of 5 % (by 2 to 5 % without one), and intervals "
    "of 95 % hold the truth in 92 to 95 of 100 cases. The scorecard and the segments are compared within each step of "
    "the shares, so that good days and bad days are not mixed up."
)
"""Simulated: see the figures on adaptive allocation in ``docs/statistics.md``."""


def allocation_told(
    plan: Plan, collected: Collected, primary: MetricResult, checks: Sequence[HealthCheck]
) -> dict[str, Any] | None:
    """The shares over time with their caveat, and the next ones; None where the weights are fixed."""
    rule = plan.allocation
    if rule is None:
        return None
    proposed = _proposed(plan, rule, primary, checks)
    refused = isinstance(proposed, NotShown)
    return {
        "method": rule.method,
        "floor": rule.floor,
        "every_hours": rule.every_hours,
        "epochs": [_epoch(epoch, collected) for epoch in plan.epochs],
        "next": None if refused else dict(proposed.shares),
        "next_not_shown": proposed.to_dict() if refused else None,
        "caveat": CAVEAT,
    }


def _proposed(
    plan: Plan, rule: AdaptiveAllocation, primary: MetricResult, checks: Sequence[HealthCheck]
) -> Proposal | NotShown:
    """The shares for those still to come, or why they stay as they are."""
    if not plan.running:
        return NotShown("not_running", "It does not run now, so there is nobody to share out.")
    if failed := [check for check in checks if check.status == "fail"]:
        return NotShown("health", f"Shares stay as they are until the data can be trusted. {failed[0].detail}")
    smallest = min(primary.variants, key=lambda row: row.n)
    if smallest.n < plan.minimum_members:
        name = plan.names.get(smallest.variant, smallest.variant)
        return NotShown(
            "too_few_members",
            f"{name} has met {counted(smallest.n, 'member')}; shares move from {plan.minimum_members:,} of each "
            "variant on.",
        )
    return propose(primary, method=rule.method, floor=rule.floor, current=plan.epochs[-1].weights)


def _epoch(epoch: PlannedEpoch, collected: Collected) -> dict[str, Any]:
    return {
        "number": epoch.number,
        "started": iso(epoch.started_us),
        "weights": dict(epoch.weights),
        "members": members_in(collected, epoch.number),
    }


def members_in(collected: Collected, number: int) -> dict[str, int]:
    """Randomised members of each variant who came in an epoch; a run with one epoch is not split."""
    if not collected.epochs:
        return dict(collected.counts) if number == 1 else dict.fromkeys(collected.counts, 0)
    if number not in collected.epochs:
        return dict.fromkeys(collected.counts, 0)
    place = collected.epochs.index(number)
    return {variant: counts[place] for variant, counts in collected.counts_by_epoch.items()}
