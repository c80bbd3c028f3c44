"""Where stored rows are read from for analysis: one Ibis connection a process and database, and the tables on it.

The expressions of `collect` know nothing of the engine. What the engines say differently (opening, one JSON attribute)
is here, in one place.
"""

import atexit
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import ibis
import ibis.expr.datatypes as dt
from ibis.backends.sql import SQLBackend
from sqlalchemy.engine import make_url

from experiments.catalogue.metrics import DAY_US
from experiments.collect.engine.planning import ensure_statistics
from experiments.storage.tables import Event, Exposure, MultiExposure, metadata

_TYPES = {"INTEGER": "int64", "BIGINT": "int64", "BOOLEAN": "boolean", "JSON": "string"}
_IN_ORDER = (("enable_hashjoin", "off"), ("max_parallel_workers_per_gather", "0"))
_open: dict[tuple[int, str], SQLBackend] = {}
_opening = threading.Lock()


@ibis.udf.scalar.builtin(name="json_extract", signature=((dt.string, dt.string, dt.string), dt.string))
def _sqlite_json(document: Any, path: Any, nothing: Any) -> Any:
    """With two paths SQLite answers a JSON array, which keeps true, 1 and "1" apart; one path would not."""


@ibis.udf.scalar.builtin(name="json_extract", signature=((dt.string, dt.string), dt.float64))
def _sqlite_number(document: Any, path: Any) -> Any:
    """The attribute as SQLite holds it; a number only where `_sqlite_kind` says so."""


@ibis.udf.scalar.builtin(name="json_type", signature=((dt.string, dt.string), dt.string))
def _sqlite_kind(document: Any, path: Any) -> Any:
    """What JSON the attribute is: ``integer`` and ``real`` are numbers."""


@ibis.udf.scalar.builtin(name="jsonb_extract_path_text", signature=((dt.string, dt.string), dt.string))
def _postgres_text(document: Any, key: Any) -> Any:
    """The attribute's text."""


@ibis.udf.scalar.builtin(name="jsonb_typeof", signature=((dt.JSON(binary=True),), dt.string))
def _postgres_kind(value: Any) -> Any:
    """What JSON it is: ``number`` is one."""


@ibis.udf.scalar.builtin(name="jsonb_extract_path", signature=((dt.string, dt.string), dt.JSON(binary=True)))
def _postgres_json(document: Any, key: Any) -> Any:
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


@atexit.register
def _close() -> None:
    """Close what this process opened."""
    for (process, _), backend in _open.items():
        if process == os.getpid() and not _is_closed(backend):
            backend.disconnect()


def connect(url: str) -> SQLBackend:
    """A connection of one's own, to be closed by ``disconnect()``."""
    return _sqlite(url) if url.startswith("sqlite") else _postgres(url)


def table(model: type[Exposure] | type[Event] | type[MultiExposure]) -> Any:
    """A stored table as an unbound Ibis expression, with the columns of its model."""
    columns = metadata.tables[str(model.__tablename__)].columns
    schema = {column.name: _TYPES.get(_type_name(column), "string") for column in columns}
    return ibis.table(schema, name=str(model.__tablename__))


def attribute(backend: SQLBackend, document: Any, name: str) -> Any:
    """An attribute of a JSON column as a string that `level` reads back; equal values give equal strings."""
    if backend.name == "sqlite":
        return _sqlite_json(document, f'$."{name}"', "$[#]")
    return _postgres_json(document, name).cast("string")


def number(backend: SQLBackend, document: Any, name: str, bounds: tuple[float, float]) -> Any:
    """A numeric attribute of a JSON column as a double; null where it is absent, no number or out of its bounds."""
    low, high = bounds
    if backend.name == "sqlite":
        path = f'$."{name}"'
        found = _sqlite_number(document, path)
        is_number = _sqlite_kind(document, path).isin(("integer", "real"))
        return ibis.ifelse(is_number & found.between(low, high), found, None).cast("float64")
    # As a decimal first: a double of PostgreSQL refuses what is beyond its range, and the whole query with it.
    exact = ibis.ifelse(
        _postgres_kind(_postgres_json(document, name)) == "number", _postgres_text(document, name), None
    ).cast("decimal")
    return ibis.ifelse(exact.between(low, high), exact, None).cast("float64")


def millionths(backend: SQLBackend, document: Any, name: str, bounds: tuple[float, float]) -> Any:
    """The same in whole millionths, rounded alike by every engine."""
    return (number(backend, document, name, bounds) * 1e6 + 0.5).floor().cast("int64")


def plainly(backend: SQLBackend, column: Any) -> Any:
    """The column such that SQLite looks for no index of it (its planner takes any bound for a narrow one)."""
    return column + 0 if backend.name == "sqlite" else column


def whole_days(backend: SQLBackend, us: Any) -> Any:
    """Microseconds of 0 or more cut to whole days, still in microseconds; exact for spans below 100,000 days.

    Ibis has SQLite take remainders by a function in Python; a cast cuts as well, where PostgreSQL's rounds.
    """
    return (us / DAY_US).cast("int64") * DAY_US if backend.name == "sqlite" else us - us % DAY_US


def level(backend: SQLBackend, found: str | None) -> str | None:
    """What `attribute` found, as words: strings as they are, the rest as JSON; None where nothing was given."""
    value = json.loads(found) if found is not None else None
    return words(value[0] if backend.name == "sqlite" and value is not None else value)


