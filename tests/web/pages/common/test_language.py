"""The pages are in the language of the settings; what programs read is in English."""

import pytest
from babel.support import Translations

from experiments import translation
from experiments.people.api_keys import create_key


class Marked(Translations):
    """A language whose texts are English ones with a mark."""

    def ugettext(self, message: object) -> str:
        return f"»{message}"


def test_templates_and_declared_texts_are_translated(pages, monkeypatch) -> None:
    assert ">Experiments</a>" in pages.get("/experiments").text
    monkeypatch.setattr(translation, "catalogue", lambda _code: Marked())
    page = pages.get("/experiments").text
    assert ">»Experiments</a>" in page and "»Skip to content" in page
    assert translation.language() == "en", "and only within the request"


def only_english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no other language to choose, so that a text that follows the setting changes."""
    monkeypatch.setattr(translation, "BY_CODE", {"en": translation.LANGUAGES[0]})


def test_a_page_is_german_even_where_nothing_is(german, monkeypatch) -> None:
    paths = ("/experiments", "/nothing")
    pages = [german.get(path).text for path in paths]
    assert all("Experimente</a>" in page for page in pages)
    only_english(monkeypatch)
    assert not any("Experimente</a>" in german.get(path).text for path in paths)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/experiments", {"key": "N K", "prior": "zzz"}),
        ("POST", "/api/v1/experiments", []),
        ("GET", "/api/v1/experiments/nothing", None),
        ("GET", "/api/v1/nothing", None),
        ("DELETE", "/api/v1/experiments", None),
        ("POST", "/api/v1/assign", {"unit": ""}),
        ("POST", "/api/v1/assign", []),
        ("POST", "/api/v1/events", {"events": [{"type": 1}]}),
    ],
    ids=["fields", "document", "unknown", "path", "method", "fast-fields", "fast-document", "fast-events"],
)
def test_the_api_answers_a_german_installation_as_an_english_one(german, monkeypatch, method, path, body) -> None:
    with german.database.write() as session:
        key = create_key(session, kind="server", name="App", actor="tests")
    headers = {"Authorization": f"Bearer {key}"}
    answer = german.client.open(path, method=method, json=body, headers=headers).text
    only_english(monkeypatch)
    assert german.client.open(path, method=method, json=body, headers=headers).text == answer


def test_the_openapi_document_is_english_even_after_the_german_page(german, monkeypatch) -> None:
    assert "Experimente</a>" in german.get("/docs").text
    document = german.get("/openapi.json").json
    only_english(monkeypatch)
    german.app.extensions.pop("klette_openapi")
    assert german.get("/openapi.json").json == document
