"""The worker: runs due jobs one at a time, and can be killed at any moment.

A job's result is stored in the transaction that finishes the job. If a worker dies, the next one repeats the job, and
nothing is stored twice. A thread renews the lease while a job runs.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from sqlmodel import Session

from experiments.errors import KletteError
from experiments.jobs import queue
from experiments.jobs.report import JobReport
from experiments.jobs.schedule import enqueue_due
from experiments.lifecycle.transitions import apply_schedule
from experiments.settings import Settings
from experiments.storage.database import Database
from experiments.storage.tables import Job
from experiments.translation import gettext

log = logging.getLogger("klette.worker")


class Handler(NamedTuple):
    """A kind of job, and the module whose ``run_job(database, job, report)`` runs it.

    The module is imported for the first such job. It can finish its job with ``report.finish(session, ...)`` inside the
    transaction that stores the result; otherwise its return value becomes the job's result.
    """

    kind: str
    module: str


HANDLERS = (
    Handler("analyse", "experiments.jobs.analysis"),
    Handler("import", "experiments.jobs.import_files"),
    Handler("demo", "experiments.jobs.demo"),
)

_REPORT_EVERY_SECONDS = 0.5
_GRACE_SECONDS = 20.0


class StoppedError(Exception):
    """The worker stops before the job is done; another worker takes it over."""


class Report:
    """Progress reports of a handler; only for the handler's thread."""

    def __init__(self, database: Database, claim: queue.Claim, stopping: "Stopping") -> None:
        self._database, self._claim, self._stopping = database, claim, stopping
        self._reported_at = 0.0
        self.lost = threading.Event()
        self.finished = False

    def __call__(self, fraction: float, message: str = "") -> None:
        """Record the progress, 0 to 1; end the job if it was taken over or the worker must stop.

        Raises
        ------
        LeaseLostError, StoppedError
        """
        if self.lost.is_set():
            raise queue.LeaseLostError(f"Job {self._claim.job_id} was taken over by another worker.")
        if self._stopping.for_seconds() > _GRACE_SECONDS:
            raise StoppedError
        now = time.monotonic()
        if now - self._reported_at >= _REPORT_EVERY_SECONDS:
            self._reported_at = now
            queue.progress(self._database, self._claim, fraction, message)

    def hold(self, session: Session) -> None:
        """Check in the caller's transaction that the job still belongs to this worker.

        Raises
        ------
        LeaseLostError
        """
        queue.hold(session, self._claim)

    def finish(self, session: Session, *, result: dict[str, Any] | None = None, message: str = "") -> None:
        """Finish the job in the caller's transaction."""
        queue.finish(session, self._claim, result=result, message=message)
        self.finished = True


class Stopping:
    """Whether the worker must stop, and since when."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._since = 0.0

    def stop(self, *_: object) -> None:
        """Request a stop; also a signal handler."""
        if not self._event.is_set():
            self._since = time.monotonic()
            self._event.set()

    def for_seconds(self) -> float:
        """Return the seconds since the stop was requested; 0 if it was not."""
        return time.monotonic() - self._since if self._event.is_set() else 0.0

    def __bool__(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        """Sleep until a stop is requested, at most `seconds`."""
        self._event.wait(seconds)


Run = Callable[[Database, Job, JobReport], dict[str, Any] | None]


def prepare_process(data_dir: Path) -> None:
    """Limit linear algebra to one thread and set compile folders; call before importing scientific packages."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    compiled = (data_dir / "compiled").resolve()
    for name in ("pytensor", "numba"):
        (compiled / name).mkdir(parents=True, exist_ok=True)
    flags = os.environ.get("PYTENSOR_FLAGS", "")
    if "base_compiledir" not in flags:
        own = f"base_compiledir={compiled / 'pytensor'}"
        os.environ["PYTENSOR_FLAGS"] = f"{flags},{own}" if flags else own
    os.environ.setdefault("NUMBA_CACHE_DIR", str(compiled / "numba"))


