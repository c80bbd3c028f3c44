"""The words of the account pages."""

import re

from experiments.people import setup_link
from tests.snapshots import matches
from tests.web.pages.client import PASSWORD, Pages
from tests.web.pages.rendered import lines_of

ROOM = "web/pages/account"


def test_signing_in_and_setting_up(sqlite_url, tmp_path) -> None:
    pages = Pages(sqlite_url, tmp_path)
    with pages.database.write() as session:
        token = setup_link.issue(session)
    read = [pages.get("/login").text, pages.get(f"/setup/{token}").text, pages.get("/setup/gone").text]
    pages.post(f"/setup/{token}", {"email": "anna@example.com", "password": PASSWORD, "name": "Anna"})
    read.append(pages.get("/account/password").text)
    frame = lines_of(pages.get("/experiments").text, framed=True)
    pages.post("/logout")
    read.append(pages.post("/login", {"email": "anna@example.com", "password": "wrong"}).text)
    pages.close()
    matches(f"{ROOM}/sign_in", "\n\n".join([frame, *map(lines_of, read)]))


def test_api_keys(pages) -> None:
    pages.post("/keys", {"kind": "client", "name": "shop"}, page="/keys")
    pages.post("/keys/1/revoke", page="/keys")
    pages.post("/keys", {"kind": "server", "name": "back end"}, page="/keys")
    matches(f"{ROOM}/keys", _masked(lines_of(pages.get("/keys").text)))


def test_settings(pages) -> None:
    pages.enter("admin")
    pages.post("/keys", {"kind": "client", "name": "shop"}, page="/keys")
    pages.post("/settings/accounts/1/role", {"role": "analyst"}, page="/settings")
    pages.post("/settings/accounts/1/disable", page="/settings")
    text = lines_of(pages.get("/settings").text)
    matches(f"{ROOM}/settings", _masked(text[: text.index("All settings")]))


def _masked(text: str) -> str:
    return re.sub(r"k[cs]_[\w-]+…|http://\S+", "…", text)
