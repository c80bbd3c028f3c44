"""Migrations on SQLite and PostgreSQL: up, down, concurrently, and always equal to the tables in the code."""

import threading

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from experiments.definition.model import read_definition
from experiments.errors import ConflictError
from experiments.lifecycle import store
from experiments.storage import schema
from experiments.storage.database import Database
from experiments.storage.tables import DEFAULT_PROJECT_ID, Project, metadata
from tests.web.api.calls import DEFINITION


@pytest.fixture
def empty(empty_database_url):
    database = Database(empty_database_url)
    yield database
    database.close()


def tables_in(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def test_the_migrations_create_exactly_the_tables_of_the_code(empty):
    schema.migrate(empty)
    assert schema.is_current(empty)
    assert schema.drift(empty) == []
    assert tables_in(empty) == set(metadata.tables) | {"alembic_version"}


def test_a_missing_column_is_detected(empty):
    schema.migrate(empty)
    with empty.write_engine.begin() as connection:
        connection.execute(text("ALTER TABLE account DROP COLUMN name"))
    assert any("name" in str(difference) for difference in schema.drift(empty))


def test_an_unknown_index_is_detected(empty):
    schema.migrate(empty)
    with empty.write_engine.begin() as connection:
        connection.execute(text("CREATE INDEX stray ON event (type)"))
    assert "stray" in str(schema.drift(empty))


def test_a_downgrade_removes_all_tables_and_an_upgrade_restores_them(empty):
    schema.migrate(empty)
    schema.migrate(empty, "base")
    assert tables_in(empty) <= {"alembic_version"}
    assert not schema.is_current(empty)
    schema.migrate(empty)
    assert schema.drift(empty) == []


def test_concurrent_starts_migrate_once(empty_database_url):
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


def test_every_constraint_has_a_name():
    nameless = [
        (table.name, type(constraint).__name__)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if not constraint.name
    ]
    assert nameless == []


def test_the_constraints_of_code_and_database_are_equal(database):
    add = text(
        "INSERT INTO account (email, name, password_hash, created_at) "
        "VALUES ('a@example.org', '', 'x', '2026-01-01 00:00:00')"
    )
    with database.write() as session:
        session.execute(add)
    with pytest.raises(IntegrityError, match="email"), database.write() as session:
        session.execute(add)


def test_the_migration_creates_the_default_project(database):
    with database.write() as session:
        (default,) = session.exec(select(Project)).all()
        assert (default.id, default.key) == (DEFAULT_PROJECT_ID, "default")
        session.add(Project(key="shop", name="Shop"))
        session.flush()
        assert session.exec(select(Project.id).where(Project.key == "shop")).one() != DEFAULT_PROJECT_ID


def test_keys_are_unique_in_their_project_only(database):
    with database.write() as session:
        shop = Project(key="shop", name="Shop")
        session.add(shop)
        session.flush()
        definition = read_definition(DEFINITION | {"namespace": {"key": "home", "from": 0, "to": 1}})
        store.create(session, definition, actor="cli")
        theirs = store.create(session, definition, actor="cli", project_id=shop.id)
        assert store.get(session, "spring", shop.id).id == theirs.id != store.get(session, "spring").id
        with pytest.raises(ConflictError):
            store.create(session, definition, actor="cli", project_id=shop.id)
        assert len(store.listing(session)) == len(store.listing(session, project_id=shop.id)) == 1


def test_collect_reads_events_from_the_covering_index_alone(database):
    statement = (
        "SELECT at_us, type, value_micro, received_us, currency, experiment FROM event "
        "WHERE project_id = 1 AND unit = 'u' AND at_us >= 5"
    )
    with database.write_engine.begin() as connection:
        if not database.is_sqlite:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        plan = str(connection.execute(text(explain + statement)).all())
    assert "ix_event_unit_project_id_at_us" in plan
    assert "COVERING INDEX" in plan or "Index Only Scan" in plan
