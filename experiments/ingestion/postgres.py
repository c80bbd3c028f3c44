"""Appending on PostgreSQL: plain statements on the driver's connection, inside a transaction the caller owns.

Rows come sorted by their key: two processes that insert the same keys in different orders would lock each other out.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from experiments.ingestion import libpq

_EVENT_COLUMNS = "id, unit, type, at_us, received_us, value_micro, currency, experiment, properties"
_EVENT_TYPES = ("text", "text", "text", "bigint", "bigint", "bigint", "text", "text", "text")
_EXPOSURE_COLUMNS = "run_id, unit, variant, at_us, received_us, origin, epoch, bot, attributes"
_EXPOSURE_TYPES = ("integer", "text", "text", "bigint", "bigint", "text", "integer", "boolean", "text")
# Below so many rows one statement with arrays is quicker than a COPY with its three round trips.
_COPY_FROM = 48


def _unnest(table: str, columns: str, types: Sequence[str], returning: str) -> str:
    *plain, last = columns.split(", ")
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, 1))
    return (
        f"INSERT INTO {table} ({columns}) SELECT {', '.join(plain)}, {last}::jsonb "
        f"FROM unnest({arrays}) AS given ({columns}) ON CONFLICT DO NOTHING RETURNING {returning}"
    )


_EVENTS = _unnest("event", _EVENT_COLUMNS, _EVENT_TYPES, "id")
_EXPOSURES = _unnest("exposure", _EXPOSURE_COLUMNS, _EXPOSURE_TYPES, "run_id, unit")
_STAGE = "CREATE TEMP TABLE IF NOT EXISTS given_event (LIKE event) ON COMMIT DELETE ROWS"
_COPY = f"COPY given_event ({_EVENT_COLUMNS}) FROM STDIN"
_FROM_STAGE = (
    f"INSERT INTO event ({_EVENT_COLUMNS}) SELECT {_EVENT_COLUMNS} FROM given_event ON CONFLICT DO NOTHING RETURNING id"
)
_RECORDED = (
    "SELECT exposure.run_id, exposure.unit, exposure.variant, exposure.origin "
    "FROM unnest($1::integer[], $2::text[]) AS asked (run_id, unit) "
    "JOIN exposure ON exposure.run_id = asked.run_id AND exposure.unit = asked.unit"
)
_MULTI = (
    "INSERT INTO multi_exposure (run_id, unit, variant, at_us, received_us) "
    "SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) ON CONFLICT DO NOTHING"
)


def insert_events(connection: psycopg.Connection, rows: Sequence[tuple]) -> set[str]:
    """Insert events with distinct ids; the ids of those that were new."""
    if len(rows) < _COPY_FROM:
        return {found[0] for found in libpq.rows(connection, "klette_events", _EVENTS, _columns(rows))}
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(_with_json(row))
        cursor.execute(_FROM_STAGE)
        ids = {found[0] for found in cursor}
        cursor.execute("DELETE FROM given_event")
        return ids


def insert_exposures(connection: psycopg.Connection, rows: Sequence[tuple]) -> dict[tuple[int, str], tuple]:
    """Insert exposures with distinct keys; per key the recorded variant, its origin and whether it is new."""
    if not rows:
        return {}
    inserted = libpq.rows(connection, "klette_exposures", _EXPOSURES, _columns(rows))
    new = {(int(run_id), unit) for run_id, unit in inserted}
    recorded = {(row[0], row[1]): (row[2], row[5], True) for row in rows if (row[0], row[1]) in new}
    missing = [(row[0], row[1]) for row in rows if (row[0], row[1]) not in new]
    for key, (variant, origin) in recorded_exposures(connection, missing).items():
        recorded[key] = (variant, origin, False)
    return recorded


def insert_multi_exposures(connection: psycopg.Connection, rows: Iterable[tuple]) -> None:
    """Set units aside; those that are already stay so."""
    libpq.rows(connection, "klette_multi", _MULTI, list(zip(*sorted(rows), strict=True)))


def recorded_exposures(connection: psycopg.Connection, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], tuple]:
    """The recorded variant and its origin of those keys that have one."""
    asked = list(keys)
    if not asked:
        return {}
    found = libpq.rows(connection, "klette_recorded", _RECORDED, list(zip(*asked, strict=True)))
    return {(int(run_id), unit): (variant, origin) for run_id, unit, variant, origin in found}


def _columns(rows: Sequence[tuple]) -> list[tuple[Any, ...]]:
    return list(zip(*(_with_json(row) for row in rows), strict=True))


def _with_json(row: tuple) -> tuple[Any, ...]:
    last = row[8]
    return tuple(row) if last is None or type(last) is str else (*row[:8], json.dumps(last))
