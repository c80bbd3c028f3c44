"""The members by variant, allocation epoch, day of arrival and attributes, and the numbers of excluded members.

Two passes over the exposures; no event is read here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ibis
from ibis.backends.sql import SQLBackend

from experiments.catalogue.metrics import DAY_US
from experiments.collect.active import place_of
from experiments.collect.attribution import (
    Scope,
    earlier_exposures,
    exposures_of,
    multi_exposed,
    one_where,
    randomised,
    without_excluded,
)
from experiments.collect.engine import source
from experiments.collect.quality.outside import outside_run

MOST_KINDS = 400
"""The most distinct sets of attributes that are fetched as stored; above it the engine ranks the levels."""

_SAMPLE = 20_000
_MOST_ROWS = 60_000

Cell = tuple[str, int, bool]
"""Variant, allocation epoch, and whether the window was over: the split of all statistics."""


@dataclass(slots=True)
class Audience:
    """The numbers of members.

    Attributes
    ----------
    members : Counter of Cell
    arrivals : Counter of (str, int)
        By variant and whole days since the first exposure.
    levels : Counter of (str, tuple) or None
        By variant and levels of the segments (the allocation epoch is the last of them); None if members have more than
        `MOST_KINDS` sets of attributes.
    first_us : int or None
        When the first member was exposed.
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
    audience = _with_exclusions(backend, scope)
    if audience.first_us is None:
        return audience
    if not (segments and few_kinds(backend, scope) and _count(backend, scope, audience, segments)):
        _count(backend, scope, audience, ())
    return audience


def cell_of(row: Mapping[str, Any]) -> Cell:
    """Return the cell of a fetched row with ``variant`` and ``place`` (from `active.place_of`)."""
    code = int(row["place"]) % DAY_US
    return row["variant"], code // 2, code % 2 == 1


def levels_of(row: Mapping[str, Any], segments: Sequence[str]) -> tuple[str | None, ...]:
    """Return the levels of a fetched row with ``attributes`` and ``place``: the segments', then the epoch."""
    given = source.document(row["attributes"])
    return *(source.words(given.get(name)) for name in segments), str(cell_of(row)[1])


def few_kinds(backend: SQLBackend, scope: Scope) -> bool:
    """Return whether a sample of members has few enough sets of attributes to fetch them as stored."""
    sample = randomised(backend, scope).select("attributes").limit(_SAMPLE).distinct()
    return int(source.fetch(backend, sample.aggregate(kinds=sample.count()))[0][0]) <= MOST_KINDS


def _with_exclusions(backend: SQLBackend, scope: Scope) -> Audience:
    """Return an audience with the excluded members by reason and the time of the first exposure."""
    exposures = exposures_of(backend, scope)
    twice = exposures.unit.isin(multi_exposed(scope).unit)
    new_only = scope.new_only and bool(scope.earlier_runs)
    carried = exposures.unit.isin(earlier_exposures(scope).unit) if new_only else ibis.literal(False)
    person = ~exposures.bot | ibis.literal(scope.count_bots)
    shared = person & (exposures.origin == "shared")
    randomised = person & (exposures.origin == "randomised")
    totals = exposures.aggregate(
        first=ibis.ifelse(randomised & ~twice & ~carried, exposures.at_us, None).min(),
        bots=one_where(~person).sum(),
        shared=one_where(shared).sum(),
        multi_exposed=one_where(randomised & twice).sum(),
        carried_over=one_where(randomised & ~twice & carried).sum(),
    )
    first_us, bots, brought, multi, carried_over = (
        None if value is None else int(value) for value in source.fetch(backend, totals)[0]
    )
    excluded = {"multi_exposed": multi or 0, "bots": bots or 0} | outside_run(backend, scope)
    return Audience(first_us, excluded | ({"carried_over": carried_over or 0} if new_only else {}), brought or 0)


def crossed(backend: SQLBackend, scope: Scope) -> int:
    """Return the number of randomised members who were also invited by a member of another variant."""
    exposures = without_excluded(scope, exposures_of(backend, scope))
    crossings = exposures.filter(exposures.origin == "randomised", exposures.brought_by.notnull())
    return int(source.fetch(backend, crossings.aggregate(n=crossings.count()))[0][0])


def _count(backend: SQLBackend, scope: Scope, audience: Audience, segments: Sequence[str]) -> bool:
    """Fill in the counts, also by level if there are segments; return False if that needs too many rows."""
    members = randomised(backend, scope)
    since = members.exposed_us - audience.first_us
    members = members.mutate(
        place=place_of(scope, members, source.whole_days(backend, since)), n=ibis.literal(1, "int64")
    )
    key = ["place", *(["attributes"] if segments else []), "variant"]
    counts = source.grouped_sums(backend, members, key, ["n"], most=_MOST_ROWS + 1)
    if segments and len(counts) > _MOST_ROWS:
        return False
    audience.levels = Counter() if segments else None
    for row in counts:
        variant, n = row["variant"], int(row["n"])
        if variant not in scope.variants:
            continue
        audience.members[cell_of(row)] += n
        audience.arrivals[variant, int(row["place"]) // DAY_US] += n
        if audience.levels is not None:
            audience.levels[variant, levels_of(row, segments)] += n
    return True
