"""What is still to come of an answer: the parts that take a slower model, and about how long that has taken before."""

from collections.abc import Mapping
from datetime import timedelta
from statistics import median
from typing import Any

from sqlmodel import Session, col, select

from experiments.reporting.numbers import listed, plural
from experiments.storage.tables import Experiment, Job

LATER = "later"
"""The code of a part that waits for its model; see `experiments.analyses.sampled`."""
PARTS = (
    ("segments", "for whom it works"),
    ("retention", "how long it sticks"),
    ("cascade", "how far it carries"),
    ("counts", "how often members act"),
    ("amounts", "how many buy and how much"),
)
LOOKED_BACK = 5
SLOW = 3
"""Times the usual duration from which on it is said that it takes longer."""


def coming(result: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The parts that this answer was given without, in words."""
    if result is None:
        return ()
    return tuple(words for key, words in PARTS if any(_waits(part) for part in _parts(result.get(key))))


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


def _parts(found: Any) -> list[Mapping[str, Any]]:
    return [part for part in (found if isinstance(found, list) else [found]) if part]


def _waits(part: Mapping[str, Any]) -> bool:
    return (part.get("not_shown") or {}).get("code") == LATER


def _spoken(length: timedelta) -> str:
    """A duration as people say it: ``20 seconds``, ``2 minutes``."""
    seconds = length.total_seconds()
    if seconds >= 90:
        return plural(round(seconds / 60), "minute")
    return f"{max(10 * round(seconds / 10), 5)} seconds"
