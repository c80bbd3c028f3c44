"""Exact sums of products inside an engine whose whole numbers have 64 bits.

Squares of millionths overflow: a quantity in millionths is split into high · 2²⁰ + low, whose products do not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from experiments.collect.attribution import MICRO

_SPLIT_BITS = 20


@dataclass(frozen=True, slots=True)
class Quantity:
    """A whole-number column of a table of members; ``micro`` where it is in millionths, else it is a small count."""

    column: str
    micro: bool = False

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """The columns that it is the weighted sum of, with their weights."""
        return (
            ((f"{self.column}_high", 1 << _SPLIT_BITS), (f"{self.column}_low", 1))
            if self.micro
            else ((self.column, 1),)
        )

    @property
    def scale(self) -> int:
        """How many of its units make one."""
        return MICRO if self.micro else 1


def split(members: Any, quantities: Iterable[Quantity]) -> Any:
    """The table with the parts of every quantity in millionths."""
    parts = {}
    for one in dict.fromkeys(quantities):
        if one.micro:
            # Below zero too: the shift rounds down, so that the low part is what is left above it.
            parts[f"{one.column}_high"] = members[one.column] >> _SPLIT_BITS
            parts[f"{one.column}_low"] = members[one.column] & ((1 << _SPLIT_BITS) - 1)
    return members.mutate(**parts) if parts else members


def sums(members: Any, pairs: Iterable[tuple[Quantity, Quantity]]) -> dict[str, Any]:
    """The aggregates that `total` puts together, for each pair of quantities."""
    found = {}
    for first, second in pairs:
        for (left, _), (right, _) in product(first.parts, second.parts):
            found[_name(left, right)] = (members[left] * members[right]).sum()
    return found


def total(row: Mapping[str, Any], first: Quantity, second: Quantity) -> float:
    """The sum of products of a pair, in units; exact until this one division."""
    return exactly(row, first, second) / (first.scale * second.scale)


def exactly(row: Mapping[str, Any], first: Quantity, second: Quantity) -> int:
    """The sum of products of a pair as a whole number, of millionths of millionths where both are in millionths."""
    return sum(
        (int(row[_name(left, right)] or 0)) * left_weight * right_weight
        for (left, left_weight), (right, right_weight) in product(first.parts, second.parts)
    )


def _name(left: str, right: str) -> str:
    return "_by_".join(sorted((left, right)))
