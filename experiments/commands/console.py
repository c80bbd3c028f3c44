"""Shared by the commands: the database, migrated if it is new, and a progress bar."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.exc import OperationalError

from experiments.errors import KletteError, SettingsError, UnavailableError
from experiments.settings import Settings, settings
from experiments.storage.database import Database
from experiments.storage.schema import is_current, migrate
from experiments.translation import gettext

_BAR_WIDTH = 30


class OutdatedError(KletteError):
    """The schema is of another release; a person decides when to migrate, since a server may be running."""

    code = "outdated"


@contextmanager
def opened_database(given: Settings | None = None) -> Iterator[Database]:
    """Open the configured database; migrate it first if it has no tables.

    Raises
    ------
    UnavailableError
        It cannot be reached.
    OutdatedError
        It has the schema of another release.
    """
    database = connect(given or settings())
    try:
        _prepare(database)
        yield database
    finally:
        database.close()


def connect(given: Settings) -> Database:
    """Connect to the database without migrating it; raise SettingsError if its folder cannot be created."""
    try:
        return Database(given.url, synchronous=given.sqlite_synchronous, pool_size=1)
    except OSError as error:
        raise SettingsError(
            gettext("The folder of {url} cannot be created ({reason}). Choose another with KLETTE_DATA_DIR.").format(
                url=given.url, reason=error.strerror
            )
        ) from None


def _prepare(database: Database) -> None:
    from sqlalchemy import inspect

    try:
        if is_current(database):
            return
        if inspect(database.engine).has_table("alembic_version"):
            raise OutdatedError(gettext("The database has the schema of another release. Run `klette migrate` first."))
        migrate(database)
    except OperationalError as error:
        reason = str(error.orig).splitlines()[0]
        message = gettext("The database cannot be reached ({reason}). Check KLETTE_DATABASE_URL.")
        raise UnavailableError(message.format(reason=reason)) from None


class Bar:
    """A progress bar on standard error, shown only on a terminal; a context manager that clears it."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._shown = False

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, fraction: float, message: str) -> None:
        """Show a fraction from 0 to 1 and the current step."""
        if self._on:
            done = round(max(0.0, min(1.0, fraction)) * _BAR_WIDTH)
            bar = "█" * done + "·" * (_BAR_WIDTH - done)
            click.echo(f"\r\x1b[K[{bar}] {fraction:4.0%}  {message}", err=True, nl=False)
            self._shown = True

    def show_step(self, fraction: float, step: str) -> None:
        """Show the progress of an analysis, whose steps are English texts of the catalogue."""
        self.show(fraction, gettext(step))

    def clear(self) -> None:
        """Remove the bar, so that the next line starts at the margin."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._shown = False
