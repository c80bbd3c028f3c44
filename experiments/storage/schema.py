"""Migrations: upgrade a database to the newest revision, and check its revision."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from experiments.storage.database import Database
from experiments.storage.tables import metadata

# An arbitrary number that all processes share.
_ADVISORY_LOCK = 4_711_2026


def migrate(database: Database, revision: str = "head") -> None:
    """Migrate the database to a revision, one process at a time.

    An advisory lock on PostgreSQL, and the single write transaction on SQLite, make a second process wait until the
    first one is done.
    """
    with database.write_engine.begin() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        configuration = _configuration()
        configuration.attributes["connection"] = connection
        going_down = revision == "base" or revision.startswith("-")
        (command.downgrade if going_down else command.upgrade)(configuration, revision)


def is_current(database: Database) -> bool:
    """Return whether the database is at the newest revision."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == _head()


def drift(database: Database) -> list[Any]:
    """Return the differences between the tables in the code and the migrated database."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences: list[Any] = compare_metadata(context, metadata)
        return differences


@lru_cache(maxsize=1)
def _head() -> str | None:
    return ScriptDirectory.from_config(_configuration()).get_current_head()


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parents[2] / "migrations"))
    return configuration
