"""The worker's way to an import: the files that were handed in, the plan in the job's payload."""

from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col

from experiments.errors import ImportFailedError
from experiments.importing.plan import make_plan
from experiments.importing.reading import Source
from experiments.importing.run import bring_in
from experiments.importing.store import BroughtIn
from experiments.jobs import queue
from experiments.lifecycle import store
from experiments.settings import settings
from experiments.storage.database import Database
from experiments.storage.tables import Job, Upload

_UNPACKED = 40  # times the largest upload: CSV packs to a tenth, so more is no CSV


def run_job(database: Database, job: Job, report: Any) -> None:
    """Bring a job's files in, ask for the analysis and end the job, all in one transaction.

    The files of an import that fails stay for another try.

    Raises
    ------
    ImportFailedError
        A file is at fault; ``lines`` says where.
    """
    payload, chosen = job.payload, settings()
    plan = make_plan(**payload["plan"])
    main = _source(database, payload["upload"])
    events = _source(database, payload["events_upload"]) if payload.get("events_upload") else None

    def end(session: Session, brought: BroughtIn) -> None:
        stored = store.get(session, brought.key)
        queue.enqueue(session, "analyse", experiment=stored, requested_by=job.requested_by)
        handed_in = [upload for upload in (payload["upload"], payload.get("events_upload")) if upload]
        session.execute(delete(Upload).where(col(Upload.id).in_(handed_in)))
        report.finish(session, result=_result(brought), message=_sentence(brought))

    bring_in(
        database,
        plan,
        main,
        events,
        currency=chosen.currency,
        actor=job.requested_by or "worker",
        report=report,
        then=end,
        most_bytes=_UNPACKED * chosen.max_upload_bytes,
    )


def _source(database: Database, upload_id: int) -> Source:
    with database.read() as session:
        upload = session.get(Upload, upload_id)
    if upload is None:
        raise ImportFailedError(f"The file {upload_id} is no longer kept; hand it over again.")
    return Source(upload.name, content=upload.content)


def _result(brought: BroughtIn) -> dict[str, Any]:
    return {"experiment": brought.key, "members": list(brought.members.items()), "events": brought.events}


def _sentence(brought: BroughtIn) -> str:
    members, events = sum(brought.members.values()), sum(brought.events.values())
    said = f"{members:,} members in {len(brought.members)} variants"
    said += f" and {events:,} events were imported" if events else " were imported"
    if brought.uncounted:
        said += f"; {brought.uncounted:,} events lie outside their member's window and do not count"
    return f"{said}. The analysis is on its way."
