"""The primary metric by the levels of segments: each attribute alone, and all attributes together.

Levels beyond the largest thirty of an attribute are "others". If members have few distinct sets of attributes, the
counts come from passes that were needed anyway; otherwise the engine ranks each attribute's levels.

If the traffic split changed, the allocation epoch is added to the attributes, so that members are compared within an
epoch: a variant with more traffic on good days would otherwise look better than it is.
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
"""The most cells that the attributes together may have."""

EPOCH = "(allocation epoch)"
"""The name of the epoch among the attributes; no member attribute has parentheses in its name."""

_OTHER = "*"  # not JSON, so it never equals an attribute's value

Levels = tuple[str | None, ...]
Counts = Counter[tuple[str, Levels]]
"""By variant and one level for each attribute; the epoch is the last."""


def by_levels(
    active: Active, audience: Audience, metric: Metric, segments: Sequence[str], successes: Counts
) -> tuple[dict[str, SegmentData], SegmentCells | None]:
    """Return the statistics of a proportion by each segment, and by all segments (and the epochs) together."""
    members = audience.levels
    if members is None:
        counts = _together(active, metric, segments)
        if counts is None:
            return {name: _alone(active, metric, name) for name in segments}, None
        members, successes = counts
    cells = _largest_levels(members, successes, len(segments) + 1)
    data = {name: _by_level(active.scope, _marginal(cells, place)) for place, name in enumerate(segments)}
    attributes = [*segments, EPOCH]
    if len({names[-1] for _, names in cells}) < 2:
        attributes.remove(EPOCH)
        cells = {(variant, names[:-1]): pair for (variant, names), pair in cells.items()}
    together = len(attributes) > 1 and len(cells) <= MOST_CELLS
    return data, _ordered(active.scope, attributes, cells) if together else None


Cells = Mapping[tuple[str, tuple[str, ...]], tuple[int, int]]


def _largest_levels(members: Counts, successes: Counts, attributes: int) -> Cells:
    """Return members and successes by variant and level names, with the small levels of each attribute combined."""
    naming = [_names(members, place) for place in range(attributes)]
    cells: dict[tuple[str, tuple[str, ...]], tuple[int, int]] = {}
    for (variant, levels), n in members.items():
        key = variant, tuple(name(value) for name, value in zip(naming, levels, strict=True))
        before = cells.get(key, (0, 0))
        cells[key] = before[0] + n, before[1] + successes[variant, levels]
    return cells


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
    """Return the data by descending size of the levels (others and unknown last), then by variant."""
    data: dict[tuple[str, str], ProportionStatistics] = {}
    sizes: Counter[str] = Counter()
    for variant, name, n, successes in rows:
        data[variant, name] = data.get((variant, name), ProportionStatistics.empty()) + ProportionStatistics(
            n, successes
        )
        sizes[name] += n
    ranking = sorted(sizes, key=lambda name: (name in (OTHERS, UNKNOWN), -sizes[name], name))
    return {
        (variant, name): data[variant, name]
        for name in ranking
        for variant in scope.variants
        if (variant, name) in data
    }


def _ordered(scope: Scope, segments: Sequence[str], cells: Cells) -> SegmentCells:
    order = {variant: place for place, variant in enumerate(scope.variants)}
    ordered = sorted(cells, key=lambda key: (order[key[0]], key[1]))
    return SegmentCells(tuple(segments), {key: ProportionStatistics(*cells[key]) for key in ordered})


# Where the engine reads each member's attributes ---------------------------------------------------------------------


def _together(active: Active, metric: Metric, segments: Sequence[str]) -> tuple[Counts, Counts] | None:
    """Return members and successes by all levels together; None if there are too many cells to fetch."""
    backend = active.backend
    sides = []
    for members in (randomised(backend, active.scope), _successful(active, metric)):
        places = {f"level_{n}": attribute(backend, members.attributes, name) for n, name in enumerate(segments)}
        place = members.place if "place" in members.columns else place_of(active.scope, members)
        sliced = members.select("variant", **places, place=place - place % 2)  # drops the bit of the window state
        cells = sliced.group_by(["variant", *places, "place"]).aggregate(n=sliced.count())
        rows = fetch(backend, cells.limit(MOST_CELLS + 1))
        if len(rows) > MOST_CELLS:
            return None
        counts: Counts = Counter()
        for variant, *values, code, n in rows:
            if variant in active.scope.variants:
                levels = *(level(backend, value) for value in values), str(int(code) // 2)
                counts[variant, levels] += int(n)
        sides.append(counts)
    return sides[0], sides[1]


def _successful(active: Active, metric: Metric) -> Any:
    return active.members.filter(active.did(metric))


def _alone(active: Active, metric: Metric, name: str) -> SegmentData:
    """Return one attribute with many levels; the engine ranks them and combines those beyond the largest."""
    backend = active.backend
    members = randomised(backend, active.scope)
    members = members.select("variant", place=attribute(backend, members.attributes, name))
    named = members.filter(members.place.notnull())
    sizes = named.group_by("place").aggregate(n=named.count())
    ranked = fetch(backend, sizes.order_by([sizes.n.desc(), sizes.place.asc()]).limit(MOST_LEVELS))
    kept = [value for value, _ in ranked]
    successful = _successful(active, metric)
    successful = successful.select("variant", place=attribute(backend, successful.attributes, name))
    rows = [(*row, 0) for row in _placed(backend, members, kept)]
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
