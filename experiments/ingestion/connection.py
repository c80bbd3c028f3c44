"""A connection of the driver's own kind for the write path, made again after it broke."""

import contextlib
import fcntl
import functools
import sqlite3
from collections.abc import Callable, Iterator
from typing import IO, Any

import psycopg
from sqlalchemy import PoolProxiedConnection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from experiments.errors import UnavailableError
from experiments.ingestion import libpq
from experiments.storage.database import Database

# A transaction may fail for these reasons and succeed at a second try.
RETRIED = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


class WriteConnection:
    """A connection for one thread at a time, opened at the first use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: PoolProxiedConnection | None = None
        self._lock_file: IO[bytes] | None = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        """A write transaction: committed at the end of the block, rolled back where it raises."""
        with self._discarded_when_broken() as connection, self._exclusive():
            run = self._begin(connection)
            try:
                yield connection
                run("COMMIT")
            except BaseException:
                with contextlib.suppress(Exception):
                    run("ROLLBACK")
                raise

    def _begin(self, connection: Any) -> Callable[[str], Any]:
        if self._database.is_sqlite:
            run: Callable[[str], Any] = connection.execute
            run("BEGIN IMMEDIATE")
            return run
        self._without_implicit_begin(connection)
        run = functools.partial(libpq.run, connection)
        run("BEGIN")
        return run

    def _without_implicit_begin(self, connection: Any) -> None:
        if not connection.autocommit:
            connection.rollback()
            connection.autocommit = True

    @contextlib.contextmanager
    def autocommit(self) -> Iterator[Any]:
        """For single statements that read."""
        with self._discarded_when_broken() as connection:
            if not self._database.is_sqlite:
                self._without_implicit_begin(connection)
            yield connection

    def close(self) -> None:
        """Give the connection back."""
        if self._held is not None:
            self._discard()
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    @contextlib.contextmanager
    def _discarded_when_broken(self) -> Iterator[Any]:
        try:
            if self._held is None:
                self._held = self._database.engine.raw_connection()
            yield self._held.driver_connection
        except Exception as error:
            if self._held is not None:
                self._discard()
            if _is_outage(error):
                raise UnavailableError(
                    f"The database did not answer ({str(error).splitlines()[0]}). Nothing was written; send it again."
                ) from error
            raise

    def _discard(self) -> None:
        held, self._held = self._held, None
        with contextlib.suppress(Exception):
            if held is not None:
                held.invalidate()

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        """SQLite's own waiting polls with growing sleeps; a lock on a file passes on at once."""
        if not self._database.is_sqlite:
            yield
            return
        if self._lock_file is None:
            self._lock_file = open(f"{make_url(self._database.url).database}-writers", "wb")  # noqa: SIM115
        fcntl.flock(self._lock_file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock_file, fcntl.LOCK_UN)


def _is_outage(error: BaseException) -> bool:
    """Whether the driver, or SQLAlchemy around it, reports that the database is away, busy, full or read-only."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, RETRIED):
        return False
    return isinstance(cause, sqlite3.OperationalError | psycopg.OperationalError | psycopg.InterfaceError)
