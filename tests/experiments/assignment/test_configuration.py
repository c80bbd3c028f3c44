"""The configuration cache: its content, its reload after a change, and its use while the database is unavailable."""

import threading
import time

import pytest
from sqlalchemy import text

from experiments.assignment.configuration import Configuration, ConfigurationCache, load, read_version, touch
from experiments.assignment.exposure import segment_attributes
from experiments.errors import UnavailableError
from experiments.lifecycle import store, transitions
from experiments.people.api_keys import create_key, hash_key, list_keys, revoke_key
from experiments.storage.database import Database
from tests.web.api.calls import make_experiment


def test_it_holds_what_assignment_needs(database):
    make_experiment(database, targeting={"attribute": "country", "in": ["DE"]}, traffic=0.25)
    make_experiment(database, key="draft", launched=False)
    make_experiment(database, key="old")
    with database.write() as session:
        transitions.stop(session, store.get(session, "old"), actor="cli")
        transitions.archive(session, store.get(session, "old"), actor="cli")
    with database.read() as session:
        held = load(session)
    live = held.of(1).experiments["spring"]
    assert [variant.key for variant in live.variants] == ["a", "b"]
    assert live.variants[1].content["headline"] == "B"
    assert (live.edges, live.traffic_buckets, live.run_number, live.state) == ((5000, 10_000), 2500, 1, "running")
    assert live.matches({"country": "DE"}) and not live.matches({"country": "FR"})
    assert held.of(1).experiments["draft"].run_id is None
    old = held.of(1).experiments["old"]
    assert (old.state, dict(old.variant_of)) == ("archived", {})
    assert [(variant.key, variant.content) for variant in old.variants] == [("a", {}), ("b", {})]
    assert [one.key for one in held.of(1).open] == ["spring"]
    assert len({live.seed, live.traffic_seed}) == 2


def test_created_and_revoked_keys_are_loaded(database):
    with database.write() as session:
        plain = create_key(session, kind="server", name="shop", actor="cli")
    with database.read() as session:
        identity = load(session).keys[hash_key(plain)]
    assert (identity.name, identity.kind) == ("shop", "server")
    with database.write() as session:
        revoke_key(session, list_keys(session)[0].id, actor="cli")
    with database.read() as session:
        assert load(session).keys == {}


def test_a_change_reloads_the_snapshot(database, monkeypatch):
    loads: list[Configuration] = []

    def counted(session):
        loads.append(load(session))
        return loads[-1]

    monkeypatch.setattr("experiments.assignment.configuration.load", counted)
    cache = ConfigurationCache(database, 0.02)
    first = cache.current()
    time.sleep(0.03)
    assert cache.current() is first
    assert len(loads) == 1
    with database.write() as session:
        touch(session)
    time.sleep(0.03)
    assert cache.current() is not first
    assert cache.current().version == first.version + 1
    assert len(loads) == 2


def test_a_change_that_is_rolled_back_is_ignored(database):
    with database.read() as session:
        before = read_version(session)
    with pytest.raises(RuntimeError), database.write() as session:
        touch(session)
        raise RuntimeError
    with database.read() as session:
        assert read_version(session) == before


def test_an_invalid_targeting_disables_only_its_experiment(database):
    make_experiment(database)
    make_experiment(database, key="broken")
    with database.write() as session:
        broken = store.get(session, "broken")
        broken.targeting = {"nonsense": 1}
        session.add(broken)
    with database.read() as session:
        held = load(session)
    assert [one.key for one in held.of(1).open] == ["spring"]
    assert held.of(1).experiments["broken"].state == "unreadable"


def test_the_last_snapshot_is_used_while_the_database_is_unavailable(sqlite_url):
    database = Database(sqlite_url)
    cache = ConfigurationCache(database, 0.01)
    first = cache.current()
    with database.write() as session:
        session.execute(text("ALTER TABLE configuration_version RENAME TO away"))
    time.sleep(0.02)
    assert cache.current() is first
    with pytest.raises(UnavailableError):
        ConfigurationCache(database, 0.01).current()
    database.close()


def test_one_thread_checks_while_the_others_use_their_snapshot(sqlite_url, monkeypatch):
    database = Database(sqlite_url)
    cache = ConfigurationCache(database, 0.5)
    first = cache.current()
    gate, looking = threading.Event(), threading.Event()

    def slow(session):
        looking.set()
        gate.wait(10)
        return first.version

    monkeypatch.setattr("experiments.assignment.configuration.read_version", slow)
    cache._checked_at -= 0.6
    looker = threading.Thread(target=cache.current)
    looker.start()
    assert looking.wait(5)
    began = time.perf_counter()
    assert cache.current() is first
    assert time.perf_counter() - began < 0.3
    gate.set()
    looker.join(10)
    database.close()


def test_the_covariates_attribute_is_stored_with_the_segments(database):
    make_experiment(database, segments=["country"], covariate={"attribute": "history"})
    make_experiment(database, key="other", segments=["history"], covariate={"attribute": "history"})
    with database.read() as session:
        held = load(session).of(1).experiments
    assert (held["spring"].segments, held["other"].segments) == (("country", "history"), ("history",))
    attributes = {"country": "DE", "history": 12.5, "name": "Ada"}
    assert segment_attributes(attributes, held["spring"].segments) == '{"country":"DE","history":12.5}'
