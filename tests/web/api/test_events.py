"""Events over HTTP, on both engines."""

import json
from uuid import uuid4

import pytest

from experiments.lifecycle import store
from experiments.lifecycle.transitions import archive, launch, ship, stop
from experiments.people.api_keys import create_key
from experiments.storage.database import Database
from experiments.storage.tables import Project
from tests.web.api.calls import Api, api_on, make_experiment, make_key


def event(**fields):
    return {"id": str(uuid4()), "unit": "u", "type": "click"} | fields


def test_accepted_duplicate_and_rejected_are_counted_apart(api):
    first = event()
    answer = api.events(
        first, first, event(type="purchase", value=49.90), event(unit=""), "x", event(at="2031-01-01T00:00:00Z")
    )
    assert (answer["accepted"], answer["duplicates"]) == (2, 1)
    assert [(entry["index"], entry["code"]) for entry in answer["rejected"]] == [
        (3, "unit_missing"), (4, "not_an_object"), (5, "time_in_future"),
    ]  # fmt: skip
    assert api.events(first) == {"accepted": 0, "duplicates": 1, "rejected": [], "warnings": []}
    assert api.rows("SELECT value_micro, currency FROM event WHERE type = 'purchase'") == [(49_900_000, "EUR")]


def test_money_arrives_to_the_last_digit(api):
    raw = (
        b'{"events":[{"id": "1","unit": "u", "type": "purchase", "value": 123456789.123457, "properties": {"x":0.1}}]}'
    )
    assert api.post("/api/v1/events", raw).json["accepted"] == 1
    ((micro, properties),) = api.rows("SELECT value_micro, properties FROM event")
    assert micro == 123_456_789_123_457
    assert (json.loads(properties) if isinstance(properties, str) else properties) == {"x": 0.1}


def assigned(api: Api, unit: str) -> str:
    return api.assign(unit, expose=False)["spring"]["variant"]


def test_an_exposure_event_is_an_exposure_with_its_own_time(api):
    unit = "reported"
    answer = api.events(
        event(unit=unit, type="exposure", experiment="spring", properties={"variant": assigned(api, unit)})
    )
    assert answer == {"accepted": 1, "duplicates": 0, "rejected": [], "warnings": []}
    assert api.rows("SELECT unit, variant FROM exposure") == [(unit, assigned(api, unit))]
    assert api.rows("SELECT count(*) FROM multi_exposure") == [(0,)]
    assert api.assign(unit)["spring"]["exposed"] is True
    assert api.rows("SELECT count(*) FROM exposure") == [(1,)]


def test_an_exposure_in_another_variant_is_kept_and_the_member_set_aside(api):
    other = "b" if assigned(api, "crossed") == "a" else "a"
    shown = event(unit="crossed", type="exposure", experiment="spring", properties={"variant": other})
    assert api.events(shown)["accepted"] == 1
    assert api.rows("SELECT unit, variant FROM multi_exposure") == [("crossed", other)]
    assert api.rows("SELECT count(*) FROM exposure") == [(1,)]
    api.assign("first")
    other = "b" if assigned(api, "first") == "a" else "a"
    api.events(event(unit="first", type="exposure", experiment="spring", properties={"variant": other}))
    assert api.rows("SELECT unit FROM multi_exposure ORDER BY unit") == [("crossed",), ("first",)]


def test_exposures_of_unknown_things_are_rejected_one_by_one(api):
    answer = api.events(
        event(type="exposure"),
        event(type="exposure", experiment="nope"),
        event(type="exposure", experiment="spring", properties={"variant": "z"}),
        event(),
    )
    assert answer["accepted"] == 1
    assert [entry["code"] for entry in answer["rejected"]] == [
        "experiment_missing",
        "experiment_unknown",
        "variant_unknown",
    ]
    assert api.rows("SELECT count(*) FROM exposure") == [(0,)]


@pytest.mark.parametrize("endings", [(stop,), (stop, archive)])
def test_an_exposure_after_the_end_is_kept_and_makes_no_member(api, endings):
    for ending in endings:
        api.change(ending, actor="cli")
    answer = api.events(event(type="exposure", experiment="spring"), event(experiment="spring"), event())
    assert (answer["accepted"], answer["rejected"]) == (3, [])
    assert api.rows("SELECT unit, side FROM outside_exposure") == [("u", "after")]
    assert api.rows("SELECT count(*) FROM exposure") == [(0,)]


def test_an_event_that_the_store_refuses_does_not_fail_the_others(api, monkeypatch):
    engine = api.app.extensions["klette"].get().writer._engine
    insert = engine.insert_events

    def stumble(connection, rows):
        if any(row.unit == "poison" for row in rows):
            raise ValueError("the driver cannot write this")
        return insert(connection, rows)

    monkeypatch.setattr(engine, "insert_events", stumble)
    twice = event()
    answer = api.events(event(), event(unit="poison"), twice, event(unit=""), event(unit="poison"), twice)
    assert (answer["accepted"], answer["duplicates"]) == (2, 1)
    codes = [(entry["index"], entry["code"]) for entry in answer["rejected"]]
    assert codes == [(1, "internal"), (3, "unit_missing"), (4, "internal")]
    assert api.rows("SELECT count(*) FROM event") == [(2,)]


