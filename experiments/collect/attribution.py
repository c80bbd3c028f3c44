"""Members and their events: Ibis expressions over exposures and events that any engine computes; nothing is fetched.

The rules:

* members are the first exposures of the run that were randomised, neither bots nor met in a second variant;
* their events are those from the exposure on and before exposure + window (24-hour days), for this experiment or for
  none in particular; so that an app's clock may be a little behind ours, the exposure is taken a tolerance earlier;
* both must have happened by the cut-off, and reached us by then;
* a later day begins 24 hours after the exposure;
* money adds up in the experiment's currency only (an amount without one is taken to be in it).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
from ibis.backends.sql import SQLBackend

from experiments.catalogue.event_types import PROPERTIES
from experiments.catalogue.metrics import DAY_US, Metric
from experiments.collect.engine.source import attribute, millionths, number, plainly, table, whole_days
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
    """Which rows an analysis looks at.

    Attributes
    ----------
    project_id : int
        Whose events are looked at.
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
        Whether rows must also have reached us by the cut-off: true for an analysis of the present, false for a past
        day that is filled in from what is known by now.
    tolerance_us : int
        An event stamped so much before its member's first exposure still counts: clocks differ.
    begun_us : int
        When the run began: what was earlier cannot be meant for it.
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


@dataclass(frozen=True, slots=True)
class Extras:
    """The columns of a member besides those of the metrics.

    Attributes
    ----------
    attribute : str or None
        The attribute of the exposure that is a covariate.
    days_before : int
        Or so many days before the exposure, in which the same outcomes are; 0 for none.
    actions : tuple of str
        Event types with a declared worth.
    brought : bool
        Whether word of mouth is looked at.
    """

    attribute: str | None = None
    days_before: int = 0
    actions: tuple[str, ...] = ()
    brought: bool = False


def exposures_of(backend: SQLBackend, scope: Scope) -> Any:
    """The run's exposures up to the cut-off, whatever their origin."""
    exposures = table(Exposure)
    exposures = exposures.filter(exposures.run_id == scope.run_id, exposures.at_us <= scope.cut_off_us)
    if scope.by_arrival:
        # Members are wanted in the order of their units, which is how their events are laid: not by arrival.
        exposures = exposures.filter(plainly(backend, exposures.received_us) <= scope.cut_off_us)
    return exposures


def met_twice(scope: Scope) -> Any:
    """The units of the run that were met in a second variant."""
    met = table(MultiExposure)
    met = met.filter(met.run_id == scope.run_id)
    if scope.by_arrival:
        met = met.filter(met.received_us <= scope.cut_off_us)
    return met.select("unit")


def counted(scope: Scope, exposures: Any) -> Any:
    """Those of the exposures that may be analysed: no bots, and nobody who was met in a second variant."""
    return exposures.filter(~exposures.bot, ~exposures.unit.isin(met_twice(scope).unit))


def randomised(backend: SQLBackend, scope: Scope) -> Any:
    """The members: first exposures of the run that were randomised, with ``exposed_us`` for ``at_us``."""
    exposures = exposures_of(backend, scope)
    exposures = counted(scope, exposures.filter(exposures.origin == "randomised"))
    return exposures.select("run_id", "unit", "variant", "epoch", "attributes", exposed_us=exposures.at_us)


