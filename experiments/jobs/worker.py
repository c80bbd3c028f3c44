"""The worker: looks for due work, does one job at a time, and can be killed at any moment.

What a job makes is stored in the same transaction that ends the job, so that a job whose worker died is simply done
again by the next one and never twice. A thread renews the lease while a job computes.
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
from experiments.jobs.schedule import enqueue_due
from experiments.lifecycle.transitions import apply_schedule
from experiments.settings import Settings
from experiments.storage.database import Database
from experiments.storage.tables import Job

log = logging.getLogger("klette.worker")


class Handler(NamedTuple):
    """A kind of job, and the module whose ``run_job(database, job, report)`` does it.

    The module is imported when the first such job comes. It may end its job by ``report.finish(session, ...)`` inside
    the transaction that stores what it made; otherwise what it returns becomes the job's result.
    """

    kind: str
    module: str


HANDLERS = (
    Handler("analyse", "experiments.analyses.run"),
    Handler("import", "experiments.jobs.import_files"),
    Handler("demo", "experiments.jobs.demo"),
)

_SAY_EVERY_SECONDS = 0.5
_GRACE_SECONDS = 20.0


class StoppedError(Exception):
    """The worker is stopping and the job is not short: another worker does it."""


class Report:
    """Reports a handler's progress; called from the handler's thread only."""

    def __init__(self, database: Database, claim: queue.Claim, stopping: "Stopping") -> None:
        self._database, self._claim, self._stopping = database, claim, stopping
        self._said = 0.0
        self.lost = threading.Event()
        self.finished = False

    def __call__(self, fraction: float, message: str = "") -> None:
        """Say how far it is, 0 to 1; stops the job where it was taken over or the worker must go.

        Raises
        ------
        LeaseLostError, StoppedError
        """
        if self.lost.is_set():
            raise queue.LeaseLostError(f"Job {self._claim.job_id} was taken over by another worker.")
        if self._stopping.for_seconds() > _GRACE_SECONDS:
            raise StoppedError
        now = time.monotonic()
        if now - self._said >= _SAY_EVERY_SECONDS:
            self._said = now
            queue.progress(self._database, self._claim, fraction, message)

    def hold(self, session: Session) -> None:
        """Store something on the way only while the job is ours: checked in the caller's transaction.

        Raises
        ------
        LeaseLostError
        """
        queue.hold(session, self._claim)

    def finish(self, session: Session, *, result: dict[str, Any] | None = None, message: str = "") -> None:
        """End the job as part of the caller's transaction."""
        queue.finish(session, self._claim, result=result, message=message)
        self.finished = True


class Stopping:
    """Whether, and since when, the worker has been asked to stop."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._since = 0.0

    def stop(self, *_: object) -> None:
        """Ask the worker to stop; also a signal's handler."""
        if not self._event.is_set():
            self._since = time.monotonic()
            self._event.set()

    def for_seconds(self) -> float:
        """How long ago it was asked to stop; 0 where it was not."""
        return time.monotonic() - self._since if self._event.is_set() else 0.0

    def __bool__(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than until it is asked to stop."""
        self._event.wait(seconds)


Run = Callable[[Database, Job, Report], dict[str, Any] | None]


def prepare_process(data_dir: Path) -> None:
    """One thread for linear algebra and private compile folders; before anything scientific is imported."""
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
    """Do due work until asked to stop, or until nothing is due where `once`; the number of jobs done.

    Parameters
    ----------
    stopping
        Asks for the end from outside; the signals SIGTERM and SIGINT do by `stop_on_signals`.
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
    """Let SIGTERM and SIGINT ask for the end: the job at hand is ended or given back."""
    signal.signal(signal.SIGTERM, stopping.stop)
    signal.signal(signal.SIGINT, stopping.stop)


def perform(database: Database, job: Job, lease_seconds: float, stopping: Stopping) -> None:
    """Do one claimed job and leave it done, failed or given back."""
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
            log.info("Job %s (%s) given back: the worker stops.", job.id, job.kind)
        except queue.LeaseLostError as error:
            log.warning("%s", error)
        except KletteError as error:
            _end(database, partial(_fail, claim, error))
            log.warning("Job %s (%s) failed: %s", job.id, job.kind, error)
        except Exception:
            log.exception("Job %s (%s) failed.", job.id, job.kind)
            sentence = "Something went wrong inside the product; the worker's log says what. Ask for it again."
            _end(database, lambda session: queue.fail(session, claim, sentence))


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
        raise KletteError(f"There is no job of the kind {kind!r}; the kinds are {kinds}.")
    run: Run = import_module(module).run_job
    return run


def _detail(error: KletteError) -> dict[str, Any]:
    """What the page shows of a failure: its code, and the lines of a file and the fields where it names some."""
    return {
        "code": error.code,
        "lines": [list(line) for line in getattr(error, "lines", [])],
        "fields": error.fields,
    }


def _end(database: Database, change: Callable[[Session], None]) -> None:
    """Bring a job to its end; silently nothing where it was taken over meanwhile."""
    try:
        with database.write() as session:
            change(session)
    except queue.LeaseLostError as error:
        log.warning("%s", error)


class _Heartbeat:
    """Renews a lease from a thread of its own, three times as often as needed, while the job computes."""

    def __init__(self, database: Database, claim: queue.Claim, lost: threading.Event) -> None:
        self._database, self._claim, self._lost = database, claim, lost
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="klette-lease", daemon=True)

    def __enter__(self) -> "_Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(self._claim.lease_seconds / 3):
            try:
                queue.renew(self._database, self._claim)
            except queue.LeaseLostError:
                # The job has ended, or is another worker's: its next report stops it.
                self._lost.set()
                return
            except KletteError as error:
                log.warning("The lease of job %s could not be renewed: %s", self._claim.job_id, error)