def test_what_was_just_launched_is_known_at_once(api):
    api.assign()  # the snapshot is fresh and would serve for half a second
    make_experiment(api.database, key="autumn", launched=False)
    assert api.assign(experiments=["autumn"])["autumn"]["reason"] == "DISABLED"
    with api.database.write() as session:
        launch(session, store.get(session, "autumn"), actor="cli")
    assert api.events(event(type="exposure", experiment="autumn"))["rejected"] == []
    make_experiment(api.database, key="winter")
    assert api.assign(experiments=["winter"])["winter"]["reason"] == "SPLIT"
    make_experiment(api.database, key="summer")
    key = make_key(api.database)
    headers = {"X-API-Key": key}
    assert api.client.get("/api/v1/assign/summer?unit=u", headers=headers).json["reason"] == "SPLIT"


def test_shipped_content_goes_on_after_archiving(api):
    api.change(ship, variant="b", note="", actor="cli")
    api.change(archive, actor="cli")
    for unit in ("u", "someone else"):
        found = api.assign(unit, experiments=["spring"])["spring"]
        assert (found["variant"], found["reason"], found["content"]) == ("b", "SHIPPED", {"headline": "B"})


BAD = [
    ([], 400, "malformed"),
    ({}, 422, "events_missing"),
    ({"events": {}}, 422, "events_missing"),
    ({"events": [], "batch": []}, 422, "field_unknown"),
    ({"events": [{}] * 2501}, 422, "events_too_many"),
    (b'{"events": [', 400, "malformed"),
    (b'{"events": [{"value": Infinity}]}', 400, "malformed"),
    (json.dumps({"events": [{"properties": {"x": "y" * 1_048_576}}]}).encode(), 413, "too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD, ids=[str(n) for n in range(len(BAD))])
def test_a_bad_call_gets_a_problem(sqlite_url, body, status, code):
    with api_on(Database(sqlite_url)) as api:
        refused = api.post("/api/v1/events", body)
        assert (refused.status_code, refused.json["code"]) == (status, code)
        assert refused.content_type == "application/problem+json"


def test_the_largest_call_is_taken(api):
    assert api.events(*[event(properties={"n": number}) for number in range(2500)])["accepted"] == 2500
    assert api.events()["accepted"] == 0


def test_no_event_can_break_the_store_for_the_others(api):
    events = (
        '{"id": "1", "unit": "u", "type": "x", "properties": {"s": "\\ud800"}}',
        '{"id": "2", "unit": "u\\u0000", "type": "x"}',
        '{"id": "3", "unit": "u", "type": "x", "value": 1e400}',
        '{"id": "4", "unit": "u", "type": "x"}',
    )
    raw = f'{{"events": [{", ".join(events)}]}}'.encode()
    answer = api.post("/api/v1/events", raw).json
    assert answer["accepted"] == 1
    assert [entry["code"] for entry in answer["rejected"]] == [
        "properties_invalid",
        "unit_invalid",
        "value_out_of_range",
    ]


def test_a_browser_may_read_why_an_address_does_nothing(api):
    for method, path, status in (("GET", "/api/v1/event", 404), ("DELETE", "/api/v1/events", 405)):
        answer = api.client.open(path, method=method)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, "*")
    assert api.client.get("/openapi.json").headers["Access-Control-Allow-Origin"] == "*"


def test_the_counts_are_on_the_metrics_page_without_units(api):
    api.events(event(unit="secret-unit"), event(unit=""))
    page = api.client.get("/metrics").text
    assert 'klette_api_requests_total{call="events",status="200"}' in page
    assert "klette_commits_total" in page
    assert 'klette_events_total{outcome="accepted"}' in page
    assert 'klette_events_rejected_total{code="unit_missing"}' in page
    assert "secret-unit" not in page


def test_health_and_readiness(api, empty_database_url):
    assert api.client.get("/healthz").json == {"status": "ok"}
    assert api.client.get("/readyz").status_code == 200
    from experiments.settings import Settings
    from web import create_app

    fresh = create_app(Settings(database_url=empty_database_url, secret_key="a key for the tests only"))
    refused = fresh.test_client().get("/readyz")
    assert (refused.status_code, refused.json["status"]) == (503, "unavailable")
    assert "klette migrate" in refused.json["detail"]
    fresh.extensions["klette"].close()


def test_a_key_of_another_project_sees_none_of_the_experiments(api):
    with api.database.write() as session:
        shop = Project(key="shop", name="Shop")
        session.add(shop)
        session.flush()
        keys = {
            kind: create_key(session, kind=kind, name=kind, actor="cli", project_id=shop.id)
            for kind in ("client", "server")
        }
    exposure = {"id": "e", "unit": "u", "type": "exposure", "experiment": "spring"}
    refused = api.post("/api/v1/events", {"events": [exposure]}, key=keys["client"]).json["rejected"]
    assert [entry["code"] for entry in refused] == ["experiment_unknown"]
    assert api.post("/api/v1/assign", {"unit": "u"}, key=keys["client"]).json == {"assignments": {}}
    listed = api.client.get("/api/v1/experiments", headers={"X-API-Key": keys["server"]}).json
    assert (listed["experiments"], listed["total"]) == ([], 0)
    assert len(api.client.get("/api/v1/keys", headers={"X-API-Key": keys["server"]}).json["keys"]) == 2
