"""The first exposure of a unit in a run: one row that never changes."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any, Literal, NamedTuple

from experiments.assignment.agents import is_crawler, is_named_crawler


class ExposureRow(NamedTuple):
    """A row of the table; times in microseconds UTC, ``attributes`` as a mapping or JSON text."""

    project_id: int
    run_id: int
    unit: str
    variant: str
    at_us: int
    received_us: int
    origin: str = "randomised"
    epoch: int = 1
    bot: bool = False
    attributes: Mapping[str, Any] | str | None = None


Side = Literal["before", "after"]
"""Where an exposure outside every run is: before the start of the first, or after the end of the last."""


class Offer(NamedTuple):
    """An exposure to record.

    ``reported`` is the variant that a client reports as shown; if it differs from the recorded one, the unit is
    excluded. So is a unit whose first exposure is not ``eligible``. ``event_id`` is the event with the exposure; if the
    event is a duplicate, so is the exposure. One ``outside`` its run is kept apart and makes no member.
    """

    row: ExposureRow
    reported: str | None = None
    eligible: bool = True
    event_id: str | None = None
    outside: Side | None = None


class Recorded(NamedTuple):
    """A recorded exposure; ``new`` if this request recorded it."""

    variant: str
    origin: str
    new: bool


def is_bot(attributes: Mapping[str, Any], caller: str | None = None) -> bool:
    """Return whether no person was exposed: ``bot`` is true, or ``user_agent`` is a crawler's.

    Parameters
    ----------
    caller
        The ``User-Agent`` header of a call from a member's own device; it counts where neither attribute is given.
    """
    marked, agent = attributes.get("bot"), attributes.get("user_agent")
    if type(marked) is bool:
        return marked
    if type(agent) is str:
        return is_crawler(agent)
    return caller is not None and is_named_crawler(caller)


def segment_attributes(attributes: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """Return the attributes of an experiment's segments as JSON text; no others are stored."""
    if not names or not attributes:
        return None
    kept: dict[str, Any] = {}
    for name in names:
        value = attributes.get(name)
        if type(value) is str and value.isprintable():
            kept[name] = value[:256]
        elif type(value) in (bool, int) or (isinstance(value, float | Decimal) and isfinite(value)):
            kept[name] = float(value) if isinstance(value, Decimal) else value
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")) if kept else None
