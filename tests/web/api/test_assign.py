"""Assignment over HTTP, on both engines."""

import gzip
import json
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest

from experiments.assignment.bucketing import bucket
from experiments.assignment.configuration import touch
from experiments.definition.model import read_patch
from experiments.lifecycle import transitions
from experiments.lifecycle.editing import patch
from experiments.lifecycle.namespaces import set_holdout
from experiments.storage.database import Database
from experiments.storage.tables import AllocationEpoch, utc_now
from tests.web.api.calls import Api, api_on, make_experiment, make_key


def expected(api: Api, unit: str) -> str:
    ((seed,),) = api.rows("SELECT seed FROM run ORDER BY id DESC LIMIT 1")
    return "a" if bucket(seed, unit) < 5000 else "b"


def test_a_thousand_answers_follow_from_the_documents_alone(sqlite_url):
    """The published program, run as docs/assignment.md prints it on what the API gives, agrees with the server."""
    page = (Path(__file__).parents[3] / "docs" / "assignment.md").read_text()
    published: dict = {}
    for program in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(program, published)
    with api_on(Database(sqlite_url)) as api:
        server = make_key(api.database, "server")
        with api.database.write() as session:
            set_holdout(session, "home", 0.1, actor="cli")
        place = {"key": "home", "from": 0.2, "to": 1}
        thirds = [{"key": key, "weight": 1 / 3, "control": key == "a", "content": {}} for key in "abc"]
        make_experiment(api.database, key="mixed", traffic=0.6, namespace=place, variants=thirds)
        document = api.client.get("/api/v1/experiments/mixed", headers={"X-API-Key": server}).json
        seen = set()
        for number in range(1000):
            unit = f"mitglied-ü-{number}"
            answer = api.assign(unit, experiments=["mixed"], expose=False)["mixed"]
            outcome = answer["variant"] or answer["reason"]
            run = document["assignment"]["runs"][answer["run"] - 1]
            assert published["outcome"](document["assignment"], unit, run) == outcome
            seen.add(outcome)
        assert seen == {"a", "b", "c", "TRAFFIC", "NAMESPACE", "HOLDOUT"}


def test_the_published_program_knows_the_epochs_of_a_run(sqlite_url):
    page = (Path(__file__).parents[3] / "docs" / "assignment.md").read_text()
    published: dict = {}
    for program in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(program, published)
    with api_on(Database(sqlite_url)) as api:
        server = make_key(api.database, "server")
        with api.database.write() as session:
            edges = [["a", 0.1, 1000], ["b", 0.9, 10_000]]
            session.add(AllocationEpoch(run_id=1, number=2, allocation=edges, started_us=1))
            touch(session)
        document = api.client.get("/api/v1/experiments/spring", headers={"X-API-Key": server}).json
        (run,) = document["assignment"]["runs"]
        units = [f"u-{number}" for number in range(200)]
        answers = [api.assign(unit, expose=False)["spring"]["variant"] for unit in units]
        assert answers == [published["outcome"](document["assignment"], unit, run) for unit in units]
        assert 5 < answers.count("a") < 40


def test_a_member_gets_the_variant_of_the_hash_and_the_exposure_is_on_record(api):
    variant = expected(api, "u-1")
    answered = api.assign("u-1", attributes={"country": "DE", "email": "x"})["spring"]
    assert answered.pop("content")["headline"] == variant.upper()
    assert answered == {"variant": variant, "reason": "SPLIT", "origin": "randomised", "run": 1, "exposed": True}
    ((unit, stored, origin, attributes),) = api.rows("SELECT unit, variant, origin, attributes FROM exposure")
    attributes = json.loads(attributes) if isinstance(attributes, str) else attributes
    assert (unit, stored, origin, attributes) == ("u-1", variant, "randomised", {"country": "DE"})


def test_asking_again_changes_nothing(api):
    assert api.assign("u") == api.assign("u") == api.assign("u", experiments=["spring"])
    assert api.rows("SELECT count(*) FROM exposure") == [(1,)]


