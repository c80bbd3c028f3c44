"""The worker's way to the example: its audience goes through the API, then the answer is computed."""

from functools import partial
from typing import Any

from sqlmodel import Session

from experiments.demo.run import make, sentence
from experiments.demo.server import client_of
from experiments.jobs import queue
from experiments.jobs.at_once import answer, hold
from experiments.lifecycle import store
from experiments.settings import settings
from experiments.storage.database import Database
from experiments.storage.tables import Job

_MAKING = 0.85  # of the whole work; the rest is the analysis


def run_job(database: Database, job: Job, report: Any) -> None:
    """Make the example, answer at once, and ask for the segments; the answer ends the job in its transaction."""
    chosen = settings()
    with client_of(chosen) as client:
        made = make(
            database,
            chosen,
            client,
            **job.payload,
            created=partial(hold, requested_by="demo"),
            report=lambda fraction, message: report(_MAKING * fraction, message),
        )
    if not made.members:
        with database.write() as session:
            report.finish(session, result={"experiment": made.key}, message=f"{made.name} was there already.")
        return

    def end(session: Session) -> None:
        # The segments take longer than everything else: they come with the next analysis, while people already look.
        queue.enqueue(session, "analyse", experiment=store.get(session, made.key), requested_by="demo")
        report.finish(session, result={"experiment": made.key}, message=sentence(made))

    def weighing(fraction: float, message: str) -> None:
        report(_MAKING + (1 - _MAKING) * fraction, message)

    answer(database, made.key, report=weighing, with_models=False, then=end)
