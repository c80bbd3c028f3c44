"""The write path on both databases: exact counts, the first exposure wins, an invalid request fails alone."""

import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from experiments.assignment.exposure import ExposureRow, Offer
from experiments.errors import TooManyRequestsError, UnavailableError
from experiments.ingestion import exposures
from experiments.ingestion.events import bulk_insert as bulk_insert_events
from experiments.ingestion.exposures import KnownExposures
from experiments.ingestion.group_commit import Group
from experiments.ingestion.rows import EventRow
from experiments.ingestion.writer import Appended, Writer
from experiments.storage.database import Database
from experiments.storage.tables import Experiment, Run

NOW = 1_764_000_000_000_000


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    with database.write() as session:
        experiment = Experiment(
            project_id=1, key="e", name="E", primary_metric="click_rate", metrics=[], guardrails=[],
            segments=[], currency="EUR",
            traffic_seed="t",
        )  # fmt: skip
        session.add(experiment)
        session.flush()
        session.add(Run(id=1, experiment_id=experiment.id, number=1, seed="s", allocation=[["a", 1.0, 10000]]))
    writer = Writer(database)
    yield writer
    writer.close()


def event(event_id: str, **fields) -> EventRow:
    return EventRow(
        **({"project_id": 1, "id": event_id, "unit": "u", "type": "click", "at_us": NOW, "received_us": NOW} | fields)
    )


def shown(unit: str, variant: str = "a", run: int = 1) -> ExposureRow:
    return ExposureRow(1, run, unit, variant, NOW, NOW)


def rows(database: Database, query: str) -> list[tuple]:
    with database.read() as session:
        return [tuple(row) for row in session.execute(text(query))]


def test_a_repeated_event_is_a_duplicate(writer, database):
    assert writer.append_events([event("1"), event("2"), event("1")]) == Appended(2, 1)
    assert writer.append_events([event("2", unit="other"), event("3")]) == Appended(1, 1)
    assert rows(database, "SELECT id, unit FROM event ORDER BY id") == [("1", "u"), ("2", "u"), ("3", "u")]


@pytest.mark.parametrize("count", [1, 47, 48, 500])
def test_every_column_arrives_whatever_the_size_of_the_call(writer, database, count):
    given = [
        event(f"{number:03}", value_micro=number, currency="EUR", experiment="e", properties='{"ä": "\\\\\\t,\\"x\\""}')
        for number in range(count)
    ]
    assert writer.append_events(given) == Appended(count, 0)
    assert writer.append_events(given) == Appended(0, count)
    with database.read() as session:
        stored = session.execute(text(f"SELECT {', '.join(EventRow._fields[:9])} FROM event ORDER BY id")).all()
        assert [tuple(row) for row in stored] == [row[:9] for row in given]
        from sqlmodel import select

        from experiments.storage.tables import Event

        assert all(kept.properties == {"ä": '\\\t,"x"'} for kept in session.exec(select(Event)))


def test_the_first_exposure_wins(writer, database):
    assert [(kept.variant, kept.new) for kept in writer.record_exposures([shown("u", "a")])] == [("a", True)]
    other = Writer(database)  # another process: it knows nothing of the first one's memory
    answered = other.record_exposures([shown("u", "b"), shown("v", "b"), shown("v", "a")])
    other.close()
    assert [(kept.variant, kept.new) for kept in answered] == [("a", False), ("b", True), ("b", False)]
    assert rows(database, "SELECT unit, variant FROM exposure ORDER BY unit") == [("u", "a"), ("v", "b")]


def test_recorded_exposures_are_found_without_writing(writer, database):
    assert writer.recorded([(1, "u")]) == {}
    bystander = Writer(database)
    bystander.record_exposures([shown("u")])
    bystander.close()
    assert writer.recorded([(1, "u"), (1, "w")])[(1, "u")].variant == "a"
    assert (1, "w") not in writer.recorded([(1, "w")])