def attributed(
    backend: SQLBackend, scope: Scope, exposed: Any, *, how: str = "inner", before_us: int = 0, properties: bool = False
) -> Any:
    """Members with each of their events in the window, one row an event.

    What happened is in ``any_type`` and ``happened_us``; ``type`` and ``event_us`` are null where it does not count.
    Whether it ``counts`` is told, whether on a ``later`` day, and whether within the day before (``early``) or the
    `before_us` microseconds ``before`` the window.

    Parameters
    ----------
    exposed
        Of `randomised`, with what shall be kept of each member.
    how
        ``left`` for one row of nulls where a member has no event.
    properties
        Whether the properties are wanted, which no index holds.
    """
    events = table(Event)
    # No filter on the type: engines would turn it into a seek a type and member. The outcomes look at it anyway.
    events = events.filter(
        events.project_id == scope.project_id,
        events.at_us <= scope.cut_off_us,
        events.experiment.isnull() | (events.experiment == scope.experiment),
    )
    if scope.by_arrival:
        events = events.filter(plainly(backend, events.received_us) <= scope.cut_off_us)
    kept = ["type", "received_us", "value_micro", "currency", *(["properties"] if properties else [])]
    events = events.select(*kept, event_unit=events.unit, event_us=events.at_us)
    since = max(EARLY_US, before_us) + scope.tolerance_us
    joined = exposed.join(
        events,
        [
            exposed.unit == events.event_unit,
            events.event_us >= exposed.exposed_us - since,
            events.event_us < exposed.exposed_us + scope.window_us,
        ],
        how=how,
    )
    return _sorted_by_moment(scope, joined, before_us)


def _sorted_by_moment(scope: Scope, joined: Any, before_us: int) -> Any:
    """The rows with what is asked of their moment, each a column of its own."""
    counts = joined.event_us >= joined.exposed_us - scope.tolerance_us
    early = ~counts & (joined.event_us >= scope.begun_us)
    if before_us > EARLY_US:
        early = early & (joined.event_us >= joined.exposed_us - (EARLY_US + scope.tolerance_us))
    told = {
        "any_type": joined.type,
        "happened_us": joined.event_us,
        "counts": counts,
        "type": ibis.ifelse(counts, joined.type, None),
        "event_us": ibis.ifelse(counts, joined.event_us, None),
        "early": early,
        "later": joined.event_us >= joined.exposed_us + DAY_US,
    }
    if before_us:
        told["before"] = ~counts & (joined.event_us >= joined.exposed_us - (before_us + scope.tolerance_us))
    return joined.mutate(**told)


def member_rows(
    backend: SQLBackend,
    scope: Scope,
    metrics: Sequence[Metric],
    segments: Sequence[str] = (),
    extras: Extras = Extras(),
) -> Any:
    """One row a member: unit, variant, exposed_us, one column a metric that `columns_of` names, ``segment_0``...

    Proportions are 0 or 1, counts whole numbers, amounts whole millionths, uncapped. Then `extras` in the columns that
    `extra_columns` names.
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
    found = joined.group_by(joined.unit).aggregate(**columns)
    return _with_brought(backend, scope, found) if extras.brought else found


def extra_columns(extras: Extras, metrics: Sequence[Metric]) -> tuple[str, ...]:
    """The columns of `member_rows` that `extras` asks for."""
    before = [f"{metric.key}_before" for metric in metrics if extras.days_before and metric.kind in ADJUSTABLE]
    known = ["covariate"] if extras.attribute is not None else []
    actions = [f"action_{place}" for place in range(len(extras.actions))]
    return (*known, *before, *actions, *(("brought", "cascade_size") if extras.brought else ()))


def _with_brought(backend: SQLBackend, scope: Scope, members: Any) -> Any:
    """The members with how many each brought within the window, and how many its cascade has, itself included."""
    people = counted(scope, exposures_of(backend, scope))
    guests = people.filter(people.origin == "shared")
    guests = guests.select("brought_by", "root", came_us=guests.at_us)
    hosts = randomised(backend, scope).select("unit", "exposed_us")
    pairs = hosts.inner_join(guests, hosts.unit == guests.brought_by)
    # A clock that is behind may say that the guest came before the host.
    pairs = pairs.filter(pairs.came_us - pairs.exposed_us < scope.window_us)
    direct = pairs.group_by(host=pairs.unit).aggregate(brought=pairs.count())
    followers = guests.filter(guests.root.notnull())
    trees = followers.group_by(tree=followers.root).aggregate(size=followers.count())
    joined = members.left_join(direct, members.unit == direct.host)
    joined = joined.left_join(trees, joined.unit == trees.tree)
    return joined.mutate(brought=joined.brought.fill_null(0), cascade_size=joined["size"].fill_null(0) + 1)


def _before(backend: SQLBackend, joined: Any, metric: Metric, scope: Scope) -> Any:
    """A member's number for a metric in the days before the exposure; any day is a day on which to act."""
    if metric.kind == "amount":
        return valued(backend, joined, metric, scope, before=True)[0]
    if metric.statistic == "days":
        return days_before(backend, joined, metric)
    did = one_where(joined.before & joined.any_type.isin(metric.event_types))
    return did.max() if metric.kind == "proportion" else did.sum()


