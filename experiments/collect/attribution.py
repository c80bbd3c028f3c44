"""Members and their events as Ibis expressions, which every engine can compute; nothing is fetched here.

The rules:

* members are the randomised first exposures within the run, without bots and members exposed to a second variant, and
  on request without those of earlier runs;
* events of bots and scanners are set aside (`experiments.collect.aside`);
* their events are those from the exposure until exposure + window (24-hour days) that name this experiment or none;
  the window opens a tolerance earlier, since the clock of an app may be slightly behind the server's;
* both must have happened, and been received, by the cut-off;
* a later day starts 24 hours after the exposure;
* only money in the experiment's currency is added up (an amount without a currency is in that currency).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis
from ibis.backends.sql import SQLBackend

from experiments.catalogue.event_types import PROPERTIES
from experiments.catalogue.metrics import DAY_US, Metric
from experiments.collect.aside import Aside, aside_of
from experiments.collect.engine.source import attribute, millionths, number, table, whole_days, without_index
from experiments.storage.tables import Event, Exposure, MultiExposure

MICRO = 1_000_000
LATE_US = DAY_US
AHEAD_US = 60 * MICRO
EARLY_US = DAY_US
WIDEST = (-1e12, 1e12)
"""Bounds of a covariate."""
ADJUSTABLE = ("proportion", "amount", "count")
"""Kinds of metrics that a covariate can adjust: one number a member."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows that an analysis reads.

    Attributes
    ----------
    project_id : int
        The project whose events are read.
    run_id : int
    experiment : str
        The experiment's key: an event may name it, or none.
    currency : str
    window_us : int
        The attribution window in microseconds.
    cut_off_us : int
        Nothing that happened later counts.
    variants : tuple of str
        The run's variants in their order.
    by_arrival : bool
        Whether rows must also have been received by the cut-off: true for a current analysis, false for a past day
        that is computed from all rows known now.
    tolerance_us : int
        An event up to this much before its member's first exposure still counts, since clocks differ.
    begun_us : int
        When the run started: earlier events cannot belong to it.
    ended_us : int or None
        When the run ended: later exposures make no members, although an app's clock was ahead when it reported them.
    earlier_runs : tuple of int
        The ids of the experiment's runs before this one.
    new_only : bool
        Whether members of earlier runs are excluded.
    count_bots : bool
        Whether members and events of bots and scanners count.
    aside : Aside
        Which events are set aside (`with_aside`).
    live : bool
        Whether the rows come from an app and not from a file, so that other units act beside the members.
    """

    project_id: int
    run_id: int
    experiment: str
    currency: str
    window_us: int
    cut_off_us: int
    variants: tuple[str, ...]
    by_arrival: bool = True
    tolerance_us: int = 0
    begun_us: int = 0
    ended_us: int | None = None
    earlier_runs: tuple[int, ...] = ()
    new_only: bool = False
    count_bots: bool = False
    aside: Aside = Aside()
    live: bool = False


@dataclass(frozen=True, slots=True)
class Extras:
    """The columns of a member besides those of the metrics.

    Attributes
    ----------
    attribute : str or None
        The attribute of the exposure that is a covariate.
    days_before : int
        Or the number of days before the exposure over which the same outcomes are a covariate; 0 for none.
    actions : tuple of str
        Event types with a declared worth.
    brought : bool
        Whether to add word of mouth.
    """

    attribute: str | None = None
    days_before: int = 0
    actions: tuple[str, ...] = ()
    brought: bool = False


def exposures_of(backend: SQLBackend, scope: Scope) -> Any:
    """Return the run's exposures up to the cut-off, of every origin."""
    exposures = known_exposures(backend, scope)
    return exposures if scope.ended_us is None else exposures.filter(exposures.at_us < scope.ended_us)


def known_exposures(backend: SQLBackend, scope: Scope) -> Any:
    """Return the stored exposures of the run up to the cut-off, also those that are dated after its end."""
    exposures = table(Exposure)
    exposures = exposures.filter(exposures.run_id == scope.run_id, exposures.at_us <= scope.cut_off_us)
    if scope.by_arrival:
        # Read in the order of units, as the events are stored, and not in the order of arrival.
        exposures = exposures.filter(without_index(backend, exposures.received_us) <= scope.cut_off_us)
    return exposures


