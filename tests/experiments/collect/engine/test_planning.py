"""PostgreSQL knows how large the tables are before a query over them is planned."""

from experiments.collect.engine.planning import ensure_statistics
from experiments.collect.engine.source import connect
from experiments.ingestion.events import bulk_insert
from experiments.ingestion.rows import EventRow
from experiments.storage.database import Database


def test_tables_without_statistics_are_analysed_once(postgres_url: str) -> None:
    database = Database(postgres_url)
    with database.write() as session:
        rows = [EventRow(1, f"e{number}", f"u{number}", "view", number, number, None, None) for number in range(50)]
        bulk_insert(session, rows)
    database.close()
    backend = connect(postgres_url)
    assert "event" in ensure_statistics(backend)
    assert "event" not in ensure_statistics(backend)
    backend.disconnect()


def test_sqlite_needs_none(sqlite_url: str) -> None:
    backend = connect(sqlite_url)
    assert ensure_statistics(backend) == []
    backend.disconnect()
