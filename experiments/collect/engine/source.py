"""The database engine that an analysis reads: one Ibis connection for each process and database, and its tables.

The expressions of `collect` are independent of the engine. The differences between engines (opening, JSON attributes)
are in this module.
"""

import atexit
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import ibis
import ibis.expr.datatypes as dt
from ibis.backends.sql import SQLBackend
from sqlalchemy.engine import make_url

from experiments.catalogue.metrics import DAY_US
from experiments.collect.engine.planning import ensure_statistics
from experiments.storage.tables import Event, Exposure, MultiExposure, OutsideExposure, metadata

_TYPES = {"INTEGER": "int64", "BIGINT": "int64", "SMALLINT": "int16", "BOOLEAN": "boolean", "JSON": "string"}
_IN_ORDER = (("enable_hashjoin", "off"), ("max_parallel_workers_per_gather", "0"))
_open: dict[tuple[int, str], SQLBackend] = {}
_opening = threading.Lock()
_Function = Callable[..., Any]


def _built_in(name: str, signature: tuple[tuple[Any, ...], Any]) -> Callable[[_Function], _Function]:
    """Return the decorator that declares a function of the database engine, with the types of arguments and result."""
    declare: Callable[[_Function], _Function] = ibis.udf.scalar.builtin(name=name, signature=signature)
    return declare


@_built_in("json_extract", ((dt.string, dt.string, dt.string), dt.string))
def _sqlite_json(document: Any, path: Any, nothing: Any) -> Any:
    """The attribute in a JSON array: with two paths SQLite returns an array, which distinguishes true, 1 and "1"."""


@_built_in("json_extract", ((dt.string, dt.string), dt.float64))
def _sqlite_number(document: Any, path: Any) -> Any:
    """The attribute as SQLite stores it; a number only if `_sqlite_kind` is one."""


@_built_in("json_type", ((dt.string, dt.string), dt.string))
def _sqlite_kind(document: Any, path: Any) -> Any:
    """The JSON type of the attribute: ``integer`` and ``real`` are numbers."""


@_built_in("jsonb_extract_path_text", ((dt.string, dt.string), dt.string))
def _postgres_text(document: Any, key: Any) -> Any:
    """The attribute's text."""


@_built_in("jsonb_typeof", ((dt.JSON(binary=True),), dt.string))
def _postgres_kind(value: Any) -> Any:
    """The JSON type of a value: ``number`` is one."""


@_built_in("jsonb_extract_path", ((dt.string, dt.string), dt.JSON(binary=True)))
def _postgres_json(document: Any, key: Any) -> Any:
    """The attribute's JSON, null if it is absent."""


def source(url: str) -> SQLBackend:
    """Return this process's connection to a database, opened at the first use.

    SQLite is opened read-only (temporary tables are not part of the file), so it never blocks a writer.
    """
    place = (os.getpid(), url)
    with _opening:
        if place not in _open or _is_closed(_open[place]):
            _open[place] = connect(url)
        return _open[place]


@atexit.register
def _close() -> None:
    """Close the connections that this process opened."""
    for (process, _), backend in _open.items():
        if process == os.getpid() and not _is_closed(backend):
            backend.disconnect()


def connect(url: str) -> SQLBackend:
    """Open a separate connection, which the caller closes with ``disconnect()``."""
    return _sqlite(url) if url.startswith("sqlite") else _postgres(url)


def table(model: type[Exposure] | type[Event] | type[MultiExposure] | type[OutsideExposure]) -> Any:
    """Return a stored table as an unbound Ibis expression, with the columns of its model."""
    columns = metadata.tables[str(model.__tablename__)].columns
    schema = {column.name: _TYPES.get(_type_name(column), "string") for column in columns}
    return ibis.table(schema, name=str(model.__tablename__))


def attribute(backend: SQLBackend, document: Any, name: str) -> Any:
    """Return an attribute of a JSON column as a string that `level` decodes; equal values give equal strings."""
    if backend.name == "sqlite":
        return _sqlite_json(document, f'$."{name}"', "$[#]")
    return _postgres_json(document, name).cast("string")


def number(backend: SQLBackend, document: Any, name: str, bounds: tuple[float, float]) -> Any:
    """Return a numeric attribute of a JSON column as a double; null if absent, not a number or out of bounds."""
    low, high = bounds
    if backend.name == "sqlite":
        path = f'$."{name}"'
        value = _sqlite_number(document, path)
        is_number = _sqlite_kind(document, path).isin(("integer", "real"))
        return ibis.ifelse(is_number & value.between(low, high), value, None).cast("float64")
    # As a decimal first: PostgreSQL's cast to double fails the whole query for a value out of its range.
    exact = ibis.ifelse(
        _postgres_kind(_postgres_json(document, name)) == "number", _postgres_text(document, name), None
    ).cast("decimal")
    return ibis.ifelse(exact.between(low, high), exact, None).cast("float64")


def millionths(backend: SQLBackend, document: Any, name: str, bounds: tuple[float, float]) -> Any:
    """Return a numeric attribute in whole millionths, rounded in the same way by every engine."""
    return (number(backend, document, name, bounds) * 1e6 + 0.5).floor().cast("int64")


