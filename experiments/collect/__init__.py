"""From stored rows to sufficient statistics, computed inside whatever engine holds the rows; only cells come back.

Exposures alone tell who is in it (`audience`). One pass over exposures and events makes one row a member who did
something (`active`: a temporary table, whose rows never come to Python). Everything else is a small aggregation over
it, and what was not asked for costs nothing: statistics by cell (`cells`), the primary metric by segment (`levels`),
covariates (`adjusting`). Word of mouth is in the exposures (`cascades`). All of it sees one snapshot of the database.

Which events of which members count is told in `experiments.collect.attribution`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ibis.backends.sql import SQLBackend

from analysis.statistics import Statistics
from experiments.catalogue.metrics import Metric
from experiments.collect.active import active_members
from experiments.collect.attribution import Scope
from experiments.collect.audience import audience_of, crossed
from experiments.collect.cascades import cascades_of
from experiments.collect.cells import statistics_by_cell
from experiments.collect.collected import Collected
from experiments.collect.covariates import adjusted
from experiments.collect.cuts import Split
from experiments.collect.engine import source
from experiments.collect.engine.packing import FIELD_BITS, WHOLE_BITS
from experiments.collect.history import statistics_by_day, told_by_day
from experiments.collect.levels import MOST_LEVELS, by_levels
from experiments.collect.request import Covariate, Worth
from experiments.collect.total import totals_of

__all__ = ["MOST_LEVELS", "Covariate", "Worth", "collect", "statistics_by_day", "told_by_day"]


def collect(
    backend: SQLBackend,
    scope: Scope,
    metrics: Sequence[Metric],
    *,
    segments: Sequence[str] = (),
    segmented: Metric | None = None,
    covariate: Covariate | None = None,
    worth: Worth | None = None,
    report: Callable[[float], None] = lambda _: None,
) -> Collected:
    """Sufficient statistics of a run up to the scope's cut-off.

    Parameters
    ----------
    backend
        The connection, of `experiments.collect.engine.source.source`.
    scope
        Which rows count.
    metrics
        What to measure.
    segments
        Names of exposure attributes to slice `segmented` by; at most 30 levels each, the rest is "others".
    segmented
        The proportion metric that is sliced; one of `metrics`.
    covariate
        What to adjust rates, counts and amounts by, where it was declared.
    worth
        What outcomes are worth and variants cost, for the metrics of value; by default the whole revenue and no cost.
    report
        Is told how far it is, 0 to 1.
    """
    sliced = tuple(segments) if segmented is not None else ()
    declared = worth or Worth()
    with source.snapshot(backend):
        found = audience_of(backend, scope, sliced)
        report(0.3)
        wanted = bool(sliced) or (covariate is not None and covariate.attribute is not None)
        counted = None
        # Where a member has more events than the packed counts hold, the pass is repeated with wider ones.
        for bits in (FIELD_BITS, WHOLE_BITS):
            active = active_members(
                backend, scope, metrics, attributes=wanted, covariate=covariate, worth=declared, bits=bits
            )
            report(0.7)
            counted = statistics_by_cell(active, found, metrics, declared, sliced, segmented)
            if counted is not None:
                break
        assert counted is not None  # the wider counts hold any number of events
        cells, quality, successes = counted
        split = Split(scope, declared, found.members, cells, {metric.key: metric for metric in metrics})
        data = split.whole()
        if told := [metric.key for metric in metrics if metric.kind == "cascade"]:
            cascades: dict[str, Statistics] = {**cascades_of(backend, scope)}
            data |= dict.fromkeys(told, cascades)
        # Without anybody who was brought, the total is the direct figure.
        totals = totals_of(backend, scope, metrics, split.counts()) if found.shared else {}
        crossings = crossed(backend, scope) if found.shared or told else 0
        report(0.85)
        levels, together = (
            by_levels(active, found, segmented, sliced, successes) if segmented and sliced else ({}, None)
        )
        adjustments = adjusted(active, metrics, covariate, data) if covariate else {}
    report(1.0)
    return Collected(
        split.counts(),
        found.excluded,
        found.shared,
        {metric.key: data[metric.key] for metric in metrics},
        levels,
        together,
        **split.epochs(),
        **split.mature(),
        adjusted_data=adjustments,
        total_data=totals,
        arrivals=tuple(sorted((variant, day, n) for (variant, day), n in found.arrivals.items())),
        first_exposure_us=found.first_us,
        quality=replace(quality, crossed=crossings),
    )
