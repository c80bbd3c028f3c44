"""Units, the app's identifiers of members: texts that look like one and are none."""

import unicodedata

from experiments.errors import InvalidError
from experiments.validation import required_text

MAX_UNIT = 256

PLACEHOLDERS = frozenset(
    {
        "undefined", "null", "(null)", "nan", "none", "nil", "[object object]", "[object promise]",
        "[object undefined]", "[object null]", "00000000-0000-0000-0000-000000000000",
    }
)  # fmt: skip
"""What programs write for a missing value, in small letters; the zeros are a phone's advertising id when refused."""


def is_placeholder(unit: str) -> bool:
    """Return whether a unit is what a program writes for a missing value, so that many members would share it."""
    return len(unit) <= 36 and unit.strip().lower() in PLACEHOLDERS


def has_invisible(unit: str) -> bool:
    """Return whether a unit has a character that is not shown, such as a zero-width space.

    Two units that look the same would be two members.
    """
    if unit.isprintable():
        return False
    return any(unicodedata.category(letter) == "Cf" for letter in unit)


def required_unit(value: object) -> str:
    """Return a unit.

    Raises
    ------
    InvalidError
        ``unit_missing``, ``unit_too_long``, ``unit_invalid`` or ``unit_placeholder``.
    """
    unit = required_text(value, "unit", MAX_UNIT, "send your identifier of the member")
    if is_placeholder(unit):
        raise InvalidError(
            f"The unit is {unit.strip()!r}, which a program writes for a missing value. The usual cause is a call "
            "before the identifier is known, such as before log-in or before consent; send the call once it is.",
            code="unit_placeholder",
        )
    if has_invisible(unit):
        raise InvalidError(
            f"The unit {unit[:40]!r} contains an invisible character; the usual cause is a copied text. Remove it.",
            code="unit_invalid",
        )
    return unit
