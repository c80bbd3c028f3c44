"""The demo job: simulate the example's audience through the API, then analyse it."""

from functools import partial

from sqlmodel import Session

from experiments.demo.run import make, sentence
from experiments.demo.server import client_of
from experiments.jobs import queue
from experiments.jobs.foreground import analyse_now, reserve
from experiments.jobs.report import JobReport
from experiments.lifecycle import store
from experiments.settings import settings
from experiments.storage.database import Database
from experiments.storage.tables import Job
from experiments.translation import gettext

_CREATING = 0.85  # share of the time; the analysis takes the rest


def run_job(database: Database, job: Job, report: JobReport) -> None:
    """Create the example, analyse it and enqueue the segments; storing the analysis finishes the job."""
    chosen = settings()
    with client_of(chosen) as client:
        made = make(
            database,
            chosen,
            client,
            **job.payload,
            created=partial(reserve, requested_by="demo"),
            report=lambda fraction, message: report(_CREATING * fraction, message),
        )
    if not made.members:
        with database.write() as session:
            report.finish(
                session,
                result={"experiment": made.key},
                message=gettext("{name} exists already.").format(name=made.name),
            )
        return

    def end(session: Session) -> None:
        # The segments take longest: the next analysis computes them while people already see the result.
        queue.enqueue(session, "analyse", experiment=store.get(session, made.key), requested_by="demo")
        report.finish(session, result={"experiment": made.key}, message=sentence(made))

    def report_analysis(fraction: float, message: str) -> None:
        report(_CREATING + (1 - _CREATING) * fraction, message)

    analyse_now(database, made.key, report=report_analysis, with_models=False, then=end)
