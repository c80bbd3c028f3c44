"""gunicorn's settings, each as it was measured to be best; ``docs/decisions/0001-set-up.md`` has the figures.

Used as ``gunicorn -c python:web.gunicorn_conf wsgi:app``, which `klette serve` does.
"""

import os
import shutil
import sys
from typing import Any

from experiments.jobs.processes import signal_when_parent_dies
from experiments.settings import settings

_settings = settings()
_cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
_ipv6 = ":" in _settings.host

bind = f"[{_settings.host}]:{_settings.port}" if _ipv6 else f"{_settings.host}:{_settings.port}"
workers = _settings.web_workers or max(2, len(_cores))
worker_class = "gthread"
threads = _settings.web_threads
# A socket for each worker. With one for all, a single worker took all connections in 3 of 6 starts. Only Linux
# spreads connections over such sockets.
reuse_port = sys.platform.startswith("linux")
keepalive = 30
timeout = 60
graceful_timeout = 30
# Its path is one for the whole machine, and fails where the home folder is read-only.
control_socket_disable = True
# Never preload: threads and pools of connections do not survive a fork, so each worker makes its own.
preload_app = False
errorlog = "-"
loglevel = "warning"
accesslog = None
proc_name = "klette"

_pin = _settings.pin_workers and hasattr(os, "sched_setaffinity") and len(_cores) >= workers


# Each web process counts for itself into files here; /metrics adds them up. Named by port, so that copies which
# share a data folder do not mix.
_metrics = (_settings.data_dir / f"metrics-{_settings.port}").resolve()
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics)


def on_starting(_server: Any) -> None:
    """Begin to count from zero."""
    shutil.rmtree(_metrics, ignore_errors=True)
    _metrics.mkdir(parents=True)


def pre_fork(server: Any, worker: Any) -> None:
    """Give the new worker the first core that no living worker has."""
    taken = {other.klette_core for other in server.WORKERS.values()}
    worker.klette_core = next((core for core in _cores if core not in taken), _cores[0])


def post_fork(_server: Any, worker: Any) -> None:
    """Pin the worker to its core (unpinned, identical starts differed fourfold) and tie its life to the master's."""
    if _pin:
        os.sched_setaffinity(0, {worker.klette_core})
    signal_when_parent_dies()


def worker_exit(_server: Any, worker: Any) -> None:
    """Finish what is being written and give the connections back."""
    if app := getattr(worker, "wsgi", None):  # none where the application failed to load
        app.extensions["klette"].close()


def child_exit(_server: Any, worker: Any) -> None:
    """Forget the gauges of a process that is no more; its counts stay."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
