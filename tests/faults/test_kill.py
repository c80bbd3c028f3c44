"""What was acknowledged is there, whatever is killed; and what is changed is noticed by every process."""

import json
import os
import signal
import threading
import time
from itertools import count

import httpx
import pytest
from sqlalchemy import text

from experiments.lifecycle import store, transitions
from experiments.storage.database import Database
from tests.load.client import drive, request_bytes
from tests.serving import LiveServer
from tests.web.api.calls import make_experiment, make_key

OPTIONS = ("--no-worker",)
ENVIRONMENT = {"KLETTE_WEB_WORKERS": "2", "KLETTE_PIN_WORKERS": "false"}


@pytest.fixture
def prepared(engine_name, request, tmp_path):
    """A database with a running experiment, its address and a client key."""
    url = request.getfixturevalue("sqlite_url" if engine_name == "sqlite" else "postgres_url")
    database = Database(url)
    make_experiment(database)
    yield database, url, make_key(database)
    database.close()


def _load(server: LiveServer, key: str, seconds: float) -> tuple[set[str], set[str]]:
    """Units whose exposure and ids whose event were acknowledged, by turns, until the server is gone."""
    units: set[str] = set()
    events: set[str] = set()
    headers = {"Authorization": f"Bearer {key}"}

    def requests():
        for number in count():
            if number % 2:
                call = ("unit", f"u{number}", "/api/v1/assign", {"unit": f"u{number}"})
            else:
                event = {"id": f"e{number}", "unit": f"u{number}", "type": "click"}
                call = ("event", f"e{number}", "/api/v1/events", {"events": [event]})
            kind, name, path, body = call
            yield (kind, name), request_bytes("POST", path, "localhost", json.dumps(body).encode(), headers)

    def answered(tag, status, body):
        if status == 200:
            kind, name = tag
            if kind == "unit":
                assert json.loads(body)["assignments"]["spring"]["exposed"] is True
                units.add(name)
            else:
                assert json.loads(body)["accepted"] == 1
                events.add(name)

    drive(("127.0.0.1", server.port), requests(), seconds=seconds, connections=16, on_answer=answered)
    return units, events


@pytest.mark.slow
def test_kill_nine_under_load_loses_nothing_acknowledged(prepared, serving):
    database, url, key = prepared
    server = serving(database_url=url, environment=ENVIRONMENT, options=OPTIONS)
    killer = threading.Timer(1.5, lambda: os.killpg(server.process.pid, signal.SIGKILL))
    killer.start()
    units, events = _load(server, key, 10)
    killer.join()
    server.process.wait(10)
    assert len(units) > 20 and len(events) > 20
    server.start()
    with database.read() as session:
        kept_units = {row[0] for row in session.execute(text("SELECT unit FROM exposure"))}
        kept_events = {row[0] for row in session.execute(text("SELECT id FROM event"))}
    assert units <= kept_units
    assert events <= kept_events
    again = httpx.post(
        f"{server.url}/api/v1/events",
        json={"events": [{"id": name, "unit": "u", "type": "click"} for name in sorted(events)[:2000]]},
        headers={"X-API-Key": key},
        trust_env=False,
    )
    assert again.json()["accepted"] == 0


@pytest.mark.slow
def test_repeats_sent_to_two_processes_at_once_are_counted_once(prepared, serving):
    _, url, key = prepared
    server = serving(database_url=url, environment=ENVIRONMENT, options=OPTIONS)
    accepted: list[int] = []
    refused: list[object] = []

    def send() -> None:
        with httpx.Client(base_url=server.url, headers={"X-API-Key": key}, trust_env=False, timeout=60) as client:
            for start in range(0, 400, 50):
                events = [{"id": f"e{number}", "unit": "u", "type": "click"} for number in range(start, start + 100)]
                answer = client.post("/api/v1/events", json={"events": events}).json()
                accepted.append(answer["accepted"])
                refused.extend(answer["rejected"])

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert refused == []
    assert len(accepted) == 64
    assert sum(accepted) == 450


@pytest.mark.slow
def test_every_process_notices_a_change_within_a_second(prepared, serving):
    database, url, key = prepared
    server = serving(database_url=url, environment=ENVIRONMENT, options=OPTIONS)

    # A connection each time: the kernel spreads them over the processes.
    def ask() -> dict:
        answer = httpx.get(
            f"{server.url}/api/v1/assign/spring?unit=u", headers={"X-API-Key": key}, trust_env=False, timeout=30
        )
        return answer.json()

    assert {ask()["reason"] for _ in range(20)} == {"SPLIT"}
    with database.write() as session:
        transitions.stop(session, store.get(session, "spring"), actor="cli")
    time.sleep(1.0)
    assert {ask()["reason"] for _ in range(40)} == {"DISABLED"}
