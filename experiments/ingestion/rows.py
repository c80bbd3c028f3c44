"""The rows of the write path and their keys, for both databases."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from experiments.assignment.exposure import ExposureRow

EventKey = tuple[int, str]
"""Project id and event id: the idempotency key."""

ExposureKey = tuple[int, str]
"""Run id and unit."""

MultiExposureRow = tuple[int, str, str, int, int]
"""Run id, unit, the other variant, its time and its arrival, microseconds UTC."""


OutsideRow = tuple[int, int, str, str, str, int, int]
"""Project id, run id, side, unit, variant, the time and the arrival, microseconds UTC."""


class EventRow(NamedTuple):
    """A row of the table: times in microseconds UTC, value in millionths, ``properties`` a mapping or JSON text.

    ``flag`` is one of `experiments.catalogue.event_flags`, None for most events.
    """

    project_id: int
    id: str
    unit: str
    type: str
    at_us: int
    received_us: int
    value_micro: int | None = None
    currency: str | None = None
    experiment: str | None = None
    flag: int | None = None
    properties: Mapping[str, Any] | str | None = None


class Stored(NamedTuple):
    """A stored exposure; ``new`` if this statement inserted it."""

    variant: str
    origin: str
    new: bool = False


def columns_of(row: EventRow | ExposureRow) -> tuple[Any, ...]:
    """Return the values of a row in the order of its columns, the last one as JSON text."""
    last = row[-1]
    # The SQLite driver reads a plain tuple faster than a named one.
    return tuple(row) if last is None or type(last) is str else (*row[:-1], json.dumps(last))
