"""Requests per second over loopback, under the settings that the product is served with."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple
from urllib.request import ProxyHandler, build_opener
from uuid import uuid4

from experiments.people.api_keys import create_key
from tests.benchmarks.ingestion import one_event, prepare
from tests.load.client import drive, request_bytes
from tests.serving import ROOT, free_port

_TICK = os.sysconf("SC_CLK_TCK")


class Load(NamedTuple):
    """The result of a load: responses per second, 99th percentile in ms, and the server's CPU per response in µs."""

    rate: float
    p99: float
    cpu: float


def mean(loads: list[Load]) -> Load:
    """Return the mean of several turns, figure by figure."""
    return Load(*(sum(figures) / len(loads) for figures in zip(*loads, strict=True)))


class Server:
    """gunicorn with the product's own configuration, serving ``target`` on a free port."""

    def __init__(self, target: str, url: str, folder: Path) -> None:
        self.port = free_port()
        self._environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "KLETTE_PORT": str(self.port),
            "KLETTE_DATA_DIR": str(folder),
            "KLETTE_DATABASE_URL": url,
        }
        self._environment.pop("PORT", None)
        self._command = [sys.executable, "-m", "gunicorn", "-c", "python:web.gunicorn_conf", target]

    def __enter__(self) -> "Server":
        self._process = subprocess.Popen(self._command, env=self._environment, cwd=ROOT, start_new_session=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def wait(self, path: str) -> None:
        """Wait until ``path`` returns 200."""
        opener = build_opener(ProxyHandler({}))
        for _ in range(600):
            try:
                if opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=5).status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError(f"{path} did not answer within a minute.")

    def cpu_seconds(self) -> float:
        """Return user and system time of the master's children, the web processes."""
        spent = 0
        for child in Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split():
            fields = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()
            spent += int(fields[11]) + int(fields[12])
        return spent / _TICK

    def load(self, requests: Iterator[bytes], seconds: float, connections: int = 32) -> Load:
        """Keep a number of connections busy, after a short warm-up; every response must be a 200."""
        tagged = ((None, wire) for wire in requests)
        drive(("127.0.0.1", self.port), tagged, seconds=min(1.0, seconds / 3), connections=connections)
        before = self.cpu_seconds()
        outcome = drive(("127.0.0.1", self.port), tagged, seconds=seconds, connections=connections)
        spent = self.cpu_seconds() - before
        if set(outcome.statuses) != {200} or outcome.broken:
            raise RuntimeError(f"Not all were answered: {outcome.statuses}, {outcome.broken} connections broke.")
        return Load(outcome.rate, outcome.percentile(0.99) * 1000, spent / outcome.answered * 1e6)


def bare_requests() -> Iterator[bytes]:
    """Yield the same small GET forever."""
    wire = request_bytes("GET", "/bare", "127.0.0.1")
    while True:
        yield wire


def assign_requests(key: str, *, expose: bool) -> Iterator[bytes]:
    """Yield a new member each time, eligible for the experiment."""
    headers = {"Authorization": f"Bearer {key}"}
    prefix = uuid4().hex[:8]
    for number in count():
        body = {"unit": f"{prefix}-{number}", "attributes": {"country": "DE", "age": 34}, "experiments": ["bench"]}
        if not expose:
            body["expose"] = False
        yield request_bytes("POST", "/api/v1/assign", "127.0.0.1", json.dumps(body).encode(), headers)


def event_requests(key: str, per_call: int) -> Iterator[bytes]:
    """Yield new events each time."""
    headers = {"Authorization": f"Bearer {key}"}
    for number in count():
        body = {"events": [one_event(number * per_call + place) for place in range(per_call)]}
        yield request_bytes("POST", "/api/v1/events", "127.0.0.1", json.dumps(body).encode(), headers)


@contextmanager
def product(url: str, folder: Path) -> Iterator[tuple[Server, str]]:
    """Serve the product on a fresh database, with a client key."""
    database = prepare(url)
    with database.write() as session:
        key = create_key(session, kind="client", name="bench", actor="cli")
    database.close()
    with Server("wsgi:app", url, folder) as server:
        server.wait("/readyz")
        yield server, key


@contextmanager
def bare(folder: Path) -> Iterator[Server]:
    """Serve the bare route."""
    with Server("tests.benchmarks.bare:app", "", folder) as server:
        server.wait("/bare")
        yield server
