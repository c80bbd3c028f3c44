"""Retention by cell: the life table of the first return, and the days of the last return.

A day counts if it was over by the cut-off. Members who never returned are counted by the days they were observed.
"""

from collections import Counter, defaultdict
from typing import Any

import ibis

from analysis.statistics import RetentionStatistics
from experiments.catalogue.metrics import DAY_US, Metric
from experiments.collect.active import Active, fetched, place_of, return_columns
from experiments.collect.attribution import randomised
from experiments.collect.audience import Audience, Cell, cell_of
from experiments.collect.engine.source import whole_days

_KEY = ("place", "variant")


def retention_by_cell(active: Active, audience: Audience, metric: Metric) -> dict[Cell, RetentionStatistics]:
    """Return the retention of every cell, over the days of the window."""
    horizon = active.scope.window_us // DAY_US
    first, last = return_columns(metric)
    members = _observed(active, active.members)
    members = members.mutate(
        first=ibis.ifelse(members[first] < members.seen, members[first], 0).fill_null(0),
        last=members[last].fill_null(0),
    )
    returned: dict[Cell, Counter[tuple[int, int]]] = defaultdict(Counter)
    back = members.filter(members["first"] > 0)
    for row in fetched(active.backend, back.group_by([*_KEY, "seen", "first"]).aggregate(n=back.count())):
        returned[cell_of(row)][int(row["seen"]) // DAY_US, int(row["first"]) // DAY_US] += int(row["n"])
    lasts: dict[Cell, Counter[int]] = defaultdict(Counter)
    over = members.filter(members.seen == active.scope.window_us, members["last"] > 0)
    for row in fetched(active.backend, over.group_by([*_KEY, "last"]).aggregate(n=over.count())):
        lasts[cell_of(row)][int(row["last"]) // DAY_US] += int(row["n"])
    observed = _observed_days(active)
    return {
        cell: _life_table(n, horizon, observed[cell], returned[cell], lasts[cell], mature=cell[2])
        for cell, n in audience.members.items()
    }


def _observed(active: Active, members: Any) -> Any:
    """Return the members with ``seen``: the whole days they were observed, at most the window, in microseconds."""
    whole = whole_days(active.backend, active.scope.cut_off_us - members.exposed_us)
    seen = ibis.ifelse(whole > active.scope.window_us, ibis.literal(active.scope.window_us, "int64"), whole)
    return members.mutate(seen=seen)


def _observed_days(active: Active) -> dict[Cell, Counter[int]]:
    """Return all members by the whole days they were observed."""
    members = _observed(active, randomised(active.backend, active.scope))
    members = members.mutate(place=place_of(active.scope, members))
    observed: dict[Cell, Counter[int]] = defaultdict(Counter)
    for row in fetched(active.backend, members.group_by([*_KEY, "seen"]).aggregate(n=members.count())):
        observed[cell_of(row)][int(row["seen"]) // DAY_US] += int(row["n"])
    return observed


def _life_table(
    n: int,
    horizon: int,
    observed: Counter[int],
    returned: Counter[tuple[int, int]],
    last: Counter[int],
    *,
    mature: bool,
) -> RetentionStatistics:
    until: Counter[int] = Counter()  # members by the last day on which they were at risk
    for seen, members in observed.items():
        until[min(seen, horizon) - 1] += members
    gone: Counter[int] = Counter()
    for (seen, day), members in returned.items():
        until[min(seen, horizon) - 1] -= members
        until[day] += members
        gone[day] += members
    first, at_risk = [], n
    for day in range(horizon):
        if day:
            first.append((day, at_risk, gone[day]))
        else:
            at_risk -= until[-1]  # observed for less than a day
        at_risk -= until[day]
    never = n - sum(last.values()) if mature else 0
    return RetentionStatistics(n, horizon, tuple(first), ((0, never), *last.items()))
