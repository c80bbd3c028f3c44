"""One row a member: Ibis expressions over exposures and events that any engine computes; nothing is fetched here.

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

from experiments.metrics import DAY_US, Metric
from experiments.rows import attribute, table
from experiments.tables import Event, Exposure, MultiExposure

MICRO = 1_000_000
_LATE_US = DAY_US
_AHEAD_US = 60 * MICRO
_EARLY_US = DAY_US


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows an analysis looks at.

    Attributes
    ----------
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

    run_id: int
    experiment: str
    currency: str
    window_us: int
    cut_off_us: int
    variants: tuple[str, ...]
    by_arrival: bool = True
    tolerance_us: int = 0
    begun_us: int = 0


def member_rows(backend: SQLBackend, scope: Scope, metrics: Sequence[Metric], segments: Sequence[str] = ()) -> Any:
    """One row a member: unit, variant, exposed_us, one column a metric, ``segment_0``... and the health counts.

    Proportions are 0 or 1, counts whole numbers, amounts whole millionths, uncapped.
    """
    joined = attributed(backend, scope, segments)
    columns: dict[str, Any] = {"variant": joined.variant.max(), "exposed_us": joined.exposed_us.max()}
    columns |= {metric.key: _outcome(joined, metric, scope) for metric in metrics}
    columns |= {f"segment_{place}": joined[f"segment_{place}"].max() for place in range(len(segments))}
    delay = joined.received_us - joined.event_us
    columns |= {
        "events": joined.event_us.count(),
        "late": one_where(delay > _LATE_US).sum(),
        "ahead": one_where(delay < -_AHEAD_US).sum(),
        "other_currency": one_where((joined.type == "purchase") & (joined.currency != scope.currency)).sum(),
        "last_event_us": joined.event_us.max(),
        "early": joined.early.sum(),
    }
    return joined.group_by(joined.unit).aggregate(**columns)


def exposures_of(scope: Scope) -> Any:
    """The run's exposures up to the cut-off, whatever their origin."""
    exposures = table(Exposure)
    exposures = exposures.filter(exposures.run_id == scope.run_id, exposures.at_us <= scope.cut_off_us)
    return exposures.filter(exposures.received_us <= scope.cut_off_us) if scope.by_arrival else exposures


def met_twice(scope: Scope) -> Any:
    """The units of the run that were met in a second variant."""
    met = table(MultiExposure)
    met = met.filter(met.run_id == scope.run_id)
    if scope.by_arrival:
        met = met.filter(met.received_us <= scope.cut_off_us)
    return met.select("unit").distinct()


def _randomised(scope: Scope) -> Any:
    exposures = exposures_of(scope)
    return exposures.filter(exposures.origin == "randomised", ~exposures.bot).anti_join(met_twice(scope), "unit")


def attributed(backend: SQLBackend, scope: Scope, segments: Sequence[str]) -> Any:
    """Randomised members with each of their events in the window, or one row of nulls.

    An event of the day before the window comes along without its type and time, and is ``early``.
    """
    exposed = _randomised(scope)
    slices = {f"segment_{place}": attribute(backend, exposed.attributes, name) for place, name in enumerate(segments)}
    exposed = exposed.select("unit", "variant", exposed_us=exposed.at_us, **slices)
    events = table(Event)
    # No filter on the type: engines would turn it into a seek a type and member. The outcomes look at it anyway.
    events = events.filter(
        events.at_us <= scope.cut_off_us, events.experiment.isnull() | (events.experiment == scope.experiment)
    )
    if scope.by_arrival:
        events = events.filter(events.received_us <= scope.cut_off_us)
    events = events.select(
        "type", "received_us", "value_micro", "currency", event_unit=events.unit, event_us=events.at_us
    )
    joined = exposed.left_join(
        events,
        [
            exposed.unit == events.event_unit,
            events.event_us >= exposed.exposed_us - (_EARLY_US + scope.tolerance_us),
            events.event_us < exposed.exposed_us + scope.window_us,
        ],
    )
    counts = joined.event_us >= joined.exposed_us - scope.tolerance_us
    return joined.mutate(
        type=ibis.ifelse(counts, joined.type, None),
        event_us=ibis.ifelse(counts, joined.event_us, None),
        early=one_where(~counts & (joined.event_us >= scope.begun_us)),
    )


def matches_metric(joined: Any, metric: Metric) -> Any:
    """Whether an event counts for a metric."""
    if not metric.later_events:
        return _is_one_of(joined.type, metric.events)
    later = (joined.event_us >= joined.exposed_us + DAY_US) & _is_one_of(joined.type, metric.later_events)
    return later | _is_one_of(joined.type, metric.events) if metric.events else later


def _outcome(joined: Any, metric: Metric, scope: Scope) -> Any:
    """A member's one number for a metric."""
    matches = matches_metric(joined, metric)
    if metric.statistic == "any":
        return one_where(matches).max()
    if metric.statistic == "count":
        return one_where(matches).sum()
    if metric.money:
        matches = matches & (joined.currency.isnull() | (joined.currency == scope.currency))
    return ibis.ifelse(matches, joined.value_micro, 0).fill_null(0).sum().cast("int64")


def one_where(condition: Any) -> Any:
    """1 where it holds, 0 where it does not or cannot be known."""
    return ibis.ifelse(condition, ibis.literal(1, "int64"), ibis.literal(0, "int64"))


def _is_one_of(column: Any, names: Sequence[str]) -> Any:
    return column == names[0] if len(names) == 1 else column.isin(names)
