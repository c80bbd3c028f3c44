"""A driver connection for the write path, reopened after it broke."""

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

# Errors after which a second try of the transaction can succeed.
RETRIED = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


class WriteConnection:
    """A connection for one thread at a time, opened at its first use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: PoolProxiedConnection | None = None
        self._lock_file: IO[bytes] | None = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        """Open a write transaction, committed at the end of the block and rolled back if it raises."""
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
        """Use the connection for single read statements."""
        with self._discarded_when_broken() as connection:
            if not self._database.is_sqlite:
                self._without_implicit_begin(connection)
            yield connection

    def close(self) -> None:
        """Close the connection."""
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
                    f"The database did not answer ({str(error).splitlines()[0]}). Nothing was written. "
                    "Send the request again."
                ) from error
            raise

    def _discard(self) -> None:
        held, self._held = self._held, None
        with contextlib.suppress(Exception):
            if held is not None:
                held.invalidate()

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Wait for other writers with a file lock, since SQLite's own waiting polls with growing pauses."""
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
    """Return whether an error of the driver or SQLAlchemy means that the database is unavailable, full or read-only."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, RETRIED):
        return False
    return isinstance(cause, sqlite3.OperationalError | psycopg.OperationalError | psycopg.InterfaceError)
