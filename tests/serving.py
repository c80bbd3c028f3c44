"""The whole product as a subprocess, for the tests that meet it as its users do."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
_KLETTE = (sys.executable, "-m", "experiments.commands.cli")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class LiveServer:
    """`klette serve` on a port and a data folder of its own.

    Parameters
    ----------
    folder
        Data folder: database (unless `database_url` is given), secret key and logs, and what the server prints.
    database_url
        The database; empty for a new SQLite file in `folder`.
    environment
        Further settings, such as ``{"KLETTE_WEB_WORKERS": "1"}``.
    options
        Options of `klette serve`, such as ``("--no-worker",)``.

    Attributes
    ----------
    url : str
        Where it serves, without a slash at its end.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str = "",
        environment: Mapping[str, str] | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "PORT": str(self.port),
            "KLETTE_DATA_DIR": str(folder),
            "KLETTE_DATABASE_URL": database_url,
            **(environment or {}),
        }
        self.options = options
        self.process: subprocess.Popen | None = None
        self._begun = 0

    def start(self, *, wait: bool = True) -> "LiveServer":
        """Start it and, by default, wait until it can serve and has said so."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._begun = len(self.printed())
        with self._console.open("ab") as output:
            self.process = subprocess.Popen(
                [*_KLETTE, "serve", *self.options],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self, seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process is not None and self.process.poll() is None, f"it ended:\n{self.printed()}"
            if "Press Ctrl-C to stop." in self.printed()[self._begun :] and self.is_ready():
                return
            time.sleep(0.05)
        raise AssertionError(f"not ready within {seconds:.0f} s:\n{self.printed()}")

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def printed(self) -> str:
        """All that it has written to the console, over all its starts."""
        return self._console.read_text(errors="replace") if self._console.exists() else ""

    def klette(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess:
        """Run another `klette` command on the same settings and database, with `given` on its standard input."""
        return subprocess.run(
            [*_KLETTE, *arguments],
            env=self.environment,
            cwd=self.folder,
            input=given or "",
            capture_output=True,
            text=True,
            timeout=120,
        )

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60.0) -> int | None:
        """Send it a signal and wait for its end; its exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=seconds)

    @property
    def _console(self) -> Path:
        return self.folder / "console.txt"
