"""Namespaces: live experiments never share a member, and the holdout never moves one."""

import threading

import pytest

from experiments.definition.model import read_definition, read_patch
from experiments.errors import ConflictError, InvalidError, NotFoundError
from experiments.lifecycle import editing, namespaces, store, transitions
from tests.definitions import definition


def place(session, key, start, end, namespace="home"):
    raw = definition(key=key, namespace={"key": namespace, "from": start, "to": end})
    return store.create(session, read_definition(raw), actor="cli")


def launch(session, *arguments):
    experiment = place(session, *arguments)
    return transitions.launch(session, experiment, actor="cli")


def test_adjacent_ranges_are_free_and_overlapping_ones_are_not(database):
    with database.write() as session:
        launch(session, "left", 0.0, 0.3)
        launch(session, "right", 0.6, 1.0)
        launch(session, "elsewhere", 0.0, 1.0, "checkout")
        middle = place(session, "middle", 0.25, 0.6)
        with pytest.raises(ConflictError) as caught:
            transitions.launch(session, middle, actor="cli")
        assert caught.value.code == "namespace_taken"
        assert "left (0 to 0.3)" in caught.value.detail and "0.3 to 0.6" in caught.value.detail
        editing.patch(session, middle, read_patch({"namespace": {"key": "home", "from": 0.3, "to": 0.6}}), actor="cli")
        assert transitions.launch(session, middle, actor="cli").state == "running"


def test_a_paused_experiment_keeps_its_range_and_a_stopped_one_frees_it(database):
    with database.write() as session:
        first, second = launch(session, "first", 0.0, 1.0), place(session, "second", 0.5, 1.0)
        transitions.pause(session, first, actor="cli")
        blocking = [check for check in transitions.checklist(session, second) if check.blocking and not check.ok]
        assert [check.key for check in blocking] == ["namespace"]
        assert "No range is free" in blocking[0].detail
        transitions.stop(session, first, actor="cli")
        assert transitions.launch(session, second, actor="cli").state == "running"


def test_one_of_concurrent_launches_into_a_range_succeeds(database):
    with database.write() as session:
        for number in range(4):
            place(session, f"e{number}", 0.0, 0.5)
    outcomes = []

    def start(key):
        try:
            with database.write() as session:
                transitions.launch(session, store.get(session, key), actor="cli")
            outcomes.append("running")
        except ConflictError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=start, args=(f"e{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["namespace_taken"] * 3 + ["running"]


def test_each_namespace_has_its_own_seed(database):
    with database.write() as session:
        place(session, "one", 0, 1, "home")
        place(session, "two", 0, 1, "checkout")
        assert len({row.seed for row in namespaces.listing(session)}) == 2


def test_the_holdout_never_moves_members_of_a_live_experiment(database):
    with database.write() as session:
        assert namespaces.set_holdout(session, "home", 0.1, actor="cli").holdout_buckets == 1000
        low = launch(session, "low", 0.0, 0.8)
        assert namespaces.set_holdout(session, "home", 0.2, actor="cli").holdout_buckets == 2000
        with pytest.raises(ConflictError, match="low") as caught:
            namespaces.set_holdout(session, "home", 0.3, actor="cli")
        assert caught.value.code == "holdout_in_use"
        transitions.stop(session, low, actor="cli")
        assert namespaces.set_holdout(session, "home", 0.3, actor="cli").holdout_buckets == 3000


@pytest.mark.parametrize("share", [-0.1, 0.51, float("nan"), True])
def test_a_holdout_out_of_bounds_is_refused(database, share):
    with database.write() as session, pytest.raises(InvalidError, match="0 to 0.5"):
        namespaces.set_holdout(session, "home", share, actor="cli")


def test_an_unknown_namespace_is_not_found(database):
    with database.read() as session, pytest.raises(NotFoundError, match="nope"):
        namespaces.get(session, "nope")
