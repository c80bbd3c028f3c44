"""The traffic split of an adaptive test over its epochs, with the caveat on its figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analysis import charts
from experiments.analyses.allocation import AllocationResult, EpochShares
from experiments.reporting.charts import translated
from experiments.reporting.numbers import clock, count, moment, percent
from experiments.translation import N_, gettext
from web.pages.results.context import Context
from web.pages.results.parts import Table, VariantFacts

METHODS = {
    "thompson": N_("New members are split in proportion to each variant's chance of being best."),
    "top_two": N_("Half of the new members see the variant most likely to be best, the others see its rivals."),
}
"""What each method does, as a sentence."""


@dataclass(frozen=True)
class Allocation:
    """The section: the method, the split as a chart and as a table, what comes next, and the caveat."""

    note: str
    spec: dict[str, Any] | None
    alternative: str
    table: Table
    following: str
    caveat: str


def build(context: Context) -> Allocation | None:
    """Return the section; None where the shares were fixed."""
    allocation, plan, variants = context.answer.allocation, context.plan, context.variants
    if allocation is None or not allocation.epochs:
        return None
    starts = [datetime.fromisoformat(epoch.started) for epoch in allocation.epochs]
    return Allocation(
        _note(allocation),
        _spec(context, allocation.epochs, starts) if len(allocation.epochs) > 1 else None,
        _alternative(allocation.epochs, variants),
        _table(allocation.epochs, starts, variants, plan.zone),
        _following(context, allocation),
        context.reading.text(allocation.caveat),
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


def _note(allocation: AllocationResult) -> str:
    method = gettext(METHODS[allocation.method])
    if not allocation.floor:
        return method
    floor = gettext("Every variant keeps at least {share}.").format(share=percent(allocation.floor, 0))
    return f"{method} {floor}"


def _following(context: Context, allocation: AllocationResult) -> str:
    """Return the next split, or why it stays as it is."""
    if allocation.next_not_shown is not None:
        return context.reading.text(allocation.next_not_shown.reason)
    if not allocation.next:
        return ""
    return gettext("Next: {shares}.").format(shares=_shares(allocation.next, context.variants))


def _shares(weights: Mapping[str, float], variants: Sequence[VariantFacts]) -> str:
    return ", ".join(f"{variant.letter} {percent(weights.get(variant.key, 0.0), 0)}" for variant in variants)


def _alternative(epochs: Sequence[EpochShares], variants: Sequence[VariantFacts]) -> str:
    latest = _shares(epochs[-1].weights, variants)
    if len(epochs) == 1:
        return gettext("The traffic split has not changed yet: {shares}.").format(shares=latest)
    text = gettext("Traffic split of new members in {steps} steps. Latest: {shares}.")
    return text.format(steps=count(len(epochs)), shares=latest)


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
    columns = (gettext("{variant}: share · members").format(variant=variant.letter) for variant in variants)
    return Table((gettext("from"), *columns), rows)


def _days(started_at: datetime, at: datetime) -> float:
    return (moment(at) - moment(started_at)).total_seconds() / 86_400
