"""Amounts: sums over one amount per member."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Self

from analysis.errors import AnalysisError
from analysis.statistics.checks import decimal, finite, same_kind, whole


@dataclass(frozen=True, slots=True)
class AmountStatistics:
    """Sums over one amount per member (money, seconds), zeros included, cut at a declared cap.

    Attributes
    ----------
    n : int
        Members in the denominator.
    positive : int
        Members with an amount above 0.
    total : Decimal
        Exact sum of the capped amounts, in the metric's unit.
    total_squares : float
        Sum of the squared capped amounts.
    log_total, log_total_squares : float
        Sums of log x and (log x)² over the positive capped amounts.
    capped : int
        Members whose amount was cut.
    cap : Decimal or None
        The cap; statistics with different caps do not add.
    """

    kind: ClassVar[str] = "amount"
    n: int
    positive: int
    total: Decimal
    total_squares: float
    log_total: float = 0.0
    log_total_squares: float = 0.0
    capped: int = 0
    cap: Decimal | None = None

    def __post_init__(self) -> None:
        own, put = "AmountStatistics", object.__setattr__
        put(self, "n", whole(own, "n", self.n))
        put(self, "positive", whole(own, "positive", self.positive, self.n, "n"))
        put(self, "total", decimal(own, "total", self.total))
        put(self, "total_squares", finite(own, "total_squares", self.total_squares, 0))
        put(self, "log_total", finite(own, "log_total", self.log_total))
        put(self, "log_total_squares", finite(own, "log_total_squares", self.log_total_squares, 0))
        put(self, "capped", whole(own, "capped", self.capped, self.positive, "positive"))
        if self.cap is not None:
            put(self, "cap", decimal(own, "cap", self.cap))
        self._check_together()

    def _check_together(self) -> None:
        if self.positive == 0 and (self.total or self.total_squares):
            raise AnalysisError(
                "bad_statistics",
                f"AmountStatistics.total is {self.total} without a positive member; count the members behind it.",
            )
        # Cauchy-Schwarz over the positive members; the tolerance is for sums rounded by a database.
        total = float(self.total)
        if total * total > self.positive * self.total_squares * (1 + 1e-6) + 1e-9:
            raise AnalysisError(
                "bad_statistics",
                f"AmountStatistics.total_squares is {self.total_squares}, too small for a total of {self.total} over "
                f"{self.positive} members; sum the squares of one amount a member.",
            )
        if self.cap is not None and self.total > self.cap * self.positive:
            raise AnalysisError(
                "bad_statistics",
                f"AmountStatistics.total is {self.total}, more than {self.positive} members at the cap {self.cap}; "
                "cut each member's amount before summing.",
            )

    def __add__(self, other: Self) -> AmountStatistics:
        same_kind(self, other)
        if self.cap != other.cap:
            raise AnalysisError(
                "cannot_add", f"Amounts capped at {self.cap} and at {other.cap} do not add; recompute one of them."
            )
        return AmountStatistics(
            self.n + other.n,
            self.positive + other.positive,
            self.total + other.total,
            self.total_squares + other.total_squares,
            self.log_total + other.log_total,
            self.log_total_squares + other.log_total_squares,
            self.capped + other.capped,
            self.cap,
        )

    @classmethod
    def empty(cls, cap: Decimal | None = None) -> AmountStatistics:
        return cls(0, 0, Decimal(0), 0.0, cap=cap)

    @classmethod
    def from_values(cls, values: Iterable[Any], cap: Any = None) -> AmountStatistics:
        """Sum one amount per member; for small data and tests, since databases aggregate stored rows."""
        limit = None if cap is None else decimal("AmountStatistics", "cap", cap)
        amounts = [decimal("AmountStatistics", "value", v) for v in values]
        cut = [a if limit is None else min(a, limit) for a in amounts]
        logs = [math.log(a) for a in cut if a > 0]
        return cls(
            n=len(cut),
            positive=len(logs),
            total=sum(cut, Decimal(0)),
            total_squares=math.fsum(float(a) ** 2 for a in cut),
            log_total=math.fsum(logs),
            log_total_squares=math.fsum(x * x for x in logs),
            capped=sum(a > limit for a in amounts) if limit is not None else 0,
            cap=limit,
        )

    @property
    def mean(self) -> float | None:
        return float(self.total) / self.n if self.n else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "n": self.n,
            "positive": self.positive,
            "total": str(self.total),
            "total_squares": self.total_squares,
            "log_total": self.log_total,
            "log_total_squares": self.log_total_squares,
            "capped": self.capped,
            "cap": None if self.cap is None else str(self.cap),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AmountStatistics:
        return cls(**{name: value for name, value in data.items() if name != "kind"})
