"""For how long a run has been on, told alike on every page: the day it is in, or what it took once it is over.

Day 1 begins at the launch, so day 15 begins after 14 whole days.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from analysis.stopping import rules
from experiments.reporting.numbers import plural

DAY, HOUR = 86_400, 3_600


UNDATED = "dates not given"


def dates_known(document: Mapping[str, Any]) -> bool:
    """Whether a run's moments are its own: imported totals without dates carry that of the import, and no length."""
    return not (document["imported"] and document["planned_days"] is None)


def day_number(elapsed: timedelta) -> int:
    """The day that a run is in, counted from 1."""
    return rules.day_number(elapsed.total_seconds() / DAY)


def running(elapsed: timedelta, planned_days: int | None) -> str:
    """``day 9``, ``day 9 of 14``, or ``day 16, 14 were planned``."""
    day = day_number(elapsed)
    if planned_days is None:
        return f"day {day}"
    return f"day {day} of {planned_days}" if day <= planned_days else f"day {day}, {planned_days} were planned"


def over(ran: timedelta) -> str:
    """``ran 14 days``, to the nearest; hours where it was less than one, and less than one of those said so."""
    return f"ran {length(ran)}"


def length(ran: timedelta) -> str:
    """``14 days``, ``2 hours`` or ``under an hour``."""
    seconds = ran.total_seconds()
    if seconds >= DAY:
        return plural(round(seconds / DAY), "day")
    return plural(round(seconds / HOUR), "hour") if seconds >= HOUR else "under an hour"
