"""Word of mouth: brought members by age and delay, and the sizes of whole cascades."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from analysis.errors import AnalysisError
from analysis.statistics.checks import same_kind, whole


@dataclass(frozen=True, slots=True)
class CascadeStatistics:
    """Word of mouth of one variant.

    Days have 24 hours from a member's exposure and count when they are over. A member's age is the number of whole days
    from the exposure to the cut-off, at most `horizon` (then complete); for a younger member, day `age` has begun and
    is partly over, and members brought on it count. A delay is the number of whole days from the
    parent's exposure to that of the member brought, 0 on the first day. Only members who came within the parent's first
    `horizon` days, delays 0 to horizon - 1, count as brought.

    Attributes
    ----------
    horizon : int
        Days in which a member may bring others. Statistics of different horizons do not add.
    offspring : tuple of (int, int, int)
        Rows (age, brought, members): exposed members of that age, randomised or brought, who brought that number.
    delays : tuple of (int, int, int)
        Rows (age, delay, brought): members brought by members of that age, by whole days after their exposure.
    sizes : tuple of (int, int)
        Rows (size, roots): randomised members by the size of their cascade, themselves included.
    depths : tuple of (int, int)
        Rows (depth, roots): generations below the root, 0 without brought members.
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
            # A member of age a may have brought another on day a, which has begun.
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
        """The exposed members, randomised or brought."""
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
        """Members brought so far per exposed member: too low while some members are young."""
        return self.brought / self.n if self.n else None

    def to_dict(self) -> dict[str, Any]:
        rows = {name: [list(row) for row in getattr(self, name)] for name in ("offspring", "delays", "sizes", "depths")}
        return {"kind": self.kind, "horizon": self.horizon} | rows

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CascadeStatistics:
        rows = {name: tuple(map(tuple, data[name])) for name in ("offspring", "delays", "sizes", "depths")}
        return cls(data["horizon"], **rows)


def _merged(name: str, rows: Iterable[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    """Add up rows with equal keys, whose last number is the count; ascending, counts above 0."""
    merged: dict[tuple[int, ...], int] = {}
    for *place, members in rows:
        key = tuple(whole("CascadeStatistics", name, number) for number in place)
        merged[key] = merged.get(key, 0) + whole("CascadeStatistics", name, members)
    return tuple((*key, merged[key]) for key in sorted(merged) if merged[key])
