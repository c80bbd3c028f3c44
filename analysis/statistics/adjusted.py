"""An outcome with a pre-experiment covariate (CUPED)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Self

from analysis.errors import AnalysisError
from analysis.statistics.checks import decimal, finite, same_kind, whole


@dataclass(frozen=True, slots=True)
class AdjustedStatistics:
    """Sums of an outcome x and a covariate c from before the first exposure, one pair for each member.

    Attributes
    ----------
    n : int
        Members; those without a covariate count as 0.
    total : Decimal
        Exact sum of the outcomes, capped if the metric has a cap, 0 or more.
    total_squares : float
        Sum of x².
    covariate_total, covariate_squares : float
        Sums of c and c².
    cross : float
        Sum of x·c.
    """

    kind: ClassVar[str] = "adjusted"
    n: int
    total: Decimal
    total_squares: float
    covariate_total: float
    covariate_squares: float
    cross: float

    def __post_init__(self) -> None:
        own, put = "AdjustedStatistics", object.__setattr__
        put(self, "n", whole(own, "n", self.n))
        put(self, "total", decimal(own, "total", self.total))
        put(self, "total_squares", finite(own, "total_squares", self.total_squares, 0))
        put(self, "covariate_total", finite(own, "covariate_total", self.covariate_total))
        put(self, "covariate_squares", finite(own, "covariate_squares", self.covariate_squares, 0))
        put(self, "cross", finite(own, "cross", self.cross))
        pairs = (
            ("total", float(self.total), self.total_squares),
            ("covariate_total", self.covariate_total, self.covariate_squares),
        )
        for name, total, squares in pairs:
            if total**2 > self.n * squares * (1 + 1e-6) + 1e-9:
                raise AnalysisError(
                    "bad_statistics",
                    f"{own}.{name} is {total}, too much for a sum of squares of {squares} over {self.n} members; "
                    "sum the squares of one value a member.",
                )
        if self.cross**2 > self.total_squares * self.covariate_squares * (1 + 1e-6) + 1e-9:
            raise AnalysisError(
                "bad_statistics",
                f"{own}.cross is {self.cross}, more than the squares {self.total_squares} and "
                f"{self.covariate_squares} allow; sum x·c over the same members.",
            )

    def __add__(self, other: Self) -> AdjustedStatistics:
        same_kind(self, other)
        return AdjustedStatistics(
            self.n + other.n,
            self.total + other.total,
            self.total_squares + other.total_squares,
            self.covariate_total + other.covariate_total,
            self.covariate_squares + other.covariate_squares,
            self.cross + other.cross,
        )

    @classmethod
    def empty(cls) -> AdjustedStatistics:
        return cls(0, Decimal(0), 0.0, 0.0, 0.0, 0.0)

    @property
    def mean(self) -> float | None:
        return float(self.total) / self.n if self.n else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "n": self.n,
            "total": str(self.total),
            "total_squares": self.total_squares,
            "covariate_total": self.covariate_total,
            "covariate_squares": self.covariate_squares,
            "cross": self.cross,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AdjustedStatistics:
        return cls(**{name: value for name, value in data.items() if name != "kind"})
