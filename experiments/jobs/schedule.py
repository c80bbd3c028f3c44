"""The schedule of analyses: an experiment is due if it has enough new data and its last analysis is old enough.

The first analyses of a run follow quickly (`FIRST_SECONDS`), so that a new test shows soon that it works.
"""

from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlmodel import Session, col

from experiments.analyses.inputs import to_us
from experiments.jobs import queue
from experiments.settings import Settings
from experiments.storage.database import Database
from experiments.storage.tables import Analysis, Event, Experiment, Exposure, Job, Run, utc_now

REQUESTED_BY = "worker"

FIRST_SECONDS = (60, 120, 240)
"""Seconds from a run's first exposure to its first analyses; later ones follow ``settings.analyse_every_seconds``."""

# Many new events can belong to other experiments; this runs every second, so only the newest are checked.
_MAX_CHECKED = 10_000


def enqueue_due(database: Database, settings: Settings) -> int:
    """Enqueue an analysis for each due experiment; return their number."""
    with database.read() as session:
        due = due_experiments(session, settings)
    if not due:
        return 0
    with database.write() as session:
        # Another worker may have checked at the same time: a waiting job is not enqueued twice, and a running one is
        # visible here, since only one process writes at a time.
        fresh = due_experiments(session, settings)
        for experiment in fresh:
            queue.enqueue(session, "analyse", experiment=experiment, requested_by=REQUESTED_BY)
    return len(fresh)


def due_experiments(session: Session, settings: Settings) -> list[Experiment]:
    """Return the due experiments: running ones, and ended ones with data newer than the last analysis."""
    now = utc_now()
    newest = (
        select(col(Run.experiment_id), func.max(Run.id).label("run_id")).group_by(col(Run.experiment_id)).subquery()
    )
    last = (
        select(col(Analysis.run_id), func.max(Analysis.cut_off_us).label("cut_off_us"))
        .where(col(Analysis.history_only).is_(False))
        .group_by(col(Analysis.run_id))
        .subquery()
    )
    busy = select(col(Job.id)).where(
        col(Job.experiment_id) == Experiment.id,
        col(Job.kind) == "analyse",
        # After a failure, wait as long as after an analysis.
        (col(Job.state).in_(("due", "running")))
        | and_(
            col(Job.state) == "failed",
            col(Job.finished_at) > now - timedelta(seconds=settings.analyse_every_seconds),
        ),
    )
    rows = session.execute(
        select(Experiment, newest.c.run_id, last.c.cut_off_us)
        .join(newest, newest.c.experiment_id == Experiment.id)
        .outerjoin(last, last.c.run_id == newest.c.run_id)
        .where(col(Experiment.state).in_(("running", "paused", "stopped")), ~busy.exists())
    ).all()
    every_us, now_us = settings.analyse_every_seconds * 1_000_000, to_us(now)
    return [
        experiment
        for experiment, run_id, cut_off_us in rows
        if _ended_since(session, run_id, cut_off_us)
        or _old_enough(session, run_id, cut_off_us, every_us, now_us)
        and (
            has_new_data(session, experiment, run_id, cut_off_us, needed=settings.analyse_new_events, now_us=now_us)
            or _gone_silent(experiment, cut_off_us, now - timedelta(hours=settings.silence_hours))
        )
    ]


def _ended_since(session: Session, run_id: int, cut_off_us: int | None) -> bool:
    """Return whether the run ended after its last analysis, whose verdict may still be to keep it running."""
    ended = session.scalar(select(col(Run.ended_at)).where(col(Run.id) == run_id))
    return ended is not None and cut_off_us is not None and cut_off_us < to_us(ended)


def first_due_us(session: Session, run_id: int, every_us: int) -> int | None:
    """Return when the first analysis of a run is due; None without an exposure.

    A run that has ended is due at once: nothing more will arrive.
    """
    first = _first_exposure_us(session, run_id)
    if first is None:
        return None
    ended = session.scalar(select(col(Run.ended_at)).where(col(Run.id) == run_id))
    return first if ended is not None else first + min(FIRST_SECONDS[0] * 1_000_000, every_us)


def _old_enough(session: Session, run_id: int, cut_off_us: int | None, every_us: int, now_us: int) -> bool:
    """Return whether the next analysis may follow the last one, whose cut-off is `cut_off_us`."""
    if cut_off_us is None:
        due = first_due_us(session, run_id, every_us)
        return due is not None and due <= now_us
    if cut_off_us <= now_us - every_us:
        return True
    if cut_off_us < now_us - FIRST_SECONDS[-1] * 1_000_000:
        return False  # the quick ones are over: no need to look for the first exposure
    first = _first_exposure_us(session, run_id)
    marks = () if first is None else (first + min(mark * 1_000_000, every_us) for mark in FIRST_SECONDS)
    return any(cut_off_us < mark <= now_us for mark in marks)


def _first_exposure_us(session: Session, run_id: int) -> int | None:
    """Return when the run's first exposure was received; the index of arrivals has it first."""
    query = select(col(Exposure.received_us)).where(col(Exposure.run_id) == run_id)
    return session.scalar(query.order_by(col(Exposure.received_us)).limit(1))


def has_new_data(
    session: Session, experiment: Experiment, run_id: int, since_us: int | None, *, needed: int, now_us: int
) -> bool:
    """Return whether `needed` exposures of the run, or events of its members, arrived since the last analysis."""
    of_run = col(Exposure.run_id) == run_id
    since = since_us if since_us is not None else -1
    fresh = select(col(Exposure.unit)).where(of_run, col(Exposure.received_us) > since).limit(needed)
    new = session.scalar(select(func.count()).select_from(fresh.subquery())) or 0
    if new >= needed:
        return True
    if since_us is None or not _still_counting(session, experiment, run_id, since_us):
        return False
    newest = (
        select(col(Event.unit))
        .where(
            col(Event.project_id) == experiment.project_id,
            col(Event.received_us) > since,
            col(Event.received_us) <= now_us,
            col(Event.experiment).is_(None) | (col(Event.experiment) == experiment.key),
        )
        .order_by(col(Event.received_us).desc())
        .limit(_MAX_CHECKED)
        .subquery()
    )
    member = select(col(Exposure.unit)).where(of_run, col(Exposure.unit) == newest.c.unit).exists()
    fresh = select(newest.c.unit).where(member).limit(needed - new)
    return new + (session.scalar(select(func.count()).select_from(fresh.subquery())) or 0) >= needed


def _gone_silent(experiment: Experiment, cut_off_us: int | None, before: datetime) -> bool:
    """Return whether a running experiment's last analysis is so old that its silence must be reported."""
    return experiment.state == "running" and cut_off_us is not None and cut_off_us <= to_us(before)


def _still_counting(session: Session, experiment: Experiment, run_id: int, since_us: int) -> bool:
    """Return whether events can still change the result: the run is on, or members' windows were still open."""
    ended = session.scalar(select(col(Run.ended_at)).where(col(Run.id) == run_id))
    if ended is None:
        return True
    # Late events get the same time again.
    return since_us < to_us(ended + timedelta(days=2 * experiment.window_days))
