"""The import pages: upload, the roles of columns, progress; each error is beside its field."""

import io
import re
from collections.abc import Iterator
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from experiments.jobs import queue
from experiments.jobs.worker import work
from experiments.people import accounts
from experiments.settings import read_settings
from experiments.storage.database import Database
from experiments.storage.tables import Experiment, Job, Upload
from tests.snapshots import matches
from tests.web.pages.rendered import lines_of
from web import create_app
from web.pages.importing.columns import columns, read_form
from web.pages.importing.examples import EXAMPLES

PASSWORD = "a long enough password"


class Person:
    """A person at a browser."""

    def __init__(self, client: FlaskClient, email: str) -> None:
        self.client = client
        self.token = ""
        assert self.post("/login", {"email": email, "password": PASSWORD}, page="/login").status_code == 302

    def get(self, path: str, **more: object):
        return self.client.get(path, **more)

    def post(self, path: str, data: dict, *, page: str, **more: object):
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get(page).text)
        return self.client.post(path, data=data | {"csrf_token": found[1] if found else ""}, **more)

    def upload(self, kind: str, text: str | bytes, events: str | None = None):
        content = text.encode() if isinstance(text, str) else text
        data = {"kind": kind, f"{kind}_file": (io.BytesIO(content), "spring mail.csv")}
        if events is not None:
            data["events_file"] = (io.BytesIO(events.encode()), "events.csv")
        return self.post("/import", data, page="/import", content_type="multipart/form-data")


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    opened = Database(sqlite_url)
    with opened.write() as session:
        for role in ("marketer", "analyst"):
            accounts.create_account(session, email=f"{role}@shop.example", role=role, password=PASSWORD)
    yield opened
    opened.close()


@pytest.fixture
def person(database: Database, tmp_path) -> Iterator:
    app = create_app(read_settings(data_dir=tmp_path, database_url=database.url, max_upload_bytes=200_000))
    yield lambda role="marketer": Person(app.test_client(), f"{role}@shop.example")
    app.extensions["klette"].close()


def test_the_page_shows_an_example_of_each_file_to_download(person) -> None:
    marketer = person()
    page = marketer.get("/import")
    assert page.status_code == 200
    for name, text in EXAMPLES.items():
        assert f"/import/example/{name}.csv" in page.text
        answer = marketer.get(f"/import/example/{name}.csv")
        assert (answer.text, answer.mimetype) == (text, "text/csv")
    assert marketer.get("/import/example/none.csv").status_code == 404


@pytest.mark.parametrize("path", ["/import", "/import/1", "/import/jobs/1"])
def test_analysts_and_strangers_may_not(person, database: Database, path: str) -> None:
    assert person("analyst").get(path).status_code == 403
    app = create_app(read_settings(database_url=database.url))
    assert "/login" in app.test_client().get(path).headers["Location"]
    app.extensions["klette"].close()


def test_an_analyst_can_neither_upload_nor_ask_for_the_example(person, database: Database) -> None:
    analyst = person("analyst")
    page = "/experiments"
    assert analyst.post("/demo", {}, page=page).status_code in (400, 403)
    assert analyst.post("/import", {"kind": "counts"}, page=page).status_code in (400, 403)
    with database.read() as session:
        assert session.exec(select(Job)).all() == session.exec(select(Upload)).all() == []


def test_a_form_without_its_token_is_refused(person, database: Database) -> None:
    marketer = person()
    assert marketer.client.post("/demo").status_code == 400
    with database.read() as session:
        assert session.exec(select(Job)).first() is None


