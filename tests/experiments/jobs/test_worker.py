import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from sqlmodel import select

from experiments.analyses.inputs import to_us
from experiments.errors import NotFoundError
from experiments.jobs import queue, worker
from experiments.jobs.schedule import due_experiments, enqueue_due
from experiments.lifecycle.store import get
from experiments.lifecycle.transitions import stop
from experiments.settings import read_settings
from experiments.storage.database import Database
from experiments.storage.tables import Analysis, Exposure, Job, utc_now
from tests.audience import Audience, make_audience, store_audience, store_experiment
from tests.serving import ROOT

SETTINGS = read_settings(worker_lease_seconds=5, worker_poll_seconds=0.05)


def store(database: Database, **changes) -> None:
    with database.write() as session:
        store_experiment(session, **({"segments": [], "metrics": ["click_rate"]} | changes))
        store_audience(session, make_audience(21, members=100))


def enqueue(database: Database, kind: str = "analyse", **options) -> int:
    with database.write() as session:
        experiment = get(session, "test") if kind == "analyse" else None
        return queue.enqueue(session, kind, experiment=experiment, requested_by="test", **options).id


def job_of(database: Database, number: int) -> Job:
    with database.read() as session:
        return queue.get(session, number)


def analyses(database: Database) -> list[Analysis]:
    with database.read() as session:
        return [row for row in session.scalars(select(Analysis)) if not row.history_only]


def test_a_waiting_analysis_is_not_enqueued_twice(database):
    store(database)
    assert enqueue(database) == enqueue(database)


