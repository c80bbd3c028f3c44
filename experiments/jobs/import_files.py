"""The import job: the uploaded files, with the plan in the job's payload."""

from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col

from experiments.errors import ImportFailedError
from experiments.importing.csv_file import Source
from experiments.importing.plan import make_plan
from experiments.importing.run import run_import
from experiments.importing.store import ImportSummary
from experiments.importing.summary import notes
from experiments.jobs import queue
from experiments.jobs.report import JobReport
from experiments.lifecycle import store
from experiments.settings import settings
from experiments.storage.database import Database
from experiments.storage.tables import Job, Upload
from experiments.translation import gettext
from experiments.translation.filling import filled

_MAX_EXPANSION = 40  # times the largest upload: CSV compresses to about a tenth, so more is not a CSV file


def run_job(database: Database, job: Job, report: JobReport) -> None:
    """Import a job's files, enqueue the analysis and finish the job, all in one transaction.

    The files of a failed import are kept for another try.

    Raises
    ------
    ImportFailedError
        A file has errors; ``lines`` lists them.
    """
    payload, chosen = job.payload, settings()
    plan = make_plan(**payload["plan"])
    main = _source(database, payload["upload"])
    events = _source(database, payload["events_upload"]) if payload.get("events_upload") else None

    def end(session: Session, summary: ImportSummary) -> None:
        stored = store.get(session, summary.key)
        queue.enqueue(session, "analyse", experiment=stored, requested_by=job.requested_by)
        uploads = [upload for upload in (payload["upload"], payload.get("events_upload")) if upload]
        session.execute(delete(Upload).where(col(Upload.id).in_(uploads)))
        report.finish(session, result=_result(summary), message=_message(summary))

    run_import(
        database,
        plan,
        main,
        events,
        currency=chosen.currency,
        zone=chosen.time_zone,
        actor=job.requested_by or "worker",
        report=report,
        before_commit=end,
        most_bytes=_MAX_EXPANSION * chosen.max_upload_bytes,
    )


def _source(database: Database, upload_id: int) -> Source:
    with database.read() as session:
        upload = session.get(Upload, upload_id)
    if upload is None:
        raise ImportFailedError(gettext("The file {id} was deleted. Upload it again.").format(id=upload_id))
    return Source(upload.name, content=upload.content)


def _result(summary: ImportSummary) -> dict[str, Any]:
    return {
        "experiment": summary.key,
        "members": list(summary.members.items()),
        "events": summary.events,
        "notes": notes(summary),
    }


def _message(summary: ImportSummary) -> str:
    numbers = {
        "members": sum(summary.members.values()),
        "variants": len(summary.members),
        "events": sum(summary.events.values()),
        "uncounted": summary.uncounted,
    }
    if not summary.events:
        text = gettext("Imported {members:,} members in {variants} variants. The analysis starts next.")
    elif not summary.uncounted:
        text = gettext(
            "Imported {members:,} members in {variants} variants and {events:,} events. The analysis starts next."
        )
    else:
        text = gettext(
            "Imported {members:,} members in {variants} variants and {events:,} events, of which {uncounted:,} are "
            "outside their member's window and do not count. The analysis starts next."
        )
    return filled(text, **numbers)
