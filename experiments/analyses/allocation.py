"""How new members were shared out, as an analysis tells it, and the shares that it proposes for those still to come."""

from collections.abc import Sequence
from typing import Any

from analysis import HealthCheck, MetricResult, NotShown
from analysis.allocation import Proposal, propose
from analysis.errors import not_shown
from analysis.messages import message
from experiments.analyses.plan import AdaptiveAllocation, Plan, PlannedEpoch
from experiments.analyses.serialise import iso
from experiments.collect.collected import Collected

CAVEAT = message("note.adaptive_shares")
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
        "caveat": CAVEAT.to_dict(),
    }


def _proposed(
    plan: Plan, rule: AdaptiveAllocation, primary: MetricResult, checks: Sequence[HealthCheck]
) -> Proposal | NotShown:
    """The shares for those still to come, or why they stay as they are."""
    if not plan.running:
        return not_shown("not_running")
    if failed := [check for check in checks if check.status == "fail"]:
        return not_shown("health", check=failed[0].detail)
    smallest = min(primary.variants, key=lambda row: row.n)
    if smallest.n < plan.minimum_members:
        return not_shown("too_few_members", variant=smallest.variant, members=smallest.n, fewest=plan.minimum_members)
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
