"""Events per second in one process: our whole path without HTTP, compared with the engine's raw limit."""

import json
import sqlite3
import time
from collections.abc import Callable
from uuid import uuid4

import psycopg

from experiments.assignment.configuration import KeyIdentity, load
from experiments.definition.model import read_definition
from experiments.errors import KletteError
from experiments.ingestion.writer import Writer
from experiments.lifecycle import store
from experiments.lifecycle.transitions import launch
from experiments.settings import Settings
from experiments.storage.database import Database
from experiments.storage.schema import migrate

DEFINITION = {
    "key": "bench",
    "name": "Bench",
    "hypothesis": "One headline is passed on more.",
    "variants": [
        {"key": "a", "control": True, "weight": 0.5, "content": {"headline": "The burr that sticks", "cta": "Read"}},
        {"key": "b", "weight": 0.5, "content": {"headline": "It sticks to all who pass", "cta": "Read on"}},
    ],
    "targeting": {"attribute": "country", "in": ["DE", "AT", "CH"]},
    "segments": ["country"],
}


def prepare(url: str) -> Database:
    """A migrated database with one running experiment."""
    database = Database(url)
    migrate(database)
    with database.write() as session:
        made = store.create(session, read_definition(DEFINITION), actor="cli")
        launch(session, made, actor="cli")
    return database


def one_event(number: int) -> dict:
    """A purchase as an app would log it."""
    return {
        "id": str(uuid4()),
        "unit": f"u-{number}",
        "type": "purchase",
        "value": 49.9,
        "currency": "EUR",
        "experiment": "bench",
        "properties": {"sku": "A1"},
    }


def measure(url: str, *, per_call: int, seconds: float) -> tuple[float, float]:
    """Return events per second of the raw engine and of our path, in alternation."""
    database = prepare(url)
    raw = _raw_sqlite if database.is_sqlite else _raw_postgres
    taken = {"raw": [0, 0.0], "ours": [0, 0.0]}
    turns = 6
    try:
        with _ours(database) as ours, raw(database) as limit:
            for turn in range(2 * turns):
                name, write = ("ours", ours) if turn % 2 else ("raw", limit)
                count, spent = _run(write, per_call, seconds / turns)
                if turn > 1:  # the first pair warms up
                    taken[name][0] += count
                    taken[name][1] += spent
    finally:
        database.close()
    return taken["raw"][0] / taken["raw"][1], taken["ours"][0] / taken["ours"][1]


def _run(write: Callable[[list[dict]], None], per_call: int, seconds: float) -> tuple[int, float]:
    """Prepare the calls in advance, so that only the writing is timed."""
    written, spent = 0, 0.0
    while spent < seconds:
        calls = [[one_event(written + number) for number in range(per_call)] for _ in range(max(1, 2000 // per_call))]
        prepared = [write.prepare(call) for call in calls]  # type: ignore[attr-defined]
        began = time.perf_counter()
        for call in prepared:
            write(call)
        spent += time.perf_counter() - began
        written += per_call * len(calls)
    return written, spent


class _Path:
    """A writer of calls, and a way to prepare them that is not timed."""

    def __init__(self, write: Callable, prepare: Callable, close: Callable) -> None:
        self._write, self.prepare, self._close = write, prepare, close

    def __call__(self, call) -> None:  # type: ignore[no-untyped-def]
        self._write(call)

    def __enter__(self) -> "_Path":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()


def _ours(database: Database) -> _Path:
    """The handler of ``POST /api/v1/events`` from the body to the committed response."""
    from io import BytesIO

    from web.api.events import post_events
    from web.http.exchange import Call

    writer = Writer(database)
    with database.read() as session:
        configuration = load(session)
    services = _Services(Settings(), configuration, writer)

    def write(body: bytes) -> None:
        environ = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
        answer = json.loads(post_events(Call(services, KeyIdentity(1, "bench", "server"), environ)))  # type: ignore[arg-type]
        if answer["rejected"] or answer["duplicates"]:
            raise KletteError(f"The events of the benchmark were not taken: {answer}")

    return _Path(write, lambda call: json.dumps({"events": call}).encode(), writer.close)


class _Services:
    """The part of the web's services that the handler uses."""

    def __init__(self, settings: Settings, configuration: object, writer: Writer) -> None:
        self.settings, self.writer = settings, writer
        self.configuration = self
        self._snapshot = configuration

    def current(self) -> object:
        return self._snapshot


def _tuples(call: list[dict]) -> list[tuple]:
    now = time.time_ns() // 1000
    return [
        (1, event["id"], event["unit"], event["type"], now, now, 49_900_000, "EUR", "bench", '{"sku":"A1"}')
        for event in call
    ]


def _raw_sqlite(database: Database) -> _Path:
    connection = database.engine.raw_connection()
    raw: sqlite3.Connection = connection.driver_connection  # type: ignore[assignment]

    def write(rows: list[tuple]) -> None:
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        raw.commit()

    return _Path(write, _tuples, connection.close)


def _raw_postgres(database: Database) -> _Path:
    connection = database.engine.raw_connection()
    raw: psycopg.Connection = connection.driver_connection  # type: ignore[assignment]
    columns = "project_id, id, unit, type, at_us, received_us, value_micro, currency, experiment, properties"

    def text_of(call: list[dict]) -> str:
        return "".join("\t".join(map(str, row)) + "\n" for row in _tuples(call))

    def write(text: str) -> None:
        with raw.cursor() as cursor, cursor.copy(f"COPY event ({columns}) FROM STDIN") as copy:
            copy.write(text)
        raw.commit()

    return _Path(write, text_of, connection.close)