def with_aside(backend: SQLBackend, scope: Scope) -> Scope:
    """Return the scope with the events that are set aside, which one look at the database finds."""
    return replace(scope, aside=aside_of(backend, scope.project_id, count_bots=scope.count_bots))


def multi_exposed(scope: Scope) -> Any:
    """Return the units of the run that were exposed to a second variant."""
    rows = table(MultiExposure)
    rows = rows.filter(rows.run_id == scope.run_id)
    if scope.ended_us is not None:
        rows = rows.filter(rows.at_us < scope.ended_us)
    if scope.by_arrival:
        rows = rows.filter(rows.received_us <= scope.cut_off_us)
    return rows.select("unit")


def earlier_exposures(scope: Scope) -> Any:
    """Return the exposures of the experiment's earlier runs."""
    rows = table(Exposure)
    rows = rows.filter(rows.run_id.isin(scope.earlier_runs))
    return rows.filter(rows.received_us <= scope.cut_off_us) if scope.by_arrival else rows


def without_excluded(scope: Scope, exposures: Any) -> Any:
    """Return the exposures without bots, unless they count, and members exposed to a second variant.

    Also without members of earlier runs where the experiment takes new members only.
    """
    kept = exposures.filter(~exposures.unit.isin(multi_exposed(scope).unit))
    if not scope.count_bots:
        kept = kept.filter(~kept.bot)
    if scope.new_only and scope.earlier_runs:
        kept = kept.filter(~kept.unit.isin(earlier_exposures(scope).unit))
    return kept


def randomised(backend: SQLBackend, scope: Scope) -> Any:
    """Return the members: the randomised first exposures of the run, with ``exposed_us`` for ``at_us``."""
    exposures = exposures_of(backend, scope)
    exposures = without_excluded(scope, exposures.filter(exposures.origin == "randomised"))
    return exposures.select("run_id", "unit", "variant", "epoch", "attributes", exposed_us=exposures.at_us)


def events_of(backend: SQLBackend, scope: Scope) -> Any:
    """Return the project's events up to the cut-off that name this experiment or none, whoever did them."""
    events = table(Event)
    events = events.filter(
        events.project_id == scope.project_id,
        events.at_us <= scope.cut_off_us,
        events.experiment.isnull() | (events.experiment == scope.experiment),
    )
    return events.filter(without_index(backend, events.received_us) <= scope.cut_off_us) if scope.by_arrival else events


def attributed(
    backend: SQLBackend, scope: Scope, exposed: Any, *, how: str = "inner", before_us: int = 0, properties: bool = False
) -> Any:
    """Return members with each of their events in the window, one row for each event.

    ``any_type`` and ``happened_us`` describe every event; ``type`` and ``event_us`` are null if it does not count.
    The flags are ``counts``, ``later`` (on a later day), ``early`` (within the day before the window) and ``before``
    (within `before_us` microseconds before the window).

    Parameters
    ----------
    exposed
        Members, from `randomised`, with the columns to keep.
    how
        ``left`` for one row of nulls where a member has no event.
    properties
        Whether to read the properties, which no index holds.
    """
    aside = scope.aside
    # No filter on the type: engines would seek once for each type and member. The outcomes check the type anyway.
    events = aside.kept(events_of(backend, scope))
    kept = ["type", "received_us", "value_micro", "currency", *(["properties"] if properties else [])]
    kept += ["flag"] if aside.emails else []
    events = events.select(*kept, event_unit=events.unit, event_us=events.at_us)
    since = max(EARLY_US, before_us) + scope.tolerance_us
    conditions = [
        exposed.unit == events.event_unit,
        events.event_us >= exposed.exposed_us - since,
        events.event_us < exposed.exposed_us + scope.window_us,
    ]
    if aside.emails:
        conditions.append(aside.in_time(events.flag, events.event_us - exposed.exposed_us))
    joined = exposed.join(events, conditions, how=how)
    return _with_timing(scope, joined, before_us)


