"""Allocation: the shares of an adaptive test over its epochs, with the caveat that goes along."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analysis import charts
from experiments.analyses.allocation import AllocationResult, EpochShares
from experiments.reporting.charts import translated
from experiments.reporting.numbers import clock, count, moment, percent
from web.pages.results.context import Context
from web.pages.results.parts import Table, VariantFacts

METHODS = {
    "thompson": "In proportion to each variant's chance of being best",
    "top_two": "Half to the likeliest best, the rest to its rivals",
}


@dataclass(frozen=True)
class Allocation:
    """The section: what the rule is, the shares as a chart and as a table, and the caveat."""

    note: str
    spec: dict[str, Any] | None
    alternative: str
    table: Table
    following: str
    caveat: str


def build(context: Context) -> Allocation | None:
    """Return the section; None where the shares were fixed."""
    found, plan, variants = context.answer.allocation, context.plan, context.variants
    if found is None or not found.epochs:
        return None
    starts = [datetime.fromisoformat(epoch.started) for epoch in found.epochs]
    return Allocation(
        _note(found),
        _spec(context, found.epochs, starts) if len(found.epochs) > 1 else None,
        _alternative(found.epochs, variants),
        _table(found.epochs, starts, variants, plan.zone),
        _following(context, found),
        context.reading.text(found.caveat),
    )


def _spec(context: Context, epochs: Sequence[EpochShares], starts: Sequence[datetime]) -> dict[str, Any]:
    """Return the chart; days are counted from the beginning of the run."""
    plan = context.plan
    steps = [
        {"day": max(0.0, _days(plan.started_at, start)), "weights": epoch.weights}
        for start, epoch in zip(starts, epochs, strict=True)
    ]
    spec: dict[str, Any] = translated(
        charts.allocation_shares(
            steps,
            [variant.key for variant in context.variants],
            today=_days(plan.started_at, moment(plan.ended_at or context.now)),
            labels={variant.key: variant.letter for variant in context.variants},
        )
    )
    return spec


def _note(found: AllocationResult) -> str:
    floor = f"; every variant keeps at least {percent(found.floor, 0)}" if found.floor else ""
    return f"{METHODS[found.method]}{floor}."


def _following(context: Context, found: AllocationResult) -> str:
    """The shares that come next, or why they stay as they are."""
    if found.next_not_shown is not None:
        return f"The shares do not move now. {context.reading.text(found.next_not_shown.reason)}"
    shares = found.next or {}
    if not shares:
        return ""
    said = ", ".join(f"{variant.letter} {percent(shares.get(variant.key, 0.0), 0)}" for variant in context.variants)
    return f"Next: {said}."


def _alternative(epochs: Sequence[EpochShares], variants: Sequence[VariantFacts]) -> str:
    last = epochs[-1].weights
    now = ", ".join(f"{variant.letter} {percent(last.get(variant.key, 0.0), 0)}" for variant in variants)
    if len(epochs) == 1:
        return f"The shares have not moved yet: {now}."
    return f"Shares of new members in {len(epochs)} steps; the latest: {now}."


def _table(
    epochs: Sequence[EpochShares], starts: Sequence[datetime], variants: Sequence[VariantFacts], zone: str
) -> Table:
    rows = tuple(
        (
            clock(start, zone),
            *(
                f"{percent(epoch.weights.get(variant.key, 0.0), 0)} · {count(epoch.members.get(variant.key, 0))}"
                for variant in variants
            ),
        )
        for start, epoch in zip(starts, epochs, strict=True)
    )
    return Table(("from", *(f"{variant.letter}: share · members" for variant in variants)), rows)


def _days(started_at: datetime, at: datetime) -> float:
    return (moment(at) - moment(started_at)).total_seconds() / 86_400
