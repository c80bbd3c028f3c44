"""The German catalogue: it holds every text of the code and no other, each translated, with the same placeholders."""

import re

import pytest
from babel.messages.catalog import Message

from experiments.translation import gettext, speaking
from tests.experiments.translation.texts import extracted, german, texts

PLACEHOLDER = re.compile(r"\{[^{}]*\}|%\(\w+\)[sd]")


def entries() -> list[Message]:
    return [entry for entry in german() if entry.id]


def forms(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def test_the_catalogue_holds_the_texts_of_the_code_and_no_others() -> None:
    kept = texts(german())
    missing, obsolete = sorted(extracted() - kept, key=str), sorted(kept - extracted(), key=str)
    assert not missing, f"Run `make messages` and translate: {missing}"
    assert not obsolete, f"Run `make messages`, which removes: {obsolete}"


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
