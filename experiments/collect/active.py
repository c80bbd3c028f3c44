"""The members with at least one event, one row each, in a temporary table: the one pass over exposures and events.

The number of members without events follows from `experiments.collect.audience`, so they are neither joined nor stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add, or_
from typing import Any
from uuid import uuid4

import ibis
from ibis.backends.sql import SQLBackend

from experiments.catalogue.event_types import MONEY_TYPES
from experiments.catalogue.metrics import DAY_US, Metric
from experiments.collect.attribution import (
    AHEAD_US,
    LATE_US,
    MICRO,
    Scope,
    active_days,
    attributed,
    days_before,
    days_since,
    matches_metric,
    randomised,
    valued,
)
from experiments.collect.engine import source
from experiments.collect.engine.packing import TRUE, Packing, Tally
from experiments.collect.request import Covariate, Worth

FLAGS = ("late", "ahead", "events", "other_currency", "early")
"""The counts of a member's events that the health checks read."""


@dataclass(frozen=True, slots=True)
class Active:
    """The temporary table and the meaning of its columns.

    Attributes
    ----------
    backend, scope
    members : ibis table
        ``variant``, ``place`` (from `place_of`), the packed counts and a column for each value that is not a small
        count; ``attributes`` and ``exposed_us`` where they are needed.
    packing : Packing
    """

    backend: SQLBackend
    scope: Scope
    members: Any
    packing: Packing

    def count_of(self, metric: Metric, *, before: bool = False) -> Any:
        """Return a member's number of events (or of distinct days) as an expression; not for rates."""
        if metric.statistic == "days":
            return self.members[f"{metric.key}_before" if before else metric.key]
        if metric.statistic == "sum":
            # Events that carry a whole number each, in millionths.
            return self.members[value_column(metric, before=before)] // 1_000_000
        return reduce(add, (self.packing.read(self.members, one) for one in tallies_of(metric, before=before)))

    def did(self, metric: Metric, *, before: bool = False) -> Any:
        """Return whether a member has the event, as an expression."""
        if metric.statistic == "days":
            return self.count_of(metric, before=before) > 0
        return reduce(or_, (self.packing.read(self.members, one) > 0 for one in tallies_of(metric, before=before)))


def value_column(metric: Metric, *, before: bool = False) -> str:
    """Name the column of a member's sum of values, which metrics of the same values share."""
    source_name = metric.property_name or ("money" if metric.money else "value")
    return "_".join((source_name, *metric.events, *(("before",) if before else ())))


def number_column(metric: Metric) -> str:
    """Name the column of a member's number of events that carry a value."""
    return f"{value_column(metric)}_number"


def return_columns(metric: Metric) -> tuple[str, str]:
    """Name the columns of a member's first and last day of return, in microseconds since the exposure."""
    return f"{metric.key}_first", f"{metric.key}_last"


def tallies_of(metric: Metric, *, before: bool = False) -> list[Tally]:
    """Return the tallies of a count or a rate; their sum is the member's number.

    For a rate that also counts events on later days, each event type is a separate tally, since other metrics usually
    need the same one; a member may be in several of them.
    """
    if before or not (metric.events and metric.later_events):
        return [Tally(metric.events, metric.later_events, before)]
    if metric.statistic == "any":
        return [*(Tally((kind,)) for kind in metric.events), Tally((), metric.later_events)]
    return [Tally(metric.events, metric.later_events)]


def place_of(scope: Scope, members: Any, day_us: Any = 0) -> Any:
    """Return a member's allocation epoch, window state and a whole day in one number, which `cell_of` reads.

    Grouping by one key is faster than by three; a day has more microseconds than a run has epochs.
    """
    over = members.exposed_us + scope.window_us <= scope.cut_off_us
    return day_us + members.epoch * 2 + ibis.ifelse(over, ibis.literal(1, "int64"), ibis.literal(0, "int64"))


def capped(members: Any, metric: Metric, scope: Scope, *, before: bool = False) -> Any:
    """Return a member's amount in millionths, cut at the metric's cap."""
    amount, limit = members[value_column(metric, before=before)], limit_micro(metric, scope)
    return amount if limit is None else ibis.ifelse(amount > limit, ibis.literal(limit, "int64"), amount)


