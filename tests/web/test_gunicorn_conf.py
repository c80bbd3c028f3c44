"""gunicorn's settings: workers on cores of their own, one count over all processes, nothing shared before the fork."""

import importlib
import os
import re
import signal
import time
from types import SimpleNamespace

import httpx
import psutil
import pytest

from experiments.settings import settings


@pytest.fixture
def configured(monkeypatch, tmp_path):
    """Loads the settings anew from an environment of the test's own."""

    def load(**environment: str):
        monkeypatch.setenv("KLETTE_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "restored at the end")
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        import web.gunicorn_conf

        return importlib.reload(web.gunicorn_conf)

    yield load
    settings.cache_clear()


def test_there_are_as_many_workers_as_cores_and_at_least_two(configured, monkeypatch):
    for cores, expected in (([0], 2), ([0, 3], 2), (list(range(8)), 8)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(cores), raising=False)
        assert configured().workers == expected
    assert configured(KLETTE_WEB_WORKERS="5").workers == 5


def test_it_binds_where_the_settings_say(configured):
    assert configured(PORT="9000", KLETTE_HOST="0.0.0.0").bind == "0.0.0.0:9000"
    assert configured(PORT="9000", KLETTE_HOST="::1").bind == "[::1]:9000"


def test_a_worker_that_replaces_another_takes_its_core(configured, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {4, 5, 6}, raising=False)
    conf = configured()
    server = SimpleNamespace(WORKERS={})
    for pid in (1, 2, 3):
        worker = SimpleNamespace()
        conf.pre_fork(server, worker)
        server.WORKERS[pid] = worker
    assert [worker.klette_core for worker in server.WORKERS.values()] == [4, 5, 6]
    del server.WORKERS[2]
    successor = SimpleNamespace()
    conf.pre_fork(server, successor)
    assert successor.klette_core == 5


@pytest.mark.parametrize(
    ("cores", "environment", "pinned"),
    [({0, 1}, {}, True), ({0}, {}, False), ({0, 1}, {"KLETTE_PIN_WORKERS": "false"}, False)],
)
def test_workers_are_pinned_only_where_each_gets_a_core(configured, monkeypatch, cores, environment, pinned):
    asked = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cores, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, chosen: asked.append(chosen), raising=False)
    conf = configured(**environment)
    monkeypatch.setattr(conf, "signal_when_parent_dies", lambda: True)
    conf.post_fork(None, SimpleNamespace(klette_core=1))
    assert asked == ([{1}] if pinned else [])


@pytest.mark.slow
def test_every_web_process_serves_and_all_their_counts_are_added_up(serving):
    server = serving(environment={"KLETTE_WEB_WORKERS": "2"})
    key = server.klette("key", "create", "--kind", "client", "--name", "test").stdout.strip()
    for unit in range(40):  # a connection each, so that they spread over the processes
        answer = httpx.post(
            f"{server.url}/api/v1/assign",
            json={"unit": f"u-{unit}", "expose": False},
            headers={"Authorization": f"Bearer {key}"},
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
    printed = httpx.get(f"{server.url}/metrics", trust_env=False).text
    counts = re.findall(r'^klette_api_requests_total\{[^}]*status="200"[^}]*\} (\S+)$', printed, re.MULTILINE)
    assert sum(map(float, counts)) == 40


@pytest.mark.slow
def test_a_web_process_that_is_killed_is_replaced_and_the_counts_go_on(serving):
    server = serving(environment={"KLETTE_WEB_WORKERS": "2"})
    master = next(
        child for child in psutil.Process(server.process.pid).children() if "gunicorn" in " ".join(child.cmdline())
    )
    before = {child.pid for child in master.children()}
    os.kill(min(before), signal.SIGKILL)
    for _ in range(300):
        now = {child.pid for child in master.children() if child.status() != psutil.STATUS_ZOMBIE}
        if len(now) == 2 and now != before:
            break
        time.sleep(0.1)
    assert len(now) == 2 and min(before) not in now
    server.wait_until_ready()
