"""Work for the worker: put in, claimed by one conditional update, kept alive by a lease, ended once.

A job is *due*, *running*, *done* or *failed*. The worker that holds the lease owns the job; when it dies the lease runs
out and the next one takes the job over. Every change of a running job names the claim it belongs to (worker and
attempt), so that a worker which lost its lease can neither finish nor spoil what another one now does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlmodel import Session, col

from experiments.errors import KletteError, NotFoundError
from experiments.storage.database import Database, rows_changed
from experiments.storage.tables import Experiment, Job, utc_now

MAX_ATTEMPTS = 3
"""A job whose worker died this often is failed instead of tried again."""

_GIVEN_UP = (
    "The work was begun {attempts} times and its worker ended each time before it was done; "
    "look at the worker's log, then ask for it again."
)


class LeaseLostError(KletteError):
    """Another worker has taken the job over; whatever this one still does must not be stored."""

    code = "lease_lost"
    title = "Another worker has taken the job over"
    status = 409


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one job: valid while the job's row still names this worker and attempt."""

    job_id: int
    worker: str
    attempt: int
    lease_seconds: float

    def holds(self) -> Any:
        """The condition under which the job's row is still ours."""
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
    """Put a job in; an analysis that already waits for the experiment is returned instead of doubled."""
    if kind == "analyse" and experiment is not None:
        waiting = select(Job).where(
            col(Job.kind) == kind, col(Job.experiment_id) == experiment.id, col(Job.state) == "due"
        )
        if (job := session.scalars(waiting).first()) is not None:
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
    """The job of a number.

    Raises
    ------
    NotFoundError
        Where there is none.
    """
    job = session.get(Job, job_id)
    if job is None:
        raise NotFoundError(f"There is no job {job_id}; follow the address that the request answered with.")
    return job


def claim(database: Database, worker_name: str, lease_seconds: float) -> Job | None:
    """Take the job that has waited longest, or one whose worker has fallen silent; None when nothing is due.

    One ``UPDATE ... WHERE`` decides: of several workers that see the same row exactly one changes it.
    """
    now = utc_now()
    free = or_(
        and_(col(Job.state) == "due", col(Job.due_at) <= now),
        and_(col(Job.state) == "running", col(Job.lease_until) < now),
    )
    while True:
        with database.read() as session:
            found = session.execute(
                select(col(Job.id), col(Job.attempts), col(Job.state))
                .where(free)
                .order_by(col(Job.due_at), col(Job.id))
                .limit(1)
            ).first()
        if found is None:
            return None
        with database.write() as session:
            taken = _take(session, found, free, worker_name, now + timedelta(seconds=lease_seconds))
        if taken is not None:
            return taken


def _take(session: Session, found: Any, free: Any, worker_name: str, lease_until: datetime) -> Job | None:
    """Claim one row, or fail it when it has been tried too often; None when it went to somebody else or was failed."""
    same = and_(col(Job.id) == found.id, col(Job.attempts) == found.attempts, free)
    if found.attempts >= MAX_ATTEMPTS:
        given_up = {"state": "failed", "message": _GIVEN_UP.format(attempts=found.attempts), "finished_at": utc_now()}
        session.execute(update(Job).where(same).values(**given_up, lease_until=None))
        return None
    changes = {"state": "running", "worker": worker_name, "attempts": found.attempts + 1, "lease_until": lease_until}
    changed = rows_changed(session, update(Job).where(same).values(**changes))
    return session.get(Job, found.id) if changed else None


def claim_of(job: Job, lease_seconds: float) -> Claim:
    """Return the claim of a job that was just claimed."""
    return Claim(job.id or 0, job.worker or "", job.attempts, lease_seconds)


def progress(database: Database, claim: Claim | int, fraction: float | None = None, message: str | None = None) -> None:
    """Say how far a running job is, from 0 to 1; renews its lease.

    Parameters
    ----------
    claim
        The claim, or for a job that only one worker can know, its number.
    fraction, message
        What changed; None keeps what was said last.

    Raises
    ------
    LeaseLostError
        Where another worker has taken the job over meanwhile.
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
    """Hold a running job for another lease.

    Raises
    ------
    LeaseLostError
        Where another worker has taken the job over, or it has ended.
    """
    progress(database, claim)


def hold(session: Session, claim: Claim) -> None:
    """Renew the lease in the caller's transaction, so that what it stores is stored only by the job's owner.

    Raises
    ------
    LeaseLostError
        Where another worker has taken the job over; the caller's transaction must roll back.
    """
    lease_until = utc_now() + timedelta(seconds=claim.lease_seconds)
    _must_change(session, claim.holds(), {"lease_until": lease_until}, claim)


def finish(session: Session, claim: Claim, *, result: dict[str, Any] | None = None, message: str = "") -> None:
    """Mark a job as done, in the transaction that stores what it made: both are there or neither.

    Raises
    ------
    LeaseLostError
        Where another worker has taken the job over; the caller's transaction must roll back.
    """
    values = {"state": "done", "progress": 1.0, "message": message, "result": result}
    _must_change(session, claim.holds(), values | _ended(), claim)


def fail(session: Session, claim: Claim, sentence: str, *, result: dict[str, Any] | None = None) -> None:
    """Mark a job as failed with a sentence for the person who asked for it."""
    _must_change(session, claim.holds(), {"state": "failed", "message": sentence, "result": result} | _ended(), claim)


def release(session: Session, claim: Claim) -> None:
    """Give an unfinished job back: due at once, and the attempt does not count."""
    values = {"state": "due", "attempts": claim.attempt - 1, "worker": None, "lease_until": None}
    _must_change(session, claim.holds(), values, claim)


def _ended() -> dict[str, Any]:
    return {"finished_at": utc_now(), "lease_until": None}


def _must_change(session: Session, where: Any, values: dict[str, Any], claim: Claim | int) -> None:
    if not rows_changed(session, update(Job).where(where).values(**values)):
        number = claim.job_id if isinstance(claim, Claim) else claim
        raise LeaseLostError(f"Job {number} is no longer this worker's: it was taken over or has ended.")
