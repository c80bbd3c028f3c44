"""What randomised members did together with everybody in their cascade: the total effect of a variant, not the direct.

A brought member's outcomes are theirs by the same rules as anybody's: in the window from their own exposure, capped by
itself, no bot and nobody met in a second variant. They count for the randomised member at the cascade's root, who is
the unit that was randomised.
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
from experiments.collect.attribution import Scope, attributed, counted, exposures_of, outcome_columns
from experiments.collect.cells import amount_of, amount_sums
from experiments.collect.engine import source

KINDS = ("proportion", "count", "amount")
"""Kinds of metrics that add up over a cascade: of a rate, how many in it did it."""

Totals = dict[str, dict[str, Statistics]]


def totals_of(backend: SQLBackend, scope: Scope, metrics: Sequence[Metric], members: Mapping[str, int]) -> Totals:
    """By metric and variant, one number a randomised member; counts of how many for rates.

    Parameters
    ----------
    members
        Randomised members a variant.
    """
    told = [metric for metric in metrics if metric.kind in KINDS]
    if not told:
        return {}
    cascades = _by_cascade(backend, scope, told)
    makers = {"amount": _amounts}
    return {metric.key: makers.get(metric.kind, _counts)(backend, cascades, metric, members) for metric in told}


def _by_cascade(backend: SQLBackend, scope: Scope, metrics: Sequence[Metric]) -> Any:
    """One row a cascade in which somebody did something: its root, the variant, and each metric's sum."""
    people = counted(scope, exposures_of(backend, scope))
    own = people.origin == "randomised"
    people = people.select(
        "run_id", "unit", "variant", exposed_us=people.at_us, root=ibis.ifelse(own, people.unit, people.root), first=own
    )
    roots = people.filter(people.first).select(at_root=people.unit, of=people.variant)
    # Whose root is set aside, or met another variant, belongs to nobody's cascade.
    people = people.inner_join(roots, [people.root == roots.at_root, people.variant == roots.of])
    people = people.select("run_id", "unit", "variant", "exposed_us", "root")
    events = attributed(backend, scope, people, properties=any(metric.property_name for metric in metrics))
    columns: dict[str, Any] = {}
    for metric in metrics:
        columns |= outcome_columns(backend, events, metric, scope)
    each = events.group_by(["variant", "root", "unit"]).aggregate(**columns)
    summed = {metric.key: _cut(each[metric.key], limit_micro(metric, scope)).sum() for metric in metrics}
    # Kept, since every metric looks at them; with whole numbers, of which PostgreSQL's sums are decimal ones.
    return source.keep(
        backend, f"klette_cascades_{uuid4().hex}", each.group_by(["variant", "root"]).aggregate(**summed)
    )


def _cut(amount: Any, limit: int | None) -> Any:
    return amount if limit is None else ibis.ifelse(amount > limit, ibis.literal(limit, "int64"), amount)


def _counts(backend: SQLBackend, cascades: Any, metric: Metric, members: Mapping[str, int]) -> dict[str, Statistics]:
    told = cascades.select("variant", times=cascades[metric.key]).filter(ibis._.times > 0)
    pairs: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in fetched(backend, told.group_by(["variant", "times"]).aggregate(n=told.count())):
        pairs[row["variant"]].append((int(row["times"]), int(row["n"])))
    return {
        variant: CountStatistics(((0, n - sum(roots for _, roots in pairs[variant])), *pairs[variant]))
        for variant, n in members.items()
    }


def _amounts(backend: SQLBackend, cascades: Any, metric: Metric, members: Mapping[str, int]) -> dict[str, Statistics]:
    told = cascades.select("variant", amount=cascades[metric.key]).filter(ibis._.amount > 0)
    found = {row["variant"]: row for row in amount_sums(backend, told, ("variant",))}
    # Each member's sum is cut at the cap, so the sum of a cascade has none.
    return {variant: amount_of(n, found.get(variant), None) for variant, n in members.items()}
