"""The worker's way to the example: its audience goes through the API, then the answer is computed."""

from typing import Any

from experiments.answering import answer
from experiments.database import Database
from experiments.demo.run import make, sentence
from experiments.settings import settings
from experiments.tables import Job

_MAKING = 0.7  # of the whole work; the rest is the analysis


def run_job(database: Database, job: Job, report: Any) -> None:
    """Make the example, analyse it and end the job with the answer, in one transaction."""
    made = make(
        database,
        settings(),
        **job.payload,
        report=lambda fraction, message: report(_MAKING * fraction, message),
    )
    if not made.members:
        with database.write() as session:
            report.finish(session, result={"experiment": made.key}, message=f"{made.name} was there already.")
        return

    answer(
        database,
        made.key,
        report=lambda fraction, message: report(_MAKING + (1 - _MAKING) * fraction, message),
        then=lambda session: report.finish(session, result={"experiment": made.key}, message=sentence(made)),
    )
