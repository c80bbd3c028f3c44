"""Allocation: the shares of an adaptive test over its epochs, with the caveat that goes along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analysis import charts
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
    plan = context.plan
    return allocation(
        context.result.get("allocation"),
        context.variants,
        started_at=plan.started_at,
        zone=plan.zone,
        end=plan.ended_at or context.now,
    )


def allocation(
    found: Mapping[str, Any] | None,
    variants: Sequence[VariantFacts],
    *,
    started_at: datetime,
    zone: str,
    end: datetime,
) -> Allocation | None:
    """The section of a result's "allocation"; None where the shares were fixed.

    Parameters
    ----------
    started_at
        Beginning of the run; days are counted from it.
    end
        End of the run, or now.
    """
    if not found or not found.get("epochs"):
        return None
    epochs = found["epochs"]
    starts = [_moment(epoch["started"]) for epoch in epochs]
    steps = [
        {"day": max(0.0, _days(started_at, start)), "weights": epoch["weights"]}
        for start, epoch in zip(starts, epochs, strict=True)
    ]
    spec = None
    if len(epochs) > 1:
        spec = charts.allocation_shares(
            steps,
            [variant.key for variant in variants],
            today=_days(started_at, moment(end)),
            labels={variant.key: variant.letter for variant in variants},
        )
    following = _following(found, variants)
    return Allocation(
        _note(found),
        translated(spec),
        _alternative(epochs, variants),
        _table(epochs, starts, variants, zone),
        following,
        _caveat(found),
    )


def _note(found: Mapping[str, Any]) -> str:
    method = METHODS.get(str(found.get("method")), "By how the variants do")
    floor = f"; every variant keeps at least {percent(found['floor'], 0)}" if found.get("floor") else ""
    return f"{method}{floor}."


def _following(found: Mapping[str, Any], variants: Sequence[VariantFacts]) -> str:
    """The shares that come next, or why they stay as they are."""
    refused = (found.get("next_not_shown") or {}).get("reason")
    if refused:
        return f"The shares do not move now. {refused}"
    if not found.get("next"):
        return ""
    told = ", ".join(f"{variant.letter} {percent(found['next'].get(variant.key, 0.0), 0)}" for variant in variants)
    return f"Next: {told}."


def _alternative(epochs: Sequence[Mapping[str, Any]], variants: Sequence[VariantFacts]) -> str:
    last = epochs[-1]["weights"]
    now = ", ".join(f"{variant.letter} {percent(last.get(variant.key, 0.0), 0)}" for variant in variants)
    if len(epochs) == 1:
        return f"The shares have not moved yet: {now}."
    return f"Shares of new members in {len(epochs)} steps; the latest: {now}."


def _table(
    epochs: Sequence[Mapping[str, Any]], starts: list[datetime], variants: Sequence[VariantFacts], zone: str
) -> Table:
    rows = tuple(
        (
            clock(start, zone),
            *(
                f"{percent(epoch['weights'].get(variant.key, 0.0), 0)} · {count(epoch['members'].get(variant.key, 0))}"
                for variant in variants
            ),
        )
        for start, epoch in zip(starts, epochs, strict=True)
    )
    return Table(("from", *(f"{variant.letter}: share · members" for variant in variants)), rows)


def _caveat(found: Mapping[str, Any]) -> str:
    return str(
        found.get("caveat")
        or "Where the shares follow the results, a variant that started badly is seen less and its figure stays a"
        " little too low; the figures are compared within each step, so that the change itself misleads nobody."
    )


def _moment(at: Any) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else moment(at)


def _days(started_at: datetime, at: datetime) -> float:
    return (moment(at) - moment(started_at)).total_seconds() / 86_400
