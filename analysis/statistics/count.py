"""Counts: an exact histogram."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from analysis.statistics.checks import same_kind, whole


@dataclass(frozen=True, slots=True)
class CountStatistics:
    """The exact histogram of a count: members by number of events, tail included.

    Attributes
    ----------
    histogram : tuple of (int, int)
        Pairs (times, members), ascending, each `times` once, members above 0.
    """

    kind: ClassVar[str] = "count"
    histogram: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        pairs = self.histogram.items() if isinstance(self.histogram, Mapping) else self.histogram
        merged: dict[int, int] = {}
        for pair in pairs:
            times, members = pair
            times = whole("CountStatistics", "times", times)
            merged[times] = merged.get(times, 0) + whole("CountStatistics", "members", members)
        ordered = tuple((times, merged[times]) for times in sorted(merged) if merged[times])
        object.__setattr__(self, "histogram", ordered)

    def __add__(self, other: Self) -> CountStatistics:
        same_kind(self, other)
        return CountStatistics(self.histogram + other.histogram)

    @classmethod
    def empty(cls) -> CountStatistics:
        return cls(())

    @property
    def n(self) -> int:
        return sum(members for _, members in self.histogram)

    @property
    def positive(self) -> int:
        return sum(members for times, members in self.histogram if times)

    @property
    def total(self) -> int:
        return sum(times * members for times, members in self.histogram)

    @property
    def total_squares(self) -> int:
        return sum(times * times * members for times, members in self.histogram)

    @property
    def mean(self) -> float | None:
        return self.total / self.n if self.n else None

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "histogram": [list(pair) for pair in self.histogram]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CountStatistics:
        return cls(tuple((times, members) for times, members in data["histogram"]))
