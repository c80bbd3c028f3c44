"""Connections and transactions: one SQLite file or PostgreSQL, behind the same two context managers.

Functions of the domain take a ``session`` and never commit. The request, job or command that opened the transaction
commits it.
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
from experiments.translation import gettext

_BUSY_SECONDS = 30


class Database:
    """A database, shared by the threads of a process.

    Create it after a fork: processes must not share a connection pool.

    Parameters
    ----------
    url
        ``sqlite:///FILE`` or ``postgresql://...`` (psycopg 3).
    synchronous
        SQLite only: ``NORMAL`` survives a crash of any process, ``FULL`` also a power failure.
    pool_size
        Maximum number of open connections; more are opened temporarily if all are busy.
    """

    def __init__(self, url: str, *, synchronous: str = "NORMAL", pool_size: int = 8) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _sqlite(url, synchronous, pool_size) if self.is_sqlite else _postgres(url, pool_size)
        # The same pool with another BEGIN: in WAL mode, a read that becomes a write fails without waiting.
        self.write_engine = self.engine.execution_options(klette_begin="IMMEDIATE")

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session for reading; its changes are rolled back."""
        with _unavailable(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session that commits at the end of the block, or rolls back if it raises."""
        with _unavailable(), Session(self.write_engine, expire_on_commit=False) as session, session.begin():
            yield session

    def ping(self) -> bool:
        """Return whether the database answers."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def rows_changed(session: Session, statement: Executable) -> int:
    """Execute an UPDATE or DELETE and return the number of changed rows."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        message = gettext("The database did not answer ({reason}). Nothing was written. Send the request again.")
        raise UnavailableError(message.format(reason=str(error.orig).splitlines()[0])) from error


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
    """Switch the file to write-ahead logging, permanently; SQLite's own timeout does not apply to this statement."""
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
        # The default random_page_cost (for hard disks) keeps the planner from the covering index that collect needs.
        connect_args={"options": "-c random_page_cost=1.1 -c timezone=UTC"},
    )
