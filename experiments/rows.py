"""Where stored rows are read from for analysis: one Ibis connection a process and database, and the tables on it.

The expressions of `collect` know nothing of the engine. What the engines say differently (opening, one JSON attribute)
is here, in one place.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any

import ibis
import ibis.expr.datatypes as dt
from ibis.backends.sql import SQLBackend
from sqlalchemy.engine import make_url

from experiments.tables import Event, Exposure, MultiExposure

_TYPES = {"INTEGER": "int64", "BIGINT": "int64", "BOOLEAN": "boolean", "JSON": "string"}
_open: dict[tuple[int, str], SQLBackend] = {}
_opening = threading.Lock()


@ibis.udf.scalar.builtin(name="json_extract", signature=((dt.string, dt.string, dt.string), dt.string))
def _sqlite_json(document, path, nothing):  # type: ignore[no-untyped-def]
    """With two paths SQLite answers a JSON array, which keeps true, 1 and "1" apart; one path would not."""


@ibis.udf.scalar.builtin(name="jsonb_extract_path", signature=((dt.string, dt.string), dt.JSON(binary=True)))
def _postgres_json(document, name):  # type: ignore[no-untyped-def]
    """The attribute's JSON, null where it is absent."""


def source(url: str) -> SQLBackend:
    """The connection of this process to a database, opened at the first use.

    SQLite is opened read-only (temporary tables are not part of the file), beside whoever writes.
    """
    place = (os.getpid(), url)
    with _opening:
        if place not in _open or _is_closed(_open[place]):
            _open[place] = connect(url)
        return _open[place]


def connect(url: str) -> SQLBackend:
    """A connection of one's own, to be closed by ``disconnect()``."""
    return _sqlite(url) if url.startswith("sqlite") else _postgres(url)


def table(model: type[Exposure] | type[Event] | type[MultiExposure]) -> Any:
    """A stored table as an unbound Ibis expression, with the columns of its model."""
    columns = model.__table__.columns  # type: ignore[union-attr]
    schema = {column.name: _TYPES.get(_type_name(column), "string") for column in columns}
    return ibis.table(schema, name=str(model.__tablename__))


def attribute(backend: SQLBackend, document: Any, name: str) -> Any:
    """An attribute of a JSON column as a string that `level` reads back; equal values give equal strings."""
    if backend.name == "sqlite":
        return _sqlite_json(document, f'$."{name}"', "$[#]")
    return _postgres_json(document, name).cast("string")


def level(backend: SQLBackend, found: str | None) -> str | None:
    """What `attribute` found, as words: strings as they are, the rest as JSON; None where nothing was given."""
    value = json.loads(found) if found is not None else None
    if backend.name == "sqlite" and value is not None:
        value = value[0]
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def fetch(backend: SQLBackend, expression: Any) -> list[tuple]:
    """The rows of an expression, with the engine's own exact integers (a data frame would round them to doubles)."""
    cursor = backend.raw_sql(ibis.to_sql(expression, dialect=backend.name))
    try:
        return cursor.fetchall()
    finally:
        cursor.close()


def stream(backend: SQLBackend, expression: Any, size: int) -> Iterator[list[tuple]]:
    """The rows of an expression in batches; only one batch is held at a time, on PostgreSQL by a named cursor."""
    statement = ibis.to_sql(expression, dialect=backend.name)
    if backend.name == "sqlite":
        cursor = backend.raw_sql(statement)
        try:
            while batch := cursor.fetchmany(size):
                yield batch
        finally:
            cursor.close()
        return
    with backend.con.transaction(), backend.con.cursor(name="klette_rows") as cursor:
        cursor.execute(statement)
        while batch := cursor.fetchmany(size):
            yield batch


def _type_name(column: Any) -> str:
    return "JSON" if "JSON" in str(column.type).upper() else str(column.type).split("(")[0].upper()


def _is_closed(backend: SQLBackend) -> bool:
    return bool(getattr(backend.con, "closed", False))


def _sqlite(url: str) -> SQLBackend:
    from urllib.parse import quote

    file = quote(str(make_url(url).database))
    connection = sqlite3.connect(
        f"file:{file}?mode=ro", uri=True, timeout=30, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA cache_size=-65536")
    connection.execute("PRAGMA mmap_size=1073741824")
    return ibis.sqlite.from_connection(connection)


def _postgres(url: str) -> SQLBackend:
    import psycopg

    # random_page_cost: without it the planner shuns the covering index (its default is for old disks).
    connection = psycopg.connect(
        url.replace("postgresql+psycopg://", "postgresql://", 1),
        autocommit=True,
        options="-c random_page_cost=1.1 -c timezone=UTC",
    )
    return ibis.postgres.from_connection(connection)
