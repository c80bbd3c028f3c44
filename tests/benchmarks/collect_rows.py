"""Millions of exposures and events for the benchmark of `collect`, inserted by the fastest way of each engine.

The tables are the migration's. While rows come in, the secondary indexes are away; they are then made again by the
very statements that the engine keeps of them.
"""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlmodel import Session

from experiments.catalogue.metrics import DAY_US
from experiments.storage.database import Database
from experiments.storage.tables import Experiment, Run
from tests.audience import store_experiment

BEGAN_US = 1_790_000_000_000_000
KINDS = ("view", "click", "dwell", "share", "purchase", "negative", "comment")
_MEMBERS = ("project_id", "run_id", "unit", "variant", "at_us", "received_us", "origin", "epoch", "bot", "attributes")
_EVENTS = ("project_id", "id", "unit", "type", "at_us", "received_us", "value_micro", "currency")
_BATCH = 50_000
_SLICES = [
    json.dumps({"country": country, "device": device}, separators=(",", ":"))
    for country in ("DE", "AT", "CH", "NL", "DK")
    for device in ("web", "app", "tablet")
]


def fill(database: Database, members: list[int], events: int) -> None:
    """Experiments 1, 2, ... with a number of members each, every member in one of them, and their events.

    An event belongs to a member picked at random and happens within eight days of that exposure, in the order of time.
    """
    chance = np.random.default_rng(1)
    _experiments(database, len(members))
    shuffled = chance.permutation(sum(members))
    drawn = [np.sort(some) for some in np.split(shuffled, np.cumsum(members)[:-1])]
    exposed = [BEGAN_US + chance.integers(0, 20 * DAY_US, size) for size in members]
    with BareIndexes(database):
        _insert(database, "exposure", _MEMBERS, _exposures(chance, drawn, exposed))
        _insert(database, "event", _EVENTS, _happenings(chance, np.concatenate(drawn), np.concatenate(exposed), events))
    with database.engine.connect() as connection:
        free = connection.execution_options(isolation_level="AUTOCOMMIT")
        free.execute(text("ANALYZE" if database.is_sqlite else "VACUUM (ANALYZE)"))


def _experiments(database: Database, number: int) -> None:
    with database.write() as session:
        store_experiment(session)
        _further(session, number)


def _further(session: Session, number: int) -> None:
    for place in range(2, number + 1):
        plain = {"primary_metric": "sticky_rate", "metrics": [], "guardrails": [], "segments": [], "currency": "EUR"}
        session.add(Experiment(id=place, project_id=1, key=f"test-{place}", name="Test", traffic_seed="t", **plain))
        session.flush()
        session.add(Run(id=place, experiment_id=place, number=1, seed="s", allocation=[]))


def _exposures(chance: np.random.Generator, drawn: list, exposed: list) -> Iterator[tuple]:
    for run, (units, times) in enumerate(zip(drawn, exposed, strict=True), start=1):
        variants, slices = chance.integers(0, 3, len(units)), chance.integers(0, len(_SLICES), len(units))
        rows = zip(units.tolist(), times.tolist(), variants.tolist(), slices.tolist(), strict=True)
        for unit, at, variant, place in rows:
            yield 1, run, _name(unit), "abc"[variant], at, at, "randomised", 1, False, _SLICES[place]


def _happenings(chance: np.random.Generator, units: np.ndarray, exposed: np.ndarray, number: int) -> Iterator[tuple]:
    whose = chance.integers(0, len(units), number)
    times = exposed[whose] + chance.integers(0, 8 * DAY_US, number)
    order = np.argsort(times)
    columns = (
        units[whose[order]],
        times[order],
        chance.integers(0, len(KINDS), number),
        chance.integers(1, 300, number),
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for place, (unit, at, kind, value) in enumerate(rows):
        name = KINDS[kind]
        amount = value * 1_000_000 if name in ("dwell", "purchase") else None
        yield 1, f"{place:032x}", _name(unit), name, at, at, amount, "EUR" if name == "purchase" else None


def _name(unit: int) -> str:
    return f"member-{unit:08d}"


class BareIndexes:
    """Drop the secondary indexes of the two tables, and create them again at the end."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made: list[str] = []

    def __enter__(self) -> None:
        found = (
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('exposure', 'event') "
            "AND sql IS NOT NULL"
            if self._database.is_sqlite
            else "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('exposure', 'event') "
            "AND indexname NOT LIKE 'pk_%'"
        )
        with self._database.engine.begin() as connection:
            for name, statement in connection.execute(text(found)).all():
                connection.exec_driver_sql(f"DROP INDEX {name}")
                self._made.append(statement)

    def __exit__(self, *_: object) -> None:
        with self._database.engine.begin() as connection:
            for statement in self._made:
                connection.exec_driver_sql(statement)


def _insert(database: Database, table: str, columns: tuple[str, ...], rows: Iterator[tuple]) -> None:
    raw: Any = database.engine.raw_connection()
    try:
        connection = raw.driver_connection
        if database.is_sqlite:
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("BEGIN")
            marks = ",".join("?" * len(columns))
            while part := list(islice(rows, _BATCH)):
                connection.executemany(f"INSERT INTO {table} ({','.join(columns)}) VALUES ({marks})", part)
            connection.execute("COMMIT")
        else:
            into = f"COPY {table} ({','.join(columns)}) FROM STDIN"
            with connection.cursor() as cursor, cursor.copy(into) as copy:
                for row in rows:
                    copy.write_row(row)
            connection.commit()
    finally:
        raw.close()
