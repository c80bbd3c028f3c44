"""Transactions: commit, rollback, waiting, and an unreachable database."""

import threading
from datetime import datetime

import pytest
from sqlalchemy.exc import StatementError
from sqlmodel import select

from experiments.errors import UnavailableError
from experiments.storage.database import Database
from experiments.storage.tables import Namespace, utc_now


def namespaces(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.exec(select(Namespace.key)))


def test_a_write_is_committed_at_the_end_of_its_block(database):
    with database.write() as session:
        session.add(Namespace(project_id=1, key="homepage", seed="s"))
    assert namespaces(database) == {"homepage"}


def test_a_write_that_raises_is_rolled_back(database):
    with pytest.raises(ZeroDivisionError), database.write() as session:
        session.add(Namespace(project_id=1, key="homepage", seed="s"))
        session.flush()
        _ = 1 / 0
    assert namespaces(database) == set()


def test_changes_in_a_read_session_are_rolled_back(database):
    with database.read() as session:
        session.add(Namespace(project_id=1, key="homepage", seed="s"))
        session.flush()
    assert namespaces(database) == set()


def test_a_write_waits_for_another_writer(database):
    """Read-then-write transactions from many threads: none fails, none is lost."""
    with database.write() as session:
        session.add(Namespace(project_id=1, key="count", seed="s", holdout_buckets=0))

    def raise_it() -> None:
        for _ in range(10):
            with database.write() as session:
                row = session.exec(select(Namespace).where(Namespace.key == "count").with_for_update()).one()
                row.holdout_buckets += 1
                session.add(row)

    threads = [threading.Thread(target=raise_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with database.read() as session:
        assert session.get(Namespace, (1, "count")).holdout_buckets == 60


def test_a_time_without_a_zone_is_refused(database):
    with pytest.raises(StatementError), database.write() as session:
        session.add(Namespace(project_id=1, key="homepage", seed="s", created_at=datetime(2026, 1, 1)))


def test_a_time_is_read_in_utc(database):
    now = utc_now()
    with database.write() as session:
        session.add(Namespace(project_id=1, key="homepage", seed="s", created_at=now))
    with database.read() as session:
        assert session.get(Namespace, (1, "homepage")).created_at == now


def test_an_unreachable_database_is_unavailable():
    database = Database("postgresql://nobody@127.0.0.1:1/nowhere?connect_timeout=2")
    assert not database.ping()
    with pytest.raises(UnavailableError, match="Nothing was written"), database.read() as session:
        session.exec(select(Namespace)).all()
    database.close()