def test_a_prefetch_and_a_get_record_nothing(api):
    assert api.assign("u", expose=False)["spring"]["exposed"] is False
    answer = api.client.get("/api/v1/assign/spring?unit=u", headers={"X-API-Key": api.key})
    assert answer.status_code == 200
    assert (answer.json["experiment"], answer.json["variant"], answer.json["exposed"]) == (
        "spring",
        expected(api, "u"),
        False,
    )
    assert api.rows("SELECT count(*) FROM exposure") == [(0,)]


def test_unknown_keys_are_listed(api):
    answer = api.post("/api/v1/assign", {"unit": "u", "experiments": ["nope", "spring", "nope"]})
    assert answer.json["unknown"] == ["nope"]
    assert list(answer.json["assignments"]) == ["spring"]
    assert api.client.get("/api/v1/assign/nope?unit=u", headers={"X-API-Key": api.key}).status_code == 404


def test_several_experiments_are_recorded_in_one_go(api):
    make_experiment(api.database, key="second")
    make_experiment(api.database, key="draft", launched=False)
    api.app.extensions["klette"].get().configuration.forget()
    assert set(api.assign("u")) == {"spring", "second"}
    assert api.assign("u", experiments=["draft"])["draft"]["reason"] == "DISABLED"
    assert api.rows("SELECT count(*) FROM exposure") == [(2,)]


def test_members_keep_their_variant_while_paused_and_no_new_member_is_admitted(api):
    before = api.assign("member")["spring"]
    api.change(transitions.pause, actor="cli")
    assert api.assign("member")["spring"] == before
    assert api.assign("newcomer")["spring"] == {
        "variant": None, "content": None, "reason": "DISABLED", "origin": None, "run": 1, "exposed": False,
    }  # fmt: skip
    api.change(transitions.stop, actor="cli")
    assert api.assign("member", experiments=["spring"])["spring"]["reason"] == "DISABLED"
    assert api.assign("member") == {}


def test_a_shipped_variant_goes_to_all_members_and_is_not_recorded(api):
    api.change(transitions.ship, variant="b", note="It sticks.", actor="cli")
    shown = [api.assign(f"u{n}", experiments=["spring"])["spring"] for n in range(5)]
    assert {(one["variant"], one["reason"], one["exposed"]) for one in shown} == {("b", "SHIPPED", False)}
    assert api.rows("SELECT count(*) FROM exposure") == [(0,)]


def test_a_recorded_variant_wins_in_every_process(api, database_url):
    ours = expected(api, "u")
    other = "b" if ours == "a" else "a"
    with api.database.write() as session:
        from experiments.assignment.exposure import ExposureRow
        from experiments.ingestion.exposures import bulk_insert

        bulk_insert(session, [ExposureRow(1, 1, "u", other, 1, 1), ExposureRow(1, 1, "v", "a", 1, 1)])
    assert api.assign("u", expose=False)["spring"]["variant"] == other
    assert api.assign("u")["spring"]["variant"] == other


def test_a_preview_answers_its_variant_in_any_state_and_records_nothing(api):
    make_experiment(api.database, key="draft", launched=False)
    built = api.app.extensions["klette"].get()
    built.configuration.forget()
    token = built.assigner.previews.token(1, "draft", "b")
    answered = api.assign("u", experiments=["draft"], preview=token)["draft"]
    assert (answered["variant"], answered["reason"], answered["origin"], answered["exposed"]) == (
        "b",
        "PREVIEW",
        "preview",
        False,
    )
    assert "draft" in api.assign("u2", expose=False, preview=token)
    assert api.rows("SELECT count(*) FROM exposure WHERE unit = 'u'") == [(0,)]
    refused = api.post("/api/v1/assign", {"unit": "u", "preview": token + "x"})
    assert (refused.status_code, refused.json["code"]) == (422, "preview")


