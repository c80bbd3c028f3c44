"""Messages on invalid input: their quotation marks and lists are those of the language in use."""

from typing import Literal

import pytest
from pydantic import BaseModel

from experiments.errors import InvalidError
from experiments.translation import speaking
from experiments.validation import shown, validated


class Choice(BaseModel):
    """A choice of a word and one of a number."""

    prior: Literal["auto", "learned", "content"] = "auto"
    size: Literal[1, 2] = 1


def message_of(code: str, **raw: object) -> str:
    with speaking(code), pytest.raises(InvalidError) as caught:
        validated(Choice, raw)
    (message,) = caught.value.fields.values()
    return message


@pytest.mark.parametrize(
    ("code", "typed", "listed"),
    [("en", "'zzz'", "'auto', 'learned' or 'content'"), ("de", "„zzz“", "„auto“, „learned“ oder „content“")],
)
def test_choices_are_quoted_and_listed_by_language(code, typed, listed):
    message = message_of(code, prior="zzz")
    assert typed in message and listed in message


@pytest.mark.parametrize(("code", "listed"), [("en", "1 or 2"), ("de", "1 oder 2")])
def test_choices_that_are_no_texts_have_no_quotation_marks(code, listed):
    message = message_of(code, size=7)
    assert listed in message and "7" in message and "'" not in message


@pytest.mark.parametrize(
    ("value", "english", "german"),
    [
        ("it's", '"it\'s"', "„it's“"),
        ("""it's "x\"""", """'it\\'s "x"'""", """„it's "x"“"""),
        ("a\nb", r"'a\nb'", r"„a\nb“"),
        (5, "5", "5"),
    ],
)
def test_a_value_is_shown_as_a_program_writes_it_in_english_and_quoted_elsewhere(value, english, german):
    assert shown(value) == english
    with speaking("de"):
        assert shown(value) == german


@pytest.mark.parametrize("code", ["en", "de"])
def test_a_long_value_is_shortened(code):
    with speaking(code):
        assert len(shown("x" * 10_000)) < 70
