"""Analyse an experiment: collect up to a cut-off, compute, and store inputs and result, which repeat to the digit."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import Session, col

from experiments.analyses import inputs
from experiments.analyses.answer import Answer, Drawing, PastDay
from experiments.analyses.compute import compute, primary_only
from experiments.analyses.history import past_days
from experiments.analyses.plan import Inputs, Plan
from experiments.analyses.reallocation import open_next
from experiments.analyses.sampled import wanted
from experiments.analyses.serialise import iso
from experiments.catalogue.metrics import DAY_US, Metric, unwatched_types
from experiments.collect import Worth, collect
from experiments.collect.attribution import Scope
from experiments.collect.collected import Collected
from experiments.collect.engine import source
from experiments.errors import ConflictError, NotFoundError
from experiments.lifecycle.store import current_run, get, variants_of
from experiments.settings import settings
from experiments.storage.database import Database
from experiments.storage.tables import Analysis, Experiment, Run
from experiments.translation import N_

Report = Callable[[float, str], None]
"""Called with the progress, 0 to 1, and the step: an English text of the catalogue, translated where it is shown."""

COUNTING = N_("Counting members and events")
FILLING_IN = N_("Computing earlier days")
COMPARING = N_("Comparing the variants")
STORING = N_("Storing the result")


def analyse(
    database: Database,
    experiment_key: str,
    *,
    cut_off_us: int | None = None,
    seed: int | None = None,
    history_only: bool = False,
    with_models: bool = True,
    report: Report = lambda *_: None,
    store: Callable[[Session, list[Analysis]], None] | None = None,
    hold: Callable[[Session], None] = lambda _session: None,
) -> Analysis:
    """Analyse the newest run of an experiment and store the result.

    Parameters
    ----------
    cut_off_us : int or None
        Nothing later counts. Whole microseconds since 1970 UTC; by default now, or the time after which no data are
        expected.
    seed : int or None
        For the sampled models; by default it follows from the run and the cut-off.
    history_only : bool
        Whether to compute only the scorecard of the primary metric, as for a past day.
    with_models : bool
        Whether to fit the sampled models (PyMC, seconds): segments, the tail of retention, word of mouth, amounts,
        counts. The first analysis of a run is stored without them before it is stored with them.
    report
        Called with the progress and the step.
    store
        Stores the analyses in the given transaction; the worker finishes its job in the same one.
    hold
        Called in the transaction that stores the early result; raises if another worker has taken over the job.

    Raises
    ------
    NotFoundError
        There is no such experiment.
    ConflictError
        It has never run.
    """
    report(0.02, COUNTING)
    with database.read() as session:
        experiment = get(session, experiment_key)
        run = _newest_run(session, experiment)
        cut_off = cut_off_us if cut_off_us is not None else _latest_cut_off(experiment, run)
        first_time = _never_analysed(session, run)
        given = _inputs(session, database, experiment, run, cut_off, seed, by_arrival=not history_only, report=report)
    given = replace(given, with_models=with_models and wanted(given.plan) and not history_only)
    earlier_days: list[Analysis] = []
    if history_only:
        analysis = _past_day(experiment, run, given)
    else:
        if first_time and not given.counts_only:
            report(0.5, FILLING_IN)
            earlier_days = [_past_day(experiment, run, day) for day in past_days(database, experiment, run, given)]
        report(0.6, COMPARING)
        if first_time and given.with_models:
            _store_early(database, experiment, run, given, earlier_days, hold)
            earlier_days = []
        later = lambda fraction, step: report(0.6 + 0.35 * fraction, step)  # noqa: E731
        analysis = _analysed(experiment, run, given, report=later)
    report(0.97, STORING)
    with database.write() as session:
        (store or _add)(session, [*earlier_days, analysis])
        _drop_older_drawings(session, run)
        if cut_off_us is None and not history_only:
            open_next(session, analysis, now_us=time.time_ns() // 1000)
    return analysis


def repeat(session: Session, analysis_id: str) -> dict[str, Any]:
    """Recompute a stored analysis from its stored inputs.

    Returns
    -------
    dict
        The result, equal to the stored one to the digit if its "versions" are.

    Raises
    ------
    NotFoundError
        There is no such analysis.
    """
    stored = session.get(Analysis, analysis_id)
    if stored is None:
        raise NotFoundError(f"There is no analysis {analysis_id!r}; GET .../analyses lists those of an experiment.")
    given = Inputs.from_dict(stored.inputs)
    if stored.history_only:
        return primary_only(given, identity=stored.id).to_dict()
    return compute(given, identity=stored.id)[0].to_dict()


def new_id() -> str:
    """Return a UUIDv7, whose order is that of time."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (2**48 - 1)) << 80 | random
    value = value & ~(0xF << 76) | 7 << 76
    return str(UUID(int=value & ~(0x3 << 62) | 2 << 62))


def _newest_run(session: Session, experiment: Experiment) -> Run:
    run = current_run(session, experiment)
    if run is None:
        raise ConflictError(f"{experiment.key} is {experiment.state} and has never run; launch it first.")
    return run


