"""Edits: partial, with stable ids, and frozen for content that members have seen."""

from datetime import UTC, datetime, timedelta

import pytest

from experiments.definition.model import read_definition, read_patch
from experiments.errors import ConflictError, InvalidError
from experiments.lifecycle import editing, store, transitions
from experiments.lifecycle.document import definition_of, document_of, timestamp
from tests.definitions import definition


@pytest.fixture
def draft(database):
    raw = definition(hypothesis="Numbers help.", segments=["country"])
    raw["variants"][0]["cost"] = {"fixed": 5, "currency": "EUR"}
    with database.write() as session:
        store.create(session, read_definition(raw), actor="cli")
    return "spring"


@pytest.fixture
def running(database, draft):
    with database.write() as session:
        transitions.launch(session, store.get(session, draft), actor="cli")
    return draft


def edit(database, key, change, **options):
    with database.write() as session:
        experiment = store.get(session, key)
        editing.patch(session, experiment, read_patch(change), actor="api:test", **options)
        return document_of(session, experiment)


def refused(database, key, change, error=ConflictError, **options):
    before = document(database, key)
    with pytest.raises(error) as caught:
        edit(database, key, change, **options)
    assert document(database, key) == before, "something was half-written"
    return caught.value


def document(database, key="spring"):
    with database.read() as session:
        return document_of(session, store.get(session, key))


def ids(database):
    with database.read() as session:
        return {variant.key: variant.id for variant in store.variants_of(session, store.get(session, "spring"))}


def test_an_edit_of_one_field_leaves_all_others(database, draft):
    before, same_ids = document(database), ids(database)
    after = edit(database, draft, {"name": "New name"})
    assert after == before | {"name": "New name", "revision": 2}
    assert ids(database) == same_ids


def test_an_edit_of_one_line_of_content_leaves_the_rest(database, draft):
    same_ids = ids(database)
    edit(database, draft, {"variants": [{"key": "b", "content": {"cta": "Look"}}]})
    after = edit(database, draft, {"variants": [{"key": "b", "content": {"body": "More"}, "name": "B"}]})
    assert after["variants"][1] == {
        "key": "b", "name": "B", "control": False, "weight": 0.5, "cost": None,
        "content": {"headline": "Twelve things that bloom", "cta": "Look", "body": "More"},
    }  # fmt: skip
    assert after["variants"][0]["cost"] == {"fixed": 5.0, "per_thousand": 0.0, "currency": "EUR"}
    assert ids(database) == same_ids


def test_variants_are_added_and_removed_in_a_draft_and_the_others_keep_their_ids(database, draft):
    before = ids(database)
    change = {"variants": [{"key": "a", "weight": 0.2}, {"key": "c", "weight": 0.3, "content": {"headline": "C"}}]}
    assert [variant["key"] for variant in edit(database, draft, change)["variants"]] == ["a", "b", "c"]
    change = {"variants": [{"key": "b", "remove": True}, {"key": "c", "weight": 0.8}]}
    after = edit(database, draft, change)
    assert [(variant["key"], variant["weight"]) for variant in after["variants"]] == [("a", 0.2), ("c", 0.8)]
    assert ids(database)["a"] == before["a"]


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"variants": [{"key": "b", "weight": 0.7}]}, "variants", "add up to 1.2"),
        ({"variants": [{"key": "b", "remove": True}]}, "variants", "at least 2"),
        ({"variants": [{"key": "z", "remove": True}]}, "variants.0.key", "cannot be removed"),
        ({"variants": [{"key": "a", "control": False}]}, "variants", "No variant is the control"),
        ({"variants": [{"key": "b", "content": {"link_url": "javascript:x"}}]}, "variants.1.content.link_url", "safe"),
        ({"variants": [{"key": "b", "cost": {"currency": "USD"}}]}, "variants.1.cost.currency", "to EUR"),
        ({"currency": "USD"}, "variants.0.cost.currency", "convert the amounts to USD"),
        ({"guardrails": ["sticky_rate"]}, "guardrails", "primary metric"),
    ],
)
def test_an_invalid_edit_changes_nothing(database, draft, change, path, words):
    error = refused(database, draft, change, InvalidError)
    assert words in error.fields[path]


def test_the_currency_changes_together_with_the_amounts(database, draft):
    cost = {"fixed": 6, "currency": "USD"}
    after = edit(database, draft, {"currency": "USD", "variants": [{"key": "a", "cost": cost}]})
    assert after["currency"] == after["variants"][0]["cost"]["currency"] == "USD"


def test_null_removes_an_optional_field(database, draft):
    change = {"targeting": {"attribute": "a", "equals": 1}, "namespace": {"key": "home"}, "planned_days": 7}
    assert edit(database, draft, change)["namespace"] == {"key": "home", "from": 0.0, "to": 1.0}
    after = edit(database, draft, {"targeting": None, "namespace": None, "planned_days": None})
    assert after["targeting"] is after["namespace"] is after["planned_days"] is None


def test_a_stale_edit_is_refused(database, draft):
    edit(database, draft, {"name": "First"}, revision=1)
    error = refused(database, draft, {"name": "Second"}, revision=1)
    assert error.code == "stale_revision"
    assert edit(database, draft, {"name": "Second"}, revision=2)["revision"] == 3


