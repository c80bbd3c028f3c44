"""Who gets in, and what each role may do."""

import re

import pytest

from experiments.definition.model import read_definition
from experiments.lifecycle import store
from experiments.people import accounts, api_keys, setup_link
from experiments.storage import audit
from tests.web.pages.client import PASSWORD, Pages, draft_form

DEFINITION = {
    "key": "spring",
    "name": "Spring",
    "variants": [
        {"key": "a", "control": True, "weight": 0.5, "content": {"headline": "Old"}},
        {"key": "b", "weight": 0.5, "content": {"headline": "New"}},
    ],
}


@pytest.fixture
def pages(sqlite_url, tmp_path):
    opened = Pages(sqlite_url, tmp_path)
    yield opened
    opened.close()


def add_draft(pages):
    with pages.database.write() as session:
        store.create(session, read_definition(DEFINITION), actor="cli")


def test_the_setup_link_makes_the_first_admin_once_and_logs_them_in(pages):
    with pages.database.write() as session:
        token = setup_link.issue(session)
    short = pages.post(f"/setup/{token}", {"email": "anna@example.com", "password": "short", "name": "Anna"})
    assert short.status_code == 422
    assert 'id="password-error"' in short.text
    assert 'value="anna@example.com"' in short.text, "what was typed is still there"
    done = pages.post(f"/setup/{token}", {"email": "anna@example.com", "password": PASSWORD, "name": "Anna"})
    assert (done.status_code, done.location) == (302, "/experiments")
    assert pages.get("/experiments").status_code == 200
    again = pages.app.test_client().get(f"/setup/{token}")
    assert again.status_code == 403


@pytest.mark.parametrize("path", ["/experiments", "/experiments/new", "/keys", "/settings", "/experiments/spring"])
def test_a_stranger_is_sent_to_the_log_in_and_then_back(pages, path):
    add_draft(pages)
    pages.add("admin")
    answer = pages.get(path)
    assert answer.status_code == 302
    assert answer.location == f"/login?next={path}"
    entered = pages.post(answer.location, {"email": "admin@example.com", "password": PASSWORD})
    assert entered.location == path


