"""Whom members brought: offspring by the member's age, the delay until they came, and the size of whole cascades."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from analysis.errors import AnalysisError
from analysis.statistics.checks import same_kind, whole


@dataclass(frozen=True, slots=True)
class CascadeStatistics:
    """Word of mouth of one variant.

    Days are of 24 hours from a member's own exposure and count when they are over. A member's age is the number of
    whole days from the own exposure to the cut-off, at most `horizon` (then complete): of a younger member, day `age`
    has begun and is partly over, and whom they brought on it counts. A delay is the number of whole days from the
    parent's exposure to that of the member brought, 0 on the first day. Only members who came within the parent's first
    `horizon` days, delays 0 to horizon - 1, count as brought.

    Attributes
    ----------
    horizon : int
        Days in which a member may bring others. Statistics of different horizons do not add.
    offspring : tuple of (int, int, int)
        Rows (age, brought, members): how many exposed members, randomised or brought, of that age brought so many.
    delays : tuple of (int, int, int)
        Rows (age, delay, brought): members brought by members of that age so many whole days after their exposure.
    sizes : tuple of (int, int)
        Rows (size, roots): randomised members whose cascade has so many members, themselves included.
    depths : tuple of (int, int)
        Rows (depth, roots): generations below the root, 0 where no member followed.
    """

    kind: ClassVar[str] = "cascade"
    horizon: int
    offspring: tuple[tuple[int, int, int], ...]
    delays: tuple[tuple[int, int, int], ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    depths: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "horizon", whole("CascadeStatistics", "horizon", self.horizon))
        for name in ("offspring", "delays", "sizes", "depths"):
            put(self, name, _merged(name, getattr(self, name)))
        for age, *_ in (*self.offspring, *self.delays):
            whole("CascadeStatistics", "age", age, self.horizon, "horizon")
        for age, delay, _ in self.delays:
            # A member of age a may have brought somebody in the a + 1st day, which has begun.
            whole("CascadeStatistics", "delay", delay, age, "age")
        if sum(brought for *_, brought in self.delays) > self.brought:
            raise AnalysisError(
                "bad_statistics",
                f"CascadeStatistics.delays counts {sum(brought for *_, brought in self.delays)} brought members and "
                f"offspring {self.brought}; count each brought member once.",
            )

    def __add__(self, other: Self) -> CascadeStatistics:
        same_kind(self, other)
        if self.horizon != other.horizon:
            raise AnalysisError(
                "cannot_add",
                f"Cascades over {self.horizon} and over {other.horizon} days do not add; recompute one of them.",
            )
        return CascadeStatistics(
            self.horizon,
            self.offspring + other.offspring,
            self.delays + other.delays,
            self.sizes + other.sizes,
            self.depths + other.depths,
        )

    @classmethod
    def empty(cls, horizon: int) -> CascadeStatistics:
        return cls(horizon, ())

    @property
    def n(self) -> int:
        """Exposed members, randomised or brought."""
        return sum(members for *_, members in self.offspring)

    @property
    def brought(self) -> int:
        return sum(brought * members for _, brought, members in self.offspring)

    @property
    def roots(self) -> int:
        return sum(roots for _, roots in self.sizes)

    @property
    def total(self) -> int:
        return self.brought

    @property
    def mean(self) -> float | None:
        """Members brought so far per exposed member: too low while some are young."""
        return self.brought / self.n if self.n else None

    def to_dict(self) -> dict[str, Any]:
        rows = {name: [list(row) for row in getattr(self, name)] for name in ("offspring", "delays", "sizes", "depths")}
        return {"kind": self.kind, "horizon": self.horizon} | rows

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CascadeStatistics:
        rows = {name: tuple(map(tuple, data[name])) for name in ("offspring", "delays", "sizes", "depths")}
        return cls(data["horizon"], **rows)


def _merged(name: str, rows: Iterable[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    """Add up rows of the same place, their last number being the count; ascending, counts above 0."""
    merged: dict[tuple[int, ...], int] = {}
    for *place, members in rows:
        key = tuple(whole("CascadeStatistics", name, number) for number in place)
        merged[key] = merged.get(key, 0) + whole("CascadeStatistics", name, members)
    return tuple((*key, merged[key]) for key in sorted(merged) if merged[key])
