"""Inserts on SQLite: plain statements on the driver's connection, inside the caller's transaction.

One process writes at a time, so a row that a SELECT does not return is still missing at the INSERT.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence

from experiments.assignment.exposure import ExposureRow
from experiments.ingestion.rows import EventKey, EventRow, ExposureKey, MultiExposureRow, OutsideRow, Stored, columns_of

_EVENT = (
    "INSERT INTO event (project_id, id, unit, type, at_us, received_us, value_micro, currency, experiment, flag, "
    "properties) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_KNOWN = "SELECT id FROM event WHERE project_id = ? AND id IN (SELECT value FROM json_each(?))"
_EXPOSURE = (
    "INSERT INTO exposure (project_id, run_id, unit, variant, at_us, received_us, origin, epoch, bot, attributes) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_RECORDED = "SELECT variant, origin FROM exposure WHERE run_id = ? AND unit = ?"
_MULTI = (
    "INSERT INTO multi_exposure (run_id, unit, variant, at_us, received_us) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING"
)
_OUTSIDE = (
    "INSERT INTO outside_exposure (project_id, run_id, side, unit, variant, at_us, received_us) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)


def insert_events(connection: sqlite3.Connection, rows: Sequence[EventRow]) -> set[EventKey]:
    """Insert events with distinct keys; return the keys of the new ones."""
    known: set[EventKey] = set()
    keys = {row[:2] for row in rows}
    for project_id in {row[0] for row in rows}:
        ids = json.dumps([row[1] for row in rows if row[0] == project_id])
        known.update((project_id, event_id) for (event_id,) in connection.execute(_KNOWN, (project_id, ids)))
    new = [row for row in rows if row[:2] not in known] if known else rows
    connection.executemany(_EVENT, map(columns_of, new))
    return keys - known if known else keys


def insert_exposures(connection: sqlite3.Connection, rows: Sequence[ExposureRow]) -> dict[ExposureKey, Stored]:
    """Insert exposures with distinct keys; return the stored exposure of each key."""
    stored = {}
    execute = connection.execute
    for row in rows:
        key = (row.run_id, row.unit)
        if execute(_EXPOSURE, columns_of(row)).rowcount:
            stored[key] = Stored(row.variant, row.origin, True)
        else:
            stored[key] = Stored(*execute(_RECORDED, key).fetchone())
    return stored


def insert_multi_exposures(connection: sqlite3.Connection, rows: Iterable[MultiExposureRow]) -> None:
    """Exclude units; excluded units stay excluded."""
    connection.executemany(_MULTI, rows)


def insert_outside_exposures(connection: sqlite3.Connection, rows: Iterable[OutsideRow]) -> None:
    """Keep the first exposure of each unit on each side of a run."""
    connection.executemany(_OUTSIDE, rows)


def recorded_exposures(connection: sqlite3.Connection, keys: Iterable[ExposureKey]) -> dict[ExposureKey, Stored]:
    """Return the stored exposures of the keys that have one."""
    stored = {}
    for key in keys:
        row = connection.execute(_RECORDED, key).fetchone()
        if row is not None:
            stored[key] = Stored(*row)
    return stored