def test_raising_traffic_over_http_moves_no_member(database):
    with api_on(database) as api:
        make_experiment(api.database, key="ramp", traffic=0.3)
        api.app.extensions["klette"].get().configuration.forget()
        units = [f"u{n}" for n in range(150)]
        before = {unit: api.assign(unit, experiments=["ramp"], expose=False)["ramp"] for unit in units}
        assert {one["reason"] for one in before.values()} == {"SPLIT", "TRAFFIC"}
        api.change(lambda session, found: patch(session, found, read_patch({"traffic": 0.9}), actor="cli"), "ramp")
        after = {unit: api.assign(unit, experiments=["ramp"], expose=False)["ramp"] for unit in units}
        assert all(after[unit] == one for unit, one in before.items() if one["variant"])


def test_bots_are_served_and_marked(api):
    api.assign("bot", attributes={"user_agent": "Googlebot/2.1"})
    assert api.rows("SELECT unit FROM exposure WHERE bot") == [("bot",)]


def test_an_end_is_kept_at_once(api):
    def end(session, experiment):
        from experiments.assignment.configuration import touch

        experiment.ends_at = utc_now() - timedelta(seconds=1)
        session.add(experiment)
        touch(session)

    api.change(end)
    assert api.assign("u", experiments=["spring"])["spring"]["reason"] == "DISABLED"


BAD = [
    ({}, 422, "unit_missing", "unit is missing"),
    ({"unit": "x" * 257}, 422, "unit_too_long", "257 characters, at most 256"),
    ({"unit": 5}, 422, "unit_invalid", "quotes"),
    ({"unit": "u", "atributes": {}}, 422, "field_unknown", "'atributes'"),
    ({"unit": "u", "attributes": []}, 422, "attributes_invalid", "object"),
    ({"unit": "u", "experiments": "spring"}, 422, "experiments_invalid", "list"),
    ({"unit": "u", "experiments": ["x"] * 201}, 422, "experiments_too_many", "at most 200"),
    ({"unit": "u", "expose": "yes"}, 422, "expose_invalid", "true or false"),
    (b"{", 400, "malformed", "not valid JSON"),
    (b"[]", 400, "malformed", "object"),
    (b'{"unit": NaN}', 400, "malformed", "not valid JSON"),
    (b"\xff", 400, "malformed", "UTF-8"),
    (b"[" * 100_000, 400, "malformed", "not valid JSON"),
    (b" " * 1_048_577, 413, "too_large", "1,048,576"),
]


@pytest.mark.parametrize("fast", [True, False], ids=["fast path", "Flask"])
@pytest.mark.parametrize(("body", "status", "code", "words"), BAD, ids=[str(n) for n in range(len(BAD))])
def test_a_bad_request_gets_a_problem_on_either_path(sqlite_url, body, status, code, words, fast):
    with api_on(Database(sqlite_url)) as api:
        if not fast:
            api.app.wsgi_app = api.app.wsgi_app.app
        refused = api.post("/api/v1/assign", body)
        assert refused.content_type == "application/problem+json"
        assert (refused.status_code, refused.json["code"]) == (status, code)
        assert words in refused.json["detail"]
        assert api.rows("SELECT count(*) FROM exposure") == [(0,)]


def test_both_paths_answer_alike(api):
    fast = api.post("/api/v1/assign", {"unit": "u"})
    api.app.wsgi_app = api.app.wsgi_app.app
    slow = api.post("/api/v1/assign", {"unit": "u"})
    assert slow.json == fast.json
    assert dict(slow.headers).items() >= dict(fast.headers).items()


def test_keys_are_asked_for(api):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}, {"X-API-Key": "kc_ü"}):
        refused = api.client.post("/api/v1/assign", json={"unit": "u"}, headers=headers)
        assert (refused.status_code, refused.json["code"]) == (401, "unauthorised")
    server = make_key(api.database, "server")
    api.app.extensions["klette"].get().configuration.forget()
    assert api.post("/api/v1/assign", {"unit": "u"}, key=server).status_code == 200


