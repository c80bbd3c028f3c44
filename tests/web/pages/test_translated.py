"""All texts of the pages go through gettext: in a language that marks each text, no word is without a mark.

Python's texts are found here, those of templates also by ``tests/house/test_templates.py``.
"""

import io
import re

import pytest
from babel.support import NullTranslations

from experiments import translation
from tests.web.pages.client import draft_form
from tests.web.pages.experiments.test_snapshot import RICH
from tests.web.pages.rendered import lines_of
from web.pages.importing.examples import EXAMPLES

MARKED = re.compile(r"⟦[^⟦⟧]*⟧")
WORD = re.compile(r"[^\W\d_]{2,}")
TYPED = {
    "name": "⟦Spring⟧",
    "key": "zz",
    "hypothesis": "⟦We believe⟧",
    "segments": "zz, yy",
    "variants.0.content.headline": "⟦Old⟧",
    "variants.1.content.headline": "⟦New⟧",
}
"""What a person types is marked too, or has none of the letters of a word."""
SAME_EVERYWHERE = frozenset("Klette Berlin Europe SQLite sqlite EUR TIME CSV DE AT country share zz yy".split())  # noqa: SIM905
"""Names, codes and placeholders."""
RULE = {"rules.0.attribute": "country", "rules.0.operator": "in", "rules.0.value": "DE, AT"}
INVALID = {
    "name": "",
    "key": "N K",
    "variants.1.weight": "many",
    "planned_days": "soon",
    "starts_at": "tomorrow",
    "allocation.method": "thompson",
    "allocation.floor": "x",
    "covariate.kind": "attribute",
    "worths.0.type": "share",
    "worths.0.amount": "",
    "margin": "130",
    "audience": "json",
    "targeting": "{",
    "currency": "XYZ",
    "traffic": "1,000",
    "guardrails": ["sticky_rate"],
}


class Marks(NullTranslations):
    """A language whose texts are the English ones between ``⟦`` and ``⟧``."""

    def ugettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ungettext(self, one: str, many: str, number: int) -> str:
        return f"⟦{one if number == 1 else many}⟧"

    def upgettext(self, context: str, message: str) -> str:
        return f"⟦{message}⟧"


@pytest.fixture
def marked(pages, monkeypatch):
    monkeypatch.setattr(translation, "catalogue", lambda _: Marks())
    pages.post("/experiments/new", draft_form(**RICH | TYPED), page="/keys")
    pages.post("/experiments/new", draft_form(**TYPED | {"key": "yy", "audience": "rules"} | RULE), page="/keys")
    pages.post("/experiments/yy/launch", page="/keys")
    return pages


def unmarked(page: str) -> list[str]:
    """Return the lines of a page that have words without a mark."""
    found = []
    for line in lines_of(page).split("\n"):
        rest, before = line, ""
        while rest != before:
            before, rest = rest, MARKED.sub(" ", rest)
        if set(WORD.findall(rest)) - SAME_EVERYWHERE:
            found.append(line)
    return found


def test_a_word_without_a_mark_is_found() -> None:
    assert unmarked("<main><p>⟦Save⟧ now</p><p>⟦Saved ⟦2⟧ times⟧</p></main>") == ["⟦Save⟧ now"]


@pytest.mark.parametrize(
    "path",
    [
        "/experiments",
        "/experiments?state=archived",
        "/experiments/new",
        "/experiments/zz",
        "/experiments/zz/edit",
        "/experiments/zz/launch",
        "/experiments/zz/preview/b",
        "/experiments/yy",
        "/experiments/yy/edit",
        "/experiments/yy/stop",
        "/experiments/yy/ship",
        "/experiments/none",
        "/plan?base=5&members=20000",
        "/plan?base=0&members=x&days=400&split=50",
        "/plan/curves",
        "/import",
        "/keys",
        "/nothing",
    ],
)
def test_a_page_has_no_word_without_a_translation(marked, path) -> None:
    assert unmarked(marked.get(path).text) == []


def test_errors_of_the_editor_are_translated(marked) -> None:
    page = marked.post("/experiments/new", draft_form(**TYPED | INVALID), page="/keys").text
    errors = re.findall(r'class="error"[^>]*>([^<]*)<', page)
    assert len(errors) >= 12
    assert [error for error in errors if not error.startswith("⟦")] == []


def test_an_import_is_translated(marked) -> None:
    for kind, events in (("members", EXAMPLES["events"]), ("counts", None)):
        data = {"kind": kind, f"{kind}_file": (io.BytesIO(EXAMPLES[kind].encode()), "spring.csv")}
        if events:
            data["events_file"] = (io.BytesIO(events.encode()), "events.csv")
        columns = marked.post("/import", data, page="/keys", content_type="multipart/form-data").location
        errors = re.findall(r'class="error"[^>]*>([^<]*)<', marked.post(columns, {}, page="/keys").text)
        assert errors
        assert [error for error in errors if not error.startswith("⟦")] == []
    assert unmarked(marked.get(marked.post("/demo", {}, page="/keys").location).text) == []


def test_settings_are_translated(marked) -> None:
    marked.enter("admin")
    texts = re.findall(r'<span class="mute small">([^<]*)</span></th>', marked.get("/settings").text)
    assert len(texts) > 20
    assert [text for text in texts if not text.startswith("⟦") and "@" not in text] == []
