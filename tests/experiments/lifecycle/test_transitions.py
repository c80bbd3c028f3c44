"""Transitions: possible actions by state, their records, the schedule and the launch checklist."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from experiments.assignment.configuration import read_version
from experiments.definition.model import read_definition
from experiments.errors import ConflictError, InvalidError, NotFoundError
from experiments.lifecycle import store, transitions
from experiments.lifecycle.document import definition_of, document_of
from experiments.lifecycle.states import POSSIBLE
from experiments.storage import audit
from experiments.storage.tables import Run
from tests.definitions import definition

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ACTIONS = ("launch", "pause", "resume", "stop", "archive", "ship")
WAYS = {
    "draft": (),
    "running": ("launch",),
    "paused": ("launch", "pause"),
    "stopped": ("launch", "stop"),
    "archived": ("archive",),
}


def act(session, experiment, action):
    extra = {"variant": "b"} if action == "ship" else {}
    return getattr(transitions, action)(session, experiment, **extra, actor="api:test")


def create(session, **changes):
    return store.create(session, read_definition(definition(**changes)), actor="page:anna@example.com")


def in_state(session, state, **changes):
    later = {"starts_at": datetime.now(UTC) + timedelta(days=1)} if state == "scheduled" else {}
    experiment = create(session, **later, **changes)
    for action in ("launch",) if state == "scheduled" else WAYS[state]:
        act(session, experiment, action)
    assert experiment.state == state
    return experiment


def test_a_created_experiment_is_read_back_completely(database):
    raw = definition(
        hypothesis="Numbers help.\nWe think.",
        targeting={"attribute": "country", "in": ["DE"]},
        traffic=0.25,
        namespace={"key": "home", "from": 0.1, "to": 0.6},
        segments=["country"],
        currency="USD",
        planned_days=14,
        starts_at="2026-12-01T00:00:00+01:00",
    )
    raw["variants"][0]["cost"] = {"fixed": "0.1", "per_thousand": 4.5}
    raw["variants"][0]["content"] = {"headline": "ü", "custom": {"layout": [1, {"a": None}]}}
    with database.write() as session:
        store.create(session, read_definition(raw), actor="api:test")
    with database.read() as session:
        document = document_of(session, store.get(session, "spring"))
    assert document["state"] == "draft" and document["revision"] == 1 and document["run"] is None
    assert document["starts_at"] == "2026-11-30T23:00:00Z"
    assert document["namespace"] == {"key": "home", "from": 0.1, "to": 0.6}
    assert document["traffic"] == 0.25
    assert document["variants"][0]["cost"] == {"fixed": 0.1, "per_thousand": 4.5, "currency": "USD"}
    assert document["variants"][0]["content"] == raw["variants"][0]["content"]
    assert document["targeting_text"] == "country is DE"
    assert document["created_by"] == "api:test"


def test_a_stored_definition_is_valid_input(database):
    with database.write() as session:
        experiment = create(session, currency="EUR", targeting={"attribute": "a", "exists": True})
        again = definition_of(session, experiment)
    assert again == read_definition(definition(currency="EUR", targeting={"attribute": "a", "exists": True}))


def test_a_taken_key_is_refused_even_when_archived(database):
    with database.write() as session:
        in_state(session, "archived")
    with database.write() as session, pytest.raises(ConflictError) as caught:
        create(session)
    assert caught.value.code == "key_taken" and "key" in caught.value.fields


def test_a_cost_in_another_currency_than_the_projects_is_refused(database):
    raw = definition()
    raw["variants"][0]["cost"] = {"fixed": 1, "currency": "USD"}
    with database.write() as session, pytest.raises(InvalidError) as caught:
        store.create(session, read_definition(raw), actor="cli")
    assert list(caught.value.fields) == ["variants.0.cost.currency"]


@pytest.mark.parametrize("key", ["nope", "", "x" * 500, "a\x00b", "ü"])
def test_an_unknown_key_is_not_found(database, key):
    with database.read() as session, pytest.raises(NotFoundError):
        store.get(session, key)


@pytest.mark.parametrize("state", POSSIBLE)
def test_each_state_allows_its_actions_and_no_other(database, state):
    for action in ACTIONS:
        with database.write() as session:
            experiment = in_state(session, state, key=f"spring-{action}")
            if action in POSSIBLE[state]:
                act(session, experiment, action)
                continue
            with pytest.raises(ConflictError) as caught:
                act(session, experiment, action)
            assert experiment.state == state
        assert caught.value.code == "illegal_transition"
        assert f"is {state}" in caught.value.detail
        assert caught.value.actions == POSSIBLE[state]
        assert all(reachable in caught.value.detail for reachable in caught.value.possible)


def test_a_launch_starts_the_first_run_with_a_random_seed(database):
    with database.write() as session:
        first, second = in_state(session, "running", key="one"), in_state(session, "running", key="two")
        runs = [store.current_run(session, experiment) for experiment in (first, second)]
    assert [run.number for run in runs] == [1, 1]
    seeds = {*(run.seed for run in runs), first.traffic_seed, second.traffic_seed}
    assert len(seeds) == 4 and all(len(seed) == 16 for seed in seeds)
    assert runs[0].allocation == [["a", 0.5, 5000], ["b", 0.5, 10000]]


def test_a_pause_keeps_the_run_and_a_stop_ends_it(database):
    with database.write() as session:
        experiment = in_state(session, "paused")
        transitions.resume(session, experiment, actor="cli")
        assert len(store.runs_of(session, experiment)) == 1
        transitions.stop(session, experiment, actor="cli")
        run = store.current_run(session, experiment)
    assert run.ended_at is not None and run.ended_at >= run.started_at


def test_shipping_stops_and_keeps_the_decision(database):
    with database.write() as session:
        experiment = in_state(session, "running")
        transitions.ship(session, experiment, "b", "Clear.", actor="cli")
        document = document_of(session, experiment)
    assert document["state"] == "stopped"
    assert document["shipped"] == {"variant": "b", "note": "Clear."}
    assert document["run"]["ended_at"] is not None


def test_an_unknown_variant_cannot_be_shipped(database):
    with database.write() as session:
        experiment = in_state(session, "running")
        with pytest.raises(InvalidError, match="choose one of a, b"):
            transitions.ship(session, experiment, "z", actor="cli")
        assert experiment.state == "running" and experiment.shipped_variant is None


def test_each_change_is_in_the_audit_log_and_the_configuration(database):
    with database.write() as session:
        experiment = create(session)
        before = read_version(session)
        transitions.launch(session, experiment, actor="api:shop")
        assert read_version(session) > before
        transitions.pause(session, experiment, actor="cli")
    with database.read() as session:
        found = [(entry.action, entry.actor) for entry in audit.entries(session, experiment)]
    assert found == [
        ("cli:experiment:pause", "cli"),
        ("api:experiment:launch", "api:shop"),
        ("page:experiment:create", "page:anna@example.com"),
    ]


def test_a_future_start_is_scheduled(database):
    with database.write() as session:
        experiment = create(session, starts_at=NOW + timedelta(hours=1), ends_at=NOW + timedelta(hours=2))
        transitions.launch(session, experiment, actor="cli", now=NOW)
        assert experiment.state == "scheduled" and store.current_run(session, experiment) is None
        assert transitions.apply_schedule(session, NOW) == 0
    with database.write() as session:
        assert transitions.apply_schedule(session, NOW + timedelta(hours=1)) == 1
        assert store.get(session, "spring").state == "running"
        assert transitions.apply_schedule(session, NOW + timedelta(hours=1)) == 0
    with database.write() as session:
        assert transitions.apply_schedule(session, NOW + timedelta(hours=3)) == 1
        experiment = store.get(session, "spring")
        assert experiment.state == "stopped"
        assert store.current_run(session, experiment).ended_at == NOW + timedelta(hours=2)


def test_a_missed_schedule_ends_without_a_run(database):
    with database.write() as session:
        experiment = create(session, starts_at=NOW + timedelta(hours=1), ends_at=NOW + timedelta(hours=2))
        transitions.launch(session, experiment, actor="cli", now=NOW)
        assert transitions.apply_schedule(session, NOW + timedelta(days=1)) == 1
        assert experiment.state == "stopped" and store.runs_of(session, experiment) == []


def test_a_scheduled_experiment_can_be_paused_and_goes_back_to_its_schedule(database):
    with database.write() as session:
        experiment = in_state(session, "scheduled")
        transitions.pause(session, experiment, actor="cli")
        assert transitions.apply_schedule(session, NOW + timedelta(days=3650)) == 0
        transitions.resume(session, experiment, actor="cli")
        assert experiment.state == "scheduled"
        transitions.launch(session, experiment, actor="cli")
        assert experiment.state == "running"


def test_an_end_in_the_past_blocks_the_launch(database):
    with database.write() as session:
        experiment = create(session, ends_at=NOW)
        failing = [check.key for check in transitions.checklist(session, experiment) if check.blocking and not check.ok]
        assert failing == ["schedule"] or datetime.now(UTC) < NOW
        with pytest.raises(ConflictError, match="in the past") as caught:
            transitions.launch(session, experiment, actor="cli", now=NOW + timedelta(seconds=1))
        assert caught.value.code == "not_ready"


def checks_of(session, *contents, **changes):
    raw = definition(**changes)
    keys = "abcdefgh"[: len(contents)]
    raw["variants"] = [
        {"key": key, "weight": 1 / len(contents), "control": key == "a", "content": content}
        for key, content in zip(keys, contents, strict=True)
    ]
    experiment = store.create(session, read_definition(raw), actor="cli")
    return experiment, {check.key: check for check in transitions.checklist(session, experiment)}


def test_the_checklist_warns_about_identical_variants(database):
    with database.write() as session:
        _, checks = checks_of(session, {"headline": "Same"}, {"headline": "Same"})
    assert not checks["difference"].ok and "A and B" in checks["difference"].detail
    assert checks["content"].ok and not any(check.blocking and not check.ok for check in checks.values())


def test_a_variant_without_content_beside_others_with_content_blocks_the_launch(database):
    with database.write() as session:
        experiment, checks = checks_of(session, {"headline": "Old"}, {}, {})
        content = checks["content"]
        assert (content.ok, content.blocking, content.label) == (False, True, "B and C have no content")
        with pytest.raises(ConflictError, match="B and C have no content"):
            transitions.launch(session, experiment, actor="cli")


def test_a_control_without_content_is_a_warning(database):
    with database.write() as session:
        experiment, checks = checks_of(session, {}, {"headline": "A letter"})
        assert (checks["content"].ok, checks["content"].blocking) == (False, False)
        assert transitions.launch(session, experiment, actor="cli").state == "running"


def test_no_content_at_all_is_a_warning(database):
    with database.write() as session:
        experiment, checks = checks_of(session, {}, {})
        assert [checks[key].ok for key in ("content", "difference")] == [False, False]
        assert transitions.launch(session, experiment, actor="api:shop").state == "running"


def test_a_missing_headline_is_a_warning_with_its_letter(database):
    with database.write() as session:
        experiment, checks = checks_of(session, {"headline": "Old"}, {"body": "Eleven dyers"})
        assert (checks["content"].ok, checks["content"].label) == (False, "B has no headline")
        assert transitions.launch(session, experiment, actor="cli").state == "running"


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"metrics": ["net_value"]}, "No costs and no action values"),
        ({"primary_metric": "net_value", "metrics": []}, "No costs and no action values"),
        ({"metrics": ["net_value"], "action_values": {"share": 2}}, None),
        ({"metrics": ["net_value", "roi"], "action_values": {"share": 2}}, "No variant has a cost"),
        ({"metrics": ["click_rate"]}, None),
    ],
)
def test_net_value_without_costs_or_values_is_a_warning(database, changes, label):
    with database.write() as session:
        experiment, checks = checks_of(session, {"headline": "Old"}, {"headline": "New"}, **changes)
        assert ("cost" in checks and checks["cost"].label or None) == label
        assert transitions.launch(session, experiment, actor="cli").state == "running", "a warning, no more"


def test_a_past_start_is_a_warning(database):
    with database.write() as session:
        experiment = create(session, starts_at=NOW)
        late = {check.key: check for check in transitions.checklist(session, experiment, now=NOW + timedelta(days=1))}
    assert (late["schedule"].ok, late["schedule"].blocking) == (False, False)
    assert "starts immediately" in late["schedule"].detail


def test_concurrent_launches_start_one_run(database):
    with database.write() as session:
        create(session)
    outcomes = []

    def launch():
        try:
            with database.write() as session:
                transitions.launch(session, store.get(session, "spring"), actor="cli")
            outcomes.append("launched")
        except ConflictError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=launch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["illegal_transition"] * 5 + ["launched"]
    with database.read() as session:
        assert len(session.exec(select(Run)).all()) == 1


def test_the_list_is_paged_newest_first_and_hides_the_archived(database):
    with database.write() as session:
        for number in range(5):
            create(session, key=f"e{number}")
        in_state(session, "archived", key="old")
    with database.read() as session:
        rows, total = store.page(session, limit=2, offset=1)
        assert ([row.key for row in rows], total) == (["e3", "e2"], 5)
        assert [row.key for row in store.page(session, state="archived")[0]] == ["old"]
        assert len(store.listing(session)) == 5 and len(store.listing(session, archived=True)) == 6
