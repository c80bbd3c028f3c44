"""The application with people in it, for the tests of the pages."""

import re
from pathlib import Path

from experiments.people import accounts
from experiments.settings import Settings
from experiments.storage.database import Database
from web import create_app

PASSWORD = "three plain words"


class Pages:
    """The pages on a database of their own, seen by one person at a time."""

    def __init__(self, url: str, folder: Path, **settings: object) -> None:
        self.settings = Settings(data_dir=folder, database_url=url, **settings)  # type: ignore[arg-type]
        self.app = create_app(self.settings)
        self.database = Database(url)
        self.client = self.app.test_client()

    def close(self) -> None:
        self.app.extensions["klette"].close()
        self.database.close()

    def add(self, role: str, email: str = "") -> str:
        email = email or f"{role}@example.com"
        with self.database.write() as session:
            accounts.create_account(session, email=email, role=role, password=PASSWORD, name=role.title())
        return email

    def enter(self, role: str = "marketer") -> "Pages":
        """A person of this role logs in, in a browser of their own."""
        email = self.add(role)
        self.client = self.app.test_client()
        answer = self.post("/login", {"email": email, "password": PASSWORD})
        assert answer.status_code == 302, answer.text
        return self

    def get(self, path: str, **options: object):
        return self.client.get(path, **options)  # type: ignore[arg-type]

    def post(self, path: str, data: dict | None = None, page: str = "", **options: object):
        """Send a form, with the token of its page."""
        found = re.search(r'X-CSRFToken": "([^"]+)"', self.get(page or "/login", follow_redirects=True).text)
        assert found, "the page carries no token"
        return self.client.post(path, data={"csrf_token": found[1], **(data or {})}, **options)  # type: ignore[arg-type]


def draft_form(**changes: object) -> dict[str, object]:
    """What the editor sends for a plain draft."""
    form: dict[str, object] = {
        "do": "save",
        "name": "Spring headline",
        "key": "",
        "hypothesis": "We believe that faces work because people are curious.",
        "primary_metric": "sticky_rate",
        "metrics": ["click_rate", "revenue"],
        "guardrails": ["negative_rate"],
        "control": "0",
        "traffic": "100",
        "namespace.key": "",
        "namespace.from": "0",
        "namespace.to": "100",
        "window_days": "7",
        "planned_days": "14",
        "starts_at": "",
        "ends_at": "",
        "segments": "country, device",
        "currency": "EUR",
        "minimum_members": "100",
        "threshold_of_caring": "1",
        "audience": "all",
        "revision": "",
    }
    for position, headline in enumerate(("New season, new colours", "Meet the people who make it")):
        form |= {
            f"variants.{position}.key": "ab"[position],
            f"variants.{position}.name": "",
            f"variants.{position}.weight": "50",
            f"variants.{position}.content.headline": headline,
        }
    return form | changes