def work(database: Database, settings: Settings, *, once: bool = False, stopping: Stopping | None = None) -> int:
    """Run due jobs until a stop is requested, or with `once` until none is due; return their number.

    Parameters
    ----------
    stopping
        Requests the end; `stop_on_signals` connects it to SIGTERM and SIGINT.
    """
    stopping = Stopping() if stopping is None else stopping
    name = f"{socket.gethostname()[:40]}-{os.getpid()}"
    done = 0
    while not stopping:
        try:
            _housekeeping(database, settings)
            job = queue.claim(database, name, settings.worker_lease_seconds)
        except KletteError as error:
            log.warning("%s Trying again.", error)
            job = None
        if job is not None:
            perform(database, job, settings.worker_lease_seconds, stopping)
            done += 1
        elif once:
            break
        else:
            stopping.wait(settings.worker_poll_seconds)
    return done


def stop_on_signals(stopping: Stopping) -> None:
    """Stop on SIGTERM and SIGINT; the current job is finished or returned to the queue."""
    signal.signal(signal.SIGTERM, stopping.stop)
    signal.signal(signal.SIGINT, stopping.stop)


def perform(database: Database, job: Job, lease_seconds: float, stopping: Stopping) -> None:
    """Run a claimed job and mark it as done, failed or due again."""
    claim = queue.claim_of(job, lease_seconds)
    report = Report(database, claim, stopping)
    began = time.monotonic()
    with _Heartbeat(database, claim, report.lost):
        try:
            handler = _handler(job.kind)
            result = handler(database, job, report)
            if not report.finished:
                _end(database, lambda session: queue.finish(session, claim, result=result))
            log.info("Job %s (%s) done in %.1f s.", job.id, job.kind, time.monotonic() - began)
        except StoppedError:
            _end(database, lambda session: queue.release(session, claim))
            log.info("Job %s (%s) returned to the queue: the worker stops.", job.id, job.kind)
        except queue.LeaseLostError as error:
            log.warning("%s", error)
        except KletteError as error:
            _end(database, partial(_fail, claim, error))
            log.warning("Job %s (%s) failed: %s", job.id, job.kind, error)
        except Exception:
            log.exception("Job %s (%s) failed.", job.id, job.kind)
            message = gettext("An internal error occurred. Details are in the worker's log. Try again.")
            _end(database, lambda session: queue.fail(session, claim, message))


def _fail(claim: queue.Claim, error: KletteError, session: Session) -> None:
    queue.fail(session, claim, error.detail, result=_detail(error))


def _housekeeping(database: Database, settings: Settings) -> None:
    with database.write() as session:
        apply_schedule(session)
    enqueue_due(database, settings)


def _handler(kind: str) -> Run:
    module = next((handler.module for handler in HANDLERS if handler.kind == kind), None)
    if module is None:
        kinds = ", ".join(handler.kind for handler in HANDLERS)
        raise KletteError(f"{kind!r} is not a kind of job; the kinds are {kinds}.")
    run: Run = import_module(module).run_job
    return run


def _detail(error: KletteError) -> dict[str, Any]:
    """Return the details of a failure for the page: its code, invalid lines of a file, and invalid fields."""
    return {
        "code": error.code,
        "lines": [list(line) for line in getattr(error, "lines", [])],
        "fields": error.fields,
    }


def _end(database: Database, change: Callable[[Session], None]) -> None:
    """Change the state of a job; only log a warning if another worker took it over."""
    try:
        with database.write() as session:
            change(session)
    except queue.LeaseLostError as error:
        log.warning("%s", error)


class _Heartbeat:
    """Renews the lease from a separate thread while the job runs, three times per lease."""

    def __init__(self, database: Database, claim: queue.Claim, lost: threading.Event) -> None:
        self._database, self._claim, self._lost = database, claim, lost
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="klette-lease", daemon=True)

    def __enter__(self) -> "_Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._finished.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._finished.wait(self._claim.lease_seconds / 3):
            try:
                queue.renew(self._database, self._claim)
            except queue.LeaseLostError:
                # The job has ended, or is another worker's: its next report stops it.
                self._lost.set()
                return
            except KletteError as error:
                log.warning("The lease of job %s could not be renewed: %s", self._claim.job_id, error)
