"""Appending on SQLite: plain statements on the driver's connection, inside a transaction the caller owns.

One process writes at a time, so what a SELECT finds missing is still missing when the INSERT comes.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

_EVENT = (
    "INSERT INTO event (id, unit, type, at_us, received_us, value_micro, currency, experiment, properties) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_EXPOSURE = (
    "INSERT INTO exposure (run_id, unit, variant, at_us, received_us, origin, epoch, bot, attributes) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_RECORDED = "SELECT variant, origin FROM exposure WHERE run_id = ? AND unit = ?"
_MULTI = (
    "INSERT INTO multi_exposure (run_id, unit, variant, at_us, received_us) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING"
)


def insert_events(connection: sqlite3.Connection, rows: Sequence[tuple]) -> set[str]:
    """Insert events with distinct ids; the ids of those that were new."""
    ids = json.dumps([row[0] for row in rows])
    known = {
        found[0]
        for found in connection.execute("SELECT id FROM event WHERE id IN (SELECT value FROM json_each(?))", (ids,))
    }
    new = [row for row in rows if row[0] not in known] if known else rows
    connection.executemany(_EVENT, (_with_json(row) for row in new))
    return {row[0] for row in new}


def insert_exposures(connection: sqlite3.Connection, rows: Sequence[tuple]) -> dict[tuple[int, str], tuple]:
    """Insert exposures with distinct keys; per key the recorded variant, its origin and whether it is new."""
    recorded = {}
    execute = connection.execute
    for row in rows:
        if execute(_EXPOSURE, _with_json(row)).rowcount:
            recorded[row[0], row[1]] = (row[2], row[5], True)
        else:
            variant, origin = execute(_RECORDED, (row[0], row[1])).fetchone()
            recorded[row[0], row[1]] = (variant, origin, False)
    return recorded


def insert_multi_exposures(connection: sqlite3.Connection, rows: Iterable[tuple]) -> None:
    """Set units aside; those that are already stay so."""
    connection.executemany(_MULTI, rows)


def recorded_exposures(connection: sqlite3.Connection, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], tuple]:
    """The recorded variant and its origin of those keys that have one."""
    found = {}
    for key in keys:
        row = connection.execute(_RECORDED, key).fetchone()
        if row is not None:
            found[key] = row
    return found


def _with_json(row: tuple) -> tuple[Any, ...]:
    last = row[8]
    return tuple(row) if last is None or type(last) is str else (*row[:8], json.dumps(last))
