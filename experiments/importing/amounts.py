"""The decimal mark of a column of numbers: a point or a comma, never both.

A single point or comma can separate decimals or thousands. One cell does not show which, so the column as a whole
decides. A column that mixes marks is refused, and so is a comma that could group thousands: a wrong guess would change
the number by a factor of 1,000.
"""

import re
from functools import lru_cache

from experiments.importing.values import number_micro
from experiments.translation import gettext

_COMMA = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+),(?:[0-9]{1,2}|[0-9]{4,6})")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
POINT, COMMA = "point", "comma"


@lru_cache(maxsize=16_384)
def read_number(text: str) -> tuple[int, str]:
    """Return a number in millionths and its decimal mark: "point", "comma" or "" for neither.

    Raises
    ------
    ValueError
        The text is not a number, has too many decimals, is too large, or its comma could group thousands.
    """
    plain = text.strip()
    if _COMMA.fullmatch(plain):
        return number_micro(plain.replace(".", "").replace(",", ".")), COMMA
    if _GROUPED.fullmatch(plain):
        message = gettext("the comma in {text!r} can be a decimal mark or group thousands; write {number}")
        raise ValueError(message.format(text=text, number=plain.replace(",", "")))
    return number_micro(plain), POINT if "." in plain else ""


class Amounts:
    """The numbers of one column, read in order; keeps the column's decimal mark."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, int]] = {}  # mark -> first cell with it and its line

    def micro(self, text: str, line: int) -> int:
        """Return a cell in millionths.

        Parameters
        ----------
        text
            The cell.
        line
            Its line, for the error of a later cell with another mark.

        Raises
        ------
        ValueError
            As `read_number`, or an earlier cell has another decimal mark.
        """
        micro, mark = read_number(text)
        if mark and mark not in self._first:
            other = COMMA if mark == POINT else POINT
            if other in self._first:
                earlier, earlier_line = self._first[other]
                message = gettext(
                    "{text!r} has another decimal mark than {earlier!r} on line {line}; use one mark in the column"
                )
                raise ValueError(message.format(text=text, earlier=earlier, line=earlier_line))
            self._first[mark] = (text, line)
        return micro
