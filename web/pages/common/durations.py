"""The age of a run: its current day, or its length once it has ended.

Day 1 begins at the launch, so day 15 begins after 14 whole days.
"""

from datetime import timedelta

from analysis.stopping import rules
from experiments.reporting import phrases
from experiments.translation import N_, gettext

DAY, HOUR = 86_400, 3_600


UNDATED = N_("no dates")


def day_number(elapsed: timedelta) -> int:
    """Return the day of a run, counted from 1."""
    return rules.day_number(elapsed.total_seconds() / DAY)


def running(elapsed: timedelta, planned_days: int | None) -> str:
    """Return ``day 9``, ``day 9 of 14``, or ``day 16, 14 planned``."""
    day = day_number(elapsed)
    if planned_days is None:
        return gettext("day {day}").format(day=day)
    template = gettext("day {day} of {planned}") if day <= planned_days else gettext("day {day}, {planned} planned")
    return template.format(day=day, planned=planned_days)


def over(ran: timedelta) -> str:
    """Return ``ran 14 days``, rounded; hours below one day."""
    return gettext("ran {length}").format(length=length(ran))


def length(ran: timedelta) -> str:
    """Return ``14 days``, ``2 hours`` or ``under an hour``."""
    seconds = ran.total_seconds()
    if seconds >= DAY:
        return phrases.days(round(seconds / DAY))
    return phrases.hours(round(seconds / HOUR)) if seconds >= HOUR else gettext("under an hour")