def _with_timing(scope: Scope, joined: Any, before_us: int) -> Any:
    """Return the rows with a column for each flag about the time of the event."""
    counts = joined.event_us >= joined.exposed_us - scope.tolerance_us
    early = ~counts & (joined.event_us >= scope.begun_us)
    if before_us > EARLY_US:
        early = early & (joined.event_us >= joined.exposed_us - (EARLY_US + scope.tolerance_us))
    columns = {
        "any_type": joined.type,
        "happened_us": joined.event_us,
        "counts": counts,
        "type": ibis.ifelse(counts, joined.type, None),
        "event_us": ibis.ifelse(counts, joined.event_us, None),
        "early": early,
        "later": joined.event_us >= joined.exposed_us + DAY_US,
    }
    if before_us:
        columns["before"] = ~counts & (joined.event_us >= joined.exposed_us - (before_us + scope.tolerance_us))
    return joined.mutate(**columns)


def member_rows(
    backend: SQLBackend,
    scope: Scope,
    metrics: Sequence[Metric],
    segments: Sequence[str] = (),
    extras: Extras = Extras(),
) -> Any:
    """Return one row for each member: unit, variant, exposed_us, the metrics' columns (`columns_of`), ``segment_0``...

    Proportions are 0 or 1, counts whole numbers, amounts whole millionths, uncapped. The columns of `extras` follow
    (`extra_columns`).
    """
    exposed = randomised(backend, scope)
    slices = {f"segment_{place}": attribute(backend, exposed.attributes, name) for place, name in enumerate(segments)}
    if extras.attribute is not None:
        slices["covariate"] = number(backend, exposed.attributes, extras.attribute, WIDEST)
    properties = any(metric.property_name for metric in metrics)
    exposed = exposed.mutate(**slices) if slices else exposed
    before_us = extras.days_before * DAY_US
    joined = attributed(backend, scope, exposed, how="left", before_us=before_us, properties=properties)
    columns: dict[str, Any] = {
        "variant": joined.variant.max(),
        "epoch": joined.epoch.max(),
        "exposed_us": joined.exposed_us.max(),
    }
    for metric in metrics:
        columns |= outcome_columns(backend, joined, metric, scope)
        if before_us and metric.kind in ADJUSTABLE:
            columns[f"{metric.key}_before"] = _before(backend, joined, metric, scope)
    columns |= {name: joined[name].max() for name in slices}
    columns |= {f"action_{place}": one_where(joined.type == kind).sum() for place, kind in enumerate(extras.actions)}
    members = joined.group_by(joined.unit).aggregate(**columns)
    return _with_brought(backend, scope, members) if extras.brought else members


def extra_columns(extras: Extras, metrics: Sequence[Metric]) -> tuple[str, ...]:
    """Name the columns of `member_rows` that `extras` adds."""
    before = [f"{metric.key}_before" for metric in metrics if extras.days_before and metric.kind in ADJUSTABLE]
    covariate = ["covariate"] if extras.attribute is not None else []
    actions = [f"action_{place}" for place in range(len(extras.actions))]
    return (*covariate, *before, *actions, *(("brought", "cascade_size") if extras.brought else ()))


def _with_brought(backend: SQLBackend, scope: Scope, members: Any) -> Any:
    """Return the members with the number each brought within the window, and their cascade's size, root included."""
    people = without_excluded(scope, exposures_of(backend, scope))
    guests = people.filter(people.origin == "shared")
    guests = guests.select("brought_by", "root", came_us=guests.at_us)
    hosts = randomised(backend, scope).select("unit", "exposed_us")
    pairs = hosts.inner_join(guests, hosts.unit == guests.brought_by)
    # With a slow clock a guest may appear to arrive before the host.
    pairs = pairs.filter(pairs.came_us - pairs.exposed_us < scope.window_us)
    direct = pairs.group_by(host=pairs.unit).aggregate(brought=pairs.count())
    followers = guests.filter(guests.root.notnull())
    trees = followers.group_by(tree=followers.root).aggregate(size=followers.count())
    joined = members.left_join(direct, members.unit == direct.host)
    joined = joined.left_join(trees, joined.unit == trees.tree)
    return joined.mutate(brought=joined.brought.fill_null(0), cascade_size=joined["size"].fill_null(0) + 1)


