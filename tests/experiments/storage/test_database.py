"""Transactions: whose they are, what they keep, and what is said when the store is away."""

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


def test_a_write_is_kept_when_its_block_ends(database):
    with database.write() as session:
        session.add(Namespace(project_id=1, key="homepage", seed="s"))
    assert namespaces(database) == {"homepage"}


def test_a_write_that_raises_leaves_nothing(database):
    with pytest.raises(ZeroDivisionError), database.write() as session:
        session.add(Namespace(project_id=1, key="homepage", seed="s"))
        session.flush()
        _ = 1 / 0
    assert namespaces(database) == set()


def test_what_a_read_changes_is_not_kept(database):
    with database.read() as session:
        session.add(Namespace(project_id=1, key="homepage", seed="s"))
        session.flush()
    assert namespaces(database) == set()


def test_a_read_that_turns_into_a_write_beside_another_writer_waits_its_turn(database):
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


def test_a_time_comes_back_in_utc(database):
    now = utc_now()
    with database.write() as session:
        session.add(Namespace(project_id=1, key="homepage", seed="s", created_at=now))
    with database.read() as session:
        assert session.get(Namespace, (1, "homepage")).created_at == now


def test_a_store_that_is_away_is_called_unavailable_and_nothing_was_written():
    database = Database("postgresql://nobody@127.0.0.1:1/nowhere?connect_timeout=2")
    assert not database.ping()
    with pytest.raises(UnavailableError, match="send it again"), database.read() as session:
        session.exec(select(Namespace)).all()
    database.close()
