"""The primary metric by the levels of segments: each attribute by itself, and all of them at once.

Levels beyond the largest thirty of an attribute are "others". Where members have few different sets of attributes the
counts are here already, from the passes that had to be made anyway; else the engine ranks each attribute's levels.

Where the shares of the variants moved, the allocation epoch stands beside the attributes as one more: members are
compared with those of the same epoch, since whoever was favoured on good days would look better than it is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import ibis
from ibis.backends.sql import SQLBackend

from analysis.statistics import ProportionStatistics
from experiments.catalogue.metrics import Metric
from experiments.collect.active import Active, place_of
from experiments.collect.attribution import Scope, randomised
from experiments.collect.audience import Audience
from experiments.collect.collected import OTHERS, UNKNOWN, SegmentCells, SegmentData
from experiments.collect.engine.source import attribute, fetch, level

MOST_LEVELS = 30
MOST_CELLS = 20_000
"""All attributes at once are told where they make at most so many cells."""

EPOCH = "(allocation epoch)"
"""The attribute of the epoch; no attribute of members has brackets in its name."""

_OTHER = "*"  # no JSON, so no attribute's value can be mistaken for it

Levels = tuple[str | None, ...]
Counts = Counter[tuple[str, Levels]]
"""By variant and one level an attribute, the epoch the last of them."""


def by_levels(
    active: Active, audience: Audience, metric: Metric, segments: Sequence[str], successes: Counts
) -> tuple[dict[str, SegmentData], SegmentCells | None]:
    """The statistics of a proportion by each segment, and by all of them (and the epochs) together."""
    members = audience.levels
    if members is None:
        found = _together(active, metric, segments)
        if found is None:
            return {name: _alone(active, metric, name) for name in segments}, None
        members, successes = found
    cells = _largest_levels(members, successes, len(segments) + 1)
    data = {name: _by_level(active.scope, _marginal(cells, place)) for place, name in enumerate(segments)}
    attributes = [*segments, EPOCH]
    if len({names[-1] for _, names in cells}) < 2:
        attributes.remove(EPOCH)
        cells = {(variant, names[:-1]): counts for (variant, names), counts in cells.items()}
    together = len(attributes) > 1 and len(cells) <= MOST_CELLS
    return data, _ordered(active.scope, attributes, cells) if together else None


Cells = Mapping[tuple[str, tuple[str, ...]], tuple[int, int]]


def _largest_levels(members: Counts, successes: Counts, attributes: int) -> Cells:
    """Members and successes by variant and level names, the small levels of each attribute put together."""
    naming = [_names(members, place) for place in range(attributes)]
    found: dict[tuple[str, tuple[str, ...]], tuple[int, int]] = {}
    for (variant, levels), n in members.items():
        key = variant, tuple(name(value) for name, value in zip(naming, levels, strict=True))
        before = found.get(key, (0, 0))
        found[key] = before[0] + n, before[1] + successes[variant, levels]
    return found


def _names(members: Counts, place: int) -> Callable[[str | None], str]:
    sizes: Counter[str] = Counter()
    for (_, levels), n in members.items():
        if (level_name := levels[place]) is not None:
            sizes[level_name] += n
    kept = set(sorted(sizes, key=lambda name: (-sizes[name], name))[:MOST_LEVELS])
    return lambda value: UNKNOWN if value is None else value if value in kept else OTHERS


def _marginal(cells: Cells, place: int) -> Iterable[tuple[str, str, int, int]]:
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for (variant, names), (n, successes) in cells.items():
        before = sums.get((variant, names[place]), (0, 0))
        sums[variant, names[place]] = before[0] + n, before[1] + successes
    return ((variant, name, n, successes) for (variant, name), (n, successes) in sums.items())


def _by_level(scope: Scope, rows: Iterable[tuple[str, str, int, int]]) -> SegmentData:
    """In the order of the levels' sizes, the rest and the unknown last, then of the variants."""
    found: dict[tuple[str, str], ProportionStatistics] = {}
    sizes: Counter[str] = Counter()
    for variant, name, n, successes in rows:
        found[variant, name] = found.get((variant, name), ProportionStatistics.empty()) + ProportionStatistics(
            n, successes
        )
        sizes[name] += n
    ranking = sorted(sizes, key=lambda name: (name in (OTHERS, UNKNOWN), -sizes[name], name))
    return {
        (variant, name): found[variant, name]
        for name in ranking
        for variant in scope.variants
        if (variant, name) in found
    }


def _ordered(scope: Scope, segments: Sequence[str], cells: Cells) -> SegmentCells:
    order = {variant: place for place, variant in enumerate(scope.variants)}
    ordered = sorted(cells, key=lambda key: (order[key[0]], key[1]))
    return SegmentCells(tuple(segments), {key: ProportionStatistics(*cells[key]) for key in ordered})


# Where the engine must look into each member's attributes -------------------------------------------------------------


def _together(active: Active, metric: Metric, segments: Sequence[str]) -> tuple[Counts, Counts] | None:
    """Members and successes by all levels at once; None where they are too many to be fetched."""
    backend = active.backend
    sides = []
    for members in (randomised(backend, active.scope), _successful(active, metric)):
        places = {f"level_{n}": attribute(backend, members.attributes, name) for n, name in enumerate(segments)}
        place = members.place if "place" in members.columns else place_of(active.scope, members)
        sliced = members.select("variant", **places, place=place - place % 2)  # whoever is mature is no matter here
        cells = sliced.group_by(["variant", *places, "place"]).aggregate(n=sliced.count())
        rows = fetch(backend, cells.limit(MOST_CELLS + 1))
        if len(rows) > MOST_CELLS:
            return None
        counts: Counts = Counter()
        for variant, *levels, code, n in rows:
            if variant in active.scope.variants:
                told = *(level(backend, value) for value in levels), str(int(code) // 2)
                counts[variant, told] += int(n)
        sides.append(counts)
    return sides[0], sides[1]


def _successful(active: Active, metric: Metric) -> Any:
    return active.members.filter(active.did(metric))


def _alone(active: Active, metric: Metric, name: str) -> SegmentData:
    """One attribute with many levels: the engine ranks them, and puts those beyond the largest together."""
    backend = active.backend
    everyone = randomised(backend, active.scope)
    everyone = everyone.select("variant", place=attribute(backend, everyone.attributes, name))
    named = everyone.filter(everyone.place.notnull())
    sizes = named.group_by("place").aggregate(n=named.count())
    ranked = fetch(backend, sizes.order_by([sizes.n.desc(), sizes.place.asc()]).limit(MOST_LEVELS))
    kept = [value for value, _ in ranked]
    successful = _successful(active, metric)
    successful = successful.select("variant", place=attribute(backend, successful.attributes, name))
    rows = [(*row, 0) for row in _placed(backend, everyone, kept)]
    rows += [(variant, value, 0, n) for variant, value, n in _placed(backend, successful, kept)]
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for variant, value, n, successes in rows:
        key = variant, OTHERS if value == _OTHER else level(backend, value) or UNKNOWN
        before = sums.get(key, (0, 0))
        sums[key] = before[0] + int(n), before[1] + int(successes)
    return _by_level(active.scope, ((*key, n, successes) for key, (n, successes) in sums.items()))


def _placed(backend: SQLBackend, members: Any, kept: Sequence[str]) -> list[tuple[Any, ...]]:
    known = members.place.isin(kept) | members.place.isnull() if kept else members.place.isnull()
    placed = members.select("variant", place=ibis.ifelse(known, members.place, _OTHER))
    return fetch(backend, placed.group_by(["variant", "place"]).aggregate(n=placed.count()))
