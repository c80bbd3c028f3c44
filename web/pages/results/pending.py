"""What is still to come of an answer: the parts that take a slower model, and about how long that has taken before."""

from datetime import timedelta
from statistics import median

from sqlmodel import Session, col, select

from experiments.analyses.answer import Answer
from experiments.analyses.sampled import postponed
from experiments.reporting.numbers import listed, plural
from experiments.storage.tables import Experiment, Job
from experiments.translation import gettext

LOOKED_BACK = 5
SLOW = 3
"""Times the usual duration from which on it is said that it takes longer."""


def coming(answer: Answer | None) -> tuple[str, ...]:
    """Return the names of the parts that this result was given without."""
    return () if answer is None else tuple(gettext(part.name) for part in postponed(answer.sampled))


def sentence(parts: tuple[str, ...], usual: timedelta | None, waited: timedelta) -> str:
    """What stands already, what is still to come, and about how long that takes."""
    if usual is None:
        how_long = "The first time takes longest, usually a minute or two"
    elif waited > SLOW * usual + timedelta(seconds=30):
        how_long = f"It takes longer than the {_spoken(usual)} of last time"
    else:
        how_long = f"Last time it took about {_spoken(usual)}"
    return (
        f"The verdict and the table of variants stand. Still being worked out: {listed(parts)}. {how_long};"
        " it appears here by itself."
    )


def usual_duration(session: Session, experiment: Experiment) -> timedelta | None:
    """How long the last finished analyses of the experiment took, half of them less; None where none has finished."""
    query = select(Job.due_at, Job.finished_at).where(
        Job.kind == "analyse",
        Job.experiment_id == experiment.id,
        Job.state == "done",
        col(Job.finished_at).is_not(None),
    )
    rows = session.exec(query.order_by(col(Job.id).desc()).limit(LOOKED_BACK)).all()
    took = [(finished - due).total_seconds() for due, finished in rows if finished and finished > due]
    return timedelta(seconds=median(took)) if took else None


def _spoken(length: timedelta) -> str:
    """A duration as people say it: ``20 seconds``, ``2 minutes``."""
    seconds = length.total_seconds()
    if seconds >= 90:
        return plural(round(seconds / 60), "minute")
    return f"{max(10 * round(seconds / 10), 5)} seconds"
