"""What the tests of the API's calls share: an application, a running experiment and keys."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import text

from experiments.definition.model import read_definition
from experiments.lifecycle import store
from experiments.lifecycle.transitions import launch
from experiments.people.api_keys import create_key
from experiments.settings import Settings
from experiments.storage.database import Database
from web import create_app

DEFINITION: dict[str, Any] = {
    "key": "spring",
    "name": "Spring",
    "hypothesis": "Burrs stick.",
    "variants": [
        {"key": "a", "control": True, "weight": 0.5, "content": {"headline": "A"}},
        {"key": "b", "weight": 0.5, "content": {"headline": "B"}},
    ],
    "segments": ["country"],
}


class Api:
    """The API of one application on one database, called with a client key."""

    def __init__(self, app: Flask, database: Database, key: str) -> None:
        self.app, self.database, self.key = app, database, key
        self.client = app.test_client()

    def post(self, path: str, body: Any, *, key: str | None = None, **more: Any):  # type: ignore[no-untyped-def]
        headers = {"Authorization": f"Bearer {key or self.key}"} | more.pop("headers", {})
        given = {"data": body} if isinstance(body, bytes) else {"json": body}
        return self.client.post(path, headers=headers, **given, **more)

    def assign(self, unit: str = "u", **fields: Any) -> dict[str, Any]:
        answer = self.post("/api/v1/assign", {"unit": unit} | fields)
        assert answer.status_code == 200, answer.text
        return answer.json["assignments"]

    def events(self, *events: Mapping[str, Any]) -> dict[str, Any]:
        answer = self.post("/api/v1/events", {"events": list(events)})
        assert answer.status_code == 200, answer.text
        return answer.json

    def rows(self, query: str) -> list[tuple]:
        with self.database.read() as session:
            return [tuple(row) for row in session.execute(text(query))]

    def change(self, function: Any, key: str = "spring", **more: Any) -> None:
        """Apply a function of the domain to an experiment, and let the application notice at once."""
        with self.database.write() as session:
            function(session, store.get(session, key), **more)
        self.app.extensions["klette"].get().configuration.forget()


def make_experiment(database: Database, *, launched: bool = True, **fields: Any) -> None:
    """Create an experiment, running by default."""
    with database.write() as session:
        made = store.create(session, read_definition(DEFINITION | fields), actor="cli")
        if launched:
            launch(session, made, actor="cli")


def make_key(database: Database, kind: str = "client") -> str:
    with database.write() as session:
        return create_key(session, kind=kind, name=kind, actor="cli")


@contextmanager
def api_on(database: Database, **settings: Any) -> Iterator[Api]:
    """An application on a migrated database with the experiment ``spring`` running."""
    key = make_key(database)
    make_experiment(database)
    given = {"secret_key": "a key for the tests only", "database_url": database.url} | settings
    app = create_app(Settings(**given))
    try:
        yield Api(app, database, key)
    finally:
        app.extensions["klette"].close()
