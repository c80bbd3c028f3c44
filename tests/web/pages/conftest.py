"""Fixtures that the tests of the pages share: an application on a fresh database, and somebody signed in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.pages.client import Pages
from tests.web.pages.results import stored


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The application on a migrated database."""
    made = stored.app_on(sqlite_url, tmp_path)
    yield made
    made.extensions["klette"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A marketer's client of `app`."""
    return stored.logged_in(app)


@pytest.fixture
def pages(sqlite_url: str, tmp_path: Path) -> Iterator[Pages]:
    """The pages as a marketer sees them after signing in with a password."""
    opened = Pages(sqlite_url, tmp_path).enter("marketer")
    yield opened
    opened.close()


@pytest.fixture
def german(sqlite_url: str, tmp_path: Path) -> Iterator[Pages]:
    """The pages of an installation in German."""
    opened = Pages(sqlite_url, tmp_path, language="de").enter("marketer")
    yield opened
    opened.close()
