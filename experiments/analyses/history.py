"""The days before a run's first analysis, computed from all data received so far, for the curve over time.

For proportions, sums and counts one pass gives all days: a member counts from the day of the exposure, with the outcome
by the end of each day. Other metrics take a separate collection for each day.
"""

from collections.abc import Iterator
from dataclasses import replace

from experiments.analyses import inputs
from experiments.analyses.plan import Inputs
from experiments.catalogue.metrics import DAY_US, metric
from experiments.collect import Worth, collect, has_daily_statistics, statistics_by_day
from experiments.collect.collected import Collected
from experiments.collect.engine import source
from experiments.lifecycle.store import variants_of
from experiments.storage.database import Database
from experiments.storage.tables import Experiment, Run

MOST_DAYS = 60


def past_days(database: Database, experiment: Experiment, run: Run, given: Inputs) -> Iterator[Inputs]:
    """Yield the inputs of a history-only analysis for each whole day before `given`; at most 60, evenly spaced.

    A past day counts all events that had happened by then, including those received later.
    """
    plan = given.plan
    begun, cut_offs = _cut_offs(given)
    exposure_days = {day for _, day, _ in given.collected.arrivals}
    # If all members were imported as of one day, later days say nothing about the course of the test.
    if not cut_offs or (plan.imported and len(exposure_days) < 2):
        return
    primary = metric(plan.primary)
    backend = source.source(database.url)
    scope = inputs.scope(
        experiment,
        run,
        given.cut_off_us,
        tolerance_us=plan.clock_tolerance_us,
        by_arrival=False,
        earlier_runs=plan.earlier_runs,
    )
    # With several epochs or a covariate, each day takes a separate collection.
    plain = len(plan.epochs) == 1 and plan.covariate is None
    if has_daily_statistics(primary) and plain:
        numbers = [(cut_off - begun) // DAY_US for cut_off in cut_offs]
        by_day = statistics_by_day(backend, scope, primary, begun, numbers)
        days = (Collected({key: cell.n for key, cell in day.items()}, {}, 0, {primary.key: day}) for day in by_day)
    else:
        with database.read() as session:
            worth = Worth.of(experiment, variants_of(session, experiment))
        days = (
            collect(backend, replace(scope, cut_off_us=cut_off), [primary], covariate=plan.covariate, worth=worth)
            for cut_off in cut_offs
        )
    for cut_off, collected in zip(cut_offs, days, strict=True):
        if collected.randomised:
            yield replace(given, cut_off_us=cut_off, collected=collected, looks=(), with_models=False)


def _cut_offs(given: Inputs) -> tuple[int, list[int]]:
    """Return the start of the run and the ends of its days before the analysis."""
    plan, first = given.plan, given.collected.first_exposure_us
    if first is None:
        return plan.started_us, []
    begun = min(plan.started_us, first)
    end = given.cut_off_us
    if plan.ended_us is not None:
        # The curve ends with the last member's window, however much later the analysis is.
        end = min(end, plan.ended_us + plan.window_days * DAY_US)
    days = range(1, (end - begun - 1) // DAY_US + 1)
    if len(days) > MOST_DAYS:
        spaced = [1 + place * (len(days) - 1) // (MOST_DAYS - 1) for place in range(MOST_DAYS)]
        return begun, [begun + day * DAY_US for day in spaced]
    return begun, [begun + day * DAY_US for day in days]
