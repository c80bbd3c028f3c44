"""From stored rows to sufficient statistics, computed inside whatever engine holds the rows; only cells come back.

One pass over exposures and events makes one row a member (a temporary table, whose rows never come to Python).
Everything else is a small aggregation over it: statistics by variant, the primary metric by segment, arrivals by day.

Which events of which members count is told in `experiments.member_rows`.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import ibis
from ibis.backends.sql import SQLBackend

from analysis.statistics import AmountStatistics, CountStatistics, ProportionStatistics, Statistics
from experiments.collected import OTHERS, UNKNOWN, Collected, Quality, SegmentData
from experiments.member_rows import (
    MICRO,
    Scope,
    attributed,
    exposures_of,
    matches_metric,
    member_rows,
    met_twice,
    one_where,
)
from experiments.metrics import DAY_US, Metric
from experiments.rows import fetch, level

MOST_LEVELS = 30
# Squares of millionths overflow 64 bits: an amount is split into high * _SPLIT + low, whose products do not.
_SPLIT = 1_000_000


def collect(
    backend: SQLBackend,
    scope: Scope,
    metrics: Sequence[Metric],
    *,
    segments: Sequence[str] = (),
    segmented: Metric | None = None,
    report: Callable[[float], None] = lambda _: None,
) -> Collected:
    """Sufficient statistics of a run up to the scope's cut-off.

    Parameters
    ----------
    backend
        The connection, of `experiments.rows.source`.
    scope
        Which rows count.
    metrics
        What to measure.
    segments
        Names of exposure attributes to slice `segmented` by; at most 30 levels each, the rest is "others".
    segmented
        The proportion metric that is sliced; one of `metrics`.
    report
        Is told how far it is, 0 to 1.
    """
    excluded, shared = _set_aside(backend, scope)
    sliced = tuple(segments) if segmented is not None else ()
    with _members(backend, member_rows(backend, scope, metrics, sliced)) as members:
        report(0.7)
        first, quality = _quality(backend, scope, members)
        counts, metric_data, arrivals = _by_variant(backend, scope, metrics, members, first or 0)
        report(0.85)
        segment_data = {
            name: _by_level(backend, scope, segmented, members, f"segment_{place}")
            for place, name in enumerate(sliced)
            if segmented is not None
        }
    report(1.0)
    return Collected(
        counts, excluded, shared, metric_data, segment_data, arrivals=arrivals, first_exposure_us=first, quality=quality
    )


@contextmanager
def _members(backend: SQLBackend, expression: Any) -> Iterator[Any]:
    """The expression's rows as a temporary table of the connection, dropped at the end."""
    name = f"klette_members_{uuid.uuid4().hex}"
    backend.create_table(name, obj=expression, temp=True)
    try:
        yield ibis.table(expression.schema(), name=name)
    finally:
        backend.raw_sql(f"DROP TABLE {name}").close()


# Cells -------------------------------------------------------------------------------------------------------------


