"""Sufficient statistics from stored rows, computed inside the database engine; only aggregated cells are fetched.

The members come from the exposures alone (`audience`). One pass over exposures and events makes one row for each
member with an event (`active`: a temporary table, whose rows never reach Python). The rest are small aggregations over
that table, run only where needed: statistics by cell (`cells`), the primary metric by segment (`levels`), covariates
(`covariates`). Word of mouth comes from the exposures (`cascades`). All queries read one snapshot of the database.

The rules for which events of which members count are in `experiments.collect.attribution`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ibis.backends.sql import SQLBackend

from analysis.statistics import Statistics
from experiments.catalogue.metrics import Metric
from experiments.collect.active import Active, active_members
from experiments.collect.attribution import Scope, with_aside
from experiments.collect.audience import Audience, audience_of, crossed
from experiments.collect.cascades import cascades_of
from experiments.collect.cells import ByCell, LevelCounts, statistics_by_cell
from experiments.collect.collected import Collected, Quality, SegmentCells, SegmentData
from experiments.collect.covariates import adjusted, members_without
from experiments.collect.cuts import Split
from experiments.collect.engine import source
from experiments.collect.engine.packing import FIELD_BITS, WHOLE_BITS
from experiments.collect.history import has_daily_statistics, statistics_by_day
from experiments.collect.levels import MOST_LEVELS, by_levels
from experiments.collect.quality.carry_over import carry_over
from experiments.collect.quality.foreign import orders_by_currency
from experiments.collect.quality.set_aside import set_aside
from experiments.collect.quality.traffic import traffic_of
from experiments.collect.quality.unwatched import unwatched_events
from experiments.collect.request import Covariate, Worth
from experiments.collect.total import Totals, totals_of

__all__ = ["MOST_LEVELS", "Covariate", "Worth", "collect", "statistics_by_day", "has_daily_statistics"]


def collect(
    backend: SQLBackend,
    scope: Scope,
    metrics: Sequence[Metric],
    *,
    segments: Sequence[str] = (),
    segmented: Metric | None = None,
    covariate: Covariate | None = None,
    worth: Worth | None = None,
    unwatched: Sequence[str] = (),
    report: Callable[[float], None] = lambda _: None,
) -> Collected:
    """Return the sufficient statistics of a run up to the scope's cut-off.

    Parameters
    ----------
    backend
        The connection, from `experiments.collect.engine.source.source`.
    scope
        Which rows count.
    metrics
        The metrics to measure.
    segments
        Names of exposure attributes to slice `segmented` by; at most 30 levels each, the rest are "others".
    segmented
        The proportion metric that is sliced; one of `metrics`.
    covariate
        The pre-experiment covariate that adjusts rates, counts and amounts, if the experiment declares one.
    worth
        The worth of outcomes and the cost of variants, for value metrics; by default all revenue counts and no cost.
    unwatched
        Event types that a default guardrail counts and no guardrail of the experiment does.
    report
        Called with the progress, 0 to 1.
    """
    sliced, declared = tuple(segments) if segmented is not None else (), worth or Worth()
    with source.snapshot(backend):
        scope = with_aside(backend, scope)
        audience = audience_of(backend, scope, sliced)
        report(0.3)
        passed = _one_pass(backend, scope, metrics, audience, covariate, declared, sliced, segmented, report)
        split = Split(scope, declared, audience.members, passed.cells, {metric.key: metric for metric in metrics})
        spread = _spread(backend, scope, metrics, audience, split.counts())
        data = split.whole() | spread.cascades
        report(0.85)
        levels, together = _by_segment(passed, audience, segmented, sliced)
        adjustments = adjusted(passed.active, metrics, covariate, data) if covariate else {}
        quality = _quality(backend, scope, passed, unwatched, metrics, declared, covariate)
    report(1.0)
    return Collected(
        split.counts(),
        audience.excluded,
        audience.shared,
        {metric.key: data[metric.key] for metric in metrics},
        levels,
        together,
        **split.epochs() | split.mature(),
        adjusted_data=adjustments,
        total_data=spread.totals,
        arrivals=tuple(sorted((variant, day, n) for (variant, day), n in audience.arrivals.items())),
        first_exposure_us=audience.first_us,
        quality=replace(quality, crossed=spread.crossings),
    )


class _Pass(NamedTuple):
    """The members with an event, and what one pass over them counts."""

    active: Active
    cells: dict[str, ByCell]
    quality: Quality
    successes: LevelCounts


def _one_pass(
    backend: SQLBackend,
    scope: Scope,
    metrics: Sequence[Metric],
    audience: Audience,
    covariate: Covariate | None,
    worth: Worth,
    segments: Sequence[str],
    segmented: Metric | None,
    report: Callable[[float], None],
) -> _Pass:
    """Return the statistics by cell; `report` is called with 0.7 once the members with an event are known."""
    attributes = bool(segments) or (covariate is not None and covariate.attribute is not None)
    # If a member has more events than a packed count holds, the pass is repeated with wider counts.
    for bits in (FIELD_BITS, WHOLE_BITS):
        active = active_members(
            backend, scope, metrics, attributes=attributes, covariate=covariate, worth=worth, bits=bits
        )
        report(0.7)
        by_cell = statistics_by_cell(active, audience, metrics, worth, segments, segmented)
        if by_cell is not None:
            return _Pass(active, *by_cell)
    raise AssertionError("the wider counts hold any number of events")


def _quality(
    backend: SQLBackend,
    scope: Scope,
    passed: _Pass,
    unwatched: Sequence[str],
    metrics: Sequence[Metric],
    worth: Worth,
    covariate: Covariate | None,
) -> Quality:
    """Return the counts with those that need queries of their own."""
    quality = passed.quality
    if scope.live and scope.by_arrival:
        traffic = traffic_of(backend, scope, metrics, list(worth.actions))
        quality = replace(quality, **traffic._asdict())
    if quality.other_currency:
        quality = replace(quality, **orders_by_currency(backend, scope)._asdict())
    carried = carry_over(backend, scope)
    return replace(
        quality,
        without_covariate=members_without(passed.active, covariate) if covariate else 0,
        carried_over=carried.members,
        switched=carried.switched,
        unwatched=unwatched_events(backend, scope, unwatched),
        set_aside=set_aside(backend, scope),
    )


class _Spread(NamedTuple):
    """The figures of word of mouth: the cascades by metric, the totals, and the members who crossed variants."""

    cascades: dict[str, dict[str, Statistics]]
    totals: Totals
    crossings: int


def _spread(
    backend: SQLBackend, scope: Scope, metrics: Sequence[Metric], audience: Audience, members: Mapping[str, int]
) -> _Spread:
    keys = [metric.key for metric in metrics if metric.kind == "cascade"]
    cascades: dict[str, Statistics] = {**cascades_of(backend, scope)} if keys else {}
    # If no member brought another, the total equals the direct figure.
    totals = totals_of(backend, scope, metrics, members) if audience.shared else {}
    crossings = crossed(backend, scope) if audience.shared or keys else 0
    return _Spread(dict.fromkeys(keys, cascades), totals, crossings)


def _by_segment(
    passed: _Pass, audience: Audience, segmented: Metric | None, segments: Sequence[str]
) -> tuple[dict[str, SegmentData], SegmentCells | None]:
    if segmented is None or not segments:
        return {}, None
    return by_levels(passed.active, audience, segmented, segments, passed.successes)
