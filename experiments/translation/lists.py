"""Names one after another, joined as the language in use joins them."""

from collections.abc import Sequence

from babel.lists import format_list

from experiments.translation import language

# American English, Babel's plain "en", puts a comma before "and".
_LISTS = {"en": "en_GB"}


def listed(names: Sequence[str]) -> str:
    """Return ``A``, ``A and B`` or ``A, B and C``."""
    return format_list(names, "standard", _LISTS.get(language(), language()))


def either(names: Sequence[str]) -> str:
    """Return ``A``, ``A or B`` or ``A, B or C``."""
    return format_list(names, "or", _LISTS.get(language(), language()))
