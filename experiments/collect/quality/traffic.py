"""The events since the start of a run by type, of its own units and of others, from one pass over the events."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import ibis
from ibis.backends.sql import SQLBackend

from experiments.catalogue.metrics import Metric
from experiments.collect.attribution import Scope, one_where
from experiments.collect.engine.source import fetch, grouped_sums, table, without_index
from experiments.storage.tables import Event, Exposure, OutsideExposure

_MOST_TYPES = 500


class Traffic(NamedTuple):
    """Numbers of events since the start that name the experiment, or none.

    Attributes
    ----------
    arrived : bool
        Whether any event of the project has arrived.
    named, named_unexposed : int
        Events that a metric counts and that name the experiment, and those of units that no run exposed.
    unnamed, unnamed_unexposed : int
        The same for events that name no experiment.
    uncounted : dict of str to int
        Events that no metric counts, by type, the most frequent first.
    """

    arrived: bool
    named: int
    named_unexposed: int
    unnamed: int
    unnamed_unexposed: int
    uncounted: dict[str, int]


def traffic_of(backend: SQLBackend, scope: Scope, metrics: Sequence[Metric], actions: Sequence[str]) -> Traffic:
    """Count the events.

    Parameters
    ----------
    actions
        Event types with a declared worth.
    """
    # What only shows that a member came back, such as a view, is ordinary traffic and no outcome.
    outcomes = {kind for metric in metrics for kind in metric.events} | set(actions)
    counted = outcomes | {kind for metric in metrics for kind in metric.later_events}
    numbers = {"named": 0, "named_unexposed": 0, "unnamed": 0, "unnamed_unexposed": 0}
    uncounted: dict[str, int] = {}
    rows = grouped_sums(backend, _by_type(backend, scope), ["type", "named"], ["events", "strange"], most=_MOST_TYPES)
    for row in rows:
        kind, named = row["type"], "named" if row["named"] else "unnamed"
        if kind in outcomes:
            numbers[named] += int(row["events"])
            numbers[f"{named}_unexposed"] += int(row["strange"])
        elif kind not in counted:
            uncounted[kind] = uncounted.get(kind, 0) + int(row["events"])
    frequent = dict(sorted(uncounted.items(), key=lambda item: (-item[1], item[0])))
    return Traffic(bool(rows) or _any_event(backend, scope), **numbers, uncounted=frequent)


def _by_type(backend: SQLBackend, scope: Scope) -> Any:
    """Return the events with their type, whether they name the experiment, and whether their unit was never exposed."""
    events = table(Event)
    events = events.filter(
        events.project_id == scope.project_id,
        events.type != "exposure",
        events.at_us >= scope.begun_us,
        events.at_us <= (scope.cut_off_us if scope.ended_us is None else min(scope.cut_off_us, scope.ended_us)),
        without_index(backend, events.received_us) <= scope.cut_off_us,
        events.experiment.isnull() | (events.experiment == scope.experiment),
    )
    events = scope.aside.kept(events)
    exposed = table(Exposure)
    exposed = exposed.filter(exposed.run_id == scope.run_id).select(member=exposed.unit)
    joined = events.left_join(exposed, events.unit == exposed.member)
    elsewhere = table(OutsideExposure)
    elsewhere = elsewhere.filter(elsewhere.run_id.isin([scope.run_id, *scope.earlier_runs]))
    strange = joined.member.isnull() & ~joined.unit.isin(elsewhere.unit)
    if scope.earlier_runs:
        earlier = table(Exposure)
        strange = strange & ~joined.unit.isin(earlier.filter(earlier.run_id.isin(scope.earlier_runs)).unit)
    one = ibis.literal(1, "int64")
    return joined.select("type", named=one_where(joined.experiment.notnull()), events=one, strange=one_where(strange))


def _any_event(backend: SQLBackend, scope: Scope) -> bool:
    """Return whether any event of the project has arrived since the start, also one that names another experiment."""
    events = table(Event)
    events = events.filter(events.received_us >= scope.begun_us, events.project_id == scope.project_id)
    return bool(fetch(backend, events.select("id").limit(1)))
