"""The German catalogue: every text of it is translated and uses only the placeholders of its English text."""

import re

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from experiments.translation import FOLDER, gettext, speaking

PLACEHOLDER = re.compile(r"\{[^{}]*\}|%\(\w+\)[sd]")


def entries() -> list[Message]:
    with (FOLDER / "de" / "LC_MESSAGES" / "messages.po").open("rb") as lines:
        return [entry for entry in read_po(lines, locale="de") if entry.id]


def forms(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def test_every_entry_is_translated() -> None:
    assert [entry.id for entry in entries() if not all(forms(entry.string))] == []


def placeholders(text: str) -> set[str]:
    """Return the placeholders of a text; Python's quotes of ``{name!r}`` may become those of the language."""
    return {found.replace("!r}", "}") for found in PLACEHOLDER.findall(text)}


def test_translations_use_the_placeholders_of_the_english_text() -> None:
    for entry in entries():
        known = placeholders(" ".join(forms(entry.id)))
        for text in forms(entry.string):
            assert placeholders(text) <= known, text


@pytest.mark.parametrize(("language", "text"), [("en", "Experiments"), ("de", "Experimente")])
def test_a_text_is_shown_in_the_language_in_use(language: str, text: str) -> None:
    with speaking(language):
        assert gettext("Experiments") == text
