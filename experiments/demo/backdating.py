"""Changes that only simulated experiments allow: a start in the past, and earlier times of arrival."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from experiments.assignment.configuration import touch
from experiments.definition.model import read_definition
from experiments.demo import campaign
from experiments.errors import ConflictError, NotFoundError
from experiments.lifecycle import store, transitions
from experiments.storage import audit
from experiments.storage.tables import Event, Experiment, Exposure, Run

_LONGEST = timedelta(days=30)
FILLED = "experiment:fill"
Created = Callable[[Session, Experiment], None]


def backdate(session: Session, simulated: Experiment, run: Run, started_at: datetime) -> None:
    """Set the start of a simulated experiment's run to a time in the past.

    Raises
    ------
    ConflictError
        The experiment is not simulated, the run is another experiment's, or the time is more than 30 days ago.
    """
    _refuse_real(simulated)
    if run.experiment_id != simulated.id:
        raise ConflictError(f"Run {run.id} does not belong to {simulated.key}.")
    if run.started_at - started_at > _LONGEST:
        raise ConflictError(f"The start is more than {_LONGEST.days} days ago; choose a later one.")
    run.started_at = started_at
    simulated.created_at = started_at - timedelta(hours=3)
    session.add_all([simulated, run])
    touch(session)


def settle(session: Session, simulated: Experiment) -> None:
    """Set the time of arrival of simulated rows to the time of the event.

    Two weeks of events arrive within seconds, so that almost all would count as late.

    Raises
    ------
    ConflictError
        The experiment is not simulated.
    """
    _refuse_real(simulated)
    run_ids = select(Run.id).where(Run.experiment_id == simulated.id)
    units = select(Exposure.unit).where(col(Exposure.run_id).in_(run_ids))
    own = (col(Event.project_id) == simulated.project_id, col(Event.unit).in_(units))
    session.execute(update(Event).where(*own).values(received_us=col(Event.at_us)))
    session.execute(update(Exposure).where(col(Exposure.run_id).in_(run_ids)).values(received_us=col(Exposure.at_us)))


def _refuse_real(simulated: Experiment) -> None:
    if not simulated.simulated:
        raise ConflictError(
            f"{simulated.key} is not a simulated experiment; its times cannot change. Create the example instead."
        )


def find_or_create(
    session: Session, *, again: bool, address: str, currency: str, now: datetime, actor: str, created: Created
) -> tuple[Experiment, bool]:
    """Return the example, and whether its audience is complete.

    An existing example is returned; ``again`` creates another one. ``created`` is called with a new one, in the same
    transaction.
    """
    key, number = campaign.KEY, 1
    while (existing := _existing(session, key)) is not None:
        unfinished = existing.simulated and not is_filled(session, existing)
        if existing.simulated and (unfinished or not again):
            return existing, not unfinished
        number += 1
        key = f"{campaign.KEY}-{number}"
    raw = campaign.definition(key, address=address, currency=currency)
    made = store.create(session, read_definition(raw), actor=actor, simulated=True)
    transitions.launch(session, made, actor=actor, now=now)
    run = store.current_run(session, made)
    assert run is not None  # a launch without a schedule starts a run
    backdate(session, made, run, now - timedelta(days=campaign.DAYS))
    created(session, made)
    return made, False


def is_filled(session: Session, simulated: Experiment) -> bool:
    """Return whether the whole audience has been simulated."""
    return any(entry.action.endswith(FILLED) for entry in audit.entries(session, simulated))


def _existing(session: Session, key: str) -> Experiment | None:
    try:
        return store.get(session, key)
    except NotFoundError:
        return None
