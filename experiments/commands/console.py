"""What the commands share: the database, migrated where it is new, and a progress bar."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.exc import OperationalError

from experiments.errors import KletteError, SettingsError, UnavailableError
from experiments.settings import Settings, settings
from experiments.storage.database import Database
from experiments.storage.schema import is_current, migrate

_BAR_WIDTH = 30


class OutdatedError(KletteError):
    """Migrating under a running server is for people to decide."""

    code = "outdated"


@contextmanager
def opened_database(given: Settings | None = None) -> Iterator[Database]:
    """The database of the environment's settings; one without any table is migrated first.

    Raises
    ------
    UnavailableError
        It cannot be reached.
    OutdatedError
        It has tables of another release.
    """
    database = connect(given or settings())
    try:
        _bring_up(database)
        yield database
    finally:
        database.close()


def connect(given: Settings) -> Database:
    """The database as it is, not migrated; raises SettingsError where its folder cannot be made."""
    try:
        return Database(given.url, synchronous=given.sqlite_synchronous, pool_size=1)
    except OSError as error:
        raise SettingsError(
            f"The folder of {given.url} cannot be made ({error.strerror}); name another in KLETTE_DATA_DIR."
        ) from None


def _bring_up(database: Database) -> None:
    from sqlalchemy import inspect

    try:
        if is_current(database):
            return
        if inspect(database.engine).has_table("alembic_version"):
            raise OutdatedError("The database is of another release; run `klette migrate` first.")
        migrate(database)
    except OperationalError as error:
        reason = str(error.orig).splitlines()[0]
        raise UnavailableError(f"The database cannot be reached ({reason}); check KLETTE_DATABASE_URL.") from None


class Bar:
    """A progress bar on standard error, drawn only where that is a terminal; a context manager that clears it."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._shown = False

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, fraction: float, message: str) -> None:
        """Draw it: a fraction from 0 to 1 and what is being done."""
        if self._on:
            done = round(max(0.0, min(1.0, fraction)) * _BAR_WIDTH)
            bar = "█" * done + "·" * (_BAR_WIDTH - done)
            click.echo(f"\r\x1b[K[{bar}] {fraction:4.0%}  {message}", err=True, nl=False)
            self._shown = True

    def clear(self) -> None:
        """Take it away, so that the next line begins at the margin."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._shown = False
