"""Inserts on PostgreSQL: plain statements on the driver's connection, inside the caller's transaction.

Rows must be sorted by key: two processes that insert the same keys in different orders would deadlock.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from experiments.assignment.exposure import ExposureRow
from experiments.ingestion import libpq
from experiments.ingestion.rows import EventKey, EventRow, ExposureKey, MultiExposureRow, OutsideRow, Stored, columns_of

_EVENT_COLUMNS = "project_id, id, unit, type, at_us, received_us, value_micro, currency, experiment, flag, properties"
_EVENT_TYPES = ("integer", "text", "text", "text", "bigint", "bigint", "bigint", "text", "text", "smallint", "text")
_EXPOSURE_COLUMNS = "project_id, run_id, unit, variant, at_us, received_us, origin, epoch, bot, attributes"
_EXPOSURE_TYPES = ("integer", "integer", "text", "text", "bigint", "bigint", "text", "integer", "boolean", "text")
# Below this number of rows, one statement with arrays is faster than a COPY with three round trips.
_COPY_FROM = 48


def _unnest(table: str, columns: str, types: Sequence[str], returning: str) -> str:
    *plain, last = columns.split(", ")
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, 1))
    return (
        f"INSERT INTO {table} ({columns}) SELECT {', '.join(plain)}, {last}::jsonb "
        f"FROM unnest({arrays}) AS given ({columns}) ON CONFLICT DO NOTHING RETURNING {returning}"
    )


_EVENTS = _unnest("event", _EVENT_COLUMNS, _EVENT_TYPES, "project_id, id")
_EXPOSURES = _unnest("exposure", _EXPOSURE_COLUMNS, _EXPOSURE_TYPES, "run_id, unit")
_STAGE = "CREATE TEMP TABLE IF NOT EXISTS given_event (LIKE event) ON COMMIT DELETE ROWS"
_COPY = f"COPY given_event ({_EVENT_COLUMNS}) FROM STDIN"
_FROM_STAGE = (
    f"INSERT INTO event ({_EVENT_COLUMNS}) SELECT {_EVENT_COLUMNS} FROM given_event "
    "ON CONFLICT DO NOTHING RETURNING project_id, id"
)
_RECORDED = (
    "SELECT exposure.run_id, exposure.unit, exposure.variant, exposure.origin "
    "FROM unnest($1::integer[], $2::text[]) AS wanted (run_id, unit) "
    "JOIN exposure ON exposure.run_id = wanted.run_id AND exposure.unit = wanted.unit"
)
_MULTI = (
    "INSERT INTO multi_exposure (run_id, unit, variant, at_us, received_us) "
    "SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) ON CONFLICT DO NOTHING"
)
_OUTSIDE = (
    "INSERT INTO outside_exposure (project_id, run_id, side, unit, variant, at_us, received_us) "
    "SELECT * FROM unnest("
    "$1::integer[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[]) "
    "ON CONFLICT DO NOTHING"
)


def insert_events(connection: psycopg.Connection[Any], rows: Sequence[EventRow]) -> set[EventKey]:
    """Insert events with distinct keys; return the keys of the new ones."""
    if len(rows) < _COPY_FROM:
        new = libpq.rows(connection, "klette_events", _EVENTS, _columns(rows))
        return {(int(project_id), event_id) for project_id, event_id in new}
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(columns_of(row))
        cursor.execute(_FROM_STAGE)
        keys: set[EventKey] = set(cursor.fetchall())
        cursor.execute("DELETE FROM given_event")
        return keys


def insert_exposures(connection: psycopg.Connection[Any], rows: Sequence[ExposureRow]) -> dict[ExposureKey, Stored]:
    """Insert exposures with distinct keys; return the stored exposure of each key."""
    if not rows:
        return {}
    inserted = libpq.rows(connection, "klette_exposures", _EXPOSURES, _columns(rows))
    new = {(int(run_id), unit) for run_id, unit in inserted}
    given = {(row.run_id, row.unit): row for row in rows}
    stored = {key: Stored(row.variant, row.origin, True) for key, row in given.items() if key in new}
    return stored | recorded_exposures(connection, [key for key in given if key not in new])


def insert_multi_exposures(connection: psycopg.Connection[Any], rows: Iterable[MultiExposureRow]) -> None:
    """Exclude units; excluded units stay excluded."""
    libpq.rows(connection, "klette_multi", _MULTI, list(zip(*sorted(rows), strict=True)))


def insert_outside_exposures(connection: psycopg.Connection[Any], rows: Iterable[OutsideRow]) -> None:
    """Keep the first exposure of each unit on each side of a run."""
    libpq.rows(connection, "klette_outside", _OUTSIDE, list(zip(*sorted(rows), strict=True)))


def recorded_exposures(connection: psycopg.Connection[Any], keys: Iterable[ExposureKey]) -> dict[ExposureKey, Stored]:
    """Return the stored exposures of the keys that have one."""
    wanted = list(keys)
    if not wanted:
        return {}
    rows = libpq.rows(connection, "klette_recorded", _RECORDED, list(zip(*wanted, strict=True)))
    return {(int(run_id), unit): Stored(variant, origin) for run_id, unit, variant, origin in rows}


def _columns(rows: Sequence[EventRow] | Sequence[ExposureRow]) -> list[tuple[Any, ...]]:
    return list(zip(*(columns_of(row) for row in rows), strict=True))