def without_index(backend: SQLBackend, column: Any) -> Any:
    """Return the column in a form for which SQLite uses no index (its planner takes any bound for a narrow one)."""
    return column + 0 if backend.name == "sqlite" else column


def whole_days(backend: SQLBackend, us: Any) -> Any:
    """Truncate non-negative microseconds to whole days, still in microseconds; exact below 100,000 days.

    For SQLite, Ibis computes remainders in a Python function, so a cast truncates instead; PostgreSQL's cast rounds.
    """
    return (us / DAY_US).cast("int64") * DAY_US if backend.name == "sqlite" else us - us % DAY_US


def level(backend: SQLBackend, text: str | None) -> str | None:
    """Decode the text of `attribute`: strings as they are, other values as JSON; None if not given."""
    value = json.loads(text) if text is not None else None
    return words(value[0] if backend.name == "sqlite" and value is not None else value)


def document(stored: str | dict[str, Any] | None) -> dict[str, Any]:
    """Return a fetched JSON column as a dictionary; SQLite has text, PostgreSQL an object, null is empty."""
    return (json.loads(stored) if stored and isinstance(stored, str) else stored) or {}


def words(value: Any) -> str | None:
    """Return the level name of a JSON value: strings as they are, other values as JSON; None if not given."""
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def fetch(backend: SQLBackend, expression: Any) -> list[tuple[Any, ...]]:
    """Return the rows of an expression with exact integers (a data frame would round them to doubles)."""
    cursor = backend.raw_sql(ibis.to_sql(expression, dialect=backend.name))
    try:
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
    finally:
        cursor.close()


@contextmanager
def snapshot(backend: SQLBackend) -> Iterator[None]:
    """Run queries on the state of the database at the first of them; temporary tables are dropped at the end."""
    ensure_statistics(backend)
    backend.raw_sql("BEGIN" if backend.name == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ").close()
    try:
        yield
    finally:
        backend.raw_sql("ROLLBACK").close()


def keep(backend: SQLBackend, name: str, expression: Any) -> Any:
    """Store the expression's rows in a temporary table that the snapshot drops; they never reach Python."""
    statement, schema = ibis.to_sql(expression, dialect=backend.name), expression.schema()
    if backend.name == "sqlite":
        backend.raw_sql(f"CREATE TEMPORARY TABLE {name} AS {statement}").close()
        return ibis.table(schema, name=name)
    # PostgreSQL's sums of integers are numeric; as integers they take half the space and a tenth of the time.
    columns = ", ".join(
        f'"{column}"::bigint' if kind.is_integer() else f'"{column}"' for column, kind in schema.items()
    )
    # The planner would hash rows that both indexes already hold in the order of members, and sort them afterwards; and
    # parallel workers would each read all members.
    for setting, value in _IN_ORDER:
        backend.raw_sql(f"SET LOCAL {setting} = {value}").close()
    backend.raw_sql(f"CREATE TEMPORARY TABLE {name} AS SELECT {columns} FROM ({statement}) AS kept").close()
    for setting, _ in _IN_ORDER:
        backend.raw_sql(f"SET LOCAL {setting} TO DEFAULT").close()
    return ibis.table(schema, name=name)


def grouped_sums(
    backend: SQLBackend, table: Any, key: Sequence[str], sums: Sequence[str], maxima: Sequence[str] = (), most: int = -1
) -> list[dict[str, Any]]:
    """Return sums of integer columns, and maxima of others, by a key with few values.

    Returns at most `most` rows (-1: all). SQLite groups by sorting all rows; upserting each into a small table takes
    half the time.
    """
    if backend.name == "sqlite":
        table = _upserted(backend, table, key, sums, maxima)
    else:
        aggregates = {name: table[name].sum() for name in sums} | {name: table[name].max() for name in maxima}
        table = table.group_by(list(key)).aggregate(**aggregates)
    rows = fetch(backend, table if most < 0 else table.limit(most))
    return [dict(zip(table.columns, row, strict=True)) for row in rows]


def _upserted(backend: SQLBackend, table: Any, key: Sequence[str], sums: Sequence[str], maxima: Sequence[str]) -> Any:
    name = f"klette_sums_{uuid4().hex}"
    # A primary key holds no null, so null becomes the empty text, which is never valid JSON.
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
    """Yield the rows of an expression in batches; PostgreSQL uses a named cursor to hold one batch at a time."""
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
    # Temporary tables in a file are as fast as in memory and limited only by the disk.
    connection.execute("PRAGMA temp_store=FILE")
    return ibis.sqlite.from_connection(connection)


def _postgres(url: str) -> SQLBackend:
    import psycopg

    # random_page_cost: with the default, meant for hard disks, the planner avoids the covering index.
    connection = psycopg.connect(
        url.replace("postgresql+psycopg://", "postgresql://", 1),
        autocommit=True,
        options="-c random_page_cost=1.1 -c timezone=UTC -c work_mem=64MB -c temp_buffers=64MB -c jit=off",
    )
    return ibis.postgres.from_connection(connection)
