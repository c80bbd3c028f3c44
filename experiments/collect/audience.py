"""Who is in it: members by variant, allocation epoch, day they came and attributes, and who is set aside.

Two passes over the exposures alone; nothing here looks at an event.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ibis
from ibis.backends.sql import SQLBackend

from experiments.catalogue.metrics import DAY_US
from experiments.collect.active import place_of
from experiments.collect.attribution import Scope, counted, exposures_of, met_twice, one_where, randomised
from experiments.collect.engine import source

MOST_KINDS = 400
"""Attributes are fetched as they are stored where members have at most so many different sets of them."""

_SAMPLE = 20_000
_MOST_ROWS = 60_000

Cell = tuple[str, int, bool]
"""Variant, allocation epoch, and whether the window was over: what statistics are split by."""


@dataclass(slots=True)
class Audience:
    """How many members there are of each kind.

    Attributes
    ----------
    members : Counter of Cell
    arrivals : Counter of (str, int)
        By variant and whole days since the first exposure.
    levels : Counter of (str, tuple) or None
        By variant and levels of the segments (the allocation epoch the last of them), where members have few different
        sets of attributes; else None.
    first_us : int or None
        When the first of them was exposed.
    excluded : dict of str to int
    shared : int
    """

    first_us: int | None
    excluded: dict[str, int]
    shared: int
    members: Counter[Cell] = field(default_factory=Counter)
    arrivals: Counter[tuple[str, int]] = field(default_factory=Counter)
    levels: Counter[tuple[str, tuple[str | None, ...]]] | None = None


def audience_of(backend: SQLBackend, scope: Scope, segments: Sequence[str]) -> Audience:
    """Count the members of the scope."""
    found = _standing(backend, scope)
    if found.first_us is None:
        return found
    if not (segments and few_kinds(backend, scope) and _counted(backend, scope, found, segments)):
        _counted(backend, scope, found, ())
    return found


def cell_of(row: Mapping[str, Any]) -> Cell:
    """The cell of a fetched row with ``variant`` and ``place`` (of `active.place_of`)."""
    code = int(row["place"]) % DAY_US
    return row["variant"], code // 2, code % 2 == 1


def levels_of(row: Mapping[str, Any], segments: Sequence[str]) -> tuple[str | None, ...]:
    """The levels of a fetched row with ``attributes`` and ``place``: those of the segments, then the epoch."""
    given = source.document(row["attributes"])
    return *(source.words(given.get(name)) for name in segments), str(cell_of(row)[1])


def few_kinds(backend: SQLBackend, scope: Scope) -> bool:
    """Whether members have so few different sets of attributes that it is quickest to read them here."""
    sample = randomised(backend, scope).select("attributes").limit(_SAMPLE).distinct()
    return int(source.fetch(backend, sample.aggregate(kinds=sample.count()))[0][0]) <= MOST_KINDS


def _standing(backend: SQLBackend, scope: Scope) -> Audience:
    """Who is set aside and why, and when the first member came."""
    exposures = exposures_of(backend, scope)
    twice = exposures.unit.isin(met_twice(scope).unit)
    person = ~exposures.bot & (exposures.origin == "shared")
    randomised = ~exposures.bot & (exposures.origin == "randomised")
    told = exposures.aggregate(
        first=ibis.ifelse(randomised & ~twice, exposures.at_us, None).min(),
        bots=one_where(exposures.bot).sum(),
        shared=one_where(person).sum(),
        multi_exposed=one_where(randomised & twice).sum(),
    )
    first, bots, shared, multi = (None if value is None else int(value) for value in source.fetch(backend, told)[0])
    return Audience(first, {"multi_exposed": multi or 0, "bots": bots or 0}, shared or 0)


def crossed(backend: SQLBackend, scope: Scope) -> int:
    """How many randomised members somebody of another variant brought as well; asked where people bring any."""
    exposures = counted(scope, exposures_of(backend, scope))
    crossings = exposures.filter(exposures.origin == "randomised", exposures.brought_by.notnull())
    return int(source.fetch(backend, crossings.aggregate(n=crossings.count()))[0][0])


def _counted(backend: SQLBackend, scope: Scope, found: Audience, segments: Sequence[str]) -> bool:
    """Fill the counts in, by level too where segments are given; False where that were too many rows."""
    members = randomised(backend, scope)
    since = members.exposed_us - found.first_us
    members = members.mutate(
        place=place_of(scope, members, source.whole_days(backend, since)), n=ibis.literal(1, "int64")
    )
    key = ["place", *(["attributes"] if segments else []), "variant"]
    counts = source.added_up(backend, members, key, ["n"], most=_MOST_ROWS + 1)
    if segments and len(counts) > _MOST_ROWS:
        return False
    found.levels = Counter() if segments else None
    for row in counts:
        variant, n = row["variant"], int(row["n"])
        if variant not in scope.variants:
            continue
        found.members[cell_of(row)] += n
        found.arrivals[variant, int(row["place"]) // DAY_US] += n
        if found.levels is not None:
            found.levels[variant, levels_of(row, segments)] += n
    return True