def test_from_the_files_to_a_job_with_its_plan(person, database: Database) -> None:
    marketer = person()
    answer = marketer.upload("members", EXAMPLES["members"], EXAMPLES["events"])
    assert answer.status_code == 302
    there = answer.headers["Location"]
    page = marketer.get(there)
    assert page.status_code == 200
    assert "m-1001, m-1002, m-1003, m-1004" in page.text
    assert 'value="spring-mail"' in page.text  # a key to begin with, from the file's name
    form = _form_of(page.text)
    assert form["members-0"] == "unit" and form["members-3"] == "segment" and form["events-3"] == "value"

    answer = marketer.post(there, form | {"members-4": "covariate", "control": "Old headline"}, page=there)

    assert answer.status_code == 302
    with database.read() as session:
        job = session.exec(select(Job)).one()
    assert answer.headers["Location"] == f"/import/jobs/{job.id}"
    assert (job.kind, job.state, job.requested_by) == ("import", "due", "page:marketer@shop.example")
    plan = job.payload["plan"]
    assert plan["columns"] == {"unit": "unit", "variant": "variant", "exposed_at": "exposed_at"}
    assert plan["segments"] == ["country"]
    assert plan["covariate"] == {"attribute": "device", "days_before": None}
    assert plan["control"] == "Old headline"
    assert plan["event_columns"] == {name: name for name in ("unit", "type", "at", "value")}


def test_the_progress_is_drawn_and_asked_for_again_until_the_end(person, database: Database) -> None:
    marketer = person()
    with database.write() as session:
        job = queue.enqueue(session, "import", payload={})
    running = queue.claim(database, "tester", 60)
    assert running is not None
    claim = queue.claim_of(running, 60)
    queue.progress(database, claim, 0.42, "Read 4,200 members")
    path = f"/import/jobs/{job.id}"
    whole, part = marketer.get(path), marketer.get(path, headers={"HX-Request": "true"})
    for page in (whole, part):
        assert '<progress max="100" value="42"' in page.text
        assert "Read 4,200 members" in page.text
        assert f'hx-get="{path}"' in page.text
    assert "<html" in whole.text and "<html" not in part.text
    lines = [[4, "the unit is empty"], [17, "<b>no</b> date"]]
    with database.write() as session:
        queue.fail(session, claim, "members.csv has 2 faults.", result={"lines": lines})
    failed = marketer.get(path, headers={"HX-Request": "true"}).text
    assert "hx-get" not in failed
    assert "members.csv has 2 faults." in failed
    assert "the unit is empty" in failed and "&lt;b&gt;no&lt;/b&gt; date" in failed


INVALID = (
    ({"counts-0": ""}, "counts-0"),
    ({"counts-3": "variant"}, "counts-3"),
    ({"counts-3": "nonsense"}, "counts-3"),
    ({"key": "Not A Key"}, "key"),
    ({"where_column": "variant"}, "where_value"),
    ({"weights": "a half"}, "weights"),
    ({"exposed_at": "soon"}, "exposed_at"),
    ({"exposed_at": "06.03.2026"}, "ended_at"),
    ({"success_metric": ""}, "success_metric"),
)
"""A change of the form, and the field that it makes invalid."""


def test_an_error_is_beside_its_field_and_the_form_keeps_what_was_typed(person, database) -> None:
    marketer = person()
    there = marketer.upload("counts", EXAMPLES["counts"]).headers["Location"]
    shown = _form_of(marketer.get(there).text) | {"name": "Kept as typed"}
    messages = []
    for change, field in INVALID:
        page = marketer.post(there, shown | change, page=there)
        assert page.status_code == 422, change
        assert "Kept as typed" in page.text
        messages.append(f"{field}: {_error_of(page.text, field)}")
    with database.read() as session:
        assert session.exec(select(Job)).first() is None
    matches("web/pages/importing/errors", "\n".join(messages))


def test_the_pages_of_an_import(person, database) -> None:
    marketer = person()
    read = [marketer.get("/import").text]
    for kind, events in (("members", EXAMPLES["events"]), ("counts", None)):
        there = marketer.upload(kind, EXAMPLES[kind], events).headers["Location"]
        read.append(re.sub(r'<select id="currency".*?</select>', "", marketer.get(there).text, flags=re.S))
    read.append(marketer.get(marketer.post("/demo", {}, page="/import").location).text)
    matches("web/pages/importing/import", "\n\n".join(map(lines_of, read)))


def test_only_metrics_that_a_verdict_can_rest_on_may_decide(person, database: Database) -> None:
    somebody = person()
    answer = somebody.upload("members", EXAMPLES["members"])
    page = somebody.get(answer.location).text
    offered = re.search(r'<select id="primary_metric".*?</select>', page, re.DOTALL)[0]
    assert 'value="order_value"' in offered
    assert not any(f'value="{key}"' in offered for key in ("half_life", "k_factor", "reach", "roi"))


