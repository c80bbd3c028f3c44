"""Opening the database from the command line, migrated where it is new."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError

from experiments.errors import KletteError, SettingsError, UnavailableError
from experiments.settings import Settings, settings
from experiments.storage.database import Database
from experiments.storage.schema import is_current, migrate


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