def days_before(backend: SQLBackend, joined: Any, metric: Metric) -> Any:
    """On how many distinct days before the exposure a member did one of the metric's events."""
    until = joined.exposed_us - joined.happened_us
    matches = joined.before & joined.any_type.isin(metric.event_types)
    return ibis.ifelse(matches, whole_days(backend, until), None).nunique()


def columns_of(metric: Metric) -> tuple[str, ...]:
    """The columns of `member_rows` that a metric has: two for a ratio, none for what no single member tells."""
    if metric.kind == "ratio":
        return (metric.key, f"{metric.key}_number")
    return () if metric.kind in ("retention", "cascade", "value") else (metric.key,)


def outcome_columns(backend: SQLBackend, joined: Any, metric: Metric, scope: Scope) -> dict[str, Any]:
    """A member's numbers for a metric, by column."""
    matches = matches_metric(joined, metric)
    if metric.statistic == "any":
        return {metric.key: one_where(matches).max()}
    if metric.statistic == "count":
        return {metric.key: one_where(matches).sum()}
    if metric.statistic == "days":
        return {metric.key: active_days(backend, joined, metric)} if metric.kind == "count" else {}
    if metric.statistic in ("sum", "mean"):
        total, number = valued(backend, joined, metric, scope)
        return {metric.key: total} | ({f"{metric.key}_number": number} if metric.kind == "ratio" else {})
    return {}


def matches_metric(joined: Any, metric: Metric) -> Any:
    """Whether an event counts for a metric."""
    if not metric.later_events:
        return _is_one_of(joined.type, metric.events)
    later = joined.later & _is_one_of(joined.type, metric.later_events)
    return later | _is_one_of(joined.type, metric.events) if metric.events else later


def valued(backend: SQLBackend, joined: Any, metric: Metric, scope: Scope, *, before: bool = False) -> tuple[Any, Any]:
    """The sum in millionths of a metric's values over a member's events, and how many of them carry one."""
    matches = _is_one_of(joined.any_type, metric.event_types) & (joined.before if before else joined.counts)
    if metric.money:
        matches = matches & (joined.currency.isnull() | (joined.currency == scope.currency))
    value = joined.value_micro
    if metric.property_name:
        found = PROPERTIES[metric.property_name]
        low, high = WIDEST if found.low is None or found.high is None else (found.low, found.high)
        value = millionths(backend, joined.properties, metric.property_name, (low, high))
    # The condition comes first: what it leaves out is never looked up in the properties.
    counted = ibis.ifelse(matches, value, None)
    return counted.sum().fill_null(0).cast("int64"), counted.count()


def days_since(backend: SQLBackend, joined: Any) -> Any:
    """Whole days from the exposure to the event, in microseconds; null where it does not count."""
    return whole_days(backend, joined.event_us - joined.exposed_us)


def active_days(backend: SQLBackend, joined: Any, metric: Metric) -> Any:
    """On how many distinct later days a member did one of the metric's events."""
    return ibis.ifelse(matches_metric(joined, metric), days_since(backend, joined), None).nunique()


def one_where(condition: Any) -> Any:
    """1 where it holds, 0 where it does not or cannot be known."""
    return ibis.ifelse(condition, ibis.literal(1, "int64"), ibis.literal(0, "int64"))


def _is_one_of(column: Any, names: Sequence[str]) -> Any:
    return column == names[0] if len(names) == 1 else column.isin(names)
