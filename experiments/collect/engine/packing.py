"""Several small counts of a member packed into one integer, so that the engine sums a few columns instead of twenty.

Each count has a field of 15 bits, four to a column. A member with 32,768 or more events could overflow a field: collect
checks the largest number of events and, if needed, repeats the pass with one count to a column.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import ibis

Flags = Mapping[str, Any]
"""Conditions by the name of what they count."""

TRUE = object()
"""The condition that always holds."""

FIELD_BITS = 15
WHOLE_BITS = 60
_COLUMN_BITS = 60


@dataclass(frozen=True, slots=True)
class Tally:
    """The number of a member's events of some types, or of other types from the second day on.

    Attributes
    ----------
    events, later_events : tuple of str
    before : bool
        Whether to count events before the first exposure instead; then days make no difference.
    """

    events: tuple[str, ...] = ()
    later_events: tuple[str, ...] = ()
    before: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    column: str
    shift: int


class Packing:
    """The column and the position of each count.

    Parameters
    ----------
    tallies
        Counts by type; duplicates are counted once.
    flags
        Names of counts of events that meet a condition.
    bits
        Width of a field; a count must stay below 2 to this power.
    """

    def __init__(self, tallies: Iterable[Tally], flags: Iterable[str] = (), bits: int = FIELD_BITS) -> None:
        # Tallies that depend on the day share columns, so that the other columns need no comparison of days.
        ordered = sorted(dict.fromkeys(tallies), key=lambda tally: (tally.before, not tally.later_events))
        self._fields: list[Tally | str] = [*ordered, *flags]
        self._bits = bits
        a_column = _COLUMN_BITS // bits
        self._places = {
            one: _Place(f"packed_{number // a_column}", number % a_column * bits)
            for number, one in enumerate(self._fields)
        }

    @property
    def limit(self) -> int:
        """The number of events that a member must stay below."""
        return 1 << self._bits

    def columns(self, events: Any, inside: Sequence[Flags], outside: Sequence[Flags]) -> dict[str, Any]:
        """Return the packed sums over a member's `events` (from `experiments.collect.attribution.attributed`).

        Parameters
        ----------
        inside, outside
            The conditions of the flags, for events that count and for those that do not. In each mapping only the first
            condition that holds is counted.
        """
        by_column: dict[str, dict[Tally | str, int]] = {}
        for one, place in self._places.items():
            by_column.setdefault(place.column, {})[one] = 1 << place.shift
        return {column: _packed(events, held, inside, outside) for column, held in by_column.items()}

    def read(self, members: Any, one: Tally | str) -> Any:
        """Return one count from the packed columns of a table of members."""
        place = self._places[one]
        shifted = members[place.column] >> place.shift if place.shift else members[place.column]
        return shifted & (self.limit - 1)


def _packed(events: Any, held: Mapping[Tally | str, int], inside: Sequence[Flags], outside: Sequence[Flags]) -> Any:
    """Return one packed column: each event adds the weights of its type and flags, within or before the window."""
    by_moment: dict[str, dict[str, int]] = {}
    for one, weight in held.items():
        for moment, kind in _by_moment(one) if isinstance(one, Tally) else ():
            weights = by_moment.setdefault(moment, {})
            weights[kind] = weights.get(kind, 0) + weight
    by_type = {moment: _weight_of(events.any_type, weights) for moment, weights in by_moment.items()}
    within = [*_flagged(held, inside), *([by_type["any"]] if "any" in by_type else [])]
    if "later" in by_type:
        within.append(ibis.ifelse(events.later, by_type["later"], _whole(0)))
    beyond = _flagged(held, outside)
    if "before" in by_type:
        beyond.append(ibis.ifelse(events.before, by_type["before"], _whole(0)))
    return ibis.ifelse(events.counts, _added(within), _added(beyond)).sum()


def _by_moment(tally: Tally) -> list[tuple[str, str]]:
    """Return when and by which type an event counts: at any moment, or on a later day only."""
    later = [kind for kind in tally.later_events if kind not in tally.events]
    if tally.before:
        return [("before", kind) for kind in (*tally.events, *later)]
    return [*(("any", kind) for kind in tally.events), *(("later", kind) for kind in later)]


def _weight_of(column: Any, by_type: Mapping[str, int]) -> Any:
    """Return the weight of an event's type."""
    return column.cases(*((kind, _whole(weight)) for kind, weight in by_type.items()), else_=_whole(0))


def _flagged(held: Mapping[Tally | str, int], groups: Sequence[Flags]) -> list[Any]:
    """Return the weights of the flags in a column, for each group of conditions."""
    parts = []
    for group in groups:
        branches = [(condition, _whole(held[name])) for name, condition in group.items() if name in held]
        if branches:
            always = branches[0][0] is TRUE
            parts.append(branches[0][1] if always else ibis.cases(*branches, else_=_whole(0)))
    return parts


def _added(parts: Sequence[Any]) -> Any:
    return reduce(add, parts) if parts else _whole(0)


def _whole(number: int) -> Any:
    return ibis.literal(number, "int64")
