"""A metric's statistics at the end of each past day, from one pass, for the curve over time.

A member's number changes only on days with events of that member, and statistics are sums over members. So a day's
statistics are those of the day before plus, for each changed member, the new contribution less the old one.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

import ibis
from ibis.backends.sql import SQLBackend

from analysis.statistics import AmountStatistics, CountStatistics, ProportionStatistics, Statistics
from experiments.catalogue.metrics import DAY_US, Metric
from experiments.collect.active import Row, fetched, limit_micro
from experiments.collect.attribution import (
    MICRO,
    Scope,
    attributed,
    matches_metric,
    one_where,
    randomised,
    valued,
    with_aside,
)
from experiments.collect.engine import products
from experiments.collect.engine.products import Quantity
from experiments.collect.engine.source import keep, snapshot, whole_days

Day = dict[str, Statistics]
"""The statistics by variant at the end of a day."""


def has_daily_statistics(metric: Metric) -> bool:
    """Return whether `statistics_by_day` supports the metric: rates, sums of values and numbers of events."""
    return metric.statistic in ("any", "count") or metric.kind == "amount"


def statistics_by_day(
    backend: SQLBackend, scope: Scope, metric: Metric, begun_us: int, days: Sequence[int]
) -> list[Day]:
    """Return the statistics at the end of each of the `days`, in their order.

    Days are whole days since `begun_us`; an exposure or event counts from the end of its day. Members count from
    the day of their exposure.
    """
    with snapshot(backend):
        scope = with_aside(backend, scope)
        arrivals = _arrivals(backend, scope, begun_us)
        numbers = keep(backend, f"klette_days_{uuid4().hex}", _numbers(backend, scope, metric, begun_us))
        read = {"proportion": _rates, "count": _counts, "amount": _amounts}[metric.kind]
        changes, statistics = read(backend, scope, metric, numbers)
    history: list[Day] = []
    totals: dict[str, Any] = {}
    members: Counter[str] = Counter()
    for day, until in zip(days, (0, *days), strict=False):
        for place in range(until + 1 if history else min((0, *arrivals, *changes)), day + 1):
            members.update(arrivals.get(place, {}))
            for variant, change in changes.get(place, {}).items():
                totals[variant] = change if variant not in totals else _plus(totals[variant], change)
        history.append({variant: statistics(members[variant], totals.get(variant)) for variant in scope.variants})
    return history


Changes = dict[int, dict[str, Any]]
"""By day and variant: the sums to add to those of the day before."""


def _plus(one: Counter[Any], other: Counter[Any]) -> Counter[Any]:
    total = Counter(one)
    for key, number in other.items():
        total[key] += number
    return total


def _arrivals(backend: SQLBackend, scope: Scope, begun_us: int) -> dict[int, dict[str, int]]:
    members = randomised(backend, scope)
    arrivals = members.select("variant", day=_end_of_day(backend, members.exposed_us - begun_us))
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for row in fetched(backend, arrivals.group_by(["variant", "day"]).aggregate(n=arrivals.count())):
        counts[int(row["day"]) // DAY_US][row["variant"]] = int(row["n"])
    return counts


def _end_of_day(backend: SQLBackend, since: Any) -> Any:
    """Round microseconds since the start up to the end of their day; earlier moments become the start."""
    return whole_days(backend, ibis.ifelse(since < 0, 0, since) + (DAY_US - 1))


def _numbers(backend: SQLBackend, scope: Scope, metric: Metric, begun_us: int) -> Any:
    """Return a row for each member and day with events: the member's number before that day and at its end."""
    events = attributed(backend, scope, randomised(backend, scope), properties=metric.property_name is not None)
    events = events.filter(events.counts, matches_metric(events, metric))
    happened = ibis.greatest(events.happened_us, events.exposed_us)
    events = events.mutate(day=_end_of_day(backend, happened - begun_us))
    number = valued(backend, events, metric, scope)[0] if metric.statistic == "sum" else events.count()
    days = events.group_by(["unit", "variant", "day"]).aggregate(own=number)
    until_day = ibis.window(group_by=days.unit, order_by=days.day, preceding=(None, 0))
    days = days.mutate(after=days.own.sum().over(until_day))
    return days.select("variant", "day", "after", before=days.after - days.own)


