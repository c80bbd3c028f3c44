"""When a running experiment is due for its next analysis: enough is new, and the last one is long enough ago."""

from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlmodel import Session, col

from experiments.analyses.inputs import to_us
from experiments.jobs import queue
from experiments.settings import Settings
from experiments.storage.database import Database
from experiments.storage.tables import Analysis, Event, Experiment, Exposure, Job, Run, utc_now

REQUESTED_BY = "worker"

# Of many new events that belong to other experiments only the newest are looked at: the look is taken each second.
_LOOKED_AT = 10_000


def enqueue_due(database: Database, settings: Settings) -> int:
    """Put an analysis in for each experiment that is due; how many."""
    with database.read() as session:
        due = due_experiments(session, settings)
    if not due:
        return 0
    with database.write() as session:
        # Another worker may have looked at the same moment: a waiting job is returned, not doubled, and a running one
        # is seen here, since only one writes at a time.
        fresh = due_experiments(session, settings)
        for experiment in fresh:
            queue.enqueue(session, "analyse", experiment=experiment, requested_by=REQUESTED_BY)
    return len(fresh)


def due_experiments(session: Session, settings: Settings) -> list[Experiment]:
    """The experiments that are due now: running ones, and ended ones whose last data no analysis has seen."""
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
        # After a failure the next try waits as long as after an answer.
        (col(Job.state).in_(("due", "running")))
        | and_(
            col(Job.state) == "failed",
            col(Job.finished_at) > now - timedelta(seconds=settings.analyse_every_seconds),
        ),
    )
    found = session.execute(
        select(Experiment, newest.c.run_id, last.c.cut_off_us)
        .join(newest, newest.c.experiment_id == Experiment.id)
        .outerjoin(last, last.c.run_id == newest.c.run_id)
        .where(col(Experiment.state).in_(("running", "paused", "stopped")), ~busy.exists())
    ).all()
    latest_allowed = to_us(now - timedelta(seconds=settings.analyse_every_seconds))
    return [
        experiment
        for experiment, run_id, cut_off_us in found
        if _ended_since(session, run_id, cut_off_us)
        or (cut_off_us is None or cut_off_us <= latest_allowed)
        and (
            _enough_new(session, experiment, run_id, cut_off_us, settings.analyse_new_events, to_us(now))
            or _gone_silent(experiment, cut_off_us, now - timedelta(hours=settings.silence_hours))
        )
    ]


def _ended_since(session: Session, run_id: int, cut_off_us: int | None) -> bool:
    """Whether the run has ended after its last answer, which may still tell people to keep it running."""
    ended = session.scalar(select(col(Run.ended_at)).where(col(Run.id) == run_id))
    return ended is not None and cut_off_us is not None and cut_off_us < to_us(ended)


def _enough_new(
    session: Session, experiment: Experiment, run_id: int, since_us: int | None, needed: int, now_us: int
) -> bool:
    """Whether `needed` exposures of the run, or events that may belong to it, have come since the last analysis."""
    met = col(Exposure.run_id) == run_id
    since = since_us if since_us is not None else -1
    fresh = select(col(Exposure.unit)).where(met, col(Exposure.received_us) > since).limit(needed)
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
        .limit(_LOOKED_AT)
        .subquery()
    )
    member = select(col(Exposure.unit)).where(met, col(Exposure.unit) == newest.c.unit).exists()
    fresh = select(newest.c.unit).where(member).limit(needed - new)
    return new + (session.scalar(select(func.count()).select_from(fresh.subquery())) or 0) >= needed


def _gone_silent(experiment: Experiment, cut_off_us: int | None, before: datetime) -> bool:
    """Whether a running experiment's last answer is so old that its silence must be reported."""
    return experiment.state == "running" and cut_off_us is not None and cut_off_us <= to_us(before)


def _still_counting(session: Session, experiment: Experiment, run_id: int, since_us: int) -> bool:
    """Whether events may still change the answer: the run is on, or its members' windows were open when last seen."""
    ended = session.scalar(select(col(Run.ended_at)).where(col(Run.id) == run_id))
    if ended is None:
        return True
    # Late arrivals get the same time again.
    return since_us < to_us(ended + timedelta(days=2 * experiment.window_days))
