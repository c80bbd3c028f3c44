"""The outcomes of whole cascades: a variant's total effect, which adds word of mouth to the direct effect.

Outcomes of brought members follow the same rules as those of randomised ones: in the window from their own exposure,
capped for each member, without bots and members exposed to a second variant. They count for the randomised member at
the root of the cascade, since that is the unit of randomisation.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import ibis
from ibis.backends.sql import SQLBackend

from analysis.statistics import CountStatistics, Statistics
from experiments.catalogue.metrics import Metric
from experiments.collect.active import fetched, limit_micro
from experiments.collect.attribution import Scope, attributed, exposures_of, outcome_columns, without_excluded
from experiments.collect.cells import amount_of, amount_sums
from experiments.collect.engine import source

KINDS = ("proportion", "count", "amount")
"""Kinds of metrics that add up over a cascade; a rate becomes the number of its members with the event."""

Totals = dict[str, dict[str, Statistics]]


def totals_of(backend: SQLBackend, scope: Scope, metrics: Sequence[Metric], members: Mapping[str, int]) -> Totals:
    """Return the statistics by metric and variant, with one number for each randomised member; a count for rates.

    Parameters
    ----------
    members
        The randomised members of each variant.
    """
    additive = [metric for metric in metrics if metric.kind in KINDS]
    if not additive:
        return {}
    cascades = _by_cascade(backend, scope, additive)
    makers = {"amount": _amounts}
    return {metric.key: makers.get(metric.kind, _counts)(backend, cascades, metric, members) for metric in additive}


def _by_cascade(backend: SQLBackend, scope: Scope, metrics: Sequence[Metric]) -> Any:
    """Return a row for each cascade with events: its root, the variant, and each metric's sum."""
    people = without_excluded(scope, exposures_of(backend, scope))
    own = people.origin == "randomised"
    people = people.select(
        "run_id", "unit", "variant", exposed_us=people.at_us, root=ibis.ifelse(own, people.unit, people.root), first=own
    )
    roots = people.filter(people.first).select(at_root=people.unit, of=people.variant)
    # Members whose root was excluded, or saw another variant, belong to no cascade.
    people = people.inner_join(roots, [people.root == roots.at_root, people.variant == roots.of])
    people = people.select("run_id", "unit", "variant", "exposed_us", "root")
    events = attributed(backend, scope, people, properties=any(metric.property_name for metric in metrics))
    columns: dict[str, Any] = {}
    for metric in metrics:
        columns |= outcome_columns(backend, events, metric, scope)
    each = events.group_by(["variant", "root", "unit"]).aggregate(**columns)
    summed = {metric.key: _cut(each[metric.key], limit_micro(metric, scope)).sum() for metric in metrics}
    # Stored, since every metric reads them; as whole numbers, since PostgreSQL's sums are decimals.
    return source.keep(
        backend, f"klette_cascades_{uuid4().hex}", each.group_by(["variant", "root"]).aggregate(**summed)
    )


def _cut(amount: Any, limit: int | None) -> Any:
    return amount if limit is None else ibis.ifelse(amount > limit, ibis.literal(limit, "int64"), amount)


def _counts(backend: SQLBackend, cascades: Any, metric: Metric, members: Mapping[str, int]) -> dict[str, Statistics]:
    positive = cascades.select("variant", times=cascades[metric.key]).filter(ibis._.times > 0)
    pairs: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in fetched(backend, positive.group_by(["variant", "times"]).aggregate(n=positive.count())):
        pairs[row["variant"]].append((int(row["times"]), int(row["n"])))
    return {
        variant: CountStatistics(((0, n - sum(roots for _, roots in pairs[variant])), *pairs[variant]))
        for variant, n in members.items()
    }


def _amounts(backend: SQLBackend, cascades: Any, metric: Metric, members: Mapping[str, int]) -> dict[str, Statistics]:
    positive = cascades.select("variant", amount=cascades[metric.key]).filter(ibis._.amount > 0)
    rows = {row["variant"]: row for row in amount_sums(backend, positive, ("variant",))}
    # Each member's sum is cut at the cap, so the sum of a cascade has no cap.
    return {variant: amount_of(n, rows.get(variant), None) for variant, n in members.items()}
