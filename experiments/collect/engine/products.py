"""Exact sums of products inside an engine with 64-bit integers.

Squares of millionths overflow, so a quantity in millionths is split into high · 2²⁰ + low, whose products do not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from experiments.collect.attribution import MICRO

_SPLIT_BITS = 20


@dataclass(frozen=True, slots=True)
class Quantity:
    """An integer column of a table of members, in millionths (``micro``) or a small count."""

    column: str
    micro: bool = False

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """The columns whose weighted sum it is, with their weights."""
        return (
            ((f"{self.column}_high", 1 << _SPLIT_BITS), (f"{self.column}_low", 1))
            if self.micro
            else ((self.column, 1),)
        )

    @property
    def scale(self) -> int:
        """The number of stored units in one unit."""
        return MICRO if self.micro else 1


def split(members: Any, quantities: Iterable[Quantity]) -> Any:
    """Return the table with the parts of every quantity in millionths."""
    parts = {}
    for one in dict.fromkeys(quantities):
        if one.micro:
            # Holds for negative values too: the shift rounds down, so the low part is never negative.
            parts[f"{one.column}_high"] = members[one.column] >> _SPLIT_BITS
            parts[f"{one.column}_low"] = members[one.column] & ((1 << _SPLIT_BITS) - 1)
    return members.mutate(**parts) if parts else members


def sums(members: Any, pairs: Iterable[tuple[Quantity, Quantity]]) -> dict[str, Any]:
    """Return the aggregates that `total` combines, for each pair of quantities."""
    aggregates = {}
    for first, second in pairs:
        for (left, _), (right, _) in product(first.parts, second.parts):
            aggregates[_name(left, right)] = (members[left] * members[right]).sum()
    return aggregates


def total(row: Mapping[str, Any], first: Quantity, second: Quantity) -> float:
    """Return the sum of products of a pair, in units; exact up to the final division."""
    return exact_total(row, first, second) / (first.scale * second.scale)


def exact_total(row: Mapping[str, Any], first: Quantity, second: Quantity) -> int:
    """Return the sum of products of a pair as an integer, in millionths of millionths if both are in millionths."""
    return sum(
        (int(row[_name(left, right)] or 0)) * left_weight * right_weight
        for (left, left_weight), (right, right_weight) in product(first.parts, second.parts)
    )


def _name(left: str, right: str) -> str:
    return "_by_".join(sorted((left, right)))
