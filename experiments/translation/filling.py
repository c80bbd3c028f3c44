"""Numbers inside of texts, with the marks of the language in use."""

from functools import cache
from string import Formatter
from typing import Any

from babel.numbers import get_decimal_symbol, get_group_symbol

from experiments.translation import language

MINUS = "\u2212"


def localised(text: str) -> str:
    """Return a number in Python's own notation with the marks of the language in use and a true minus."""
    return text.translate(_marks(language()))


def filled(text: str, /, **values: Any) -> str:
    """Return a text with its parameters, such as ``{members:,} members``; a number with a format is localised."""
    return _FORMATTER.vformat(text, (), values)


class _Localising(Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        text = str(super().format_field(value, format_spec))
        return localised(text) if format_spec and isinstance(value, int | float) else text


_FORMATTER = _Localising()


@cache
def _marks(code: str) -> dict[int, str]:
    return str.maketrans({"-": MINUS, ",": get_group_symbol(code), ".": get_decimal_symbol(code)})