def test_a_different_reported_variant_excludes_the_unit(writer, database):
    offers = [Offer(shown("u", "a"), reported="b", event_id="1"), Offer(shown("v", "a"), reported="a", event_id="2")]
    writer.append_events([event("1", type="exposure"), event("2", type="exposure", unit="v")], offers)
    assert rows(database, "SELECT unit, variant FROM multi_exposure") == [("u", "b")]
    assert rows(database, "SELECT count(*) FROM exposure") == [(2,)]


def test_an_ineligible_first_exposure_excludes_the_unit(writer, database):
    writer.record_exposures([shown("member")])
    offers = [Offer(shown("member"), "a", False, "1"), Offer(shown("stranger"), "a", False, "2")]
    writer.append_events([event("1"), event("2")], offers)
    assert rows(database, "SELECT unit FROM multi_exposure") == [("stranger",)]


def test_the_exposure_of_a_duplicate_event_is_a_duplicate(writer, database):
    writer.append_events([event("1")])
    writer.append_events([event("1", type="exposure", unit="x")], [Offer(shown("x"), event_id="1")])
    assert rows(database, "SELECT count(*) FROM exposure") == [(0,)]


def test_concurrent_repeats_from_two_processes_are_counted_once(writer, database):
    other = Writer(database)
    counted: list[Appended] = []

    def send(to: Writer, turn: int) -> None:
        batch = [event(f"{number}") for number in range(200)]
        counted.append(to.append_events(batch[turn:] + batch[:turn]))

    threads = [threading.Thread(target=send, args=((writer, other)[turn % 2], turn * 17)) for turn in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    other.close()
    assert sum(appended.accepted for appended in counted) == 200
    assert sum(appended.duplicates for appended in counted) == 7 * 200
    assert rows(database, "SELECT count(*) FROM event") == [(200,)]


def test_a_request_that_cannot_be_written_fails_alone(writer, database):
    results: dict[str, object] = {}

    def send(name: str, row: EventRow) -> None:
        try:
            results[name] = writer.append_events([row])
        except Exception as error:
            results[name] = error

    gate = threading.Event()
    original = writer._commit

    def slow(tickets):
        gate.wait(10)
        return original(tickets)

    writer._commit = slow  # holds the first round back, so that the others share the second
    first = threading.Thread(target=send, args=("first", event("first")))
    first.start()
    while not writer._writes._rows:
        time.sleep(0.001)
    time.sleep(0.05)
    broken = event("broken", properties='{"half": "\ud800"}')
    crowd = [threading.Thread(target=send, args=(name, event(name))) for name in ("one", "two")]
    crowd.append(threading.Thread(target=send, args=("broken", broken)))
    for thread in crowd:
        thread.start()
    time.sleep(0.1)
    gate.set()
    for thread in [first, *crowd]:
        thread.join(30)
    assert isinstance(results.pop("broken"), UnicodeEncodeError)
    assert results == {"first": Appended(1, 0), "one": Appended(1, 0), "two": Appended(1, 0)}
    assert rows(database, "SELECT id FROM event ORDER BY id") == [("first",), ("one",), ("two",)]


def test_an_unavailable_database_acknowledges_nothing_and_recovers(tmp_path, sqlite_url):
    database = Database(sqlite_url)
    writer = Writer(database)
    writer.append_events([event("1")])
    with database.write() as session:
        session.execute(text("ALTER TABLE event RENAME TO hidden"))
    with pytest.raises(UnavailableError, match="Nothing was written"):
        writer.append_events([event("2")])
    with database.write() as session:
        session.execute(text("ALTER TABLE hidden RENAME TO event"))
    assert writer.append_events([event("2"), event("1")]) == Appended(1, 1)
    writer.close()
    database.close()


def test_a_closed_postgresql_connection_is_reopened(postgres_url):
    database = Database(postgres_url)
    writer = Writer(database)
    writer.append_events([event("1")])
    others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    with database.engine.connect() as connection:
        connection.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
    with pytest.raises(UnavailableError):
        writer.append_events([event("2")])
    assert writer.append_events([event("2"), event("1")]) == Appended(1, 1)
    writer.close()
    database.close()


def test_a_full_queue_refuses_requests():
    gate = threading.Event()

    def work(tickets):
        gate.wait(10)
        for ticket in tickets:
            ticket.answer = True

    group = Group(work, waiting_rows=10)
    waiting = threading.Thread(target=group.join, args=("one", 8))
    waiting.start()
    while not group._rows:
        time.sleep(0.001)
    with pytest.raises(TooManyRequestsError) as refused:
        group.join("two", 8)
    assert refused.value.retry_after == 1
    gate.set()
    waiting.join(10)
    assert group.join("three", 8) is True
    group.close()
    with pytest.raises(UnavailableError):
        group.join("four")


def test_bulk_inserts_count_new_rows_in_the_callers_transaction(writer, database):
    with database.write() as session:
        assert bulk_insert_events(session, [event("b", properties={"x": 1}), event("a"), event("b")]) == 2
        assert bulk_insert_events(session, [event("a"), event("c")]) == 1
        assert exposures.bulk_insert(session, [shown("u"), shown("u", "b"), shown("v")]) == 2
    with pytest.raises(RuntimeError), database.write() as session:
        bulk_insert_events(session, [event(f"{number}") for number in range(100)])
        raise RuntimeError
    for write in (lambda s: bulk_insert_events(s, [event("x")]), lambda s: exposures.bulk_insert(s, [shown("x")])):
        with pytest.raises(RuntimeError), database.write() as session:
            assert write(session) == 1
            raise RuntimeError
    assert rows(database, "SELECT id FROM event ORDER BY id") == [("a",), ("b",), ("c",)]
    assert rows(database, "SELECT unit, variant FROM exposure ORDER BY unit") == [("u", "a"), ("v", "a")]


NASTY = ['"', "\\", "{}", "a,b", "NULL", "", " x ", "ü🌿", "it's", "\\t\n", '\\"', "$1"]


def test_any_text_is_stored_unchanged(writer, database):
    units = [f"u{text}" for text in NASTY]
    assert [kept.new for kept in writer.record_exposures([shown(unit, "a") for unit in units])] == [True] * len(units)
    other = Writer(database)
    assert set(other.recorded([(1, unit) for unit in units])) == {(1, unit) for unit in units}
    assert writer.append_events(
        [event(f"i{text}", unit=f"u{text}", type=f"t{text}") for text in NASTY]
    ).accepted == len(NASTY)
    other.close()
    assert {row[0] for row in rows(database, "SELECT unit FROM exposure")} == set(units)
    assert set(rows(database, "SELECT id, type FROM event")) == {(f"i{text}", f"t{text}") for text in NASTY}


def test_postgresql_refuses_a_nul_character(postgres_url):
    database = Database(postgres_url)
    writer = Writer(database)
    with pytest.raises(Exception, match="NUL"):
        writer.append_events([event("1", unit="a\x00b")])
    assert rows(database, "SELECT count(*) FROM event") == [(0,)]
    writer.close()
    database.close()


def test_the_exposure_cache_is_bounded_and_keeps_used_entries():
    known = KnownExposures(size=10)
    known.put(1, "kept", "a", "randomised")
    for number in range(100):
        known.put(1, f"u{number}", "b", "randomised")
        assert known.get(1, "kept").variant == "a"
    assert known.get(1, "u0") is None
    assert len(known._young) + len(known._old) <= 20


@pytest.mark.parametrize("count", [1, 60])
def test_an_event_id_is_unique_in_its_project_only(writer, database, count):
    given = [event(f"{number}", project_id=project) for number in range(count) for project in (1, 2)]
    assert writer.append_events(given) == Appended(2 * count, 0)
    assert writer.append_events(given[1::2]) == Appended(0, count)
    stored = rows(database, "SELECT project_id, count(*) FROM event GROUP BY project_id ORDER BY project_id")
    assert stored == [(1, count), (2, count)]
