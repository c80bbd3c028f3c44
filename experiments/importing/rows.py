"""The rows of a file: which are read, which are used, and which are set aside for which reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from experiments.importing.csv_file import column_index

Condition = Sequence[tuple[str, str]]
"""Column and value pairs of which one must hold."""

REASONS = ("condition", "repeated", "two_variants")
"""Why a row is set aside: it meets no condition of ``--where``, repeats a member, or its member is in two variants."""

Repeats = Literal["auto", "first", "add"]
OFTEN = 0.1
"""From this share of repeated rows on, a file's rows are read as observations of its members."""


@dataclass(frozen=True)
class Rows:
    """The rows of one file; rows read are rows used and rows set aside.

    Attributes
    ----------
    read, used
        Rows without the header.
    aside
        Rows set aside, by reason of `REASONS`; reasons without rows are left out.
    added
        Of the rows used, those that repeat a member and whose outcomes are added to the member's first row.
    unit
        The column of the members if rows were added.
    unheard
        Of the rows that repeat a member and are set aside, those with an outcome.
    """

    read: int = 0
    used: int = 0
    aside: Mapping[str, int] = field(default_factory=dict)
    added: int = 0
    unit: str = ""
    unheard: int = 0

    @classmethod
    def of(cls, read: int, aside: Mapping[str, int], *, added: int = 0, unit: str = "", unheard: int = 0) -> "Rows":
        """Return the rows of a file of which all are used that are not set aside."""
        kept = {reason: aside[reason] for reason in REASONS if aside.get(reason)}
        return cls(read, read - sum(kept.values()), kept, added, unit if added else "", unheard)

    def counts(self) -> dict[str, int]:
        """Return rows read, used and set aside by reason, to be stored with the run."""
        return {"read": self.read, "used": self.used, **self.aside}


class Filter:
    """The conditions on a file's rows, and how many rows do not meet them."""

    def __init__(self, header: Sequence[str], conditions: Sequence[Condition], file_name: str) -> None:
        self._conditions = [
            [
                (column_index(header, column, "where", file_name, remedy=f"--where COLUMN={value}"), value)
                for column, value in condition
            ]
            for condition in conditions
        ]

    def selects(self, row: Sequence[str]) -> bool:
        """Return whether the row meets every condition, by one of its pairs."""
        return all(any(row[column].strip() == value for column, value in pairs) for pairs in self._conditions)
