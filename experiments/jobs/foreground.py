"""Analysis in the foreground, right after an experiment was created, while the worker waits.

Otherwise a worker could analyse part of the audience in between, and that would count as a look.
"""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, update
from sqlmodel import Session, col

from experiments.analyses.run import Report, analyse
from experiments.jobs import queue
from experiments.storage.database import Database
from experiments.storage.tables import Analysis, Experiment, Job, utc_now

_PATIENCE = timedelta(minutes=10)  # afterwards the worker analyses the experiment


def reserve(session: Session, experiment: Experiment, *, requested_by: str) -> None:
    """Reserve the analysis of an experiment: a job that is not due yet keeps the worker from analysing it."""
    queue.enqueue(session, "analyse", experiment=experiment, requested_by=requested_by, due_at=utc_now() + _PATIENCE)


def release(session: Session, experiment: Experiment) -> None:
    """Let the worker analyse the experiment now."""
    session.execute(update(Job).where(_reserved(experiment.id)).values(due_at=utc_now()))


def analyse_now(
    database: Database,
    key: str,
    *,
    report: Report,
    with_models: bool = True,
    then: Callable[[Session], None] = lambda _session: None,
) -> Analysis:
    """Analyse a reserved experiment, and finish its job with the analysis.

    Parameters
    ----------
    with_models
        Whether to fit the sampled models, which takes seconds.
    then
        Called in the transaction that stores the analysis.
    """

    def store(session: Session, made: list[Analysis]) -> None:
        session.add_all(made)
        done = {"state": "done", "progress": 1.0, "finished_at": utc_now(), "result": {"analysis": made[-1].id}}
        session.execute(update(Job).where(_reserved(made[-1].experiment_id)).values(**done))
        then(session)

    return analyse(database, key, report=report, store=store, with_models=with_models)


def _reserved(experiment_id: int | None) -> ColumnElement[bool]:
    return and_(col(Job.kind) == "analyse", col(Job.experiment_id) == experiment_id, col(Job.state) == "due")