def limit_micro(metric: Metric, scope: Scope) -> int | None:
    """Return the metric's cap in millionths of its unit."""
    cap = metric.cap_in(scope.currency)
    return None if cap is None else int(cap * MICRO)


def active_members(
    backend: SQLBackend,
    scope: Scope,
    metrics: Sequence[Metric],
    *,
    attributes: bool,
    covariate: Covariate | None = None,
    worth: Worth | None = None,
    bits: int,
) -> Active:
    """Create the table, inside a snapshot that removes it at the end.

    Parameters
    ----------
    attributes
        Whether to keep each member's attributes.
    bits
        The width of a packed count. It is wide enough if every member's number of events (``happened``) is below the
        packing's limit.
    """
    before_us = DAY_US * (covariate.days_before or 0) if covariate else 0
    packing = Packing(_tallies(metrics, bool(before_us), worth), FLAGS, bits)
    name = f"klette_active_{uuid4().hex}"
    members = source.keep(backend, name, _rows(backend, scope, metrics, packing, attributes, before_us))
    return Active(backend, scope, members, packing)


def _tallies(metrics: Sequence[Metric], before: bool, worth: Worth | None) -> Iterator[Tally]:
    for metric in metrics:
        if metric.statistic in ("any", "count"):
            yield from tallies_of(metric)
            if before:
                yield from tallies_of(metric, before=True)
    if worth and any(metric.kind == "value" for metric in metrics):
        yield from (Tally((kind,)) for kind in worth.actions)


def _rows(
    backend: SQLBackend, scope: Scope, metrics: Sequence[Metric], packing: Packing, attributes: bool, before_us: int
) -> Any:
    """Join members with their events and return one row for each member with any."""
    exposed = randomised(backend, scope)
    properties = any(metric.property_name for metric in metrics)
    events = attributed(backend, scope, exposed, before_us=before_us, properties=properties)
    delay = events.received_us - events.happened_us
    foreign = (events.currency != scope.currency) & events.any_type.isin(MONEY_TYPES)
    # An event that counts is never early, and a late one is never ahead of time, so the conditions exclude each other.
    inside = ({"events": TRUE}, {"late": delay > LATE_US, "ahead": delay < -AHEAD_US}, {"other_currency": foreign})
    columns = packing.columns(events, inside, ({"early": events.early},))
    columns |= {"happened": events.count(), "last_event_us": events.event_us.max()}
    for metric in metrics:
        columns |= _wide_columns(backend, scope, events, metric, bool(before_us))
    # Unit and run determine the other columns, so the engines group by the member alone.
    key = ["run_id", "unit", "variant", "epoch", "exposed_us", *(["attributes"] if attributes else [])]
    members = events.group_by(key).aggregate(**columns)
    kept = [*(["attributes"] if attributes else []), *(["exposed_us"] if _by_day(metrics) else []), *columns]
    return members.select("variant", *kept, place=place_of(scope, members))


def _by_day(metrics: Sequence[Metric]) -> bool:
    return any(metric.kind == "retention" for metric in metrics)


def _wide_columns(backend: SQLBackend, scope: Scope, events: Any, metric: Metric, before: bool) -> dict[str, Any]:
    """Return the columns of values that are not small counts, each named after the metric."""
    if metric.kind == "retention":
        days = ibis.ifelse(matches_metric(events, metric), days_since(backend, events), None)
        first, last = return_columns(metric)
        return {first: days.min(), last: days.max()}
    if metric.statistic == "days":
        return {metric.key: active_days(backend, events, metric)} | (
            {f"{metric.key}_before": days_before(backend, events, metric)} if before else {}
        )
    if metric.statistic not in ("sum", "mean", "worth"):
        return {}
    total, number = valued(backend, events, metric, scope)
    columns = {value_column(metric): total} | ({number_column(metric): number} if metric.kind == "ratio" else {})
    if before and metric.statistic == "sum":
        columns[value_column(metric, before=True)] = valued(backend, events, metric, scope, before=True)[0]
    return columns


Row = Mapping[str, Any]


def fetched(backend: SQLBackend, expression: Any) -> Iterator[Row]:
    """Return the rows of a small aggregation, each by the names of its columns."""
    names = expression.columns
    return (dict(zip(names, values, strict=True)) for values in source.fetch(backend, expression))
