"""What is still to come of an answer: the parts that take a slower model, and about how long that has taken before."""

from collections.abc import Mapping
from datetime import timedelta
from statistics import median
from typing import Any

from sqlmodel import Session, col, select

from experiments.analyses.sampled import SAMPLED
from experiments.analyses.sampled.part import LATER
from experiments.reporting.numbers import listed, plural
from experiments.storage.tables import Experiment, Job
from experiments.translation import gettext

LOOKED_BACK = 5
SLOW = 3
"""Times the usual duration from which on it is said that it takes longer."""


def coming(result: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the names of the parts that this result was given without."""
    if result is None:
        return ()
    return tuple(gettext(part.name) for part in SAMPLED if any(map(_waits, _entries(result.get(part.key)))))


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


def _entries(found: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in (found if isinstance(found, list) else [found]) if entry]


def _waits(entry: Mapping[str, Any]) -> bool:
    return (entry.get("not_shown") or {}).get("code") == LATER.code


def _spoken(length: timedelta) -> str:
    """A duration as people say it: ``20 seconds``, ``2 minutes``."""
    seconds = length.total_seconds()
    if seconds >= 90:
        return plural(round(seconds / 60), "minute")
    return f"{max(10 * round(seconds / 10), 5)} seconds"
