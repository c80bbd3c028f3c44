"""The cells of a segmented fit: variants × observed combinations of levels, as arrays, with bounded size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.errors import AnalysisError
from analysis.statistics import ProportionStatistics

MAX_LEVELS = 200
#: Maximum of fitted combinations of levels; above it, the rarest levels of each attribute are merged.
MAX_COMBINATIONS = 1000
#: Name of the merged levels, here and in collected cells.
OTHERS = "others"

JointCells = Mapping[tuple[str, tuple[str, ...]], ProportionStatistics]


@dataclass(frozen=True, slots=True)
class CellTable:
    """Cells in arrays, the control first.

    Attributes
    ----------
    variants : tuple of str
        The control, then the others in the order of the data.
    attributes : tuple of str
    levels : tuple of tuple of str
        Of each attribute, in the order of the data.
    index : int array of shape (attributes, combinations)
        Level of each attribute in each observed combination.
    n, successes : float array of shape (variants, combinations)
    merged : tuple of (attribute, levels)
        Levels merged into `OTHERS` to bound the size.
    """

    variants: tuple[str, ...]
    attributes: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    index: np.ndarray
    n: np.ndarray
    successes: np.ndarray
    merged: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the model's parameters: variants, then the levels of each attribute."""
        return (len(self.variants), *(len(own) for own in self.levels))

    @property
    def audience(self) -> np.ndarray:
        """The share of all members in each combination, over all variants."""
        shares: np.ndarray = self.n.sum(axis=0) / self.n.sum()
        return shares

    def members_of(self, place: int) -> np.ndarray:
        """Return 1 where a combination has a level of an attribute: array of shape (levels, combinations)."""
        members: np.ndarray = (self.index[place] == np.arange(len(self.levels[place]))[:, None]).astype(float)
        return members

    def of(self, place: int) -> CellTable:
        """Return the table of one attribute, summed over the others."""
        belongs = self.members_of(place).T
        alone = np.arange(len(self.levels[place]))[None, :]
        return replace(self.only([place]), index=alone, n=self.n @ belongs, successes=self.successes @ belongs)

    def only(self, places: Sequence[int]) -> CellTable:
        """Return the table without the other attributes, with unchanged combinations."""
        names = tuple(self.attributes[place] for place in places)
        return replace(
            self,
            attributes=names,
            levels=tuple(self.levels[place] for place in places),
            index=self.index[list(places)],
            merged=tuple(own for own in self.merged if own[0] in names),
        )


def table_of(cells: JointCells, attributes: Sequence[str], control: str) -> CellTable:
    """Sort cells into arrays.

    Parameters
    ----------
    cells : mapping of (variant, levels in the order of `attributes`) to ProportionStatistics
        Cells that are absent count as empty.

    Raises
    ------
    AnalysisError
        Fewer than two variants, an unknown control, too many levels, a cell without a level of each attribute.
    """
    variants = tuple(dict.fromkeys(variant for variant, _ in cells))
    _check(cells, attributes, variants, control)
    combinations = tuple(dict.fromkeys(levels for _, levels in cells))
    names, merged = _bounded(cells, combinations, attributes)
    cells, combinations = _renamed(cells, names), tuple(dict.fromkeys(_named(own, names) for own in combinations))
    levels = tuple(tuple(dict.fromkeys(own[place] for own in combinations)) for place in range(len(attributes)))
    order = (control, *(variant for variant in variants if variant != control))
    empty = ProportionStatistics.empty()
    table = [[cells.get((variant, own), empty) for own in combinations] for variant in order]
    index = [[levels[place].index(own[place]) for own in combinations] for place in range(len(attributes))]
    return CellTable(
        order,
        tuple(attributes),
        levels,
        np.array(index, dtype="int64"),
        np.array([[cell.n for cell in row] for row in table], float),
        np.array([[cell.successes for cell in row] for row in table], float),
        merged,
    )


def _check(cells: JointCells, attributes: Sequence[str], variants: Sequence[str], control: str) -> None:
    if len(variants) < 2:
        raise AnalysisError("too_few_variants", f"Variants with data: {len(variants)}; at least 2 are needed.")
    if control not in variants:
        raise AnalysisError("unknown_variant", f"The control {control!r} has no data; there is {', '.join(variants)}.")
    if not attributes or len(set(attributes)) != len(attributes):
        raise AnalysisError("bad_request", f"The attributes are {', '.join(attributes) or 'none'}; name each once.")
    for variant, levels in cells:
        if not isinstance(levels, tuple) or len(levels) != len(attributes):
            raise AnalysisError(
                "bad_request",
                f"The cell {(variant, levels)!r} has not one level for each of {', '.join(attributes)}; give them in "
                "that order.",
            )
    for place, attribute in enumerate(attributes):
        if (number := len({levels[place] for _, levels in cells})) > MAX_LEVELS:
            raise AnalysisError(
                "bad_request",
                f"{number} levels of {attribute} are more than {MAX_LEVELS}; put the rarest together as one level.",
            )


Names = tuple[Mapping[str, str], ...]


def _named(levels: tuple[str, ...], names: Names) -> tuple[str, ...]:
    return tuple(own.get(level, level) for level, own in zip(levels, names, strict=True))


def _renamed(cells: JointCells, names: Names) -> JointCells:
    if not any(names):
        return cells
    summed: dict[tuple[str, tuple[str, ...]], ProportionStatistics] = {}
    for (variant, levels), cell in cells.items():
        key = (variant, _named(levels, names))
        summed[key] = summed[key] + cell if key in summed else cell
    return summed


def _bounded(
    cells: JointCells, combinations: Sequence[tuple[str, ...]], attributes: Sequence[str]
) -> tuple[Names, tuple[tuple[str, tuple[str, ...]], ...]]:
    """Return the merged levels: each attribute keeps as many of its most common levels as the bound allows."""
    if len(combinations) <= MAX_COMBINATIONS:
        return tuple({} for _ in attributes), ()
    counts: list[Counter[str]] = [Counter() for _ in attributes]
    for (_, levels), cell in cells.items():
        for place, level in enumerate(levels):
            counts[place][level] += cell.n
    # Ties are broken by name, so that the order of the cells makes no difference.
    ranked = [
        [level for _, _, level in sorted((level == OTHERS, -members, level) for level, members in own.items())]
        for own in counts
    ]

    def names_at(kept: int) -> Names:
        return tuple(dict.fromkeys(own[kept:], OTHERS) if len(own) > kept + 1 else {} for own in ranked)

    low, high = 1, max(len(own) for own in ranked)
    while low < high:
        middle = (low + high + 1) // 2
        fits = len({_named(own, names_at(middle)) for own in combinations}) <= MAX_COMBINATIONS
        low, high = (middle, high) if fits else (low, middle - 1)
    names = names_at(low)
    merged = tuple((name, tuple(sorted(own))) for name, own in zip(attributes, names, strict=True) if own)
    return names, merged