def _by_day(backend: SQLBackend, cells: Any, read: Callable[[Row], Counter[Any]]) -> Changes:
    changes: Changes = defaultdict(dict)
    for row in fetched(backend, cells):
        day, variant = int(row["day"]) // DAY_US, row["variant"]
        changes[day][variant] = _plus(changes[day].get(variant, Counter()), read(row))
    return changes


# Kinds -------------------------------------------------------------------------------------------------------------

DailyStatistics = tuple[Changes, Callable[[int, Any], Statistics]]


def _rates(backend: SQLBackend, _scope: Scope, _metric: Metric, numbers: Any) -> DailyStatistics:
    first = numbers.filter(numbers.before == 0)
    cells = first.group_by(["variant", "day"]).aggregate(n=first.count())
    changes = _by_day(backend, cells, lambda row: Counter({"did": int(row["n"])}))
    return changes, lambda n, totals: ProportionStatistics(n, totals["did"] if totals else 0)


def _counts(backend: SQLBackend, _scope: Scope, _metric: Metric, numbers: Any) -> DailyStatistics:
    cells = numbers.group_by(["variant", "day", "before", "after"]).aggregate(n=numbers.count())

    def read(row: Row) -> Counter[int]:
        moved = Counter({int(row["after"]): int(row["n"])})
        moved[int(row["before"])] -= int(row["n"])
        return moved

    def statistics(n: int, totals: Counter[int] | None) -> CountStatistics:
        pairs = {times: members for times, members in (totals or {}).items() if times}
        return CountStatistics(((0, n - sum(pairs.values())), *pairs.items()))

    return _by_day(backend, cells, read), statistics


def _amounts(backend: SQLBackend, scope: Scope, metric: Metric, numbers: Any) -> DailyStatistics:
    limit, cap = limit_micro(metric, scope), metric.cap_in(scope.currency)
    sides = {name: _cut(numbers[name], limit) for name in ("before", "after")}
    cut = numbers.mutate(whole_before=numbers.before, whole_after=numbers.after, **sides)
    quantities = {name: Quantity(name, micro=True) for name in sides}
    parts = products.split(cut, quantities.values())
    logs = {name: ibis.ifelse(parts[name] > 0, (parts[name] / float(MICRO)).ln(), 0.0) for name in sides}
    over = {name: one_where(parts[f"whole_{name}"] > limit if limit is not None else parts[name] < 0) for name in sides}
    cells = parts.group_by(["variant", "day"]).aggregate(
        total=(parts.after - parts.before).sum(),
        positive=(one_where(parts.after > 0) - one_where(parts.before > 0)).sum(),
        capped=(over["after"] - over["before"]).sum(),
        log=(logs["after"] - logs["before"]).sum(),
        log_log=(logs["after"] * logs["after"] - logs["before"] * logs["before"]).sum(),
        **products.sums(parts, [(one, one) for one in quantities.values()]),
    )

    def read(row: Row) -> Counter[str]:
        squares = [products.exact_total(row, quantities[name], quantities[name]) for name in ("after", "before")]
        whole = {name: int(row[name]) for name in ("total", "positive", "capped")}
        return Counter(whole | {"squares": squares[0] - squares[1], "log": row["log"], "log_log": row["log_log"]})

    return _by_day(backend, cells, read), lambda n, totals: _amount(n, totals or Counter(), cap)


def _cut(amount: Any, limit: int | None) -> Any:
    return amount if limit is None else ibis.ifelse(amount > limit, ibis.literal(limit, "int64"), amount)


def _amount(n: int, totals: Mapping[str, Any], cap: Decimal | None) -> AmountStatistics:
    positive = totals["positive"]
    return AmountStatistics(
        n,
        positive,
        Decimal(totals["total"]) / MICRO,
        totals["squares"] / MICRO**2,
        # Floating-point differences leave rounding errors: without members above zero the sums are exactly zero.
        float(totals["log"]) if positive else 0.0,
        max(0.0, float(totals["log_log"])) if positive else 0.0,
        totals["capped"],
        cap,
    )
