"""Fixtures that every room's tests share: real databases, real input, the running product, a real browser."""

import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How fast a machine is must decide no test: no deadline, and no complaint where examples are slow to make.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Before anything reads them: a developer's own settings must not reach the tests, nor the tests the developer's data.
for _name in [name for name in os.environ if name.startswith("KLETTE_") or name == "PORT"]:
    if _name == "KLETTE_SNAPSHOT":  # how the tests run, see tests/snapshots.py
        continue
    del os.environ[_name]
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ["KLETTE_DATA_DIR"] = tempfile.mkdtemp(prefix="klette-tests-")

from analysis.sampling import engine  # noqa: E402
from experiments.storage.database import Database  # noqa: E402
from tests.engines import Postgres, SQLiteTemplate  # noqa: E402
from tests.serving import ROOT, LiveServer  # noqa: E402

BROWSER_OPTIONS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


if "PYTEST_XDIST_WORKER" in os.environ:
    # Here, where it is safe among several processes, before a module of tests does it by importing PyMC.
    engine.import_arviz()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test wrote or logged may hold half a character, which no process can send to another."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


def pytest_sessionfinish() -> None:
    shutil.rmtree(os.environ["KLETTE_DATA_DIR"], ignore_errors=True)


# Databases ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, started at first use."""
    # its socket's path must be short, so not pytest's own folder
    folder = Path(tempfile.mkdtemp(prefix="klette-pg-"))
    server = Postgres(folder / "data")
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SQLiteTemplate:
    return SQLiteTemplate(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def sqlite_url(sqlite_template: SQLiteTemplate, tmp_path: Path) -> str:
    """A fresh, migrated SQLite database."""
    return sqlite_template.copy(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_name(request: pytest.FixtureRequest) -> str:
    """Runs the test on both engines, one after the other."""
    return request.param


@pytest.fixture
def database_url(engine_name: str, request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database, on both engines one after the other."""
    return request.getfixturevalue("sqlite_url" if engine_name == "sqlite" else "postgres_url")


@pytest.fixture
def empty_database_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table, on both engines one after the other."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    with request.getfixturevalue("postgres").database(migrated=False) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open, migrated database, on both engines one after the other."""
    opened = Database(database_url)
    yield opened
    opened.close()


# Real input -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets beside the checkout, with the figures they must give in ``expected.json``."""
    folder = ROOT.parent / "shared" / "data"
    if not (folder / "expected.json").is_file():
        pytest.skip("the public data sets are not here: put them into ../shared/data beside this checkout")
    return folder


# The running product --------------------------------------------------------------------------------------------


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """Starts copies of the whole product: ``serving(database_url="", environment={...}, options=(...))``."""
    with ExitStack() as running:

        def start(*, wait: bool = True, **settings: object) -> LiveServer:
            folder = tmp_path / f"server {len(running._exit_callbacks)}"
            server = LiveServer(folder, **settings)  # type: ignore[arg-type]
            running.callback(server.stop)
            return server.start(wait=wait)

        yield start


@pytest.fixture(scope="module", params=["sqlite"])
def live_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The whole product on a fresh database, one for the tests of a module.

    On SQLite unless the module says ``@pytest.mark.parametrize("live_server", ["postgresql"], indirect=True)``.
    """
    with ExitStack() as running:
        url = ""
        if request.param == "postgresql":
            url = running.enter_context(request.getfixturevalue("postgres").database())
        server = LiveServer(tmp_path_factory.mktemp("live"), database_url=url)
        running.callback(server.stop)
        yield server.start()


# A browser ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The Chromium or Chrome that ``make test`` found or installed."""
    stamp = ROOT / ".venv" / ".setup" / "browser"
    candidates = [stamp.read_text().strip()] if stamp.exists() else []
    candidates += [shutil.which(name) or "" for name in ("chromium", "google-chrome")]
    path = next((candidate for candidate in candidates if candidate and Path(candidate).exists()), None)
    if path is None:
        pytest.fail("no Chromium or Chrome is installed; `make test` installs one")
    return path


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator:
    """A headless Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=list(BROWSER_OPTIONS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser) -> Iterator:  # type: ignore[no-untyped-def]
    """A fresh page of its own context, 1280 pixels wide; it fails the test where the page throws a script error."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="Europe/Berlin")
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not errors, f"the page threw {errors}"
