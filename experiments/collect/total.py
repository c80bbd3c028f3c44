"""What randomised members did together with everybody in their cascade: the total effect of a variant, not the direct.

A brought member's outcomes are theirs by the same rules as anybody's: in the window from their own exposure, capped by
itself, no bot and nobody met in a second variant. They count for the randomised member at the cascade's root, who is
the unit that was randomised.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

import ibis
from ibis.backends.sql import SQLBackend

from analysis.statistics import AmountStatistics, CountStatistics, Statistics
from experiments import rows
from experiments.collect import products
from experiments.collect.active import fetched, limit_micro
from experiments.collect.products import Quantity
from experiments.member_rows import MICRO, Scope, attributed, counted, exposures_of, outcome_columns
from experiments.metrics import Metric

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
    return rows.keep(backend, f"klette_cascades_{uuid4().hex}", each.group_by(["variant", "root"]).aggregate(**summed))


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
    amount = Quantity("amount", micro=True)
    told = cascades.select("variant", amount=cascades[metric.key]).filter(ibis._.amount > 0)
    parts = products.split(told, [amount])
    parts = parts.mutate(log=(parts.amount / float(MICRO)).ln())
    cells = parts.group_by("variant").aggregate(
        positive=parts.count(),
        total=parts.amount.sum(),
        log=parts.log.sum(),
        log_log=(parts.log * parts.log).sum(),
        **products.sums(parts, [(amount, amount)]),
    )
    found = {row["variant"]: row for row in fetched(backend, cells)}
    return {variant: _amount(n, found.get(variant), amount) for variant, n in members.items()}


def _amount(n: int, row: Mapping[str, Any] | None, amount: Quantity) -> AmountStatistics:
    # Each member's sum is cut at the cap, so the sum of a cascade has none.
    if row is None:
        return AmountStatistics(n, 0, Decimal(0), 0.0)
    total, squares = Decimal(int(row["total"])) / MICRO, products.total(row, amount, amount)
    return AmountStatistics(n, int(row["positive"]), total, squares, float(row["log"]), float(row["log_log"]))
