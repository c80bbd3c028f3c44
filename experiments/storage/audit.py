"""The audit log: one entry per change, tagged source:subject:action."""

from typing import Any

from sqlmodel import Session, col, select

from experiments.storage.tables import AuditEntry, Experiment


def record(
    session: Session, *, actor: str, action: str, experiment: Experiment | None = None, **detail: Any
) -> AuditEntry:
    """Record an entry, in the transaction of the change.

    Parameters
    ----------
    actor
        ``page:EMAIL``, ``api:KEYNAME``, ``cli``, ``worker`` or ``demo``.
    action
        Subject and verb, such as ``experiment:launch``; the source is prefixed from the actor.
    experiment
        The changed experiment, if any.
    **detail
        Further details as JSON values; never a secret.
    """
    source = actor.partition(":")[0] or "system"
    entry = AuditEntry(
        actor=actor[:254],
        action=f"{source}:{action}"[:64],
        experiment_id=experiment.id if experiment else None,
        detail=detail,
    )
    session.add(entry)
    return entry


def entries(session: Session, experiment: Experiment | None = None, limit: int = 100) -> list[AuditEntry]:
    """Return the newest entries, newest first; of one experiment if given."""
    query = select(AuditEntry).order_by(col(AuditEntry.at).desc(), col(AuditEntry.id).desc()).limit(limit)
    if experiment is not None:
        query = query.where(AuditEntry.experiment_id == experiment.id)
    return list(session.exec(query))
