"""The shared fixtures give what the other tests build on."""

from sqlalchemy import inspect, text

from experiments.storage.database import Database
from experiments.storage.schema import is_current


def test_each_test_gets_a_fresh_migrated_database_on_both_engines(database, engine_name):
    assert is_current(database)
    assert database.engine.dialect.name == engine_name
    with database.write() as session:
        session.execute(text("CREATE TABLE left_over (id INTEGER)"))


def test_nothing_of_another_test_is_in_it(database):
    assert "left_over" not in inspect(database.engine).get_table_names()


def test_an_empty_database_has_no_tables(empty_database_url):
    database = Database(empty_database_url)
    assert inspect(database.engine).get_table_names() == []
    database.close()
