"""What a web process shares between its requests, built at its first one: after the fork, never before."""

import os
import threading
from dataclasses import dataclass

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer

from experiments.assignment.configuration import ConfigurationCache
from experiments.errors import InvalidError
from experiments.ingestion.writer import Writer
from experiments.settings import Settings
from experiments.storage.database import Database
from web.http.limiting import KeyLimiter

PREVIEW_SECONDS = 30 * 86_400
"""A preview link works so long."""


@dataclass(frozen=True)
class Services:
    """The process's database, its snapshot of the configuration, its writer and its limiter."""

    settings: Settings
    database: Database
    configuration: ConfigurationCache
    writer: Writer
    limiter: KeyLimiter | None

    def preview_token(self, experiment: str, variant: str) -> str:
        """A signed token that makes assignment answer ``variant`` for a month, without recording anything."""
        return self._previews().dumps([experiment, variant])

    def read_preview(self, token: str) -> tuple[str, str]:
        """The experiment and the variant of a preview token.

        Raises
        ------
        InvalidError
            Where the token was not signed here or is older than a month.
        """
        try:
            experiment, variant = self._previews().loads(token, max_age=PREVIEW_SECONDS)
        except (BadSignature, ValueError):
            raise InvalidError(
                "The preview token was not signed here or is older than 30 days; open the preview again from the "
                "experiment's page.",
                code="preview",
            ) from None
        return experiment, variant

    def _previews(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.settings.secret_key.get_secret_value(), salt="preview")

    def close(self) -> None:
        """Finish what is being written and give the connections back."""
        self.writer.close()
        self.database.close()


class LazyServices:
    """Builds the services at the first use in each process, so that a fork never shares a connection or a thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._built: tuple[int, Services] | None = None

    def get(self) -> Services:
        """The services of this process."""
        built = self._built
        if built is None or built[0] != os.getpid():
            with self._lock:
                built = self._built
                if built is None or built[0] != os.getpid():
                    built = self._built = (os.getpid(), _build(self.settings))
        return built[1]

    def close(self) -> None:
        """Close what this process has built, if anything."""
        if self._built and self._built[0] == os.getpid():
            self._built[1].close()
        self._built = None


def services() -> Services:
    """The services of this process, for a view."""
    return current_app.extensions["klette"].get()


def _build(settings: Settings) -> Services:
    database = Database(settings.url, synchronous=settings.sqlite_synchronous)
    return Services(
        settings,
        database,
        ConfigurationCache(database, settings.configuration_seconds),
        _writer(database),
        KeyLimiter(settings.api_rate_limit) if settings.api_rate_limit else None,
    )


def _writer(database: Database) -> Writer:
    from web.http.counters import observe_commit

    writer = Writer(database)
    writer.observe = observe_commit
    return writer
