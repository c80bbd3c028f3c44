"""The parts of a result that are still being computed, and how long that usually takes."""

from datetime import timedelta
from statistics import median

from sqlmodel import Session, col, select

from experiments.analyses.answer import Answer
from experiments.analyses.sampled import postponed
from experiments.reporting.numbers import count, listed
from experiments.storage.tables import Experiment, Job
from experiments.translation import gettext, ngettext

LOOKED_BACK = 5
SLOW = 3
"""Times the usual duration from which on the page says that it takes longer."""


def missing_parts(answer: Answer | None) -> tuple[str, ...]:
    """Return the names of the parts that this result does not have yet."""
    return () if answer is None else tuple(gettext(part.name) for part in postponed(answer.sampled))


def sentence(parts: tuple[str, ...], usual: timedelta | None, waited: timedelta) -> str:
    """Return what is final, which parts follow, and about how long they take."""
    if usual is None:
        how_long = gettext("The first time usually takes a minute or two.")
    elif waited > SLOW * usual + timedelta(seconds=30):
        how_long = gettext("This is taking longer than last time ({duration}).").format(duration=_duration(usual))
    else:
        how_long = gettext("Last time this took about {duration}.").format(duration=_duration(usual))
    text = gettext("The verdict and the scorecard are final. Still being computed: {parts}.")
    return f"{text.format(parts=listed(parts))} {how_long}"


def usual_duration(session: Session, experiment: Experiment) -> timedelta | None:
    """Return the median duration of the last finished analyses of the experiment; None where none has finished."""
    query = select(Job.due_at, Job.finished_at).where(
        Job.kind == "analyse",
        Job.experiment_id == experiment.id,
        Job.state == "done",
        col(Job.finished_at).is_not(None),
    )
    rows = session.exec(query.order_by(col(Job.id).desc()).limit(LOOKED_BACK)).all()
    took = [(finished - due).total_seconds() for due, finished in rows if finished and finished > due]
    return timedelta(seconds=median(took)) if took else None


def _duration(length: timedelta) -> str:
    """Return a rounded duration: ``20 seconds``, ``2 minutes``."""
    seconds = length.total_seconds()
    if seconds >= 90:
        minutes = round(seconds / 60)
        return ngettext("{number} minute", "{number} minutes", minutes).format(number=count(minutes))
    rounded = max(10 * round(seconds / 10), 5)
    return ngettext("{number} second", "{number} seconds", rounded).format(number=count(rounded))
