"""The results page of a stored experiment, opened by somebody who is logged in."""

import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server

from tests.web.pages.results import stored


@pytest.fixture
def language() -> str:
    """The language of the pages; a test parametrises it where another one matters."""
    return "en"


@pytest.fixture
def app(sqlite_url, tmp_path, language) -> Iterator:
    made = stored.app_on(sqlite_url, tmp_path, language)
    stored.experiment(made)
    yield made
    made.extensions["klette"].close()


@pytest.fixture
def address(app) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)


@pytest.fixture
def opened(app, address, page):
    """The page of a person who is logged in; `complaints` collects what the browser's console says against it."""
    name = app.config["SESSION_COOKIE_NAME"]
    client = stored.logged_in(app)
    page.context.add_cookies([{"name": name, "value": client.get_cookie(name).value, "url": address}])
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)

    def open_it(query=""):
        page.goto(f"{address}/experiments/{stored.KEY}{query}", wait_until="networkidle")
        return page

    return open_it