def document(found: str | dict[str, Any] | None) -> dict[str, Any]:
    """A whole JSON column as fetched: text from SQLite, an object from PostgreSQL, empty where there is nothing."""
    return (json.loads(found) if found and isinstance(found, str) else found) or {}


def words(value: Any) -> str | None:
    """A JSON value as a level's name: strings as they are, the rest as JSON; None where nothing was given."""
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def fetch(backend: SQLBackend, expression: Any) -> list[tuple[Any, ...]]:
    """The rows of an expression, with the engine's own exact integers (a data frame would round them to doubles)."""
    cursor = backend.raw_sql(ibis.to_sql(expression, dialect=backend.name))
    try:
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
    finally:
        cursor.close()


@contextmanager
def snapshot(backend: SQLBackend) -> Iterator[None]:
    """Everything inside sees the database as it is at the first look, and leaves nothing behind."""
    ensure_statistics(backend)
    backend.raw_sql("BEGIN" if backend.name == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ").close()
    try:
        yield
    finally:
        backend.raw_sql("ROLLBACK").close()


def keep(backend: SQLBackend, name: str, expression: Any) -> Any:
    """The expression's rows as a temporary table that the snapshot takes with it; they never come to Python."""
    statement, schema = ibis.to_sql(expression, dialect=backend.name), expression.schema()
    if backend.name == "sqlite":
        backend.raw_sql(f"CREATE TEMPORARY TABLE {name} AS {statement}").close()
        return ibis.table(schema, name=name)
    # Sums of whole numbers are numeric to PostgreSQL; as whole numbers they are half as large and ten times as quick.
    columns = ", ".join(
        f'"{column}"::bigint' if kind.is_integer() else f'"{column}"' for column, kind in schema.items()
    )
    # It would hash what the two indexes already hold in the members' order and sort it afterwards; and its helpers
    # would each read all of the members.
    for setting, value in _IN_ORDER:
        backend.raw_sql(f"SET LOCAL {setting} = {value}").close()
    backend.raw_sql(f"CREATE TEMPORARY TABLE {name} AS SELECT {columns} FROM ({statement}) AS kept").close()
    for setting, _ in _IN_ORDER:
        backend.raw_sql(f"SET LOCAL {setting} TO DEFAULT").close()
    return ibis.table(schema, name=name)


def added_up(
    backend: SQLBackend, table: Any, key: Sequence[str], sums: Sequence[str], maxima: Sequence[str] = (), most: int = -1
) -> list[dict[str, Any]]:
    """The table's rows added up by a key that has few values: whole-number columns summed, of others the largest.

    At most so many rows come back (-1: all). SQLite groups by sorting all rows; adding each to its place in a small
    table takes half of that.
    """
    if backend.name == "sqlite":
        table = _added_in_place(backend, table, key, sums, maxima)
    else:
        aggregates = {name: table[name].sum() for name in sums} | {name: table[name].max() for name in maxima}
        table = table.group_by(list(key)).aggregate(**aggregates)
    found = fetch(backend, table if most < 0 else table.limit(most))
    return [dict(zip(table.columns, row, strict=True)) for row in found]


def _added_in_place(
    backend: SQLBackend, table: Any, key: Sequence[str], sums: Sequence[str], maxima: Sequence[str]
) -> Any:
    name = f"klette_sums_{uuid4().hex}"
    # A key holds no null: nothing given is the empty text, which no JSON is.
    texts = {one: table[one].fill_null("") for one in key if table[one].type().is_string()}
    chosen = table.mutate(**texts).select(*key, *sums, *maxima)
    added = [f'"{one}" = "{one}" + excluded."{one}"' for one in sums]
    larger = [
        f'"{one}" = max(coalesce("{one}", excluded."{one}"), coalesce(excluded."{one}", "{one}"))' for one in maxima
    ]
    columns, primary = (", ".join(f'"{one}"' for one in names) for names in ((*key, *sums, *maxima), key))
    backend.raw_sql(f"CREATE TEMPORARY TABLE {name} ({columns}, PRIMARY KEY ({primary})) WITHOUT ROWID").close()
    backend.raw_sql(
        f"INSERT INTO {name} SELECT * FROM ({ibis.to_sql(chosen, dialect=backend.name)}) WHERE true "
        f"ON CONFLICT DO UPDATE SET {', '.join([*added, *larger])}"
    ).close()
    return ibis.table(chosen.schema(), name=name)


def stream(backend: SQLBackend, expression: Any, size: int) -> Iterator[list[tuple[Any, ...]]]:
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
    # Temporary tables go to a file, which is as quick as memory and has no bound but the disk.
    connection.execute("PRAGMA temp_store=FILE")
    return ibis.sqlite.from_connection(connection)


def _postgres(url: str) -> SQLBackend:
    import psycopg

    # random_page_cost: without it the planner shuns the covering index (its default is for old disks).
    connection = psycopg.connect(
        url.replace("postgresql+psycopg://", "postgresql://", 1),
        autocommit=True,
        options="-c random_page_cost=1.1 -c timezone=UTC -c work_mem=64MB -c temp_buffers=64MB -c jit=off",
    )
    return ibis.postgres.from_connection(connection)
