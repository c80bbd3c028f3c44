"""Proportions: members and successes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from analysis.statistics.checks import same_kind, whole


@dataclass(frozen=True, slots=True)
class ProportionStatistics:
    """The members of a cell and the successes among them.

    Attributes
    ----------
    n : int
        Members in the denominator.
    successes : int
        Members with at least one event, 0..n.
    """

    kind: ClassVar[str] = "proportion"
    n: int
    successes: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", whole("ProportionStatistics", "n", self.n))
        successes = whole("ProportionStatistics", "successes", self.successes, self.n, "n")
        object.__setattr__(self, "successes", successes)

    def __add__(self, other: Self) -> ProportionStatistics:
        same_kind(self, other)
        return ProportionStatistics(self.n + other.n, self.successes + other.successes)

    @classmethod
    def empty(cls) -> ProportionStatistics:
        return cls(0, 0)

    @property
    def total(self) -> int:
        return self.successes

    @property
    def mean(self) -> float | None:
        return self.successes / self.n if self.n else None

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "n": self.n, "successes": self.successes}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ProportionStatistics:
        return cls(data["n"], data["successes"])
