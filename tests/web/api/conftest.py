"""The fixture that the tests of the API share."""

from collections.abc import Iterator

import pytest

from experiments.storage.database import Database
from tests.web.api.calls import Api, api_on


@pytest.fixture
def api(database: Database) -> Iterator[Api]:
    """The API with a running experiment and a client key, on both engines one after the other."""
    with api_on(database) as api:
        yield api