def test_exactly_one_of_many_workers_claims_a_job(database):
    store(database)
    number = enqueue(database)
    start = threading.Barrier(6)
    taken = []

    def grab(name: str) -> None:
        start.wait()
        taken.append(queue.claim(database, name, 60))

    threads = [threading.Thread(target=grab, args=(f"w{place}",)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [job for job in taken if job is not None]
    assert len(won) == 1
    assert won[0].id == number
    assert (won[0].state, won[0].attempts) == ("running", 1)


def test_a_job_that_is_not_due_is_not_claimed(database):
    store(database)
    enqueue(database, due_at=utc_now() + timedelta(hours=1))
    assert queue.claim(database, "w", 60) is None


def test_an_expired_lease_is_taken_over_and_the_first_worker_cannot_finish(database):
    store(database)
    enqueue(database)
    first = queue.claim_of(queue.claim(database, "first", 0.05), 0.05)
    time.sleep(0.1)
    second = queue.claim_of(queue.claim(database, "second", 60), 60)
    assert (second.worker, second.attempt) == ("second", 2)
    for late in (
        lambda s: queue.finish(s, first),
        lambda s: queue.fail(s, first, "no"),
        lambda s: queue.release(s, first),
    ):
        with pytest.raises(queue.LeaseLostError), database.write() as session:
            late(session)
    with pytest.raises(queue.LeaseLostError):
        queue.progress(database, first, 0.5, "still here")
    with database.write() as session:
        queue.finish(session, second, message="done")
    assert job_of(database, second.job_id).state == "done"


def test_a_job_fails_after_three_attempts(database):
    store(database)
    number = enqueue(database)
    for _ in range(queue.MAX_ATTEMPTS):
        assert queue.claim(database, "w", 0.01) is not None
        time.sleep(0.03)
    assert queue.claim(database, "w", 60) is None
    failed = job_of(database, number)
    assert failed.state == "failed"
    assert "3 times" in failed.message


def test_progress_renews_the_lease_and_is_stored(database):
    store(database)
    number = enqueue(database)
    claim = queue.claim_of(queue.claim(database, "w", 60), 120)
    before = job_of(database, number).lease_until
    queue.progress(database, claim, 0.25, "a quarter")
    after = job_of(database, number)
    assert after.lease_until > before
    assert (after.progress, after.message) == (0.25, "a quarter")


def test_an_analysis_job_ends_with_one_stored_analysis(database):
    store(database)
    number = enqueue(database)
    assert worker.work(database, SETTINGS, once=True) >= 1
    done = job_of(database, number)
    assert (done.state, done.progress) == ("done", 1.0)
    assert done.result == {"analysis": analyses(database)[0].id}
    assert len(analyses(database)) == 1


@pytest.mark.parametrize("segments", [[], ["country"]])
def test_a_job_that_was_taken_over_stores_nothing(database, segments):
    store(database, segments=segments)
    number = enqueue(database)
    job = queue.claim(database, "first", 0.01)
    time.sleep(0.05)
    assert queue.claim(database, "second", 60).id == number
    worker.perform(database, job, 0.01, worker.Stopping())
    assert analyses(database) == []
    assert job_of(database, number).worker == "second"


def test_a_domain_error_is_the_jobs_message_and_a_bug_a_general_one(database, monkeypatch):
    store(database)
    for error, sentence in (
        (NotFoundError("There is no such file; send it again."), "no such file"),
        (ZeroDivisionError(), "worker's log"),
    ):

        def broken(*_, error=error):
            raise error

        number = enqueue(database)
        monkeypatch.setattr(worker, "_handler", lambda _, broken=broken: broken)
        worker.perform(database, queue.claim(database, "w", 60), 60, worker.Stopping())
        failed = job_of(database, number)
        assert failed.state == "failed"
        assert sentence in failed.message


def test_a_long_job_returns_to_the_queue_when_the_worker_stops(database, monkeypatch):
    store(database)
    number = enqueue(database)
    monkeypatch.setattr(worker, "_GRACE_SECONDS", 0.0)
    stopping = worker.Stopping()

    def endless(_database, _job, report):
        stopping.stop()
        while True:
            time.sleep(0.01)
            report(0.1, "going on")

    monkeypatch.setattr(worker, "_handler", lambda _: endless)
    worker.perform(database, queue.claim(database, "w", 60), 60, stopping)
    back = job_of(database, number)
    assert (back.state, back.attempts, back.worker) == ("due", 0, None)


def test_a_running_experiment_is_due_once_and_again_only_after_its_pause_and_new_rows(database):
    store(database)
    quick = read_settings(analyse_every_seconds=1, silence_hours=1000)
    assert enqueue_due(database, quick) == 1
    assert enqueue_due(database, quick) == 0
    worker.work(database, quick, once=True)
    assert len(analyses(database)) == 1
    time.sleep(1.1)
    with database.read() as session:
        assert due_experiments(session, quick) == []  # nothing new has come
    with database.write() as session:
        now = time.time_ns() // 1000
        session.add(
            Exposure(project_id=1, run_id=1, unit="new", variant="a", at_us=now, received_us=now, origin="randomised")
        )
    with database.read() as session:
        assert [experiment.key for experiment in due_experiments(session, quick)] == ["test"]
        slow = read_settings(analyse_every_seconds=3600, silence_hours=1000)
        assert due_experiments(session, slow) == []
        many = read_settings(analyse_every_seconds=1, analyse_new_events=2, silence_hours=1000)
        assert due_experiments(session, many) == []


def test_a_running_experiment_that_falls_silent_is_analysed_again(database):
    store(database)
    worker.work(database, read_settings(analyse_every_seconds=1), once=True)
    time.sleep(1.1)
    with database.read() as session:
        silent = read_settings(analyse_every_seconds=1, silence_hours=0.0001)
        assert [experiment.key for experiment in due_experiments(session, silent)] == ["test"]


def test_a_run_that_just_ended_is_analysed_immediately(database):
    store(database)
    settings = read_settings(analyse_every_seconds=3600)
    worker.work(database, settings, once=True)
    with database.write() as session:
        stop(session, get(session, "test"), actor="test")
    with database.read() as session:
        assert [experiment.key for experiment in due_experiments(session, settings)] == ["test"]
    worker.work(database, settings, once=True)
    newest = max(analyses(database), key=lambda analysis: analysis.cut_off_us)
    assert "eep" not in newest.result["verdict"]["headline"]
    with database.read() as session:
        assert due_experiments(session, settings) == []


def test_the_first_analyses_of_a_run_come_after_one_two_and_four_minutes(database, monkeypatch):
    with database.write() as session:
        store_experiment(session, segments=[], metrics=["click_rate"])
        store_audience(session, Audience())
        began = utc_now()
        at = to_us(began)
        row = {"project_id": 1, "run_id": 1, "variant": "a", "at_us": at, "received_us": at, "origin": "randomised"}
        session.add(Exposure(unit="first", **row))
    settings = read_settings(analyse_every_seconds=300, silence_hours=1000)
    analysed_at = []
    for second in range(10, 700, 10):
        now = began + timedelta(seconds=second)
        monkeypatch.setattr("experiments.jobs.schedule.utc_now", lambda now=now: now)
        with database.write() as session:
            at = to_us(now)
            row |= {"at_us": at, "received_us": at, "unit": f"at {second}"}
            session.add(Exposure(**row))
            session.flush()
            if due_experiments(session, settings):
                analysed_at.append(second)
                stored = {"decision": "not_enough_data", "result": {}, "inputs": {}, "drawing": {}}
                session.add(Analysis(id=str(second), experiment_id=1, run_id=1, cut_off_us=at, **stored))
    assert analysed_at == [60, 120, 240, 540]


def test_an_experiment_without_members_is_not_due(database):
    with database.write() as session:
        store_experiment(session)
        store_audience(session, Audience())
    with database.read() as session:
        assert due_experiments(session, SETTINGS) == []


# Real processes ----------------------------------------------------------------------------------------------------

_SLOW_JOB = """
import sys, time
from pathlib import Path
from experiments.jobs import worker
from experiments.analyses import run
from experiments.storage.database import Database
from experiments.settings import read_settings
real = run.compute
def slow(*arguments, **named):
    Path(sys.argv[2]).touch()
    time.sleep(60)
    return real(*arguments, **named)
run.compute = slow
worker.work(Database(sys.argv[1]), read_settings(worker_lease_seconds=5))
"""


def start(code_or_command: list[str], url: str, folder, lease: int = 5) -> subprocess.Popen:
    environment = os.environ | {
        "KLETTE_DATABASE_URL": url,
        "KLETTE_DATA_DIR": str(folder),
        "KLETTE_WORKER_LEASE_SECONDS": str(lease),
        "KLETTE_WORKER_POLL_SECONDS": "0.1",
        "KLETTE_ANALYSE_EVERY_SECONDS": "3600",
    }
    return subprocess.Popen([sys.executable, *code_or_command], cwd=ROOT, env=environment)


def wait_for(condition, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_one_analysis_is_stored(database, database_url, tmp_path):
    store(database)
    number = enqueue(database)
    reached = tmp_path / "reached"
    first = start(["-c", _SLOW_JOB, database_url, str(reached)], database_url, tmp_path)
    try:
        wait_for(reached.exists)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        assert job_of(database, number).state == "running"
        assert analyses(database) == []
        second = start(["-m", "experiments.commands.cli", "worker"], database_url, tmp_path)
        try:
            wait_for(lambda: job_of(database, number).state == "done")
            second.send_signal(signal.SIGTERM)
            assert second.wait(20) == 0
        finally:
            second.kill()
    finally:
        first.kill()
    done = job_of(database, number)
    assert done.attempts == 2
    assert [row.id for row in analyses(database)] == [done.result["analysis"]]


def test_a_worker_without_due_jobs_imports_no_pymc(sqlite_url, tmp_path):
    code = (
        "import sys; from experiments.commands.cli import main; sys.argv = ['klette', 'worker', '--once']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'pymc', 'pytensor', 'numba', 'nutpie'} & set(sys.modules); assert not heavy, heavy\n"
    )
    assert start(["-c", code], sqlite_url, tmp_path).wait(60) == 0
