"""Ratios of sums, such as revenue per order, with members as the units of both sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Self

from analysis.errors import AnalysisError
from analysis.statistics.checks import decimal, finite, same_kind, whole


@dataclass(frozen=True, slots=True)
class RatioStatistics:
    """Sums of a numerator x and a denominator y, one pair for each member.

    Attributes
    ----------
    n : int
        Members.
    x_total : Decimal
        Exact sum of the numerators; may be negative if a member's value may (sentiment).
    y_total : Decimal
        Exact sum of the denominators, 0 or more.
    x_squares, y_squares, xy : float
        Sums of x², y² and x·y.
    """

    kind: ClassVar[str] = "ratio"
    n: int
    x_total: Decimal
    y_total: Decimal
    x_squares: float
    y_squares: float
    xy: float

    def __post_init__(self) -> None:
        own, put = "RatioStatistics", object.__setattr__
        put(self, "n", whole(own, "n", self.n))
        put(self, "x_total", decimal(own, "x_total", self.x_total, signed=True))
        put(self, "y_total", decimal(own, "y_total", self.y_total))
        put(self, "x_squares", finite(own, "x_squares", self.x_squares, 0))
        put(self, "y_squares", finite(own, "y_squares", self.y_squares, 0))
        put(self, "xy", finite(own, "xy", self.xy))
        pairs = (("x_total", self.x_total, self.x_squares), ("y_total", self.y_total, self.y_squares))
        for name, total, squares in pairs:
            if float(total) ** 2 > self.n * squares * (1 + 1e-6) + 1e-9:
                raise AnalysisError(
                    "bad_statistics",
                    f"{own}.{name} is {total}, too much for a sum of squares of {squares} over {self.n} members; "
                    "sum the squares of one pair for each member.",
                )
        if self.xy**2 > self.x_squares * self.y_squares * (1 + 1e-6) + 1e-9:
            raise AnalysisError(
                "bad_statistics",
                f"{own}.xy is {self.xy}, more than the squares {self.x_squares} and {self.y_squares} allow; "
                "sum x·y over the same members.",
            )

    def __add__(self, other: Self) -> RatioStatistics:
        same_kind(self, other)
        return RatioStatistics(
            self.n + other.n,
            self.x_total + other.x_total,
            self.y_total + other.y_total,
            self.x_squares + other.x_squares,
            self.y_squares + other.y_squares,
            self.xy + other.xy,
        )

    @classmethod
    def empty(cls) -> RatioStatistics:
        return cls(0, Decimal(0), Decimal(0), 0.0, 0.0, 0.0)

    @property
    def total(self) -> Decimal:
        return self.x_total

    @property
    def mean(self) -> float | None:
        return float(self.x_total) / float(self.y_total) if self.y_total else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "n": self.n,
            "x_total": str(self.x_total),
            "y_total": str(self.y_total),
            "x_squares": self.x_squares,
            "y_squares": self.y_squares,
            "xy": self.xy,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RatioStatistics:
        return cls(**{name: value for name, value in data.items() if name != "kind"})