def test_gzipped_bodies_are_read_and_bombs_are_not(api):
    packed = gzip.compress(json.dumps({"unit": "zipped"}).encode())
    headers = {"Content-Encoding": "gzip"}
    assert api.post("/api/v1/assign", packed, headers=headers).status_code == 200
    assert api.post("/api/v1/assign", gzip.compress(b" " * 50_000_000), headers=headers).status_code == 413
    assert api.post("/api/v1/assign", packed[:-4], headers=headers).status_code == 400
    assert api.post("/api/v1/assign", b"plain", headers=headers).status_code == 400


def test_browsers_may_call_from_any_site(api):
    asked = api.client.options(
        "/api/v1/assign", headers={"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    )
    assert asked.status_code == 204
    assert "authorization" in asked.headers["Access-Control-Allow-Headers"]
    for answer in (api.post("/api/v1/assign", {"unit": "u"}), api.post("/api/v1/assign", b"{")):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_rate_limit_is_kept_for_each_key(sqlite_url):
    with api_on(Database(sqlite_url), api_rate_limit="3/minute") as api:
        statuses = [api.post("/api/v1/assign", {"unit": "u"}).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        refused = api.post("/api/v1/assign", {"unit": "u"})
        assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_a_change_is_noticed_without_a_notification(sqlite_url):
    with api_on(Database(sqlite_url), configuration_seconds=0.2) as api:
        assert api.assign("u", expose=False)
        with api.database.write() as session:
            from experiments.lifecycle import store

            transitions.stop(session, store.get(session, "spring"), actor="cli")
        time.sleep(0.25)
        assert api.assign("u", expose=False) == {}


def test_assignment_goes_on_without_exposure_while_the_store_is_away(sqlite_url, tmp_path):
    with api_on(Database(sqlite_url), configuration_seconds=0.01) as api:
        known = api.assign("known")
        with api.database.write() as session:
            from sqlalchemy import text

            for table in ("configuration_version", "exposure"):
                session.execute(text(f"ALTER TABLE {table} RENAME TO hidden_{table}"))
        time.sleep(0.02)
        assert api.assign("known") == known
        refused = api.post("/api/v1/assign", {"unit": "new"})
        assert (refused.status_code, refused.json["code"]) == (503, "unavailable")
        assert "Nothing was written" in refused.json["detail"]


DETAILS = [
    (b"", "The body is not valid JSON (empty)."),
    (b'{"unit": u}', "(line 1, column 10)"),
    (b"[" * 100_000, "(too many nested levels)"),
    (b'{"unit": NaN}', "(NaN is not a JSON number)"),
    (b'{"unit": "\xff"}', "(byte 11 is not UTF-8)"),
    (b'{"unit": ' + b"1" * 5000 + b"}", "(a number has too many digits)"),
    (b"null", "The body is null; send a JSON object"),
    (b'{"unit": "u", "attributes": [1, 2]}', "attributes is a list of 2 items; send an object"),
    (b'{"unit": "u", "expose": null}', "expose is null; send true or false."),
    (b'"' + b"x" * 2_000_000 + b'"', "The body has 2,000,002 bytes; at most 1,048,576 are allowed."),
]


@pytest.mark.parametrize(("body", "detail"), DETAILS, ids=[str(n) for n in range(len(DETAILS))])
def test_a_refusal_speaks_no_python(sqlite_url, body, detail):
    with api_on(Database(sqlite_url)) as api:
        message = api.post("/api/v1/assign", body).json["detail"]
        assert detail in message
        assert not any(word in message for word in ("None", "recursion", "char ", "Expecting", "codec", "str"))


def test_a_bad_parameter_is_named(sqlite_url):
    with api_on(Database(sqlite_url)) as api:
        headers = {"X-API-Key": api.key}
        for given in ("{country: DE}", "[]"):
            refused = api.client.get(
                "/api/v1/assign/spring", query_string={"unit": "u", "attributes": given}, headers=headers
            )
            assert refused.status_code == 400
            assert refused.json["detail"].startswith("The parameter attributes is ")
