"""Sufficient statistics: small, exact summaries of what members did, which add up with ``+``.

Whatever the size of the audience, a model sees only these. Each is frozen, checks itself, and survives JSON to
the digit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Self

from analysis.errors import AnalysisError


def _whole(owner: str, name: str, value: Any, upper: int | None = None, upper_name: str = "") -> int:
    """Return `value` as an int, or say why it is not a count between 0 and `upper`."""
    if isinstance(value, bool) or not (hasattr(value, "__index__") or isinstance(value, float | Decimal)):
        raise AnalysisError("bad_statistics", f"{owner}.{name} is {value!r}; give a whole number of 0 or more.")
    if not hasattr(value, "__index__") and (not math.isfinite(value) or value != int(value)):
        raise AnalysisError("bad_statistics", f"{owner}.{name} is {value!r}; give a whole number of 0 or more.")
    whole = int(value)
    if whole < 0:
        raise AnalysisError("bad_statistics", f"{owner}.{name} is {whole}; it counts and cannot be below 0.")
    if upper is not None and whole > upper:
        raise AnalysisError(
            "bad_statistics",
            f"{owner}.{name} is {whole}, more than {upper_name} = {upper}; count each member at most once.",
        )
    return whole


def _finite(owner: str, name: str, value: Any, lower: float | None = None) -> float:
    """Return `value` as a finite float of at least `lower`, or say why not."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise AnalysisError("bad_statistics", f"{owner}.{name} is {value!r}; give a number.") from None
    if not math.isfinite(number):
        raise AnalysisError(
            "bad_statistics", f"{owner}.{name} is {number}; it must be finite: find the missing or infinite amount."
        )
    if lower is not None and number < lower:
        raise AnalysisError("bad_statistics", f"{owner}.{name} is {number}; it cannot be below {lower:g}.")
    return number


def _decimal(owner: str, name: str, value: Any) -> Decimal:
    """Return `value` as an exact, finite Decimal of 0 or more; a float goes through its shortest text."""
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        raise AnalysisError("bad_statistics", f"{owner}.{name} is {value!r}; give a decimal amount.") from None
    if not number.is_finite():
        raise AnalysisError("bad_statistics", f"{owner}.{name} is {number}; it must be finite.")
    if number < 0:
        raise AnalysisError(
            "bad_statistics", f"{owner}.{name} is {number}; amounts are 0 or more: record a refund as its own event."
        )
    return number


def _same_kind(left: Any, right: Any) -> None:
    if type(left) is not type(right):
        raise AnalysisError(
            "cannot_add", f"A {type(left).__name__} and a {type(right).__name__} do not add; sum one metric at a time."
        )


@dataclass(frozen=True, slots=True)
class ProportionStatistics:
    """How many members of a cell there are and how many of them did it.

    Attributes
    ----------
    n : int
        Members in the denominator.
    successes : int
        Members who did it at least once, 0..n.
    """

    kind: ClassVar[str] = "proportion"
    n: int
    successes: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", _whole("ProportionStatistics", "n", self.n))
        successes = _whole("ProportionStatistics", "successes", self.successes, self.n, "n")
        object.__setattr__(self, "successes", successes)

    def __add__(self, other: Self) -> ProportionStatistics:
        _same_kind(self, other)
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


@dataclass(frozen=True, slots=True)
class AmountStatistics:
    """Sums over one amount a member (money, seconds), zeros included, cut at a declared cap.

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
        The cap in force; statistics under different caps do not add.
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
        put(self, "n", _whole(own, "n", self.n))
        put(self, "positive", _whole(own, "positive", self.positive, self.n, "n"))
        put(self, "total", _decimal(own, "total", self.total))
        put(self, "total_squares", _finite(own, "total_squares", self.total_squares, 0))
        put(self, "log_total", _finite(own, "log_total", self.log_total))
        put(self, "log_total_squares", _finite(own, "log_total_squares", self.log_total_squares, 0))
        put(self, "capped", _whole(own, "capped", self.capped, self.positive, "positive"))
        if self.cap is not None:
            put(self, "cap", _decimal(own, "cap", self.cap))
        self._check_together()

    def _check_together(self) -> None:
        if self.positive == 0 and (self.total or self.total_squares):
            raise AnalysisError(
                "bad_statistics",
                f"AmountStatistics.total is {self.total} with nobody positive; count the members behind it.",
            )
        # Cauchy-Schwarz over the positive members; the slack is for sums that were rounded by a database.
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
        _same_kind(self, other)
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
        """Sum one amount a member; for small data and tests, since databases do this where the rows are."""
        limit = None if cap is None else _decimal("AmountStatistics", "cap", cap)
        amounts = [_decimal("AmountStatistics", "value", v) for v in values]
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


@dataclass(frozen=True, slots=True)
class CountStatistics:
    """How many members did it 0, 1, 2, ... times: the exact histogram, tail included.

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
            times = _whole("CountStatistics", "times", times)
            merged[times] = merged.get(times, 0) + _whole("CountStatistics", "members", members)
        ordered = tuple((times, merged[times]) for times in sorted(merged) if merged[times])
        object.__setattr__(self, "histogram", ordered)

    def __add__(self, other: Self) -> CountStatistics:
        _same_kind(self, other)
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


Statistics = ProportionStatistics | AmountStatistics | CountStatistics

STATISTICS: tuple[type[Statistics], ...] = (ProportionStatistics, AmountStatistics, CountStatistics)


def statistics_from_dict(data: Mapping[str, Any]) -> Statistics:
    """Read any statistic back from its `to_dict`; the inverse to the digit."""
    for kind in STATISTICS:
        if data.get("kind") == kind.kind:
            return kind.from_dict(data)
    known = ", ".join(kind.kind for kind in STATISTICS)
    raise AnalysisError("bad_statistics", f"The kind {data.get('kind')!r} of a stored statistic is not one of {known}.")