def test_a_taken_key_is_refused_before_the_import(person, database: Database) -> None:
    from experiments.importing import Source, make_plan, run_import

    source = Source("counts.csv", content=EXAMPLES["counts"].encode())
    taken = make_plan(kind="counts", key="taken", columns={"successes": "clicks"})
    run_import(database, taken, source, currency="EUR", actor="cli")
    marketer = person()
    there = marketer.upload("counts", EXAMPLES["counts"]).headers["Location"]
    page = marketer.post(there, _form_of(marketer.get(there).text) | {"key": "taken"}, page=there)
    assert page.status_code == 422
    assert re.search(r'<span class="error" id="key-error">[^<]* key taken exists', page.text)
    with database.read() as session:
        assert len(session.exec(select(Experiment)).all()) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"u\x00n\x00", "NUL bytes"),
        (b"PK\x03\x04rest", "an Excel workbook"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a PNG image"),
        (b"unit,variant\nu1,Gr\xf6\xdfe\n", "line 2: the line is not UTF-8 text"),
        (b"a,a\n1,2\n", "twice"),
    ],
)
def test_a_file_that_cannot_be_one_is_refused_at_once(person, database: Database, content: bytes, words: str) -> None:
    page = person().upload("members", content)
    assert page.status_code == 422
    assert words in page.text
    with database.read() as session:
        assert session.exec(select(Upload)).first() is None


def test_no_file_is_asked_for_one(person) -> None:
    page = person().post("/import", {"kind": "members"}, page="/import")
    assert page.status_code == 422
    assert _error_of(page.text, "members_file")


def test_a_file_over_the_limit_is_refused(person, database: Database) -> None:
    assert person().upload("members", b"unit,variant\n" + b"u,a\n" * 100_000).status_code == 413
    with database.read() as session:
        assert session.exec(select(Upload)).first() is None


def test_the_example_is_made_once_at_a_time(person, database: Database) -> None:
    marketer = person()
    first, second = (marketer.post("/demo", {}, page="/import").headers["Location"] for _ in range(2))
    assert first == second
    assert 'id="progress"' in marketer.get(first).text
    with database.read() as session:
        assert session.exec(select(Job)).one().kind == "demo"


def test_columns_are_guessed_by_their_names() -> None:
    header = ("customer_no", "recency", "segment", "visit", "conversion", "spend")
    found = {column.name: column.role for column in columns("members", header, [], {}, "Europe/Berlin")}
    assert found == {
        "customer_no": "unit",
        "recency": "attribute",
        "segment": "variant",
        "visit": "outcome:click",
        "conversion": "attribute",
        "spend": "outcome:purchase",
    }
    upworthy = ("test_id", "package", "headline", "impressions", "clicks")
    found = {column.name: column.role for column in columns("counts", upworthy, [], {}, "Europe/Berlin")}
    assert found == {
        "test_id": "",
        "package": "variant",
        "headline": "headline",
        "impressions": "members",
        "clicks": "successes",
    }


def test_a_wide_file_becomes_outcomes() -> None:
    header = tuple(EXAMPLES["wide"].splitlines()[0].split(","))
    main = columns("members", header, [], {}, "Europe/Berlin")
    plan = read_form("members", {"key": "spring", "exposed_at": "2026-03-06"}, main, zone="Europe/Berlin")
    assert plan.outcomes == [("click", "visits"), ("purchase", "spend")]
    assert plan.columns == {"unit": "customer_no", "variant": "group"}


def test_key_and_name_are_proposed_and_can_be_changed(person, database: Database) -> None:
    marketer = person()
    there = marketer.upload("counts", EXAMPLES["counts"]).headers["Location"]
    form = _form_of(marketer.get(there).text)
    assert (form["key"], form["name"], form["success_metric"]) == ("spring-mail", "Spring mail", "click_rate")
    changes = {"key": "autumn", "name": "Autumn mail", "success_metric": "share_rate"}
    assert marketer.post(there, form | changes, page=there).status_code == 302
    with database.read() as session:
        plan = session.exec(select(Job)).one().payload["plan"]
    assert (plan["key"], plan["name"], plan["metrics"]) == ("autumn", "Autumn mail", ["share_rate"])


