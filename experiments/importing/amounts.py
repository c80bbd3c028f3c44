"""How the numbers of one column are written: with a decimal point or with a decimal comma, never both.

A point or a comma alone can mean decimals or thousands. One cell does not tell, so the column as a whole decides, and a
column that mixes them, or a comma that may group thousands, is refused: a wrong guess is wrong by a factor of thousand.
"""

import re
from functools import lru_cache

from experiments.importing.values import number_micro

_COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),(?:\d{1,2}|\d{4,6})")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
POINT, COMMA = "point", "comma"


@lru_cache(maxsize=16_384)
def read_number(text: str) -> tuple[int, str]:
    """A number in whole millionths and the mark that it is written with: "point", "comma" or "" for neither.

    Raises
    ------
    ValueError
        No number, too fine or too large, or a comma of which it cannot be told what it separates.
    """
    plain = text.strip()
    if _COMMA.fullmatch(plain):
        return number_micro(plain.replace(".", "").replace(",", ".")), COMMA
    if _GROUPED.fullmatch(plain):
        without = plain.replace(",", "")
        raise ValueError(f"{text!r} may be thousands or decimals; write it without its comma, such as {without}")
    return number_micro(plain), POINT if "." in plain else ""


class Amounts:
    """The numbers of one column, read one after another; remembers which mark the column uses."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, int]] = {}

    def micro(self, text: str, line: int) -> int:
        """A cell in whole millionths.

        Parameters
        ----------
        text
            The cell.
        line
            Where it stands, for the sentence about a later cell that contradicts it.

        Raises
        ------
        ValueError
            As `read_number`, or the cell uses another mark than an earlier one.
        """
        micro, mark = read_number(text)
        if mark and mark not in self._first:
            other = COMMA if mark == POINT else POINT
            if other in self._first:
                earlier, where = self._first[other]
                raise ValueError(
                    f"{text!r} has a decimal {mark}, but {earlier!r} on line {where} has a decimal {other}; "
                    "write the whole column in one way"
                )
            self._first[mark] = (text, line)
        return micro
