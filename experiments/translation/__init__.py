"""The language of texts: gettext over the project's Babel catalogues, chosen per request or command.

The source language is English. A catalogue is ``catalogues/LANGUAGE/LC_MESSAGES/messages.po``; it is read at its first
use and kept in memory. ``make messages`` updates the catalogues. The module imports no other room, so that any room may
use it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from analysis.messages import N_ as N_


class Language(NamedTuple):
    """A language that texts are written in.

    Attributes
    ----------
    code : str
        ISO 639-1 code; numbers, months and names of cities are those of Babel's locale of this code.
    name : str
        The language's own name.
    day : str
        Pattern of a day (Unicode CLDR).
    charts : str
        Vega's name of the marks in numbers, see `analysis.charts.svg.drawn`.
    """

    code: str
    name: str
    day: str
    charts: str


LANGUAGES: tuple[Language, ...] = (
    Language("en", "English", "d MMM y", "en-US"),
    Language("de", "Deutsch", "d. MMM y", "de-DE"),
)
"""The available languages, the source language first."""

BY_CODE = {found.code: found for found in LANGUAGES}

FOLDER = Path(__file__).parent / "catalogues"

_language: ContextVar[str] = ContextVar("klette_language", default="en")


def language() -> str:
    """Return the code of the language in use."""
    return _language.get()


def language_in_use() -> Language:
    """Return the line of the language in use."""
    return BY_CODE[language()]


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Use a language inside the ``with`` block, in this thread or task only."""
    token = _language.set(code if code in BY_CODE else LANGUAGES[0].code)
    try:
        yield
    finally:
        _language.reset(token)


@cache
def catalogue(code: str) -> NullTranslations:
    """Return the catalogue of a language; an empty one, which leaves texts in English, if there is no file."""
    file = FOLDER / code / "LC_MESSAGES" / "messages.po"
    if not file.exists():
        return NullTranslations()
    with file.open("rb") as lines:
        messages = read_po(lines, locale=code)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(fp=compiled)


def gettext(text: str) -> str:
    """Return a text in the language in use; an empty text stays empty."""
    return catalogue(language()).ugettext(text) if text else ""  # the empty key holds a catalogue's header


def ngettext(one: str, many: str, number: int) -> str:
    """Return the form of a text that fits a number, in the language in use."""
    return catalogue(language()).ungettext(one, many, number)


def pgettext(context: str, text: str) -> str:
    """Return a text that is ambiguous in English, such as a single word; `context` says where it is used."""
    return catalogue(language()).upgettext(context, text)


def quoted(text: str) -> str:
    """Return a name or value in the quotation marks of the language in use."""
    return gettext("“{text}”").format(text=text)