def _by_variant(
    backend: SQLBackend, scope: Scope, metrics: Sequence[Metric], members: Any, first_us: int
) -> tuple[dict[str, int], dict[str, dict[str, Statistics]], tuple[tuple[str, int, int], ...]]:
    """Members, statistics and arrivals of each variant, in one aggregation and a small one an amount.

    Day and counts are part of the grouping, so that arrivals and histograms fall out of the same pass: statistics are
    additive, and the few rows a variant are summed here.
    """
    counted = [metric.key for metric in metrics if metric.kind == "count"]
    rates = [metric.key for metric in metrics if metric.kind == "proportion"]
    since = members.exposed_us - first_us
    dated = members.select("variant", *counted, *rates, begun=since - since % DAY_US)
    cells = dated.group_by(["variant", "begun", *counted])
    found = cells.aggregate(members=dated.count(), **{f"did_{key}": dated[key].sum() for key in rates})
    counts = dict.fromkeys(scope.variants, 0)
    histograms: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    arrivals: Counter[tuple[str, int]] = Counter()
    for row in _rows(backend, found):
        variant, n = row["variant"], int(row["members"])
        if variant not in counts:
            continue
        counts[variant] += n
        arrivals[variant, int(row["begun"]) // DAY_US] += n
        for key in counted:
            histograms[key, variant][int(row[key])] += n
        for key in rates:
            histograms[key, variant][1] += int(row[f"did_{key}"])
    data: dict[str, dict[str, Statistics]] = {}
    for metric in metrics:
        if metric.kind == "amount":
            data[metric.key] = _amounts(backend, scope, metric, members, counts)
        else:
            data[metric.key] = {key: _statistics(metric, n, histograms[metric.key, key]) for key, n in counts.items()}
    days = sorted((variant, day, n) for (variant, day), n in arrivals.items())
    return counts, data, tuple(days)


def _statistics(metric: Metric, n: int, histogram: Counter[int]) -> Statistics:
    """A rate or a count of one variant, from how many members did it so many times."""
    return (
        ProportionStatistics(n, histogram[1])
        if metric.kind == "proportion"
        else CountStatistics(tuple(histogram.items()))
    )


def _rows(backend: SQLBackend, expression: Any) -> Iterator[dict[str, Any]]:
    names = expression.columns
    return (dict(zip(names, values, strict=True)) for values in fetch(backend, expression))


def _amounts(
    backend: SQLBackend, scope: Scope, metric: Metric, members: Any, counts: dict[str, int]
) -> dict[str, Statistics]:
    """The statistics of an amount: only members above zero are summed, the others are known by their number."""
    limit = _limit(metric, scope)
    paid = members.filter(members[metric.key] > 0).select("variant", whole=members[metric.key])
    cut = paid.mutate(amount=paid.whole if limit is None else ibis.ifelse(paid.whole > limit, limit, paid.whole))
    parts = cut.mutate(low=cut.amount % _SPLIT, log=(cut.amount / float(MICRO)).ln())
    parts = parts.mutate(high=((parts.amount - parts.low) / _SPLIT).cast("int64"))
    cells = parts.group_by("variant").aggregate(
        positive=parts.count(),
        total=parts.amount.sum(),
        high_high=(parts.high * parts.high).sum(),
        high_low=(parts.high * parts.low).sum(),
        low_low=(parts.low * parts.low).sum(),
        log=parts.log.sum(),
        log_log=(parts.log * parts.log).sum(),
        capped=(one_where(parts.whole > limit) if limit is not None else one_where(parts.whole < 0)).sum(),
    )
    cap = metric.cap_in(scope.currency)
    found = {row["variant"]: row for row in _rows(backend, cells)}
    return {variant: _amount(n, found.get(variant), cap) for variant, n in counts.items()}


def _amount(n: int, row: dict[str, Any] | None, cap: Decimal | None) -> AmountStatistics:
    if row is None:
        return AmountStatistics(n, 0, Decimal(0), 0.0, cap=cap)
    squares = int(row["high_high"]) * _SPLIT**2 + 2 * int(row["high_low"]) * _SPLIT + int(row["low_low"])
    return AmountStatistics(
        n=n,
        positive=int(row["positive"]),
        total=Decimal(int(row["total"])) / MICRO,
        total_squares=squares / MICRO**2,
        log_total=float(row["log"]),
        log_total_squares=float(row["log_log"]),
        capped=int(row["capped"]),
        cap=cap,
    )


def _limit(metric: Metric, scope: Scope) -> int | None:
    cap = metric.cap_in(scope.currency)
    return None if cap is None else int(cap * MICRO)


def _by_level(backend: SQLBackend, scope: Scope, metric: Metric, members: Any, column: str) -> SegmentData:
    """The metric by variant and level of a segment; levels beyond the largest 30 are "others".

    One pass where there are few levels; where there are many, the engine ranks them first.
    """
    most = MOST_LEVELS * len(scope.variants)
    cells = _cells(backend, metric, members, members[column], most + 1)
    if len(cells) > most or len({value for _, value, *_ in cells if value is not None}) > MOST_LEVELS:
        named = members.filter(members[column].notnull())
        sizes = named.group_by(column).aggregate(n=named.count())
        ranked = fetch(backend, sizes.order_by([sizes.n.desc(), sizes[column].asc()]).limit(MOST_LEVELS))
        kept = [value for value, _ in ranked]
        # The mark of "others" is no JSON, so no attribute's value can be mistaken for it.
        place = ibis.ifelse(members[column].isin(kept) | members[column].isnull(), members[column], "*")
        cells = _cells(backend, metric, members, place, None)
    found: SegmentData = {}
    for variant, value, n, successes in sorted(cells, key=str):
        name = OTHERS if value == "*" else level(backend, value) or UNKNOWN
        cell = ProportionStatistics(int(n), int(successes))
        found[variant, name] = found.get((variant, name), ProportionStatistics.empty()) + cell
    order = {variant: place for place, variant in enumerate(scope.variants)}
    sizes: dict[str, int] = {}
    for (_, name), cell in found.items():
        sizes[name] = sizes.get(name, 0) + cell.n
    ranking = sorted(sizes, key=lambda name: (name in (OTHERS, UNKNOWN), -sizes[name], name))
    return {(variant, name): found[variant, name] for name in ranking for variant in order if (variant, name) in found}


def _cells(backend: SQLBackend, metric: Metric, members: Any, place: Any, most: int | None) -> list[tuple]:
    sliced = members.select("variant", place=place, did=members[metric.key])
    cells = sliced.group_by(["variant", "place"]).aggregate(n=sliced.count(), successes=sliced.did.sum())
    return fetch(backend, cells if most is None else cells.limit(most))


def first_successes(
    backend: SQLBackend, scope: Scope, metric: Metric, begun_us: int
) -> list[tuple[str, int, int | None, int]]:
    """Members by variant, day they came and day of their first success (null: none), for a share of members.

    A day is the number of the first whole day since `begun_us` at whose end it had happened.
    """
    joined = attributed(backend, scope, ())
    succeeded = ibis.ifelse(matches_metric(joined, metric), joined.event_us, None).min()
    members = joined.group_by(joined.unit).aggregate(
        variant=joined.variant.max(), exposed_us=joined.exposed_us.max(), succeeded_us=succeeded
    )
    came, succeeded = (_whole_days(members[name] - begun_us) for name in ("exposed_us", "succeeded_us"))
    days = members.select("variant", came=came, succeeded=succeeded)
    cells = days.group_by(["variant", "came", "succeeded"]).aggregate(n=days.count())
    return [
        (variant, int(came) // DAY_US, None if succeeded is None else int(succeeded) // DAY_US, int(n))
        for variant, came, succeeded, n in fetch(backend, cells)
    ]


def _whole_days(since: Any) -> Any:
    """Microseconds rounded up to the end of their day, as whole-number arithmetic."""
    padded = since + (DAY_US - 1)
    return padded - padded % DAY_US


# Counts for the health checks --------------------------------------------------------------------------------------


def _set_aside(backend: SQLBackend, scope: Scope) -> tuple[dict[str, int], int]:
    """Members that are not analysed by reason, and how many came through a share link."""
    exposures = exposures_of(scope)
    person = ~exposures.bot & (exposures.origin == "shared")
    counted = exposures.aggregate(bots=one_where(exposures.bot).sum(), shared=one_where(person).sum())
    bots, shared = (int(value or 0) for value in fetch(backend, counted)[0])
    met = met_twice(scope)
    people = exposures.filter(~exposures.bot, exposures.origin == "randomised").select("unit", "variant")
    twice = met.inner_join(people, "unit")
    return {"multi_exposed": int(fetch(backend, twice.aggregate(n=twice.count()))[0][0]), "bots": bots}, shared


def _quality(backend: SQLBackend, scope: Scope, members: Any) -> tuple[int | None, Quality]:
    """When the first member was exposed, and the counts about the data itself."""
    row = fetch(
        backend,
        members.aggregate(
            first=members.exposed_us.min(),
            immature=one_where(members.exposed_us + scope.window_us > scope.cut_off_us).sum(),
            events=members.events.sum(),
            late=members.late.sum(),
            ahead=members.ahead.sum(),
            other_currency=members.other_currency.sum(),
            last_event_us=members.last_event_us.max(),
            early=members.early.sum(),
        ),
    )[0]
    first, immature, events, late, ahead, other, last, early = (None if value is None else int(value) for value in row)
    return first, Quality(immature or 0, events or 0, late or 0, ahead or 0, other or 0, last, early or 0)
