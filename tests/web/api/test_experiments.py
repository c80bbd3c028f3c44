"""Experiments, keys and namespaces over HTTP: who may, what comes back, and that it is what the models promise."""

import pytest

from experiments.people import api_keys
from experiments.settings import Settings
from experiments.storage.database import Database
from tests.definitions import definition, with_variant
from web import create_app
from web.api.schemas.experiments import (
    DEFINITION_EXAMPLE,
    ExperimentDocument,
    ExperimentList,
    KeyCreated,
    KeyList,
    NamespaceDocument,
    NamespaceList,
)
from web.http.problem import Problem

BASE = "/api/v1/experiments"


class Api:
    """A client of the application with a key of its own."""

    def __init__(self, url, folder, **settings):
        settings = {"configuration_seconds": 0.001, **settings}
        self.app = create_app(Settings(data_dir=folder, database_url=url, secret_key="x" * 32, **settings))
        database = Database(url)
        with database.write() as session:
            self.server_key = api_keys.create_key(session, kind="server", name="backend", actor="cli")
            self.client_key = api_keys.create_key(session, kind="client", name="shop", actor="cli")
        database.close()

    def __call__(self, method, path, json=None, *, key="", **options):
        headers = {"Authorization": f"Bearer {key or self.server_key}", **options.pop("headers", {})}
        return self.app.test_client().open(path, method=method, json=json, headers=headers, **options)


@pytest.fixture
def api(database_url, tmp_path):
    api = Api(database_url, tmp_path)
    yield api
    api.app.extensions["klette"].close()


def problem(response, status, code):
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    read = Problem.model_validate(response.json)
    assert (read.status, read.code) == (status, code)
    return read


def test_each_answer_says_which_prior_is_in_force_and_why_it_is_not_the_learned_one(api):
    created = api("POST", BASE, {**DEFINITION_EXAMPLE, "prior": "learned"})
    launched = api("POST", f"{BASE}/spring-headline/launch")
    for answer in (created, launched, api("GET", f"{BASE}/spring-headline")):
        prior = ExperimentDocument.model_validate(answer.json).prior_in_force
        assert answer.json["prior"] == "learned" and prior.name == "content"
        assert prior.notice.startswith("No prior has been learned")
    usual = api("POST", BASE, {**DEFINITION_EXAMPLE, "key": "usual"}).json
    assert (usual["prior"], usual["prior_in_force"]) == ("auto", {"name": "content", "notice": None})


def test_the_documented_example_goes_through_its_whole_life(api):
    created = api("POST", BASE, DEFINITION_EXAMPLE)
    assert created.status_code == 201 and created.headers["Location"] == f"{BASE}/spring-headline"
    for action, state in [("launch", "running"), ("pause", "paused"), ("resume", "running"), ("stop", "stopped")]:
        answered = api("POST", f"{BASE}/spring-headline/{action}")
        assert answered.status_code == 200 and answered.json["state"] == state
        ExperimentDocument.model_validate(answered.json)
    shipped = api("POST", f"{BASE}/spring-headline/ship", {"variant": "b", "note": "Clear."})
    assert shipped.json["shipped"] == {"variant": "b", "note": "Clear."}
    assert api("POST", f"{BASE}/spring-headline/archive").json["actions"] == []
    read = api("GET", f"{BASE}/spring-headline").json
    assert {name: read[name] for name in ("targeting", "metrics", "segments")} == {
        name: DEFINITION_EXAMPLE[name] for name in ("targeting", "metrics", "segments")
    }
    assert read["created_by"] == "api:backend"


def test_a_refused_transition_names_what_is_possible(api):
    api("POST", BASE, definition())
    read = problem(api("POST", f"{BASE}/spring/pause"), 409, "illegal_transition")
    assert read.actions == ["launch", "archive"] and "running" in read.possible and "draft" in read.detail


def test_a_bad_definition_is_refused_by_field_and_nothing_is_written(api):
    read = problem(api("POST", BASE, with_variant(1, weight=0.6)), 422, "invalid")
    assert "add up to 1.1" in read.fields["variants"]
    assert api("GET", BASE).json["total"] == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [(b"{", 400, "malformed"), (b"[]", 400, "malformed"), (b"", 400, "malformed"), (b'{"key": NaN}', 400, "malformed"),
     (b"\xff\xfe", 400, "malformed"), (b"{" * 100_000, 400, "malformed"), (b" " * 1_048_577, 413, "too_large")],
)  # fmt: skip
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_broken_body_is_refused(api, body, status, code):
    problem(api("POST", BASE, data=body, headers={"Content-Type": "application/json"}), status, code)


def test_edits_are_partial_and_guarded_by_the_revision(api):
    before = api("POST", BASE, definition()).json
    after = api("PATCH", f"{BASE}/spring", {"name": "N", "revision": 1}).json
    assert after == before | {"name": "N", "revision": 2}
    problem(api("PATCH", f"{BASE}/spring", {"name": "M", "revision": 1}), 409, "stale_revision")
    api("POST", f"{BASE}/spring/launch")
    assert "window_days" in problem(api("PATCH", f"{BASE}/spring", {"window_days": 3}), 409, "frozen").fields


