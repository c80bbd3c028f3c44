"""Retention: the life table of the first return, and the last return of members with a complete window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from analysis.errors import AnalysisError
from analysis.statistics.checks import same_kind, whole


@dataclass(frozen=True, slots=True)
class RetentionStatistics:
    """Returns by whole day since first exposure; day d is ``[exposure + d·24 h, exposure + (d + 1)·24 h)``.

    Attributes
    ----------
    n : int
        All members, with open or complete windows.
    horizon : int
        The window in days: returns are on days 1 to horizon − 1. Statistics of different horizons do not add.
    first : tuple of (int, int, int)
        Rows (day, at risk, returned): members whose day has ended by the cut-off and who had not returned before it,
        and those of them whose first return is on it. Days 1 to horizon − 1, each once.
    last : tuple of (int, int)
        Rows (day, members) over members whose window is over: the day of their last return, 0 without a return.
        Ascending, members above 0.
    """

    kind: ClassVar[str] = "retention"
    n: int
    horizon: int
    first: tuple[tuple[int, int, int], ...]
    last: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        own, put = "RetentionStatistics", object.__setattr__
        put(self, "n", whole(own, "n", self.n))
        put(self, "horizon", whole(own, "horizon", self.horizon))
        rows: dict[int, tuple[int, int]] = {}
        for day, at_risk, returned in self.first:
            day = self._day(day, 1)
            at_risk = whole(own, f"at risk on day {day}", at_risk, self.n, "n")
            before = rows.get(day, (0, 0))
            gone = whole(own, f"returned on day {day}", returned, at_risk, "at risk")
            rows[day] = (before[0] + at_risk, before[1] + gone)
        put(self, "first", tuple((day, *rows.get(day, (0, 0))) for day in range(1, self.horizon)))
        merged: dict[int, int] = {}
        for day, members in self.last:
            day = self._day(day, 0)
            merged[day] = merged.get(day, 0) + whole(own, f"last on day {day}", members, self.n, "n")
        put(self, "last", tuple((day, merged[day]) for day in sorted(merged) if merged[day]))
        if self.mature > self.n:
            raise AnalysisError(
                "bad_statistics", f"{own}.last counts {self.mature} members of {self.n}; count each member once."
            )

    def _day(self, day: Any, lowest: int) -> int:
        number = whole("RetentionStatistics", "day", day)
        if not lowest <= number < max(self.horizon, 1):
            raise AnalysisError(
                "bad_statistics",
                f"RetentionStatistics has day {number}; with a window of {self.horizon} days it is from {lowest} "
                f"to {self.horizon - 1}.",
            )
        return number

    def __add__(self, other: Self) -> RetentionStatistics:
        same_kind(self, other)
        if self.horizon != other.horizon:
            raise AnalysisError(
                "cannot_add",
                f"Retention over {self.horizon} and over {other.horizon} days does not add; recompute one of them.",
            )
        first = tuple(
            (day, at_risk + more, returned + again)
            for (day, at_risk, returned), (_, more, again) in zip(self.first, other.first, strict=True)
        )
        return RetentionStatistics(self.n + other.n, self.horizon, first, self.last + other.last)

    @classmethod
    def empty(cls, horizon: int) -> RetentionStatistics:
        return cls(0, horizon, (), ())

    @classmethod
    def from_members(cls, members: Iterable[tuple[int, Iterable[int]]], horizon: int) -> RetentionStatistics:
        """Sum members one by one; for small data and tests, since databases aggregate stored rows.

        Parameters
        ----------
        members : iterable of (whole days observed, days on which the member returned)
        """
        if whole("RetentionStatistics", "horizon", horizon) < 1:
            raise AnalysisError(
                "bad_statistics", f"RetentionStatistics.horizon is {horizon}; a window has a day or more."
            )
        n, at_risk, returned, last = 0, [0] * horizon, [0] * horizon, [0] * horizon
        for observed, days in members:
            n += 1
            seen = sorted(day for day in set(days) if 1 <= day < min(observed, horizon))
            until = seen[0] if seen else horizon - 1
            for day in range(1, min(until, observed - 1) + 1):
                at_risk[day] += 1
            if seen:
                returned[seen[0]] += 1
            if observed >= horizon:
                last[seen[-1] if seen else 0] += 1
        first = tuple((day, at_risk[day], returned[day]) for day in range(1, horizon))
        return cls(n, horizon, first, tuple(enumerate(last)))

    @property
    def mature(self) -> int:
        """Members whose whole window is over."""
        return sum(members for _, members in self.last)

    @property
    def total(self) -> int:
        """Members of a whole window who returned at least once."""
        return sum(members for day, members in self.last if day)

    @property
    def mean(self) -> float | None:
        """Share of the members of a whole window who returned."""
        return self.total / self.mature if self.mature else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "n": self.n,
            "horizon": self.horizon,
            "first": [list(row) for row in self.first],
            "last": [list(row) for row in self.last],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RetentionStatistics:
        return cls(
            data["n"],
            data["horizon"],
            tuple((day, at_risk, returned) for day, at_risk, returned in data["first"]),
            tuple((day, members) for day, members in data["last"]),
        )
