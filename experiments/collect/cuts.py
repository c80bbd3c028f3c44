"""The sums of cells that an analysis reads: all members, each allocation epoch, and members whose window is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

from analysis.statistics import Statistics, ValueStatistics
from experiments.catalogue.metrics import Metric
from experiments.collect.attribution import Scope
from experiments.collect.audience import Cell
from experiments.collect.cells import ByCell, empty
from experiments.collect.request import Worth

AGE_AWARE = ("retention", "cascade")
"""Kinds whose models account for members' age, so that mature members need no separate statistics."""


@dataclass(frozen=True, slots=True)
class Split:
    """The cells of every metric, and the number of members in each cell.

    Attributes
    ----------
    scope, worth
    members : dict of Cell to int
    cells : dict of str to dict of Cell to Statistics
    metrics : dict of str to Metric
        By key, as `cells`.
    """

    scope: Scope
    worth: Worth
    members: Mapping[Cell, int]
    cells: Mapping[str, ByCell]
    metrics: Mapping[str, Metric]

    def counts(self) -> dict[str, int]:
        """Return the members of each variant."""
        return {variant: self._number(variant) for variant in self.scope.variants}

    def whole(self) -> dict[str, dict[str, Statistics]]:
        """Return every metric's statistics by variant."""
        return {key: {variant: self._sum(key, variant) for variant in self.scope.variants} for key in self.cells}

    def epochs(self) -> dict[str, Any]:
        """Return the fields of `Collected` about epochs; empty if there are fewer than two."""
        numbers = tuple(sorted({epoch for _, epoch, _ in self.members}))
        if len(numbers) < 2:
            return {}
        return {
            "epochs": numbers,
            "counts_by_epoch": {
                variant: tuple(self._number(variant, epoch=epoch) for epoch in numbers)
                for variant in self.scope.variants
            },
            "strata": {key: self._by_epoch(key, numbers) for key in self.cells},
        }

    def mature(self) -> dict[str, Any]:
        """Return the fields of `Collected` about members whose window is over; no statistics if all windows are."""
        variants = self.scope.variants
        counts = {variant: self._number(variant, mature=True) for variant in variants}
        some_are_not = sum(counts.values()) < sum(self.members.values())
        keys = [key for key in self.cells if self.metrics[key].kind not in AGE_AWARE] if some_are_not else []
        numbers = tuple(sorted({epoch for _, epoch, over in self.members if over}))
        return {
            "mature_strata": {key: self._by_epoch(key, numbers, mature=True) for key in keys if len(numbers) > 1},
            "mature_counts": counts,
            "mature_data": {
                key: {
                    variant: self._share_of_cost(self._sum(key, variant, mature=True), variant) for variant in variants
                }
                for key in keys
            },
        }

    def _by_epoch(self, key: str, numbers: Sequence[int], **selection: Any) -> dict[str, tuple[Statistics, ...]]:
        return {
            variant: tuple(self._sum(key, variant, epoch=epoch, **selection) for epoch in numbers)
            for variant in self.scope.variants
        }

    def _share_of_cost(self, cell: Statistics, variant: str) -> Statistics:
        """Return the statistics with the share of the fixed cost that falls on these members."""
        total = self._number(variant)
        if not isinstance(cell, ValueStatistics) or not total:
            return cell
        return replace(cell, cost_fixed=cell.cost_fixed * cell.n / total)

    def _number(self, variant: str, **selection: Any) -> int:
        return sum(n for cell, n in self.members.items() if _is_in(cell, variant, **selection))

    def _sum(self, key: str, variant: str, **selection: Any) -> Statistics:
        cells = sorted(cell for cell in self.cells[key] if _is_in(cell, variant, **selection))
        none = empty(self.metrics[key], self.scope, self.worth, variant)
        return reduce(add, (self.cells[key][cell] for cell in cells), none)


def _is_in(cell: Cell, variant: str, *, epoch: int | None = None, mature: bool = False) -> bool:
    return cell[0] == variant and epoch in (None, cell[1]) and (cell[2] or not mature)