def test_the_list_is_filtered_and_paged(api):
    for number in range(5):
        api("POST", BASE, definition(key=f"e{number}"))
    api("POST", f"{BASE}/e0/archive")
    first = ExperimentList.model_validate(api("GET", f"{BASE}?limit=3").json)
    assert ([row.key for row in first.experiments], first.total) == (["e4", "e3", "e2"], 4)
    rest = ExperimentList.model_validate(api("GET", first.next).json)
    assert [row.key for row in rest.experiments] == ["e1"] and rest.next is None
    assert [row["key"] for row in api("GET", f"{BASE}?state=archived").json["experiments"]] == ["e0"]
    for query in ("state=nonsense", "limit=0", "limit=x", "offset=-1", "colour=red"):
        problem(api("GET", f"{BASE}?{query}"), 422, "invalid")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_only_a_server_key_may_manage(api):
    paths = [("GET", BASE), ("POST", BASE), ("GET", f"{BASE}/x"), ("PATCH", f"{BASE}/x"), ("POST", f"{BASE}/x/launch"),
             ("GET", "/api/v1/keys"), ("POST", "/api/v1/keys"), ("POST", "/api/v1/keys/1/revoke"),
             ("GET", "/api/v1/namespaces"), ("PUT", "/api/v1/namespaces/home")]  # fmt: skip
    for method, path in paths:
        problem(api(method, path, key=api.client_key), 403, "forbidden")
        refused = api(method, path, key="ks_nonsense")
        problem(refused, 401, "unauthorised")
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
        problem(api.app.test_client().open(path, method=method), 401, "unauthorised")
    assert api("GET", BASE, headers={"Authorization": "", "X-API-Key": api.server_key}).status_code == 200


def test_what_is_not_there_is_not_found(api):
    for method, path in [("GET", ""), ("PATCH", ""), ("POST", "/launch"), ("POST", "/archive")]:
        body = {} if method == "PATCH" else None
        problem(api(method, f"{BASE}/nope{path}", body), 404, "experiment_unknown")
    problem(api("POST", f"{BASE}/nope/explode"), 404, "not_found")
    problem(api("POST", "/api/v1/keys/99/revoke"), 404, "key_unknown")
    problem(api("GET", "/api/v1/namespaces/nope"), 404, "namespace_unknown")


def test_an_action_refuses_unused_options(api):
    api("POST", BASE, definition())
    assert "force" in problem(api("POST", f"{BASE}/spring/launch", {"force": True}), 422, "invalid").fields
    assert api("POST", f"{BASE}/spring/launch", {}).status_code == 200


def test_a_bad_decision_is_refused(api):
    api("POST", BASE, definition())
    api("POST", f"{BASE}/spring/launch")
    assert "choose one of a, b" in problem(api("POST", f"{BASE}/spring/ship", {"variant": "z"}), 422, "invalid").detail
    problem(api("POST", f"{BASE}/spring/ship", {}), 422, "invalid")
    assert api("GET", f"{BASE}/spring").json["state"] == "running"


def test_keys_are_made_listed_and_revoked(api):
    made = api("POST", "/api/v1/keys", {"kind": "server", "name": "second"})
    created = KeyCreated.model_validate(made.json)
    assert made.status_code == 201 and made.headers["Cache-Control"] == "no-store"
    assert api("GET", BASE, key=created.key).status_code == 200
    listed = api("GET", "/api/v1/keys")
    assert KeyList.model_validate(listed.json).keys[0].id == created.id and created.key not in listed.text
    assert api("POST", f"/api/v1/keys/{created.id}/revoke").json["revoked_at"]
    problem(api("GET", BASE, key=created.key), 401, "unauthorised")
    problem(api("POST", "/api/v1/keys", {"kind": "king", "name": "x"}), 422, "invalid")


def test_a_namespace_keeps_its_holdout_and_shows_who_is_in_it(api):
    assert api("PUT", "/api/v1/namespaces/home", {"holdout": 0.05}).status_code == 200
    api("POST", BASE, definition(namespace={"key": "home", "from": 0, "to": 0.5}))
    api("POST", f"{BASE}/spring/launch")
    read = NamespaceDocument.model_validate(api("GET", "/api/v1/namespaces/home").json)
    assert read.holdout == 0.05 and [(row.experiment, row.share_to) for row in read.experiments] == [("spring", 0.5)]
    assert len(NamespaceList.model_validate(api("GET", "/api/v1/namespaces").json).namespaces) == 1
    problem(api("PUT", "/api/v1/namespaces/home", {"holdout": 0.6}), 422, "invalid")
    problem(api("PUT", "/api/v1/namespaces/Home!", {"holdout": 0.1}), 422, "invalid")


def test_an_app_gets_a_variant_as_soon_as_the_launch_is_answered(api):
    api("POST", BASE, definition())
    assert (
        api("POST", "/api/v1/assign", {"unit": "u", "experiments": ["spring"]}).json["assignments"]["spring"]["reason"]
        == "DISABLED"
    )
    api("POST", f"{BASE}/spring/launch")
    import time

    time.sleep(0.01)
    answered = api("POST", "/api/v1/assign", {"unit": "u"}, key=api.client_key).json["assignments"]["spring"]
    assert answered["variant"] in ("a", "b") and answered["content"]["headline"]
