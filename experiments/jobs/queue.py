"""The job queue: jobs are added, claimed by one conditional update, kept by a lease, and finished once.

A job is *due*, *running*, *done* or *failed*. The worker with the lease owns the job. If the worker dies, the lease
expires and another worker takes the job over. Every change of a running job checks its claim (worker and attempt), so
that a worker that lost its lease cannot change the job.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlmodel import Session, col

from experiments.errors import KletteError, NotFoundError
from experiments.storage.database import Database, rows_changed
from experiments.storage.tables import Experiment, Job, utc_now
from experiments.translation import N_, gettext

MAX_ATTEMPTS = 3
"""A job whose worker died this often fails instead of being tried again."""

_GIVEN_UP = N_(
    "The job was started {attempts} times, and its worker stopped each time. Check the worker's log, then try again."
)


class LeaseLostError(KletteError):
    """Another worker took the job over; nothing that this worker computed may be stored."""

    code = "lease_lost"
    title = "Job taken over by another worker"
    status = 409


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job, valid while the job's row names this worker and attempt."""

    job_id: int
    worker: str
    attempt: int
    lease_seconds: float

    def holds(self) -> Any:
        """Return the condition that the claim is still valid."""
        return and_(
            col(Job.id) == self.job_id,
            col(Job.state) == "running",
            col(Job.worker) == self.worker,
            col(Job.attempts) == self.attempt,
        )


def enqueue(
    session: Session,
    kind: str,
    *,
    payload: dict[str, Any] | None = None,
    experiment: Experiment | None = None,
    requested_by: str = "",
    due_at: datetime | None = None,
) -> Job:
    """Add a job; if an analysis of the experiment already waits, return that one, as requested by the newest caller."""
    if kind == "analyse" and experiment is not None:
        waiting = select(Job).where(
            col(Job.kind) == kind, col(Job.experiment_id) == experiment.id, col(Job.state) == "due"
        )
        if (job := session.scalars(waiting).first()) is not None:
            job.requested_by = requested_by or job.requested_by
            return job
    job = Job(
        kind=kind,
        experiment_id=experiment.id if experiment else None,
        payload=payload or {},
        requested_by=requested_by,
        due_at=due_at or utc_now(),
    )
    session.add(job)
    session.flush()
    return job


def get(session: Session, job_id: int) -> Job:
    """Return a job by its number.

    Raises
    ------
    NotFoundError
        No job has this number.
    """
    job = session.get(Job, job_id)
    if job is None:
        raise NotFoundError(gettext("No job with the number {id}.").format(id=job_id))
    return job


def claim(database: Database, worker_name: str, lease_seconds: float) -> Job | None:
    """Claim the job that waited longest, or one with an expired lease; return None if nothing is due.

    A conditional update decides: of several workers that see the same row, exactly one changes it.
    """
    now = utc_now()
    free = or_(
        and_(col(Job.state) == "due", col(Job.due_at) <= now),
        and_(col(Job.state) == "running", col(Job.lease_until) < now),
    )
    while True:
        with database.read() as session:
            row = session.execute(
                select(col(Job.id), col(Job.attempts), col(Job.state))
                .where(free)
                .order_by(col(Job.due_at), col(Job.id))
                .limit(1)
            ).first()
        if row is None:
            return None
        with database.write() as session:
            taken = _take(session, row, free, worker_name, now + timedelta(seconds=lease_seconds))
        if taken is not None:
            return taken


def _take(session: Session, row: Any, free: Any, worker_name: str, lease_until: datetime) -> Job | None:
    """Claim a row; fail a job with too many attempts. Return None if it failed or another worker claimed it."""
    same = and_(col(Job.id) == row.id, col(Job.attempts) == row.attempts, free)
    if row.attempts >= MAX_ATTEMPTS:
        given_up = {
            "state": "failed",
            "message": gettext(_GIVEN_UP).format(attempts=row.attempts),
            "finished_at": utc_now(),
        }
        session.execute(update(Job).where(same).values(**given_up, lease_until=None))
        return None
    changes = {"state": "running", "worker": worker_name, "attempts": row.attempts + 1, "lease_until": lease_until}
    changed = rows_changed(session, update(Job).where(same).values(**changes))
    return session.get(Job, row.id) if changed else None


def claim_of(job: Job, lease_seconds: float) -> Claim:
    """Return the claim of a job that was just claimed."""
    return Claim(job.id or 0, job.worker or "", job.attempts, lease_seconds)


def progress(database: Database, claim: Claim | int, fraction: float | None = None, message: str | None = None) -> None:
    """Record the progress of a running job, from 0 to 1, and renew its lease.

    Parameters
    ----------
    claim
        The claim, or the number of a job that only one worker can run.
    fraction, message
        The new values; None keeps the last one.

    Raises
    ------
    LeaseLostError
        Another worker took the job over.
    """
    values: dict[str, Any] = {}
    if fraction is not None:
        values["progress"] = min(max(float(fraction), 0.0), 1.0)
    if message is not None:
        values["message"] = message
    if isinstance(claim, Claim):
        values["lease_until"] = utc_now() + timedelta(seconds=claim.lease_seconds)
        where = claim.holds()
    else:
        where = and_(col(Job.id) == claim, col(Job.state) == "running")
    if not values:
        return
    with database.write() as session:
        _must_change(session, where, values, claim)


def renew(database: Database, claim: Claim) -> None:
    """Renew the lease of a running job.

    Raises
    ------
    LeaseLostError
        Another worker took the job over, or it has ended.
    """
    progress(database, claim)


def hold(session: Session, claim: Claim) -> None:
    """Renew the lease in the caller's transaction, so that only the job's owner can commit it.

    Raises
    ------
    LeaseLostError
        Another worker took the job over; the caller's transaction must roll back.
    """
    lease_until = utc_now() + timedelta(seconds=claim.lease_seconds)
    _must_change(session, claim.holds(), {"lease_until": lease_until}, claim)


def finish(session: Session, claim: Claim, *, result: dict[str, Any] | None = None, message: str = "") -> None:
    """Mark a job as done, in the transaction that stores its result.

    Raises
    ------
    LeaseLostError
        Another worker took the job over; the caller's transaction must roll back.
    """
    values = {"state": "done", "progress": 1.0, "message": message, "result": result}
    _must_change(session, claim.holds(), values | _ended(), claim)


def fail(session: Session, claim: Claim, sentence: str, *, result: dict[str, Any] | None = None) -> None:
    """Mark a job as failed, with a message for the person who requested it."""
    _must_change(session, claim.holds(), {"state": "failed", "message": sentence, "result": result} | _ended(), claim)


def release(session: Session, claim: Claim) -> None:
    """Return an unfinished job to the queue: due immediately, and the attempt does not count."""
    values = {"state": "due", "attempts": claim.attempt - 1, "worker": None, "lease_until": None}
    _must_change(session, claim.holds(), values, claim)


def _ended() -> dict[str, Any]:
    return {"finished_at": utc_now(), "lease_until": None}


def _must_change(session: Session, where: Any, values: dict[str, Any], claim: Claim | int) -> None:
    if not rows_changed(session, update(Job).where(where).values(**values)):
        number = claim.job_id if isinstance(claim, Claim) else claim
        raise LeaseLostError(f"Job {number} was taken over by another worker or has ended.")
