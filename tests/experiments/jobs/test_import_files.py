"""The import job: one transaction with the end of the job, and errors by line in the job's result."""

from collections.abc import Iterator

import pytest
from sqlmodel import select

from experiments.importing import make_plan
from experiments.jobs import queue
from experiments.jobs.worker import Stopping, perform, work
from experiments.lifecycle import store
from experiments.reporting import readings
from experiments.settings import Settings, read_settings
from experiments.storage.database import Database
from experiments.storage.tables import Analysis, Experiment, Exposure, Job, Upload

MEMBERS = "unit,variant,exposed_at\n" + "".join(
    f"u{number},{'ab'[number % 2]},2026-03-01T10:00:00Z\n" for number in range(600)
)
EVENTS = "unit,type,at,value\n" + "".join(f"u{number},click,2026-03-01T11:00:00Z,\n" for number in range(0, 600, 5))


@pytest.fixture
def settings(database: Database, tmp_path) -> Settings:
    return read_settings(data_dir=tmp_path, database_url=database.url)


def enqueue(database: Database, members: str, events: str | None = None, key: str = "spring") -> int:
    with database.write() as session:
        uploads = [Upload(name="members.csv", content=members.encode())]
        if events is not None:
            uploads.append(Upload(name="events.csv", content=events.encode()))
        session.add_all(uploads)
        session.flush()
        payload = {
            "plan": make_plan(kind="members", key=key).model_dump(mode="json"),
            "upload": uploads[0].id,
            "events_upload": uploads[1].id if events is not None else None,
        }
        return queue.enqueue(session, "import", payload=payload, requested_by="page:anna@shop.example").id


def job_of(database: Database, number: int) -> Job:
    with database.read() as session:
        return queue.get(session, number)


def test_the_worker_imports_and_analyses(database: Database, settings: Settings) -> None:
    number = enqueue(database, MEMBERS, EVENTS)
    assert work(database, settings, once=True) == 2
    job = job_of(database, number)
    assert (job.state, job.progress) == ("done", 1.0)
    assert job.result == {"experiment": "spring", "members": [["a", 300], ["b", 300]], "events": {"click": 120}} | {
        "notes": ["Rows: 600 read, all used.", "Events: 120 click."]
    }
    assert "600 members in 2 variants and 120 events" in job.message
    with database.read() as session:
        stored = store.get(session, "spring")
        result = readings.latest(session, stored).document
        assert session.exec(select(Upload)).first() is None  # imported files are deleted
    assert stored.created_by == "page:anna@shop.example"
    clicks = next(entry for entry in result["metrics"] if entry["metric"] == "click_rate")
    assert [(row["n"], row["total"]) for row in clicks["variants"]] == [(300, 60), (300, 60)]


def test_invalid_lines_fail_the_job_and_the_files_are_kept(database: Database, settings: Settings) -> None:
    number = enqueue(database, MEMBERS + "u600,a,never\n,b,2026-03-01\n")
    work(database, settings, once=True)
    job = job_of(database, number)
    assert job.state == "failed"
    assert "members.csv has 2 errors" in job.message
    assert [line for line, _ in job.result["lines"]] == [602, 603]
    with database.read() as session:
        assert session.exec(select(Experiment)).first() is None
        assert session.exec(select(Upload)).first() is not None


def test_a_deleted_upload_fails_the_job(database: Database, settings: Settings) -> None:
    number = enqueue(database, MEMBERS)
    with database.write() as session:
        session.delete(session.exec(select(Upload)).one())
    work(database, settings, once=True)
    job = job_of(database, number)
    assert job.state == "failed" and "was deleted" in job.message


def test_a_worker_that_lost_its_job_stores_nothing(database: Database, settings: Settings) -> None:
    """The lease of the first worker expired and a second one claimed the job: only the second import is stored."""
    number = enqueue(database, MEMBERS)
    slow = queue.claim(database, "slow", -1)
    assert slow is not None
    other = queue.claim(database, "other", 60)
    assert other is not None and other.id == number
    perform(database, slow, 60, Stopping())
    with database.read() as session:
        assert session.exec(select(Experiment)).first() is None
        assert session.exec(select(Exposure)).first() is None
    perform(database, other, 60, Stopping())
    with database.read() as session:
        assert len(session.exec(select(Exposure)).all()) == 600
    assert job_of(database, number).state == "done"


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    opened = Database(sqlite_url)
    yield opened
    opened.close()


def test_the_worker_imports_counts(sqlite_database: Database, tmp_path) -> None:
    with sqlite_database.write() as session:
        upload = Upload(name="counts.csv", content=b"variant,members,successes\na,1000,100\nb,1000,160\n")
        session.add(upload)
        session.flush()
        plan = make_plan(kind="counts", key="totals", metrics=["click_rate"]).model_dump(mode="json")
        queue.enqueue(session, "import", payload={"plan": plan, "upload": upload.id, "events_upload": None})
    settings = read_settings(data_dir=tmp_path, database_url=sqlite_database.url)
    assert work(sqlite_database, settings, once=True) == 2
    with sqlite_database.read() as session:
        stored = session.exec(select(Analysis)).one()
    rows = stored.result["metrics"][0]["variants"]
    assert [(row["n"], row["total"]) for row in rows] == [(1000, 100), (1000, 160)]
