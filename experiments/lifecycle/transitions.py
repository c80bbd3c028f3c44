"""Transitions of the life cycle: draft → scheduled → running → paused → stopped → archived."""

from datetime import datetime

from sqlmodel import Session, col, select

from experiments.assignment.configuration import touch
from experiments.errors import ConflictError, InvalidError
from experiments.lifecycle import store
from experiments.lifecycle.checklist import Check, checklist
from experiments.lifecycle.document import timestamp
from experiments.lifecycle.namespaces import claim
from experiments.lifecycle.states import POSSIBLE
from experiments.storage import audit
from experiments.storage.tables import Experiment, utc_now
from experiments.translation import gettext
from experiments.validation import shown

__all__ = ["Check", "apply_schedule", "archive", "checklist", "launch", "pause", "resume", "ship", "stop"]


_LEADS_TO: dict[str, tuple[str, ...]] = {
    "launch": ("running", "scheduled"),
    "pause": ("paused",),
    "resume": ("running",),
    "stop": ("stopped",),
    "ship": ("stopped",),
    "archive": ("archived",),
}

MAX_NOTE = 2_000


def launch(session: Session, experiment: Experiment, *, actor: str, now: datetime | None = None) -> Experiment:
    """Start a draft immediately, or at a future ``starts_at``. A scheduled experiment starts immediately.

    Raises
    ------
    ConflictError
        The state does not allow a launch, or a blocking check fails.
    """
    now = now or utc_now()
    before = _allow(session, experiment, "launch")
    claim(session, experiment)
    failing = [check for check in checklist(session, experiment, now=now) if check.blocking and not check.ok]
    if failing:
        raise ConflictError(" ".join(check.detail for check in failing), code="not_ready")
    if before == "draft" and experiment.starts_at and experiment.starts_at > now:
        return _enter(session, experiment, "scheduled", "launch", actor)
    return _start(session, experiment, "launch", actor, now)


def pause(session: Session, experiment: Experiment, *, actor: str) -> Experiment:
    """Pause the assignment of new members; the experiment keeps its run and its range of the namespace."""
    _allow(session, experiment, "pause")
    return _enter(session, experiment, "paused", "pause", actor)


def resume(session: Session, experiment: Experiment, *, actor: str, now: datetime | None = None) -> Experiment:
    """Resume the same run; an experiment without a run returns to its schedule."""
    now = now or utc_now()
    _allow(session, experiment, "resume")
    if experiment.ends_at and experiment.ends_at <= now:
        message = gettext("The end of {key}, {end}, is in the past. Set a later ends_at first, or stop it.")
        raise ConflictError(message.format(key=experiment.key, end=timestamp(experiment.ends_at)), code="not_ready")
    if store.current_run(session, experiment):
        return _enter(session, experiment, "running", "resume", actor)
    if experiment.starts_at and experiment.starts_at > now:
        return _enter(session, experiment, "scheduled", "resume", actor)
    return _start(session, experiment, "resume", actor, now)


def stop(session: Session, experiment: Experiment, *, actor: str, now: datetime | None = None) -> Experiment:
    """Stop an experiment permanently: no member is assigned any more; the data is kept."""
    _allow(session, experiment, "stop")
    return _stop(session, experiment, "stop", actor, now or utc_now())


def archive(session: Session, experiment: Experiment, *, actor: str) -> Experiment:
    """Archive an experiment, which is never deleted."""
    _allow(session, experiment, "archive")
    return _enter(session, experiment, "archived", "archive", actor)


def ship(
    session: Session, experiment: Experiment, variant: str, note: str = "", *, actor: str, now: datetime | None = None
) -> Experiment:
    """Record the decision to ship a variant, and stop the experiment if it is running.

    Raises
    ------
    InvalidError
        The variant is unknown, or the note is too long.
    ConflictError
        The experiment never ran or is archived.
    """
    before = _allow(session, experiment, "ship")
    _check_shipment(session, experiment, variant, note)
    experiment.shipped_variant, experiment.shipped_note = variant, note
    if before != "stopped":
        _stop(session, experiment, "stop", actor, now or utc_now())
    return _enter(session, experiment, "stopped", "ship", actor, variant=variant, note=note)


