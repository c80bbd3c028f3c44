"""The traffic split of each allocation epoch, and the split that an analysis proposes for the next one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from analysis import HealthCheck, MetricResult, NotShown
from analysis.allocation import Proposal, propose
from analysis.errors import not_shown
from analysis.messages import Message, message
from experiments.analyses.plan import AdaptiveAllocation, Plan, PlannedEpoch
from experiments.analyses.serialise import iso
from experiments.collect.collected import Collected

CAVEAT = message("note.adaptive_shares")
"""Simulated: see the figures on adaptive allocation in ``docs/statistics.md``."""


class EpochShares(NamedTuple):
    """One allocation epoch as applied.

    Attributes
    ----------
    number : int
    started : str
        RFC 3339.
    weights : mapping of str to float
        Share of each variant.
    members : mapping of str to int
        Randomised members of each variant in the epoch.
    """

    number: int
    started: str
    weights: Mapping[str, float]
    members: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AllocationResult:
    """The traffic split over time, for adaptive allocation.

    Attributes
    ----------
    method, floor, every_hours
        As the experiment declares them.
    epochs : tuple of EpochShares
    next : mapping of str to float or None
        The shares proposed for the next epoch.
    next_not_shown : NotShown or None
        Why none are proposed.
    caveat : Message
        How much an adaptive split biases the figures.
    """

    method: str
    floor: float
    every_hours: int
    epochs: tuple[EpochShares, ...]
    next: Mapping[str, float] | None
    next_not_shown: NotShown | None
    caveat: Message

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "method": self.method,
            "floor": self.floor,
            "every_hours": self.every_hours,
            "epochs": [epoch._asdict() for epoch in self.epochs],
            "next": None if self.next is None else dict(self.next),
            "next_not_shown": None if self.next_not_shown is None else self.next_not_shown.to_dict(),
            "caveat": self.caveat.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        hidden = data["next_not_shown"]
        return cls(
            **dict(data)
            | {
                "epochs": tuple(EpochShares(**epoch) for epoch in data["epochs"]),
                "next_not_shown": None if hidden is None else NotShown.from_dict(hidden),
                "caveat": Message.from_dict(data["caveat"]),
            }
        )


def allocation_result(
    plan: Plan, collected: Collected, primary: MetricResult, checks: Sequence[HealthCheck]
) -> AllocationResult | None:
    """Return the shares of each epoch and the next ones; None for fixed weights."""
    rule = plan.allocation
    if rule is None:
        return None
    proposed = _proposed(plan, rule, primary, checks)
    hidden = proposed if isinstance(proposed, NotShown) else None
    return AllocationResult(
        rule.method,
        rule.floor,
        rule.every_hours,
        tuple(_epoch(epoch, collected) for epoch in plan.epochs),
        None if isinstance(proposed, NotShown) else dict(proposed.shares),
        hidden,
        CAVEAT,
    )


def _proposed(
    plan: Plan, rule: AdaptiveAllocation, primary: MetricResult, checks: Sequence[HealthCheck]
) -> Proposal | NotShown:
    """Return the shares of the next epoch, or why the split does not change."""
    if not plan.running:
        return not_shown("not_running")
    if failed := [check for check in checks if check.status == "fail"]:
        return not_shown("health", check=failed[0].detail)
    smallest = min(primary.variants, key=lambda row: row.n)
    if smallest.n < plan.minimum_members:
        return not_shown("too_few_members", variant=smallest.variant, members=smallest.n, fewest=plan.minimum_members)
    return propose(primary, method=rule.method, floor=rule.floor, current=plan.epochs[-1].weights)


def _epoch(epoch: PlannedEpoch, collected: Collected) -> EpochShares:
    return EpochShares(epoch.number, iso(epoch.started_us), dict(epoch.weights), members_in(collected, epoch.number))


def members_in(collected: Collected, number: int) -> dict[str, int]:
    """Return the randomised members of each variant in an epoch; a run with one epoch is not split."""
    if not collected.epochs:
        return dict(collected.counts) if number == 1 else dict.fromkeys(collected.counts, 0)
    if number not in collected.epochs:
        return dict.fromkeys(collected.counts, 0)
    place = collected.epochs.index(number)
    return {variant: counts[place] for variant, counts in collected.counts_by_epoch.items()}
