"""Every text of the results page passes through gettext: with a catalogue of capitals no small letter is left."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from babel.support import NullTranslations

from experiments import translation
from experiments.lifecycle import store, transitions
from experiments.storage.tables import Job, utc_now
from tests.web.pages.rendered import lines_of
from tests.web.pages.results import fixtures, sampled_parts, stored
from tests.web.pages.results.sections.test_total_effect import entry

PAGE = f"/experiments/{stored.KEY}"
PLACE = re.compile(r"(\{[^}]*\}|%\(\w+\)s|<[^>]*>)")
NAMES = "Spring headline|spring-headline|country|device|history|Berlin|Germany|Austria|Switzerland|France|phone|desktop"
NAMES += "|tablet|content|learned|nutpie|klette|[0-9a-f-]{36}"
GIVEN = "A member is worth .* mislead[.]|The shares followed .* itself[.]|Fitted to 41 .* members[.]"
GIVEN += "|A Normal spread .* do[.]"
DATA = re.compile("|".join([*map(re.escape, fixtures.HEADLINES.values()), rf"\b(?:{NAMES})\b", GIVEN, r"\band\b"]))
"""Names, the sentences of the made-up result, and the "and" of Babel's lists."""


class Capitals(NullTranslations):
    """A catalogue that writes each text in capitals, apart from its places."""

    def ugettext(self, message: str) -> str:
        pieces = PLACE.split(message)
        return "".join(piece if at % 2 else piece.upper() for at, piece in enumerate(pieces))

    def ungettext(self, singular: str, plural: str, n: int) -> str:
        assert isinstance(n, int)
        return self.ugettext(singular if n == 1 else plural)

    def upgettext(self, context: str, message: str) -> str:
        return self.ugettext(message)


@pytest.fixture(autouse=True)
def capitals(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(translation, "catalogue", lambda _: Capitals())
    sampled_parts.computed.cache_clear()
    yield
    sampled_parts.computed.cache_clear()


def small(page: str) -> list[str]:
    """The lines of a page that hold a word in small letters which is no data."""
    lines = lines_of(page).splitlines()
    return [line for line in lines if re.search("[a-z]{2}", DATA.sub("", line))]


def test_the_sections(app, client) -> None:
    stored.experiment(app)
    result = sampled_parts.whole_result()
    result["total"] = {"brought": 700, "metrics": [entry("sticky_rate", {"a": 0.15, "b": 0.2, "c": 0.16})]}
    stored.with_past(app, result)
    assert small(client.get(PAGE).text) == []
    assert small(client.get(f"{PAGE}?members=mature").text) == []


def test_the_states(app, client) -> None:
    def job(**values) -> None:
        with stored.services_of(app).database.write() as session:
            found = store.get(session, stored.KEY)
            session.add(Job(kind="analyse", experiment_id=found.id, payload={}, requested_by="cli", **values))

    stored.experiment(app)
    assert small(client.get(PAGE).text) == []
    stored.expose(app)
    assert small(client.get(PAGE).text) == []
    for minutes in (0, 5):
        job(state="due", due_at=utc_now() - timedelta(minutes=minutes))
        assert small(client.get(PAGE).text.replace("5 minutes ago", "")) == []
    job(state="failed", message="", finished_at=utc_now())
    assert small(client.get(PAGE).text) == []
    stored.analyse(app, fixtures.stored_result(scale=0.008), at=utc_now() - timedelta(hours=3))
    job(state="running", message="", due_at=utc_now())
    assert small(client.get(PAGE).text.replace("3 hours ago", "")) == []
    job(state="done", due_at=utc_now() - timedelta(seconds=20), finished_at=utc_now())
    assert small(client.get(PAGE).text.replace("3 hours ago", "")) == []
    with stored.services_of(app).database.write() as session:
        transitions.ship(session, store.get(session, stored.KEY), "b", "", actor="cli")
    assert small(client.get(PAGE).text.replace("3 hours ago", "")) == []


@pytest.mark.parametrize(
    "part",
    [
        {"retention": sampled_parts.early_retention()},
        {"allocation": sampled_parts.allocation(1)},
        {"retention": {"not_shown": None, "horizon": 7, "variants": []}},
        {"counts": sampled_parts.counts(mean=0.03)},
        {"segments": []},
    ],
    ids=lambda part: next(iter(part)),
)
def test_the_outcomes_without_figures(app, client, part) -> None:
    stored.experiment(app)
    stored.analyse(app, sampled_parts.plain_result() | part)
    assert small(client.get(PAGE).text) == []


def test_the_charts(app, client) -> None:
    stored.experiment(app)
    stored.with_past(app, sampled_parts.whole_result())
    specs = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', client.get(PAGE).text)
    texts = {text for spec in specs for text in texts_of(json.loads(spec))}
    assert len(specs) == 5 and len(texts) > 10
    assert sorted(text for text in texts if re.search("[a-z]{2}", text)) == []


def texts_of(part: object) -> Iterator[str]:
    """The titles and the texts of a chart's definition."""
    if isinstance(part, dict):
        for name, value in part.items():
            if isinstance(value, str) and name in ("title", "description", "text"):
                yield value
            yield from texts_of(value)
    elif isinstance(part, list):
        for value in part:
            yield from texts_of(value)
