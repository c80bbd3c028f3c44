"""Outcomes with a pre-experiment covariate (CUPED), from one pass over the members with events.

Sums of the outcome follow from the metric's statistics. Sums of the covariate need all members if it is an attribute,
and only members with earlier events if it is the same outcome.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from analysis.statistics import (
    AdjustedStatistics,
    AmountStatistics,
    CountStatistics,
    ProportionStatistics,
    Statistics,
)
from experiments.catalogue.metrics import Metric
from experiments.collect.active import Active, Row, capped, fetched
from experiments.collect.attribution import ADJUSTABLE, MICRO, WIDEST, one_where, randomised
from experiments.collect.engine import products
from experiments.collect.engine.products import Quantity
from experiments.collect.engine.source import fetch, number
from experiments.collect.request import Covariate

Adjusted = dict[str, dict[str, AdjustedStatistics]]


def adjusted(
    active: Active, metrics: Sequence[Metric], covariate: Covariate, data: Mapping[str, Mapping[str, Statistics]]
) -> Adjusted:
    """Return the statistics by metric and variant; `data` has the unadjusted statistics of the same metrics."""
    adjustable = [metric for metric in metrics if metric.kind in ADJUSTABLE]
    if not adjustable:
        return {}
    if covariate.attribute is not None:
        return _by_attribute(active, adjustable, covariate.attribute, data)
    return {metric.key: _by_days_before(active, metric, data[metric.key]) for metric in adjustable}


def _by_attribute(
    active: Active, metrics: Sequence[Metric], name: str, data: Mapping[str, Mapping[str, Statistics]]
) -> Adjusted:
    backend = active.backend
    members = randomised(backend, active.scope)
    members = members.select("variant", c=number(backend, members.attributes, name, WIDEST))
    alone = members.group_by("variant").aggregate(c=members.c.sum(), c_c=(members.c * members.c).sum())
    totals = {row["variant"]: row for row in fetched(backend, alone)}
    rows = active.members.mutate(c=number(backend, active.members.attributes, name, WIDEST))
    crossed = {metric.key: (_outcome(active, metric) * rows.c).sum() / _scale(metric) for metric in metrics}
    both = {row["variant"]: row for row in fetched(backend, rows.group_by("variant").aggregate(**crossed))}
    return {
        metric.key: {
            variant: _statistics(
                own,
                _float(totals.get(variant), "c"),
                _float(totals.get(variant), "c_c"),
                _float(both.get(variant), metric.key),
            )
            for variant, own in data[metric.key].items()
        }
        for metric in metrics
    }


def members_without(active: Active, covariate: Covariate) -> int:
    """Return the members without a number for the covariate's attribute; 0 for earlier outcomes, which all have."""
    if covariate.attribute is None:
        return 0
    members = randomised(active.backend, active.scope)
    known = number(active.backend, members.attributes, covariate.attribute, WIDEST)
    return int(fetch(active.backend, members.aggregate(n=one_where(known.isnull()).sum()))[0][0] or 0)


def _by_days_before(active: Active, metric: Metric, data: Mapping[str, Statistics]) -> dict[str, AdjustedStatistics]:
    micro = metric.kind == "amount"
    x, c = Quantity("x", micro), Quantity("c", micro)
    members = active.members.mutate(x=_outcome(active, metric), c=_outcome(active, metric, before=True))
    parts = products.split(members.filter(members.c > 0), [x, c])
    cells = parts.group_by("variant").aggregate(c_total=parts.c.sum(), **products.sums(parts, [(c, c), (x, c)]))
    rows = {row["variant"]: row for row in fetched(active.backend, cells)}
    by_variant = {}
    for variant, own in data.items():
        row = rows.get(variant)
        total = 0.0 if row is None else int(row["c_total"]) / c.scale
        squares, cross = (0.0, 0.0) if row is None else (products.total(row, *pair) for pair in ((c, c), (x, c)))
        by_variant[variant] = _statistics(own, total, squares, cross)
    return by_variant


def _outcome(active: Active, metric: Metric, *, before: bool = False) -> Any:
    """Return a member's number: 0 or 1, a count, or the capped amount in millionths."""
    if metric.kind == "amount":
        return capped(active.members, metric, active.scope, before=before)
    if metric.kind == "proportion":
        return one_where(active.did(metric, before=before))
    return active.count_of(metric, before=before)


def _scale(metric: Metric) -> float:
    return float(MICRO) if metric.kind == "amount" else 1.0


def _float(row: Row | None, name: str) -> float:
    return 0.0 if row is None or row[name] is None else float(row[name])


def _statistics(own: Statistics, covariate: float, squares: float, cross: float) -> AdjustedStatistics:
    if isinstance(own, ProportionStatistics):
        total, total_squares = Decimal(own.successes), float(own.successes)
    elif isinstance(own, CountStatistics):
        total, total_squares = Decimal(own.total), float(own.total_squares)
    elif isinstance(own, AmountStatistics):
        total, total_squares = own.total, own.total_squares
    else:
        raise TypeError(f"A {type(own).__name__} has no covariate; only {', '.join(ADJUSTABLE)} are adjusted.")
    return AdjustedStatistics(own.n, total, total_squares, covariate, squares, cross)
