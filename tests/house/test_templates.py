"""Texts of templates go through gettext: what remains outside of it has no words."""

import re
from pathlib import Path

import pytest
from jinja2 import Environment
from jinja2.lexer import (
    TOKEN_BLOCK_BEGIN,
    TOKEN_BLOCK_END,
    TOKEN_DATA,
    TOKEN_NAME,
    TOKEN_OPERATOR,
    TOKEN_STRING,
    TOKEN_VARIABLE_BEGIN,
    TOKEN_VARIABLE_END,
)

ROOT = Path(__file__).parents[2]
TEMPLATES = tuple(
    file.relative_to(ROOT).as_posix() for room in ("web", "experiments") for file in (ROOT / room).rglob("*.html")
)
ENGLISH = frozenset({"web/templates/apidocs/reference.html"})
"""Templates without translation: the API reference renders /openapi.json, which is English."""
SAME_EVERYWHERE = frozenset({"Klette", "open", "required"})
"""The product's name, and attributes without a value in macros that write the inside of a tag."""

SILENT = re.compile(r"<(script|style|pre|code|svg)\b.*?</\1>|<!--.*?-->|<!doctype[^>]*>", re.DOTALL | re.IGNORECASE)
SPOKEN = re.compile(r'\b(?:aria-label|title|alt|placeholder|data-else|data-why|data-hint)="([^"]*)"')
TAG = re.compile(r"<[^>]*>|&\w+;|\b[\w-]+=\"[^\"]*\"")
IN_CLASS = re.compile(r'\bclass="[^"]*$')
WORD = re.compile(r"[^\W\d_]{2,}")
EXAMPLES = frozenset({"country", "share", "DE", "AT"})
"""Values of placeholders: what an app sends."""
TEXT = re.compile(r"[A-Z][a-z]+\b|.*[^\W\d_]{2,} [^\W\d_]{2,}")
"""A literal that reads as a text and not as a key: it begins with a capital letter or has several words."""


def words_outside(source: str) -> list[str]:
    """Return the words of a template's data and literals that are shown and not translated."""
    data, literals = _parts(source)
    shown = SILENT.sub(" ", data)
    spoken = " ".join(text for text in SPOKEN.findall(shown) if text not in EXAMPLES)
    found = WORD.findall(TAG.sub(" ", shown)) + WORD.findall(spoken.replace("DE, AT", " "))
    texts = [text for text in literals if TEXT.match(text)]
    return [word for word in found if word not in SAME_EVERYWHERE] + texts


def _parts(source: str) -> tuple[str, list[str]]:
    """Return the data outside of expressions and ``{% trans %}``, and the literals outside of a call of gettext."""
    data, literals = [], []
    translated, depth, inside, previous = False, 0, [], ("", "")
    for _, kind, value in Environment().lex(source):
        if kind == TOKEN_DATA:
            if not translated:
                data.append(value)
        elif kind in (TOKEN_VARIABLE_BEGIN, TOKEN_BLOCK_BEGIN):
            data.append("0" if kind == TOKEN_VARIABLE_BEGIN else "")
            depth, inside, previous = 0, [], ("", kind)
            continue
        elif kind == TOKEN_NAME and previous[1] == TOKEN_BLOCK_BEGIN and value in ("trans", "endtrans"):
            translated = value == "trans"
        elif kind == TOKEN_OPERATOR and value == "(":
            depth += 1
            if previous[0] in ("_", "ngettext", "pgettext"):
                inside.append(depth)
        elif kind == TOKEN_OPERATOR and value == ")":
            if inside and inside[-1] == depth:
                inside.pop()
            depth -= 1
        elif kind == TOKEN_STRING and not inside and not IN_CLASS.search("".join(data[-3:])):
            literals.append(value[1:-1])
        if kind not in ("whitespace", TOKEN_VARIABLE_END, TOKEN_BLOCK_END):
            previous = (value, kind)
    return "".join(data), literals


@pytest.mark.parametrize("name", sorted(set(TEMPLATES) - ENGLISH))
def test_a_template_has_no_words_outside_of_gettext(name: str) -> None:
    assert words_outside((ROOT / name).read_text()) == [], "write {{ _('...') }} or {% trans %}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>{{ _('Save changes') }}</p>", []),
        ("<p>Save</p>", ["Save"]),
        ("{% trans count=n %}{{ n }} key{% pluralize %}{{ n }} keys{% endtrans %}", []),
        ('<b aria-label="Close">×</b>', ["Close"]),
        ("{{ field('name', 'Name') }}", ["Name"]),
        ("{{ 'no experiment' if made else _('None') }}", ["no experiment"]),
        ("{{ field('name', _('Name'), hint=_('Your %(kind)s.', kind='App name')) }}", []),
        ("<b class=\"{{ 'calm past' if over }}\"></b>", []),
        ("<code>klette import</code> {{ figure|percent }} %", []),
    ],
)
def test_words_are_found_in_data_attributes_and_literals(source: str, found: list[str]) -> None:
    assert words_outside(source) == found