def apply_schedule(session: Session, now: datetime | None = None) -> int:
    """Start scheduled experiments whose start has come, and stop those whose end has come.

    Returns
    -------
    int
        The number of experiments that changed their state.
    """
    now = now or utc_now()
    scheduled = (col(Experiment.state) == "scheduled") & (col(Experiment.starts_at) <= now)
    over = col(Experiment.state).in_(("scheduled", "running", "paused")) & (col(Experiment.ends_at) <= now)
    changed = 0
    for experiment in session.exec(select(Experiment).where(scheduled | over).order_by(col(Experiment.id))).all():
        store.lock(session, experiment)
        changed += _apply_to(session, experiment, now)
    return changed


# Changing the state


def _allow(session: Session, experiment: Experiment, action: str) -> str:
    """Lock the experiment and check that its state allows the action; return the state."""
    store.lock(session, experiment)
    actions = POSSIBLE[experiment.state]
    if action not in actions:
        states = tuple(dict.fromkeys(state for name in actions for state in _LEADS_TO[name]))
        text = (
            gettext("{key} is {state}: {action} is not possible. Possible actions: {actions}, which lead to {states}.")
            if actions
            else gettext("{key} is {state}: {action} is not possible, nor any other action. Create a new experiment.")
        )
        detail = text.format(
            key=experiment.key,
            state=experiment.state,
            action=action,
            actions=", ".join(actions),
            states=", ".join(states),
        )
        raise ConflictError(detail, code="illegal_transition", possible=states, actions=actions)
    return experiment.state


def _enter(
    session: Session, experiment: Experiment, state: str, action: str, actor: str, **detail: object
) -> Experiment:
    before, experiment.state = experiment.state, state
    experiment.revision += 1
    session.add(experiment)
    entry = {"from": before, "to": state, **detail}
    audit.record(session, actor=actor, action=f"experiment:{action}", experiment=experiment, **entry)
    touch(session)
    return experiment


def _start(session: Session, experiment: Experiment, action: str, actor: str, now: datetime) -> Experiment:
    run = store.start_run(session, experiment, now=now)
    return _enter(session, experiment, "running", action, actor, run=run.number)


def _stop(session: Session, experiment: Experiment, action: str, actor: str, now: datetime) -> Experiment:
    run = store.current_run(session, experiment)
    if run and run.ended_at is None:
        run.ended_at = max(now, run.started_at)
        session.add(run)
    return _enter(session, experiment, "stopped", action, actor)


def _apply_to(session: Session, experiment: Experiment, now: datetime) -> int:
    """Apply the schedule to a locked experiment; its state may have changed while waiting for the lock."""
    if experiment.ends_at and experiment.ends_at <= now and experiment.state in ("scheduled", "running", "paused"):
        _stop(session, experiment, "stop", "worker", experiment.ends_at)
        return 1
    if experiment.state == "scheduled" and experiment.starts_at and experiment.starts_at <= now:
        _start(session, experiment, "launch", "worker", now)
        return 1
    return 0


def _check_shipment(session: Session, experiment: Experiment, variant: str, note: str) -> None:
    known = [row.key for row in store.variants_of(session, experiment)]
    if variant not in known:
        text = gettext("{variant} is not a variant of {key}; choose one of {variants}.")
        message = text.format(variant=shown(variant), key=experiment.key, variants=", ".join(known))
        raise InvalidError(message, fields={"variant": message})
    if len(note) > MAX_NOTE:
        text = gettext("The note has {length} characters; at most {most} are allowed. Shorten it.")
        message = text.format(length=len(note), most=MAX_NOTE)
        raise InvalidError(message, fields={"note": message})