def _before(backend: SQLBackend, joined: Any, metric: Metric, scope: Scope) -> Any:
    """Return a member's number for a metric in the days before the exposure, where later days make no difference."""
    if metric.statistic == "sum":
        total = valued(backend, joined, metric, scope, before=True)[0]
        return total if metric.kind == "amount" else total // MICRO
    if metric.statistic == "days":
        return days_before(backend, joined, metric)
    did = one_where(joined.before & joined.any_type.isin(metric.event_types))
    return did.max() if metric.kind == "proportion" else did.sum()


def days_before(backend: SQLBackend, joined: Any, metric: Metric) -> Any:
    """Return the number of distinct days before the exposure with one of the metric's events."""
    until = joined.exposed_us - joined.happened_us
    matches = joined.before & joined.any_type.isin(metric.event_types)
    return ibis.ifelse(matches, whole_days(backend, until), None).nunique()


def columns_of(metric: Metric) -> tuple[str, ...]:
    """Name a metric's columns in `member_rows`: two for a ratio, none if it has no value for a single member."""
    if metric.kind == "ratio":
        return (metric.key, f"{metric.key}_number")
    return () if metric.kind in ("retention", "cascade", "value") else (metric.key,)


def outcome_columns(backend: SQLBackend, joined: Any, metric: Metric, scope: Scope) -> dict[str, Any]:
    """Return a member's numbers for a metric, by column."""
    matches = matches_metric(joined, metric)
    if metric.statistic == "any":
        return {metric.key: one_where(matches).max()}
    if metric.statistic == "count":
        return {metric.key: one_where(matches).sum()}
    if metric.statistic == "days":
        return {metric.key: active_days(backend, joined, metric)} if metric.kind == "count" else {}
    if metric.statistic in ("sum", "mean"):
        total, number = valued(backend, joined, metric, scope)
        total = total // MICRO if metric.kind == "count" else total
        return {metric.key: total} | ({f"{metric.key}_number": number} if metric.kind == "ratio" else {})
    return {}


def matches_metric(joined: Any, metric: Metric) -> Any:
    """Return whether an event counts for a metric."""
    if not metric.later_events:
        return _is_one_of(joined.type, metric.events)
    later = joined.later & _is_one_of(joined.type, metric.later_events)
    return later | _is_one_of(joined.type, metric.events) if metric.events else later


def valued(backend: SQLBackend, joined: Any, metric: Metric, scope: Scope, *, before: bool = False) -> tuple[Any, Any]:
    """Return the sum of a member's values in millionths, and the number of events that carry one."""
    matches = _is_one_of(joined.any_type, metric.event_types) & (joined.before if before else joined.counts)
    if metric.money:
        matches = matches & (joined.currency.isnull() | (joined.currency == scope.currency))
    value = joined.value_micro
    if metric.property_name:
        stated = PROPERTIES[metric.property_name]
        low, high = WIDEST if stated.low is None or stated.high is None else (stated.low, stated.high)
        value = millionths(backend, joined.properties, metric.property_name, (low, high))
    # The condition comes first, so that no property is read of an event that does not match.
    matched = ibis.ifelse(matches, value, None)
    return matched.sum().fill_null(0).cast("int64"), matched.count()


def days_since(backend: SQLBackend, joined: Any) -> Any:
    """Return the whole days from the exposure to the event, in microseconds; null if it does not count."""
    return whole_days(backend, joined.event_us - joined.exposed_us)


def active_days(backend: SQLBackend, joined: Any, metric: Metric) -> Any:
    """Return the number of distinct later days with one of the metric's events."""
    return ibis.ifelse(matches_metric(joined, metric), days_since(backend, joined), None).nunique()


def one_where(condition: Any) -> Any:
    """Return 1 where the condition holds, 0 where it is false or null."""
    return ibis.ifelse(condition, ibis.literal(1, "int64"), ibis.literal(0, "int64"))


def _is_one_of(column: Any, names: Sequence[str]) -> Any:
    return column == names[0] if len(names) == 1 else column.isin(names)
