"""The services of a web process, built at its first request, so that no fork shares them."""

import os
import threading
from dataclasses import dataclass

from flask import current_app

from experiments.assignment.assign import Assigner
from experiments.assignment.configuration import ConfigurationCache
from experiments.assignment.preview import Previews
from experiments.ingestion.writer import Writer
from experiments.settings import Settings
from experiments.storage.database import Database
from web.http.counters import observe_commit
from web.http.limiting import KeyLimiter


@dataclass(frozen=True)
class Services:
    """The process's database, its snapshot of the configuration, its writer, its assigner and its limiter."""

    settings: Settings
    database: Database
    configuration: ConfigurationCache
    writer: Writer
    assigner: Assigner
    limiter: KeyLimiter | None

    def close(self) -> None:
        """Finish pending writes and close the connections."""
        self.writer.close()
        self.database.close()


class LazyServices:
    """Builds the services at the first use in each process, so that a fork never shares a connection or a thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._built: tuple[int, Services] | None = None

    def get(self) -> Services:
        """Return the services of this process."""
        built = self._built
        if built is None or built[0] != os.getpid():
            with self._lock:
                built = self._built
                if built is None or built[0] != os.getpid():
                    built = self._built = (os.getpid(), _build(self.settings))
        return built[1]

    def close(self) -> None:
        """Close the services of this process, if they were built."""
        if self._built and self._built[0] == os.getpid():
            self._built[1].close()
        self._built = None


def services() -> Services:
    """Return the services of this process, for a view."""
    lazy: LazyServices = current_app.extensions["klette"]
    return lazy.get()


def _build(settings: Settings) -> Services:
    database = Database(settings.url, synchronous=settings.sqlite_synchronous)
    configuration = ConfigurationCache(database, settings.configuration_seconds)
    writer = _writer(database)
    assigner = Assigner(configuration, writer, Previews(settings.secret_key.get_secret_value()))
    limiter = KeyLimiter(settings.api_rate_limit) if settings.api_rate_limit else None
    return Services(settings, database, configuration, writer, assigner, limiter)


def _writer(database: Database) -> Writer:
    writer = Writer(database)
    writer.observe = observe_commit
    return writer