def _store_early(
    database: Database,
    experiment: Experiment,
    run: Run,
    given: Inputs,
    earlier_days: list[Analysis],
    hold: Callable[[Session], None],
) -> None:
    """Store the first result without the sampled models, which take seconds to compile."""
    early = _analysed(experiment, run, replace(given, with_models=False))
    with database.write() as session:
        hold(session)
        _add(session, [*earlier_days, early])
        _drop_older_drawings(session, run)


def _add(session: Session, analyses: list[Analysis]) -> None:
    session.add_all(analyses)


def _drop_older_drawings(session: Session, run: Run) -> None:
    """Delete the curves of older analyses: they take most of the space and can be recomputed from the inputs."""
    session.flush()
    newest = (
        select(Analysis)
        .where(col(Analysis.run_id) == run.id, col(Analysis.history_only).is_(False))
        .order_by(col(Analysis.cut_off_us).desc(), col(Analysis.id).desc())
        .limit(4)
    )
    for older in session.scalars(newest).all()[1:]:
        if older.drawing:
            older.drawing = {}
            session.add(older)


def _latest_cut_off(experiment: Experiment, run: Run) -> int:
    """Return now; after a run's end, at most the end of its last window plus a second window for late events."""
    now = time.time_ns() // 1000
    if run.ended_at is None:
        return now
    windows = 1 if experiment.imported else 2
    return min(now, inputs.to_us(run.ended_at) + windows * experiment.window_days * DAY_US)


def _never_analysed(session: Session, run: Run) -> bool:
    query = select(func.count()).select_from(Analysis).where(col(Analysis.run_id) == run.id)
    return not session.scalar(query)


def _inputs(
    session: Session,
    database: Database,
    experiment: Experiment,
    run: Run,
    cut_off_us: int,
    seed: int | None,
    *,
    by_arrival: bool,
    report: Report,
) -> Inputs:
    """Return the inputs of the result."""
    counts = inputs.imported(session, experiment, run)
    tolerance = inputs.tolerance_us(experiment, settings().clock_tolerance_seconds)
    silence = settings().silence_hours
    plan = inputs.plan(session, experiment, run, cut_off_us=cut_off_us, silence_hours=silence, tolerance_us=tolerance)
    measured = inputs.measured(experiment)
    if counts is not None:
        # Imported counts cover only the metrics that they name.
        measured = tuple(one for one in measured if one.key in counts.metric_data)
        keys = tuple(one.key for one in measured)
        plan = replace(plan, metrics=keys, guardrails=tuple(key for key in plan.guardrails if key in keys))
        collected = counts
    else:
        scope = inputs.scope(experiment, run, cut_off_us, tolerance_us=tolerance, by_arrival=by_arrival)
        collected = _collected(session, database, experiment, scope, measured, plan, report)
    return Inputs(
        created_at=iso(int(datetime.now(UTC).timestamp()) * 1_000_000),
        cut_off_us=cut_off_us,
        seed=seed if seed is not None else (cut_off_us // 1000 + (run.id or 0)) % 2**31,
        plan=plan,
        collected=collected,
        counts_only=counts is not None,
        looks=inputs.looks_before(session, run),
        srm_failed=inputs.srm_failed(session, run),
        aa_history=inputs.aa_history(session),
        with_models=False,
        metric_definitions={
            one.key: one.definition(experiment.currency, experiment.window_days, tolerance / 1e6) for one in measured
        },
    )


def _collected(
    session: Session,
    database: Database,
    experiment: Experiment,
    scope: Scope,
    measured: Sequence[Metric],
    plan: Plan,
    report: Report,
) -> Collected:
    """Return the statistics of the scope, with the primary metric by segment if it is a proportion."""
    primary = measured[0]
    return collect(
        source.source(database.url),
        replace(scope, earlier_runs=plan.earlier_runs),
        measured,
        segments=experiment.segments,
        segmented=primary if primary.kind == "proportion" else None,
        covariate=plan.covariate,
        worth=Worth.of(experiment, variants_of(session, experiment)),
        unwatched=unwatched_types(experiment.primary_metric, experiment.guardrails),
        report=lambda fraction: report(0.02 + 0.45 * fraction, COUNTING),
    )


def _analysed(experiment: Experiment, run: Run, given: Inputs, report: Report = lambda *_: None) -> Analysis:
    """Return the row of an analysis, computed from its inputs."""
    answer, drawing = compute(given, identity=new_id(), report=report)
    return _row(experiment, run, given, answer, drawing=drawing, decision=answer.verdict.decision)


def _past_day(experiment: Experiment, run: Run, given: Inputs) -> Analysis:
    """Return the row of a past day: the scorecard of the primary metric alone."""
    return _row(experiment, run, given, primary_only(given, identity=new_id()), history_only=True)


def _row(
    experiment: Experiment,
    run: Run,
    given: Inputs,
    answer: Answer | PastDay,
    *,
    drawing: Drawing | None = None,
    decision: str = "keep_running",
    history_only: bool = False,
) -> Analysis:
    return Analysis(
        id=answer.heading.analysis,
        experiment_id=experiment.id or 0,
        run_id=run.id or 0,
        cut_off_us=given.cut_off_us,
        history_only=history_only,
        decision=decision,
        result=answer.to_dict(),
        inputs=given.to_dict(),
        drawing=drawing or {},
    )
