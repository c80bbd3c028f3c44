"""Connections and transactions: one SQLite file or PostgreSQL, behind the same two context managers.

Functions of the domain take a ``session`` and never commit; the request, the worker or the command that opened
the transaction here owns it.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, Engine, Executable, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlmodel import Session

from experiments.errors import UnavailableError

_BUSY_SECONDS = 30


class Database:
    """One store, shared by the threads of a process.

    Build it after a fork, never before: a pool of connections must not be shared between processes.

    Parameters
    ----------
    url
        ``sqlite:///FILE`` or ``postgresql://...`` (psycopg 3).
    synchronous
        SQLite only: ``NORMAL`` survives the death of every process, ``FULL`` a power cut too.
    pool_size
        Most connections kept open; more are opened for a moment when all are busy.
    """

    def __init__(self, url: str, *, synchronous: str = "NORMAL", pool_size: int = 8) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _sqlite(url, synchronous, pool_size) if self.is_sqlite else _postgres(url, pool_size)
        # Same pool, other BEGIN: a read that upgrades to a write fails at once in WAL mode, whatever the timeout.
        self.write_engine = self.engine.execution_options(klette_begin="IMMEDIATE")

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; whatever it changed is rolled back."""
        with _unavailable(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits when the block ends and rolls back when it raises."""
        with _unavailable(), Session(self.write_engine, expire_on_commit=False) as session, session.begin():
            yield session

    def ping(self) -> bool:
        """Whether a connection answers."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def close(self) -> None:
        """Give every pooled connection back to the operating system."""
        self.engine.dispose()


def rows_changed(session: Session, statement: Executable) -> int:
    """Execute an UPDATE or DELETE and return how many rows it changed."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise UnavailableError(
            f"The database did not answer ({str(error.orig).splitlines()[0]}). Nothing was written; send it again."
        ) from error


def _sqlite(url: str, synchronous: str, pool_size: int) -> Engine:
    file = make_url(url).database
    if file and file != ":memory:":
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, pool_size=pool_size, max_overflow=64, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # BEGIN is explicit here
        cursor = connection.cursor()
        _write_ahead(cursor)
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('klette_begin', 'DEFERRED')}")

    return engine


def _write_ahead(cursor: Any) -> None:
    """Switch the file to its write-ahead log, which stays; SQLite does not wait for others by itself here."""
    last_try = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > last_try:
                raise
            time.sleep(0.02)


def _postgres(url: str, pool_size: int) -> Engine:
    return create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        max_overflow=64,
        pool_pre_ping=True,
        # Without it the planner shuns the covering index that collect lives on (random_page_cost is for old disks).
        connect_args={"options": "-c random_page_cost=1.1 -c timezone=UTC"},
    )