@pytest.mark.parametrize(
    "change",
    [
        {"primary_metric": "click_rate"},
        {"metrics": ["orders"]},
        {"guardrails": []},
        {"targeting": {"attribute": "a", "equals": 1}},
        {"namespace": {"key": "home"}},
        {"window_days": 8},
        {"segments": []},
        {"currency": "USD"},
        {"planned_days": 3},
        {"minimum_members": 5},
        {"threshold_of_caring": 0.1},
        {"traffic": 0.5},
        {"starts_at": "2030-01-01T00:00:00Z"},
        {"variants": [{"key": "b", "content": {"headline": "Other"}}]},
        {"variants": [{"key": "b", "cost": {"fixed": 1}}]},
        {"variants": [{"key": "a", "control": False}, {"key": "b", "control": True}]},
        {"variants": [{"key": "c", "weight": 0.1}]},
        {"variants": [{"key": "b", "remove": True}]},
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_content_that_members_saw_is_frozen(database, running, change):
    error = refused(database, running, change)
    assert error.code == "frozen"
    assert all(path.startswith(next(iter(change))) for path in error.fields)


def test_names_more_traffic_and_the_end_can_change_while_running(database, draft):
    edit(database, draft, {"traffic": 0.1})
    with database.write() as session:
        transitions.launch(session, store.get(session, draft), actor="cli")
    end = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    change = {"name": "N", "hypothesis": "H", "traffic": 0.2, "ends_at": end.isoformat(),
              "variants": [{"key": "b", "name": "Bee"}]}  # fmt: skip
    before, after = document(database), edit(database, draft, change)
    assert (after["name"], after["hypothesis"], after["traffic"]) == ("N", "H", 0.2)
    assert after["variants"][1]["name"] == "Bee" and after["ends_at"] == timestamp(end)
    assert after["run"] == before["run"], "no new run for harmless edits"
    assert "only increase" in refused(database, draft, {"traffic": 0.19}).detail
    refused(database, draft, {"ends_at": "2020-01-01T00:00:00Z"}, InvalidError)


def test_a_frozen_field_with_its_stored_value_is_no_change(database, running):
    assert edit(database, running, {"window_days": 7, "segments": ["country"], "name": "N"})["name"] == "N"


def test_changed_weights_start_a_new_run_with_a_new_seed(database, running):
    first = document(database)["run"]
    after = edit(database, running, {"variants": [{"key": "a", "weight": 0.1}, {"key": "b", "weight": 0.9}]})
    assert after["run"]["number"] == after["runs"] == 2
    assert after["run"]["seed"] != first["seed"]
    assert [row["upper_edge"] for row in after["run"]["allocation"]] == [1000, 10000]
    with database.read() as session:
        runs = store.runs_of(session, store.get(session, running))
    assert runs[0].ended_at == runs[1].started_at
    assert [row[1] for row in runs[0].allocation] == [0.5, 0.5], "the first run keeps its own allocation"


def test_a_new_run_needs_known_variants_whose_weights_add_up(database, running):
    with database.write() as session:
        experiment = store.get(session, running)
        with pytest.raises(InvalidError, match="not a variant"):
            editing.new_run(session, experiment, {"z": 1.0}, actor="cli")
        with pytest.raises(InvalidError, match="add up to 0.6"):
            editing.new_run(session, experiment, {"a": 0.1}, actor="cli")
        assert editing.new_run(session, experiment, {"a": 0.1, "b": 0.9}, actor="cli").number == 2
        transitions.stop(session, experiment, actor="cli")
        with pytest.raises(ConflictError, match="is stopped"):
            editing.new_run(session, experiment, {"a": 0.5, "b": 0.5}, actor="cli")


def test_an_archived_experiment_keeps_its_record(database, draft):
    with database.write() as session:
        transitions.archive(session, store.get(session, draft), actor="cli")
    assert refused(database, draft, {"name": "Other"}).code == "frozen"


def test_a_form_sends_the_whole_definition(database, draft):
    before = ids(database)
    raw = definition(name="Form")
    raw["variants"] = [raw["variants"][1] | {"weight": 0.4}, raw["variants"][0] | {"weight": 0.4},
                       {"key": "c", "weight": 0.2}]  # fmt: skip
    with database.write() as session:
        experiment = store.get(session, draft)
        editing.revise(session, experiment, read_definition(raw), actor="cli", revision=1)
        after = document_of(session, experiment)
    assert after["name"] == "Form" and after["hypothesis"] == "" and after["segments"] == []
    assert {variant["key"]: variant["weight"] for variant in after["variants"]} == {"a": 0.4, "b": 0.4, "c": 0.2}
    assert {key: value for key, value in ids(database).items() if key != "c"} == before
    raw["variants"] = [raw["variants"][0] | {"weight": 0.5}, raw["variants"][1] | {"weight": 0.5}]
    with database.write() as session:
        editing.revise(session, store.get(session, draft), read_definition(raw), actor="cli")
    assert set(ids(database)) == {"a", "b"}


def test_a_form_of_a_running_experiment_can_change_only_the_name(database, running):
    with database.write() as session:
        experiment = store.get(session, running)
        whole = definition_of(session, experiment)
        editing.revise(session, experiment, whole.model_copy(update={"name": "N"}), actor="cli")
        assert experiment.name == "N" and len(store.runs_of(session, experiment)) == 1
        with pytest.raises(ConflictError, match="window_days"):
            editing.revise(session, experiment, whole.model_copy(update={"window_days": 9}), actor="cli")


def test_a_cost_written_another_way_is_no_change(database, running):
    same = [{"key": "a", "cost": {"fixed": "5.00"}}, {"key": "b", "cost": {"fixed": 0}}]
    assert edit(database, running, {"variants": same})["revision"] == 3
    other = [{"key": "a", "cost": {"fixed": "5.01"}}]
    assert "variants.0.cost" in refused(database, running, {"variants": other}).fields
