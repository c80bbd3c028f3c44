"""The sums of cells that an analysis looks at: the whole, each allocation epoch, and members whose window is over."""

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

AGELESS = ("retention", "cascade")
"""Kinds that know of members' age by themselves, so that mature members need no statistics of their own."""


@dataclass(frozen=True, slots=True)
class Split:
    """The cells of every metric, and how many members each cell has.

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
        """Members a variant."""
        return {variant: self._number(variant) for variant in self.scope.variants}

    def whole(self) -> dict[str, dict[str, Statistics]]:
        """Every metric's statistics by variant."""
        return {key: {variant: self._sum(key, variant) for variant in self.scope.variants} for key in self.cells}

    def epochs(self) -> dict[str, Any]:
        """The fields of `Collected` about epochs; empty where there are not two."""
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
        """The fields of `Collected` about members whose window is over; no statistics where all are."""
        variants = self.scope.variants
        counts = {variant: self._number(variant, mature=True) for variant in variants}
        some_are_not = sum(counts.values()) < sum(self.members.values())
        told = [key for key in self.cells if self.metrics[key].kind not in AGELESS] if some_are_not else []
        numbers = tuple(sorted({epoch for _, epoch, over in self.members if over}))
        return {
            "mature_strata": {key: self._by_epoch(key, numbers, mature=True) for key in told if len(numbers) > 1},
            "mature_counts": counts,
            "mature_data": {
                key: {
                    variant: self._share_of_cost(self._sum(key, variant, mature=True), variant) for variant in variants
                }
                for key in told
            },
        }

    def _by_epoch(self, key: str, numbers: Sequence[int], **wanted: Any) -> dict[str, tuple[Statistics, ...]]:
        return {
            variant: tuple(self._sum(key, variant, epoch=epoch, **wanted) for epoch in numbers)
            for variant in self.scope.variants
        }

    def _share_of_cost(self, cell: Statistics, variant: str) -> Statistics:
        """The same with the part of what was spent once that falls on its members, as it falls on all the others."""
        everybody = self._number(variant)
        if not isinstance(cell, ValueStatistics) or not everybody:
            return cell
        return replace(cell, cost_fixed=cell.cost_fixed * cell.n / everybody)

    def _number(self, variant: str, **wanted: Any) -> int:
        return sum(n for cell, n in self.members.items() if _is_in(cell, variant, **wanted))

    def _sum(self, key: str, variant: str, **wanted: Any) -> Statistics:
        found = sorted(cell for cell in self.cells[key] if _is_in(cell, variant, **wanted))
        nobody = empty(self.metrics[key], self.scope, self.worth, variant)
        return reduce(add, (self.cells[key][cell] for cell in found), nobody)


def _is_in(cell: Cell, variant: str, *, epoch: int | None = None, mature: bool = False) -> bool:
    return cell[0] == variant and epoch in (None, cell[1]) and (cell[2] or not mature)