def test_the_metric_of_totals_must_be_chosen_if_no_name_suggests_it(person, database) -> None:
    marketer = person()
    there = marketer.upload("counts", "variant,members,successes\na,10,1\nb,10,2\n").headers["Location"]
    form = _form_of(marketer.get(there).text)
    assert form["success_metric"] == ""
    page = marketer.post(there, form, page=there)
    assert page.status_code == 422
    assert _error_of(page.text, "success_metric")


@pytest.mark.parametrize(("times", "field"), [(("06.03.2026", "07.03.2026"), "members-2"), (("x", "y"), "exposed_at")])
def test_a_missing_time_is_asked_for_at_the_column_that_may_hold_it(person, database, times, field) -> None:
    marketer = person()
    text = f"member,group,first contact\nm1,a,{times[0]}\nm2,b,{times[1]}\n"
    there = marketer.upload("members", text).headers["Location"]
    shown = marketer.get(there).text
    assert ("06.03.2026 is read as 6 March 2026 in Europe/Berlin" in shown) is (times[0] != "x")
    page = marketer.post(there, _form_of(shown) | {"members-2": "attribute"}, page=there)
    assert page.status_code == 422
    assert ("first contact" in _error_of(page.text, field)) is (field == "members-2")


def test_from_a_failed_import_back_to_the_form_with_everything_still_chosen(person, database, tmp_path) -> None:
    marketer = person()
    there = marketer.upload("counts", EXAMPLES["counts"]).location
    typed = {"key": "autumn", "name": "Autumn mail", "control": "middle", "hypothesis": "Why not"}
    job = marketer.post(there, _form_of(marketer.get(there).text) | typed, page=there).location
    work(database, read_settings(data_dir=tmp_path, database_url=database.url), once=True)
    back = unescape(re.search(r'href="([^"]+)">Edit import', marketer.get(job).text)[1])

    page = marketer.get(back)

    assert page.status_code == 200
    assert re.search(r'id="control-error">The control &#39;middle&#39;', page.text)
    assert "Why not</textarea>" in page.text
    form = _form_of(page.text)
    assert {name: form[name] for name in ("key", "name", "control")} == {name: typed[name] for name in list(typed)[:3]}
    again = marketer.post(back, form | {"control": ""}, page=back)
    assert again.status_code == 302 and again.location != job
    with database.write() as session:
        session.delete(session.exec(select(Upload)).one())
    assert "Edit import" not in marketer.get(job).text  # there is no way back to a file that is gone


def _error_of(page: str, field: str) -> str:
    return re.search(rf'id="{field}-error"[^>]*>([^<]+)', page)[1]


def _form_of(html: str) -> dict[str, str]:
    """The values that a browser would send back as they stand."""
    form: dict[str, str] = {}
    for name, options in re.findall(r'<select id="[^"]+" name="([^"]+)"[^>]*>(.*?)</select>', html, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options) or re.search(
            r'<option value="([^"]*)"', options
        )
        form[name] = chosen[1] if chosen else ""
    for tag in re.findall(r"<input [^>]+>", html):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] != "csrf_token" and 'type="file"' not in tag:
            form[name[1]] = value[1] if value else ""
    return form


def test_a_column_can_be_an_outcome_by_its_own_name() -> None:
    header = ("id", "group", "day 7", "played")
    roles = {"members-2": "own:share", "members-3": "own:count"}
    main = columns("members", header, [], roles, "Europe/Berlin")
    plan = read_form("members", {"key": "game", "exposed_at": "2026-03-06"}, main, zone="Europe/Berlin")
    assert plan.outcomes == [("day_7", "day 7"), ("played", "played")]
    assert plan.custom_metrics == ("share_of_day_7", "count_of_played")


def test_totals_with_mean_and_deviation_need_no_successes() -> None:
    header = ("variant", "members", "m", "s")
    main = columns("counts", header, [], {"counts-2": "mean", "counts-3": "sd"}, "Europe/Berlin")
    plan = read_form("counts", {"key": "sums", "success_metric": "revenue"}, main, zone="Europe/Berlin")
    assert (plan.column("mean"), plan.column("sd"), plan.metrics) == ("m", "s", ["revenue"])