@pytest.mark.parametrize(
    "target", ["https://evil.example/x", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example"]
)
def test_the_way_back_never_leaves_the_site(pages, target):
    pages.add("admin")
    answer = pages.post("/login", {"email": "admin@example.com", "password": PASSWORD}, query_string={"next": target})
    assert answer.location == "/experiments"


def test_a_wrong_password_gets_a_calm_sentence_and_too_many_a_rest(sqlite_url, tmp_path):
    pages = Pages(sqlite_url, tmp_path, login_rate_limit="2/minute")
    pages.add("admin")
    wrong = {"email": "admin@example.com", "password": "not this one"}
    for _ in range(2):
        answer = pages.post("/login", wrong)
        assert answer.status_code == 401
        assert 'id="login-error"' in answer.text
    answer = pages.post("/login", {"email": "admin@example.com", "password": PASSWORD})
    assert answer.status_code == 429
    assert 'id="login-error"' in answer.text
    pages.close()


def test_a_log_in_limit_that_cannot_be_read_stops_the_start(sqlite_url, tmp_path):
    with pytest.raises(ValueError, match=r"login_rate_limit\n.*is not a rate limit"):
        Pages(sqlite_url, tmp_path, login_rate_limit="often")


def test_logging_out_ends_the_session(pages):
    pages.enter("marketer")
    assert pages.get("/experiments").status_code == 200
    assert pages.post("/logout", page="/experiments").status_code == 302
    assert pages.get("/experiments").status_code == 302


def test_people_change_their_own_password_when_they_know_the_present_one(pages):
    pages.enter("analyst")
    path, new = "/account/password", "four quite plain words"
    wrong = pages.post(path, {"current": "not this one", "new": "password123"}, page=path)
    assert wrong.status_code == 422
    assert 'id="current-error"' in wrong.text
    assert 'id="new-error"' in wrong.text
    assert pages.post(path, {"current": PASSWORD, "new": new}, page=path).status_code == 302
    pages.client = pages.app.test_client()
    assert pages.post("/login", {"email": "analyst@example.com", "password": PASSWORD}).status_code == 401
    assert pages.post("/login", {"email": "analyst@example.com", "password": new}).status_code == 302


def test_the_menu_offers_an_analyst_nothing_that_is_refused(pages):
    pages.enter("analyst")
    assert 'href="/import"' not in pages.get("/experiments").text
    assert pages.get("/experiments/new").status_code == 403
    pages.enter("marketer")
    assert 'href="/import"' in pages.get("/experiments").text


def test_a_disabled_account_is_out_at_its_next_click(pages):
    pages.enter("marketer")
    with pages.database.write() as session:
        accounts.disable_account(session, 1, actor="cli")
    assert pages.get("/experiments").status_code == 302


def test_a_form_without_its_token_changes_nothing(pages):
    pages.enter("marketer")
    answer = pages.client.post("/keys", data={"kind": "client", "name": "shop"})
    assert answer.status_code == 400
    with pages.database.read() as session:
        assert api_keys.list_keys(session) == []


def test_an_analyst_reads_everything_and_changes_nothing(pages):
    add_draft(pages)
    pages.enter("analyst")
    for path in ("/experiments", "/experiments/spring", "/keys", "/settings"):
        page = pages.get(path)
        assert page.status_code == 200, path
        for place in ("/launch", "/experiments/new", 'action="/keys', "/settings/accounts", "/edit"):
            assert place not in page.text, (path, place)
    for path in ("/experiments/new", "/experiments/spring/edit", "/experiments/spring/launch"):
        assert pages.get(path).status_code == 403, path
    for path in ("/experiments/spring/launch", "/experiments/spring/archive", "/keys", "/experiments/new"):
        assert pages.post(path, draft_form(), page="/experiments").status_code == 403, path
    with pages.database.read() as session:
        assert [row.state for row in store.listing(session)] == ["draft"]


def test_only_an_admin_makes_accounts(pages):
    form = {"email": "new@example.com", "role": "analyst", "password": PASSWORD, "name": "New"}
    pages.enter("marketer")
    assert pages.post("/settings/accounts", form, page="/settings").status_code == 403
    pages.enter("admin")
    assert pages.post("/settings/accounts", form, page="/settings").status_code == 302
    assert "new@example.com" in pages.get("/settings").text
    again = pages.post("/settings/accounts", form, page="/settings")
    assert again.status_code == 422
    assert 'id="email-error"' in again.text


def test_a_part_of_a_page_asked_for_by_a_stranger_sends_the_whole_page_to_the_log_in(pages):
    answer = pages.get("/experiments", headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/login"


def test_every_answer_carries_the_security_headers(pages):
    for path in ("/login", "/nothing", "/static/common/base.css"):
        answer = pages.get(path)
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        answer.close()


def test_a_page_that_is_not_there_and_one_that_fails_are_pages_still(pages):
    missing = pages.get("/nothing/here")
    assert missing.status_code == 404
    assert "<h1>" in missing.text
    pages.enter("marketer")
    absent = pages.get("/experiments/nobody-made-this")
    assert absent.status_code == 404
    assert "nobody-made-this" in absent.text


def test_a_password_reset_is_shown_once_and_ends_all_sessions(pages):
    pages.enter("marketer")
    theirs = pages.client
    pages.enter("admin")
    answer = pages.post("/settings/accounts/1/password", page="/settings")
    assert answer.status_code == 201
    plain = re.search(r'id="fresh-password">([a-z0-9-]+)<', answer.text)[1]
    assert plain not in pages.get("/settings").text
    assert theirs.get("/experiments").status_code == 302
    pages.client = pages.app.test_client()
    assert pages.post("/login", {"email": "marketer@example.com", "password": PASSWORD}).status_code == 401
    assert pages.post("/login", {"email": "marketer@example.com", "password": plain}).status_code == 302


def test_ones_own_new_password_ends_the_other_sessions_and_keeps_this_one(pages):
    pages.enter("analyst")
    other = pages.app.test_client()
    here, pages.client = pages.client, other
    assert pages.post("/login", {"email": "analyst@example.com", "password": PASSWORD}).status_code == 302
    pages.client, path = here, "/account/password"
    assert pages.post(path, {"current": PASSWORD, "new": "four other plain words"}, page=path).status_code == 302
    assert (pages.get("/experiments").status_code, other.get("/experiments").status_code) == (200, 302)


def test_enabling_and_changing_a_role_is_logged_with_the_account(pages):
    pages.add("analyst")
    pages.enter("admin")
    pages.post("/settings/accounts/1/disable", page="/settings")
    assert "/settings/accounts/1/enable" in pages.get("/settings").text
    assert pages.post("/settings/accounts/1/enable", page="/settings").status_code == 302
    assert pages.post("/settings/accounts/1/role", {"role": "marketer"}, page="/settings").status_code == 302
    assert pages.post("/settings/accounts/1/role", {"role": "king"}, page="/settings").status_code == 422
    assert pages.post("/settings/accounts/2/role", {"role": "analyst"}, page="/settings").status_code == 403
    with pages.database.write() as session:  # as entries were written before they named the address
        audit.record(session, actor="cli", action="account:create", account=1, role="marketer")
    record = re.sub(r"<[^>]+>", " ", pages.get("/settings").text)
    assert record.count("analyst@example.com; Marketer") == 2  # the change of the role, and the entry of old
    for done in ("enabled an account", "changed a role", "disabled an account", "created an account"):
        assert re.search(rf"{done}\s+analyst@example\.com", record), done
    pages.client = pages.app.test_client()
    pages.post("/login", {"email": "analyst@example.com", "password": PASSWORD})
    assert pages.get("/experiments/new").status_code == 200


@pytest.mark.parametrize("action", ["password", "role", "enable", "disable"])
def test_only_admins_look_after_accounts(pages, action):
    pages.add("analyst")
    pages.enter("marketer")
    assert pages.post(f"/settings/accounts/1/{action}", {"role": "admin"}, page="/settings").status_code == 403
    assert "/settings/accounts" not in pages.get("/settings").text
