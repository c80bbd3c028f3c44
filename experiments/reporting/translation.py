"""The language that is spoken: gettext over the project's own Babel catalogues, chosen for a request or a command.

English is the language of the source. A catalogue is ``translations/LANGUAGE/LC_MESSAGES/messages.po``, read at its
first use and kept; ``make messages`` brings it up to date.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LANGUAGES = (("en", "English"), ("de", "Deutsch"))
"""The languages to choose from: code and own name."""

FOLDER = Path(__file__).parent / "translations"

_language: ContextVar[str] = ContextVar("klette_language", default="en")


def language() -> str:
    """Return the language in use, one of `LANGUAGES`."""
    return _language.get()


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Use a language inside the ``with`` block; in this thread or task alone."""
    token = _language.set(code if code in dict(LANGUAGES) else "en")
    try:
        yield
    finally:
        _language.reset(token)


@cache
def catalogue(code: str) -> NullTranslations:
    """Return the catalogue of a language; an empty one, which leaves English as it is, where there is no file."""
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
    """Return a text in the language in use; an empty one stays empty."""
    return catalogue(language()).ugettext(text) if text else ""  # the empty key holds a catalogue's header


def ngettext(one: str, many: str, number: int) -> str:
    """Return the form of a text that fits a number, in the language in use."""
    return catalogue(language()).ungettext(one, many, number)


def pgettext(context: str, text: str) -> str:
    """Return a text whose English alone says too little, such as a single word; `context` says where it stands."""
    return catalogue(language()).upgettext(context, text)


def N_(text: str) -> str:  # noqa: N802  (gettext's own name)
    """Mark a text for translation where it is declared; `gettext` translates it where it is shown."""
    return text
