"""The statistics of every metric by cell: small aggregations over the members with events.

A cell is a variant, an allocation epoch, and whether the members' windows were over. Statistics are additive, so the
whole, the epochs and the mature members are sums of cells. Members without events come from the audience's counts.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ibis.backends.sql import SQLBackend

from analysis.statistics import (
    AmountStatistics,
    CountStatistics,
    ProportionStatistics,
    RatioStatistics,
    RetentionStatistics,
    Statistics,
    ValueStatistics,
)
from experiments.catalogue.metrics import DAY_US, Metric
from experiments.collect.active import (
    FLAGS,
    Active,
    Row,
    capped,
    fetched,
    limit_micro,
    number_column,
    value_column,
)
from experiments.collect.attribution import MICRO, Scope, one_where
from experiments.collect.audience import Audience, Cell, cell_of, levels_of
from experiments.collect.collected import Quality
from experiments.collect.engine import products
from experiments.collect.engine.packing import Tally
from experiments.collect.engine.products import Quantity
from experiments.collect.engine.source import grouped_sums
from experiments.collect.request import Worth
from experiments.collect.retention import retention_by_cell

ByCell = Mapping[Cell, Statistics]
LevelCounts = Counter[tuple[str, tuple[str | None, ...]]]
_KEY = ("place", "variant")
_AMOUNT = Quantity("amount", micro=True)


def statistics_by_cell(
    active: Active,
    audience: Audience,
    metrics: Sequence[Metric],
    worth: Worth,
    segments: Sequence[str],
    sliced: Metric | None,
) -> tuple[dict[str, ByCell], Quality, LevelCounts] | None:
    """Return every metric's statistics except cascades, the health counts, and the successes of `sliced` by level.

    The levels are empty unless the audience has them. None if a member has more events than a packed count holds.
    """
    summed = _successes(active, audience, metrics, segments, sliced)
    if summed is None:
        return None
    successes, quality, by_level = summed
    makers: dict[str, Callable[[Metric], ByCell]] = {
        "proportion": lambda metric: {
            cell: ProportionStatistics(n, successes[cell][metric.key]) for cell, n in audience.members.items()
        },
        "count": lambda metric: _counts(active, audience, metric),
        "amount": lambda metric: _amounts(active, audience, metric),
        "ratio": lambda metric: _ratios(active, audience, metric),
        "retention": lambda metric: retention_by_cell(active, audience, metric),
    }
    by_metric = {metric.key: makers[metric.kind](metric) for metric in metrics if metric.kind in makers}
    valued = [metric for metric in metrics if metric.kind == "value"]
    if valued:
        values = _values(active, audience, valued[0], worth)
        by_metric |= {metric.key: values for metric in valued}
    return by_metric, quality, by_level


def empty(metric: Metric, scope: Scope, worth: Worth, variant: str) -> Statistics:
    """Return the statistics of no members."""
    if metric.kind == "amount":
        return AmountStatistics.empty(metric.cap_in(scope.currency))
    if metric.kind == "retention":
        return RetentionStatistics.empty(scope.window_us // DAY_US)
    if metric.kind == "value":
        fixed, per_thousand = worth.cost_of(variant)
        return ValueStatistics.empty(worth.outcomes, worth.weights, cost_fixed=fixed, cost_per_thousand=per_thousand)
    if metric.kind == "count":
        return CountStatistics.empty()
    return RatioStatistics.empty() if metric.kind == "ratio" else ProportionStatistics.empty()


def _successes(
    active: Active, audience: Audience, metrics: Sequence[Metric], segments: Sequence[str], sliced: Metric | None
) -> tuple[dict[Cell, Counter[str]], Quality, LevelCounts] | None:
    """Return the successes by cell and metric, the health counts and the successes by level, in one pass."""
    rates = [metric for metric in metrics if metric.kind == "proportion"]
    members = active.members
    did = {metric.key: one_where(active.did(metric)) for metric in rates}
    flags = {name: active.packing.read(members, name) for name in FLAGS}
    rows = members.mutate(**did, **flags)
    key = [*_KEY, *(["attributes"] if audience.levels is not None else [])]
    successes: dict[Cell, Counter[str]] = defaultdict(Counter)
    health: Counter[str] = Counter()
    by_level: LevelCounts = Counter()
    last: list[int] = []
    for row in grouped_sums(active.backend, rows, key, [*did, *flags], ["last_event_us", "happened"]):
        if int(row["happened"]) >= active.packing.limit:
            return None
        for metric in rates:
            successes[cell_of(row)][metric.key] += int(row[metric.key])
        for name in FLAGS:
            health[name] += int(row[name])
        if row["last_event_us"] is not None:
            last.append(int(row["last_event_us"]))
        if audience.levels is not None and sliced is not None:
            by_level[row["variant"], levels_of(row, segments)] += int(row[sliced.key])
    immature = sum(n for (_, _, mature), n in audience.members.items() if not mature)
    quality = Quality(
        immature,
        events=health["events"],
        late=health["late"],
        ahead=health["ahead"],
        other_currency=health["other_currency"],
        last_event_us=max(last, default=None),
        early=health["early"],
    )
    return successes, quality, by_level


def _counts(active: Active, audience: Audience, metric: Metric) -> ByCell:
    """Return the histogram of a count: members with events by number of events; the rest are zeros."""
    positive = active.members.mutate(times=active.count_of(metric))
    positive = positive.filter(positive.times > 0)
    pairs: dict[Cell, list[tuple[int, int]]] = defaultdict(list)
    for row in fetched(active.backend, positive.group_by([*_KEY, "times"]).aggregate(n=positive.count())):
        pairs[cell_of(row)].append((int(row["times"]), int(row["n"])))
    return {
        cell: CountStatistics(((0, n - sum(members for _, members in pairs[cell])), *pairs[cell]))
        for cell, n in audience.members.items()
    }


def _amounts(active: Active, audience: Audience, metric: Metric) -> ByCell:
    """Return the statistics of an amount; only members above zero are summed."""
    limit = limit_micro(metric, active.scope)
    whole = active.members[value_column(metric)]
    cut = active.members.mutate(whole=whole, amount=capped(active.members, metric, active.scope))
    over = cut.whole > limit if limit is not None else cut.whole < 0
    positive = cut.filter(cut.whole > 0).mutate(over=one_where(over))
    rows = {cell_of(row): row for row in amount_sums(active.backend, positive, _KEY, capped="over")}
    cap = metric.cap_in(active.scope.currency)
    return {cell: amount_of(n, rows.get(cell), cap) for cell, n in audience.members.items()}


def amount_sums(backend: SQLBackend, positive: Any, key: Sequence[str], **others: str) -> Iterable[Row]:
    """Return the sums that `amount_of` reads, by a key.

    ``amount`` is in millionths and above zero in every row of `positive`; `others` names further columns to sum.
    """
    parts = products.split(positive, [_AMOUNT])
    parts = parts.mutate(log=(parts.amount / float(MICRO)).ln())
    sums = {"total": parts.amount.sum(), "log": parts.log.sum(), "log_log": (parts.log * parts.log).sum()}
    squares = products.sums(parts, [(_AMOUNT, _AMOUNT)])
    further = {name: parts[column].sum() for name, column in others.items()}
    return fetched(backend, parts.group_by(key).aggregate(positive=parts.count(), **sums, **squares, **further))


def amount_of(n: int, row: Row | None, cap: Decimal | None) -> AmountStatistics:
    """Return the statistics of `n` members from the sums over those above zero (None if there are none)."""
    if row is None:
        return AmountStatistics(n, 0, Decimal(0), 0.0, cap=cap)
    return AmountStatistics(
        n=n,
        positive=int(row["positive"]),
        total=Decimal(int(row["total"])) / MICRO,
        total_squares=products.total(row, _AMOUNT, _AMOUNT),
        log_total=float(row["log"]),
        log_total_squares=float(row["log_log"]),
        capped=int(row.get("capped", 0)),
        cap=cap,
    )


def _ratios(active: Active, audience: Audience, metric: Metric) -> ByCell:
    """Return the sums of the values and of the numbers of events that carry one; members without any add zero."""
    members = active.members.mutate(
        x=capped(active.members, metric, active.scope), y=active.members[number_column(metric)]
    )
    x, y = Quantity("x", micro=True), Quantity("y")
    parts = products.split(members.filter(members.y > 0), [x])
    pairs = [(x, x), (y, y), (x, y)]
    cells = parts.group_by(_KEY).aggregate(x_total=parts.x.sum(), y_total=parts.y.sum(), **products.sums(parts, pairs))
    rows = {cell_of(row): row for row in fetched(active.backend, cells)}
    return {cell: _ratio(n, rows.get(cell), pairs) for cell, n in audience.members.items()}


def _ratio(n: int, row: Row | None, pairs: Iterable[tuple[Quantity, Quantity]]) -> RatioStatistics:
    if row is None:
        return RatioStatistics(n, Decimal(0), Decimal(0), 0.0, 0.0, 0.0)
    squares = [products.total(row, first, second) for first, second in pairs]
    return RatioStatistics(n, Decimal(int(row["x_total"])) / MICRO, Decimal(int(row["y_total"])), *squares)


def _values(active: Active, audience: Audience, metric: Metric, worth: Worth) -> ByCell:
    """Return the sums of the revenue and of each action with a worth, and of their products."""
    actions = {
        f"action_{place}": active.packing.read(active.members, Tally((kind,)))
        for place, kind in enumerate(worth.actions)
    }
    members = active.members.mutate(revenue=capped(active.members, metric, active.scope), **actions)
    outcomes = [Quantity("revenue", micro=True), *(Quantity(name) for name in actions)]
    parts = products.split(members, outcomes)
    pairs = [(first, second) for place, first in enumerate(outcomes) for second in outcomes[place:]]
    cells = parts.group_by(_KEY).aggregate(
        **{f"sum_{one.column}": parts[one.column].sum() for one in outcomes}, **products.sums(parts, pairs)
    )
    rows = {cell_of(row): row for row in fetched(active.backend, cells)}
    return {cell: _value(n, rows.get(cell), outcomes, worth, cell[0]) for cell, n in audience.members.items()}


def _value(n: int, row: Row | None, outcomes: Sequence[Quantity], worth: Worth, variant: str) -> ValueStatistics:
    fixed, per_thousand = worth.cost_of(variant)
    if row is None:
        sums = tuple(Decimal(0) for _ in outcomes)
        matrix: tuple[tuple[float, ...], ...] = tuple(tuple(0.0 for _ in outcomes) for _ in outcomes)
    else:
        sums = tuple(Decimal(int(row[f"sum_{one.column}"])) / one.scale for one in outcomes)
        matrix = tuple(tuple(products.total(row, first, second) for second in outcomes) for first in outcomes)
    return ValueStatistics(n, worth.outcomes, sums, matrix, worth.weights, fixed, per_thousand)
