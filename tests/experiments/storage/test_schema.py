"""Migrations on real databases of both kinds: up, down, at once from two sides, and never apart from the tables."""

import threading

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from experiments.storage import schema
from experiments.storage.database import Database
from experiments.storage.tables import metadata


@pytest.fixture
def empty(empty_database_url):
    database = Database(empty_database_url)
    yield database
    database.close()


def tables_in(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def test_the_migrations_make_exactly_the_tables_of_the_code(empty):
    schema.migrate(empty)
    assert schema.is_current(empty)
    assert schema.drift(empty) == []
    assert tables_in(empty) == set(metadata.tables) | {"alembic_version"}


def test_a_table_that_lacks_a_column_is_noticed(empty):
    schema.migrate(empty)
    with empty.write_engine.begin() as connection:
        connection.execute(text("ALTER TABLE account DROP COLUMN name"))
    assert any("name" in str(difference) for difference in schema.drift(empty))


def test_an_index_that_the_code_does_not_know_is_noticed(empty):
    schema.migrate(empty)
    with empty.write_engine.begin() as connection:
        connection.execute(text("CREATE INDEX stray ON event (type)"))
    assert "stray" in str(schema.drift(empty))


def test_going_down_leaves_nothing_and_going_up_again_is_whole(empty):
    schema.migrate(empty)
    schema.migrate(empty, "base")
    assert tables_in(empty) <= {"alembic_version"}
    assert not schema.is_current(empty)
    schema.migrate(empty)
    assert schema.drift(empty) == []


def test_two_starters_at_once_migrate_once(empty_database_url):
    failed: list[BaseException] = []

    def start() -> None:
        database = Database(empty_database_url)
        try:
            schema.migrate(database)
        except BaseException as error:
            failed.append(error)
        finally:
            database.close()

    starters = [threading.Thread(target=start) for _ in range(3)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(60)
    assert failed == []
    database = Database(empty_database_url)
    assert schema.is_current(database)
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM configuration_version")).scalar() == 1
    database.close()


def test_every_constraint_has_a_name_for_batch_migrations_need_it():
    nameless = [
        (table.name, type(constraint).__name__)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if not constraint.name
    ]
    assert nameless == []


def test_the_constraints_of_the_code_are_those_of_the_database(database):
    add = text(
        "INSERT INTO account (email, name, role, password_hash, created_at) "
        "VALUES ('a@example.org', '', 'analyst', 'x', '2026-01-01 00:00:00')"
    )
    with database.write() as session:
        session.execute(add)
    with pytest.raises(IntegrityError, match="email"), database.write() as session:
        session.execute(add)
