"""Every failure is problem+json for apps and a page for people, and neither shows internals."""

import logging

import pytest
from flask import Flask
from werkzeug.exceptions import RequestEntityTooLarge

from experiments.errors import ConflictError, ImportFailedError, KletteError, TooManyRequestsError, UnavailableError
from web.http import problem

SECRET = "the inside of the house"


@pytest.fixture
def client():
    app = Flask(__name__)
    problem.register(app)
    errors = {
        "crash": RuntimeError(SECRET),
        "conflict": ConflictError("No.", fields={"a.1": "b"}, possible=("running",), actions=("launch",), code="x"),
        "slow": TooManyRequestsError("Wait.", retry_after=7),
        "away": UnavailableError("Away."),
        "lines": ImportFailedError("Broken.", lines=[(3, "no unit")]),
        "large": RequestEntityTooLarge(),
        "surrogate": KletteError("half \ud800 of it <script>"),
    }
    for prefix in ("/api", "/ofrep/v1", "/v1", "/page"):
        for name, error in errors.items():

            def view(error=error):
                raise error

            app.add_url_rule(f"{prefix}/{name}", f"{prefix}{name}", view)
    return app.test_client()


@pytest.mark.parametrize("prefix", ["/api", "/ofrep/v1", "/v1"])
@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("crash", 500, "internal"), ("conflict", 409, "x"), ("slow", 429, "too_many_requests"),
     ("away", 503, "unavailable"),
     ("lines", 422, "import_failed"), ("large", 413, "too_large"), ("nothing", 404, "not_found"),
     ("surrogate", 400, "error")],
)  # fmt: skip
def test_apps_get_problem_json_whatever_happens(client, prefix, name, status, code):
    answered = client.get(f"{prefix}/{name}")
    assert (answered.status_code, answered.mimetype) == (status, "application/problem+json")
    assert (answered.json["status"], answered.json["code"]) == (status, code)
    assert answered.json["type"] == f"/docs#problem-{status}" and answered.json["title"] and answered.json["detail"]
    assert SECRET not in answered.text and "Traceback" not in answered.text


@pytest.mark.parametrize("path", ["/api", "/api/", "/api//conflict", "/v1//x/../y", "/ofrep"])
def test_no_address_for_apps_answers_html(client, path):
    answered = client.get(path)
    assert answered.mimetype == "application/problem+json" and answered.status_code == 404


def test_the_wrong_method_names_the_right_ones(client):
    answered = client.delete("/api/conflict")
    assert answered.status_code == 405 and "use GET." in answered.json["detail"]
    assert "GET" in answered.headers["Allow"]


def test_a_problem_has_the_details_for_its_remedy(client):
    conflict = client.get("/api/conflict").json
    assert (conflict["fields"], conflict["possible"], conflict["actions"]) == ({"a.1": "b"}, ["running"], ["launch"])
    assert client.get("/api/lines").json["lines"] == [{"line": 3, "detail": "no unit"}]
    assert client.get("/api/slow").headers["Retry-After"] == "7"
    assert client.get("/api/away").headers["Retry-After"] == "1"


def test_the_log_gets_the_whole_story(client, caplog):
    with caplog.at_level(logging.ERROR, logger="web.http.problem"):
        client.get("/api/crash")
    assert SECRET in caplog.text and "Traceback" in caplog.text


def test_people_get_a_page_even_where_templates_fail(client):
    for name, status in [("crash", 500), ("conflict", 409), ("nothing", 404), ("surrogate", 400)]:
        answered = client.get(f"/page/{name}")
        assert (answered.status_code, answered.mimetype) == (status, "text/html")
        assert SECRET not in answered.text and "<script>" not in answered.text


def test_the_fast_path_gets_the_same_bytes(client):
    status, headers, body = problem.problem_bytes(UnavailableError("Away."))
    answered = client.get("/api/away")
    assert (status, body) == (answered.status_code, answered.data)
    assert dict(headers)["Content-Length"] == str(len(body))
