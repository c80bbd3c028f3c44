"""The analysis job: analyse an experiment as the job's payload says."""

from sqlmodel import Session

from experiments.analyses.run import analyse
from experiments.errors import NotFoundError
from experiments.jobs.report import JobReport
from experiments.storage.database import Database
from experiments.storage.tables import Analysis, Experiment, Job


def run_job(database: Database, job: Job, report: JobReport) -> None:
    """Analyse the job's experiment and finish the job in the same transaction."""
    with database.read() as session:
        experiment = session.get(Experiment, job.experiment_id)
        if experiment is None:
            raise NotFoundError(f"Job {job.id} names the experiment {job.experiment_id}, which does not exist.")
        key = experiment.key

    def store(session: Session, analyses: list[Analysis]) -> None:
        session.add_all(analyses)
        report.finish(session, result={"analysis": analyses[-1].id}, message="")

    analyse(database, key, report=report, store=store, hold=report.hold, **job.payload)
