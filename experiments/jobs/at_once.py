"""Answering at once what was made at once: the worker is asked to wait meanwhile, and finds the answer there.

Without it a worker that looks in between would analyse half an audience, and keep that as a look.
"""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, update
from sqlmodel import Session, col

from experiments.analyses.run import Report, analyse
from experiments.jobs import queue
from experiments.storage.database import Database
from experiments.storage.tables import Analysis, Experiment, Job, utc_now

_PATIENCE = timedelta(minutes=10)  # after that the worker analyses what is there


def hold(session: Session, experiment: Experiment, *, requested_by: str) -> None:
    """Keep the worker from analysing the experiment: a job that is not due yet takes the place of its own."""
    queue.enqueue(session, "analyse", experiment=experiment, requested_by=requested_by, due_at=utc_now() + _PATIENCE)


def release(session: Session, experiment: Experiment) -> None:
    """Let the worker analyse the experiment now."""
    session.execute(update(Job).where(_held(experiment.id)).values(due_at=utc_now()))


def answer(
    database: Database,
    key: str,
    *,
    report: Report,
    with_models: bool = True,
    then: Callable[[Session], None] = lambda _session: None,
) -> Analysis:
    """Analyse an experiment that was held, and end the held job with the answer.

    Parameters
    ----------
    with_models
        Whether to fit the sampled models (seconds).
    then
        Called in the transaction that stores the answer.
    """

    def store(session: Session, made: list[Analysis]) -> None:
        session.add_all(made)
        done = {"state": "done", "progress": 1.0, "finished_at": utc_now(), "result": {"analysis": made[-1].id}}
        session.execute(update(Job).where(_held(made[-1].experiment_id)).values(**done))
        then(session)

    return analyse(database, key, report=report, store=store, with_models=with_models)


def _held(experiment_id: int | None) -> ColumnElement[bool]:
    return and_(col(Job.kind) == "analyse", col(Job.experiment_id) == experiment_id, col(Job.state) == "due")
