"""`klette serve`: prepare the data folder and the database, then run gunicorn and the analysis worker."""

import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click

from experiments.commands import helping
from experiments.errors import SettingsError, UnavailableError
from experiments.jobs.processes import Child, Signals, signal_when_parent_dies, stop_all
from experiments.people.signing_key import with_secret_key
from experiments.settings import Settings, read_settings, unknown_variables
from experiments.translation import N_, gettext

_READY_SECONDS = 60.0
_PATIENCE_SECONDS = 40.0  # more than gunicorn's own graceful timeout
_LARGEST_LOG = 5_000_000


@click.command("serve", cls=helping.Command, help=N_("Serve the web pages and the API, and run the analysis worker."))
@click.option("--port", type=click.IntRange(1, 65535), help=N_("Port to listen on; overrides PORT and KLETTE_PORT."))
@click.option("--no-worker", is_flag=True, help=N_("Run only web processes; start `klette worker` separately."))
@click.option("--stop-with-parent", is_flag=True, help=N_("Stop when the parent process ends."))
def command(port: int | None, no_worker: bool, stop_with_parent: bool) -> None:
    if stop_with_parent:
        signal_when_parent_dies()
    settings = read_settings(**({"port": port} if port else {}))
    for sentence in unknown_variables(os.environ):
        _warn(sentence)
    _make_folder(settings.data_dir)
    settings = with_secret_key(settings)
    _check_port(settings)
    link = _prepare_database(settings)
    web, worker = _children(settings)
    sys.exit(_supervise(settings, web, None if no_worker else worker, link))


def _make_folder(folder: Path) -> None:
    try:
        (folder / "log").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = gettext("The data folder {folder} cannot be created ({reason}). Choose another with KLETTE_DATA_DIR.")
        raise SettingsError(message.format(folder=folder, reason=error.strerror)) from None


def _check_port(settings: Settings) -> None:
    # gunicorn's workers share their port (reuse_port), so that a second server would start without an error.
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            message = gettext(
                "Port {port} on {host} cannot be used ({reason}). Stop the program that uses it, or set PORT={other}."
            )
            other = settings.port + 1 if settings.port < 65535 else 8000
            raise UnavailableError(
                message.format(port=settings.port, host=settings.host, reason=error.strerror, other=other)
            ) from None


def _prepare_database(settings: Settings) -> str:
    """Migrate the database; return the set-up link if there is no account yet, else an empty string."""
    from sqlalchemy.exc import SQLAlchemyError

    from experiments.people import accounts, setup_link
    from experiments.storage.database import Database
    from experiments.storage.schema import migrate

    try:
        database = Database(settings.url, synchronous=settings.sqlite_synchronous)
        migrate(database)
    except (SQLAlchemyError, ImportError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        message = gettext("The database in KLETTE_DATABASE_URL cannot be used ({reason}). Check the address.")
        raise UnavailableError(message.format(reason=reason)) from None
    try:
        with database.write() as session:
            if accounts.any_account(session):
                return ""
            return f"{settings.public_url}/setup/{setup_link.issue(session)}"
    finally:
        database.close()


def _children(settings: Settings) -> tuple[Child, Child]:
    environment = dict(os.environ)
    environment["KLETTE_SECRET_KEY"] = settings.secret_key.get_secret_value()
    environment["PORT"] = str(settings.port)
    # More threads of linear algebra would slow small matrices down and starve the web processes.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        environment.setdefault(name, "1")
    web = Child(
        "web server",
        [sys.executable, "-m", "gunicorn", "--config", "python:web.gunicorn_conf", "wsgi:app"],
        environment,
    )
    log = settings.data_dir / "log" / "worker.log"
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    worker = Child(
        "analysis worker",
        [sys.executable, "-m", "experiments.commands.cli", "worker"],
        environment,
        log=log,
        last_signal=signal.SIGKILL,
    )
    return web, worker


def _supervise(settings: Settings, web: Child, worker: Child | None, link: str) -> int:
    """Run until a stop signal; return the exit status."""
    children = [child for child in (web, worker) if child]
    with Signals().caught() as signals:
        try:
            web.start()
            if not _wait_until_ready(settings, web, signals):
                return 0 if signals.stops else _failed_to_start(web)
            # Started after the web server, since the worker's imports would slow down the first pages.
            if worker:
                worker.start()
            _say(gettext("Klette is at {url}").format(url=settings.public_url))
            if link:
                _say(gettext("First start: create the first admin at {link} (the link works once).").format(link=link))
            _say(gettext("Press Ctrl-C to stop."))
            while not signals.stops:
                signals.wait(1.0)
                for child in children:
                    if not signals.stops:
                        child.restart_when_due(_warn)
            _say(gettext("Stopping ..."))
            return 0 if stop_all(children, signals, patience=_PATIENCE_SECONDS) else 1
        finally:
            for child in children:
                child.kill_group()


def _wait_until_ready(settings: Settings, web: Child, signals: Signals) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/readyz"
    return _until(lambda: _answers(address), web, signals)


def _until(ready: Callable[[], bool], web: Child, signals: Signals) -> bool:
    deadline = time.monotonic() + _READY_SECONDS
    while web.running() and not signals.stops and time.monotonic() < deadline:
        if ready():
            return True
        signals.wait(0.05)
    return False


def _answers(address: str) -> bool:
    # Without the proxy of the environment, which cannot reach this port.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _failed_to_start(web: Child) -> int:
    if web.running():
        message = gettext("The web server was not ready within {seconds:.0f} s. See its messages above.")
    else:
        message = gettext("The web server exited with status {status} while starting. See its messages above.")
    _warn(message.format(seconds=_READY_SECONDS, status=web.code))
    return 1


def _say(sentence: str) -> None:
    # The terminal may be closed or `make` may have ended, which must not prevent an orderly stop.
    with suppress(OSError):
        click.echo(sentence)


def _warn(sentence: str) -> None:
    with suppress(OSError):
        click.echo(sentence, err=True)
