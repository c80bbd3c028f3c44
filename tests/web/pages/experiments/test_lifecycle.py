"""The list, the launch and the life of an experiment in the pages; keys and settings."""

import json
import re
import shutil
import subprocess
import sys
from html import unescape

import httpx
import pytest

from experiments.assignment.exposure import ExposureRow
from experiments.ingestion import exposures
from experiments.lifecycle import store
from experiments.people import api_keys
from experiments.storage.database import Database
from tests.serving import ROOT
from tests.web.pages.client import Pages, draft_form


def create(pages, **changes):
    answer = pages.post("/experiments/new", draft_form(**changes), page="/experiments/new")
    assert answer.status_code == 302
    return answer.location


def state(pages, key="spring-headline"):
    with pages.database.read() as session:
        return store.get(session, key).state


def test_an_empty_list_offers_three_ways_to_begin(pages):
    page = pages.get("/experiments").text
    for place in ('href="/experiments/new"', 'href="/import"', 'action="/demo"'):
        assert place in page


def test_the_list_shows_name_state_variants_and_age_and_filters_by_state(pages):
    create(pages)
    page = pages.get("/experiments").text
    assert "Spring headline" in page
    assert '<b class="letter v0">A</b>' in page
    assert "not started" in page
    assert "Spring headline" in pages.get("/experiments?state=draft").text
    running = pages.get("/experiments?state=running").text
    assert "Spring headline" not in running


def test_the_refresh_sends_nothing_where_nothing_changed(pages):
    where = create(pages)
    page = pages.get("/experiments").text
    again = re.search(r'hx-get="([^"]+)"', page)[1].replace("&amp;", "&")
    asked = {"HX-Request": "true"}
    assert pages.get(again, headers=asked).status_code == 204
    pages.post(f"{where}/launch", page=f"{where}/launch")
    fresh = pages.get(again, headers=asked)
    assert fresh.status_code == 200
    assert fresh.text.lstrip().startswith('<section id="rows"')
    assert "day 1 of 14" in fresh.text


def test_a_draft_is_described_in_words_with_its_checklist_and_launched_after_a_question(pages):
    where = create(pages)
    draft = pages.get(where).text
    assert 'class="checks"' in draft
    assert pages.get(f"{where}/launch").status_code == 200
    assert state(pages) == "draft", "looking launches nothing"
    assert pages.post(f"{where}/launch", page=f"{where}/launch").location == where
    assert state(pages) == "running"
    assert ">Create an API key</a>" in pages.get(where).text, "no app can use it yet"


def test_where_a_key_exists_the_launch_says_that_members_are_shown_the_variants(pages):
    with pages.database.write() as session:
        api_keys.create_key(session, kind="server", name="app", actor="cli")
    where = create(pages)
    pages.post(f"{where}/launch", page=f"{where}/launch")
    shown = pages.get(where).text
    assert "The experiment is running." in shown
    assert ">Create an API key</a>" not in shown


def test_a_launch_that_the_checklist_forbids_says_why_and_launches_nothing(pages):
    where = create(pages, ends_at="2020-01-01T10:00")
    page = pages.get(f"{where}/launch").text
    assert re.search(r"<button[^>]* disabled[^>]*>Launch experiment", page)
    refused = pages.post(f"{where}/launch", page=f"{where}/launch")
    assert refused.status_code == 409
    assert "in the past" in refused.text
    assert state(pages) == "draft"


def test_the_list_counts_members_before_the_first_analysis_and_never_promises_one_to_a_test_that_is_over(pages):
    where = create(pages)
    pages.post(f"{where}/launch", page=f"{where}/launch")
    assert "No members yet." in pages.get("/experiments").text
    with pages.database.write() as session:
        run = store.current_run(session, store.get(session, "spring-headline"))
        now_us = 1_800_000_000_000_000
        row = (now_us, now_us, "randomised", 1, False, None)
        rows = [ExposureRow(1, run.id, f"m{at}", "ab"[at % 2], *row) for at in range(3)]
        exposures.bulk_insert(session, rows)
    page = pages.get("/experiments").text
    assert "<dd>3</dd>" in page
    assert "First analysis pending." in page
    pages.post(f"{where}/stop", page="/keys")
    pages.post(f"{where}/archive", page="/keys")
    assert "Archived without a result." in pages.get("/experiments?state=archived").text


def test_a_test_without_members_does_not_claim_to_have_run(pages):
    where = create(pages)
    pages.post(f"{where}/launch", page=f"{where}/launch")
    pages.post(f"{where}/stop", page="/keys")
    page = pages.get("/experiments").text
    assert "Ended without members." in page
    assert "no members" in page
    assert "ran 1 day" not in page


def test_a_draft_without_a_headline_says_so_and_shows_none_as_if_it_were_there(pages):
    saved = pages.post("/experiments/new", draft_form(**{"variants.1.content.headline": ""}), page="/experiments/new")
    page = pages.get(saved.location).text
    assert "B has no headline yet." in page
    assert "Your headline" not in page
    launch = f"{saved.location}/launch"
    assert "B has no content" in pages.get(launch).text
    assert pages.post(launch, page=launch).status_code == 409
    assert state(pages) == "draft"


def test_a_start_in_the_future_is_scheduled_and_shown_in_the_project_time(pages):
    where = create(pages, starts_at="2031-01-05T09:00")
    pages.post(f"{where}/launch", page=f"{where}/launch")
    assert state(pages) == "scheduled"
    assert "5 Jan 2031, 09:00 Berlin time" in pages.get(where).text


