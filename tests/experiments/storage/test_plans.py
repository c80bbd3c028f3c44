"""The query plans on SQLite of the reads that run often: the newest events, not all events of the project."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event

from experiments.jobs import schedule
from experiments.storage.database import Database
from experiments.storage.tables import Experiment, Run
from web.pages.results import state

CUT_OFF = datetime(2026, 1, 2, tzinfo=UTC)


@contextmanager
def event_plans(database: Database) -> Iterator[list[str]]:
    """Collect the plan of every statement on the table of events."""
    plans: list[str] = []

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "event." in statement:
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            plans.append("; ".join(row[3] for row in rows))

    event.listen(database.engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(database.engine, "before_cursor_execute", explain)


@pytest.fixture
def sqlite(sqlite_url: str) -> Database:
    """SQLite alone: PostgreSQL chooses a plan by the number of rows, and the table is empty."""
    return Database(sqlite_url)


def test_the_schedule_reads_the_newest_events_by_arrival_without_sorting(sqlite):
    with event_plans(sqlite) as plans, sqlite.read() as session:
        schedule.has_new_data(session, Experiment(project_id=1, key="spring"), 1, 5, needed=100, now_us=10)
    assert_newest_first(plans)


def test_the_results_page_reads_the_newest_events_by_arrival_without_sorting(sqlite):
    answer: Any = SimpleNamespace(heading=SimpleNamespace(cut_off=CUT_OFF.isoformat()))
    with event_plans(sqlite) as plans, sqlite.read() as session:
        state.newer_data(session, Experiment(project_id=1, key="spring"), Run(id=1), answer, CUT_OFF)
    assert_newest_first(plans)


def assert_newest_first(plans: list[str]) -> None:
    (plan,) = plans
    assert "SEARCH event USING INDEX ix_event_received_us (received_us>? AND received_us<?)" in plan
    assert "ORDER BY" not in plan
