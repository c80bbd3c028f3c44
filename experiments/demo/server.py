"""A server for the example's audience: the running one, or a temporary one."""

import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from experiments.errors import UnavailableError
from experiments.settings import Settings
from experiments.translation import gettext

_READY_SECONDS = 60.0
_STOP_SECONDS = 40.0


@contextmanager
def client_of(settings: Settings, url: str = "") -> Iterator[httpx.Client]:
    """Open a client of a server with the same database.

    If no server answers at the settings' address, ``klette serve`` runs on a free port in the meantime.

    Parameters
    ----------
    settings
        The installation's.
    url
        Another address than the settings'; a server must answer there.

    Raises
    ------
    UnavailableError
        No server answers at ``url``, or the temporary server did not start.
    """
    logging.getLogger("httpx").setLevel(logging.WARNING)  # one line per request would be thousands of lines
    address = (url or settings.public_url).rstrip("/")
    if _answers(f"{address}/healthz"):
        with _client(address) as client:
            yield client
        return
    if url:
        message = gettext("No server answers at {address}. Start it, or omit --url.")
        raise UnavailableError(message.format(address=f"{address}/healthz"))
    with _temporary_server(settings) as own, _client(own) as client:
        yield client


def _client(address: str) -> httpx.Client:
    limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
    return httpx.Client(base_url=address, timeout=30, limits=limits, trust_env=False)


@contextmanager
def _temporary_server(settings: Settings) -> Iterator[str]:
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="klette-demo-") as folder:
        log = Path(folder) / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "experiments.commands.cli", "serve", "--no-worker", "--stop-with-parent"],
                env=os.environ
                | {
                    # A temporary data folder, so that the server's other files are deleted with it.
                    "KLETTE_DATA_DIR": folder,
                    "KLETTE_DATABASE_URL": settings.url,
                    "KLETTE_HOST": "127.0.0.1",
                    "KLETTE_BASE_URL": address,
                    "KLETTE_WEB_WORKERS": "1",
                    "PORT": str(port),
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_until_ready(process, address, log)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _answers(f"{address}/readyz"):
            return
        time.sleep(0.1)
    lines = log.read_text(errors="replace").strip().splitlines() or ["no output"]
    message = gettext(
        "The temporary server did not start within {seconds:.0f} s ({reason}). Start klette serve, then run klette "
        "demo again."
    )
    raise UnavailableError(message.format(seconds=_READY_SECONDS, reason=lines[-1][:300]))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=3, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