def test_pause_resume_ship_and_archive_each_ask_first(pages):
    where = create(pages)
    pages.post(f"{where}/launch", page=f"{where}/launch")
    for action, after in (("pause", "paused"), ("resume", "running")):
        assert "?</h1>" in pages.get(f"{where}/{action}").text
        assert pages.post(f"{where}/{action}", page="/keys").status_code == 302
        assert state(pages) == after
    silent = pages.post(f"{where}/ship", {"variant": "b", "note": " "}, page="/keys")
    assert silent.status_code == 422
    assert 'id="note-error"' in silent.text
    assert state(pages) == "running", "a decision without its reason ships nothing"
    wrong = pages.post(f"{where}/ship", {"variant": "z", "note": "Clear."}, page="/keys")
    assert wrong.status_code == 422
    assert 'id="variant-error"' in wrong.text
    assert pages.post(f"{where}/ship", {"variant": "b", "note": "Clear enough."}, page="/keys").status_code == 302
    assert state(pages) == "stopped"
    assert "Shipped B “Meet the people who make it”." in pages.get("/experiments").text
    impossible = pages.post(f"{where}/pause", page="/keys")
    assert impossible.status_code == 409
    pages.post(f"{where}/archive", page="/keys")
    assert "Spring headline" not in pages.get("/experiments").text
    assert "Spring headline" in pages.get("/experiments?state=archived").text


def test_a_decision_on_a_test_that_ran_elsewhere_promises_no_showing(pages):
    where = create(pages)
    pages.post(f"{where}/launch", page=f"{where}/launch")
    with pages.database.write() as session:
        store.get(session, "spring-headline").imported = True
    pages.post(f"{where}/ship", {"variant": "b", "note": "Clear enough."}, page="/keys")
    assert "The decision is recorded." in pages.get(where).text


def test_a_preview_shows_the_variant_and_a_body_that_works_for_apps(pages):
    where = create(pages)
    page = pages.get(f"{where}/preview/b")
    assert "Meet the people who make it" in page.text
    body = re.search(r'id="preview-body">([^<]+)<', page.text)[1].replace("&#34;", '"')
    assert json.loads(body)["experiments"] == ["spring-headline"]
    assert pages.get(f"{where}/preview/z").status_code == 404


def test_a_key_is_shown_once_and_revoking_it_is_confirmed(pages):
    made = pages.post("/keys", {"kind": "client", "name": "shop"}, page="/keys")
    assert made.status_code == 201
    plain = re.search(r'id="fresh-key">(kc_[^<]+)<', made.text)[1]
    assert made.text.count(plain) > 3, "the snippets carry it"
    assert plain not in pages.get("/keys").text
    with pages.database.read() as session:
        row = api_keys.find_plain(session, plain)
    assert pages.post(f"/keys/{row.id}/revoke", page="/keys").status_code == 302
    assert "revoked" in pages.get("/keys").text
    with pages.database.read() as session:
        assert api_keys.find_plain(session, plain) is None


def test_a_key_without_a_name_is_refused_beside_its_field(pages):
    answer = pages.post("/keys", {"kind": "client", "name": ""}, page="/keys")
    assert answer.status_code == 422
    assert 'id="name-error"' in answer.text


def test_settings_show_every_setting_with_its_sentence_and_no_secret(sqlite_url, tmp_path):
    from experiments.settings import Settings

    pages = Pages(sqlite_url, tmp_path, secret_key="a secret of the tests").enter("admin")
    page = pages.get("/settings").text
    for name, field in Settings.model_fields.items():
        assert f"KLETTE_{name.upper()}" in page
        assert (field.description or "").split('"')[0].split("'")[0] in page, name
    assert "a secret of the tests" not in page
    pages.close()


def test_the_audit_log_shows_who_did_what(pages):
    create(pages)
    page = pages.get("/settings").text
    assert "<td>created</td>" in page
    assert "marketer@example.com" in page


@pytest.mark.slow
def test_the_snippets_work_as_they_are(live_server, tmp_path):
    """Made in the browser's way, then run by the shell, by Python and by Node against the running product."""
    person = ("--email", "a@example.com", "--role", "admin", "--password-stdin")
    live_server.klette("user", "create", *person, given="three plain words\n")
    with httpx.Client(base_url=live_server.url, trust_env=False, follow_redirects=True) as client:

        def send(path, page, **form):
            token = re.search(r'X-CSRFToken": "([^"]+)"', client.get(page).text)[1]
            return client.post(path, data={"csrf_token": token, **form})

        send("/login", "/login", email="a@example.com", password="three plain words")
        send("/experiments/new", "/experiments/new", **draft_form())
        rule = {"all": [{"attribute": "country", "equals": "it's"}, {"attribute": "member", "equals": True}]}
        with Database(f"sqlite:///{live_server.folder / 'klette.sqlite'}").write() as session:
            targeted = store.get(session, "spring-headline")
            targeted.targeting, targeted.traffic_buckets = rule, 500
        send("/experiments/spring-headline/launch", "/experiments/spring-headline/launch")
        page = send("/keys", "/keys", kind="client", name="shop").text
    found = re.findall(r'<code id="snippet-(\w+)">(.*?)</code>', page, re.DOTALL)
    texts = {name: unescape(text) for name, text in found}
    node = shutil.which("node", path=str(ROOT / ".venv" / "bin")) or shutil.which("node")
    runs = {"python": [sys.executable, "-c"], "curl": ["sh", "-c"]} | ({"javascript": [node, "-e"]} if node else {})
    for name, program in runs.items():
        if program[0] == "sh" and not shutil.which("curl"):
            continue
        done = subprocess.run([*program, texts[name]], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (name, done.stderr)
        assert re.search(r'"variant": ?"[ab]"', done.stdout), (name, done.stdout)
        assert re.search(r"""['"]accepted['"]: ?1""", done.stdout), (name, done.stdout)
