"""The texts of charts in the language in use: their definitions carry English ones, marked for translation."""

from collections.abc import Mapping
from typing import Any

from analysis.stopping.rules import day_number
from experiments.reporting import numbers, phrases
from experiments.translation import gettext

TEXTS = ("title", "description")
"""The keys of a definition whose texts are read by people; names of variants and segments are data."""


def translated(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a chart's definition with its titles and its description in the language in use."""
    return {key: _translated(key, value) for key, value in spec.items()}


def _translated(key: str, part: Any) -> Any:
    if isinstance(part, str):
        return gettext(part) if key in TEXTS else part
    if isinstance(part, Mapping):
        return {name: _translated(name, value) for name, value in part.items()}
    return [_translated("", value) for value in part] if isinstance(part, list) else part


def line_of_today(today: float | None, planned_days: float | None = None, *, over: bool = False) -> str:
    """Return what the dotted line of a chart over days is: the day that a run is in, or how long it took.

    Parameters
    ----------
    today
        In days since the launch, of the end where the run is over; None: the line is at the last analysis.
    """
    if today is None:
        return gettext("last analysis")
    if over:
        took = round(today)
        return gettext("end, after {length}").format(length=phrases.days(took)) if took else gettext("end")
    day = day_number(today)
    if planned_days is None or day > planned_days:
        return gettext("today, day {day}").format(day=numbers.count(day))
    return gettext("today, day {day} of {planned}").format(
        day=numbers.count(day), planned=numbers.general(planned_days)
    )
