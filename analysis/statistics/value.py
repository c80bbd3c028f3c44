"""Value and cost of a variant: sums of outcomes and of their products, for any weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Self

from analysis.errors import AnalysisError
from analysis.statistics.checks import decimal, finite, same_kind, whole


@dataclass(frozen=True, slots=True)
class ValueStatistics:
    """Outcome sums of one variant with the worth of each outcome and the variant's cost.

    Attributes
    ----------
    n : int
        Members.
    outcomes : tuple of str
        The summed outcomes, such as ("revenue", "share").
    sums : tuple of Decimal
        Exact sum of each outcome over members, 0 or more.
    products : tuple of tuple of float
        Symmetric matrix of sums of products: ``products[i][j] = Σ x_i x_j``.
    weights : tuple of float
        Worth of one unit of each outcome in the experiment's currency (money: its margin, 1 = all of it).
    cost_fixed, cost_per_thousand : Decimal
        Fixed cost of the variant, and cost of 1,000 exposed members. Weights and costs are declared, not measured;
        statistics with different ones do not add.
    """

    kind: ClassVar[str] = "value"
    n: int
    outcomes: tuple[str, ...]
    sums: tuple[Decimal, ...]
    products: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]
    cost_fixed: Decimal = Decimal(0)
    cost_per_thousand: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        own, put = "ValueStatistics", object.__setattr__
        put(self, "n", whole(own, "n", self.n))
        put(self, "outcomes", tuple(self.outcomes))
        put(self, "sums", tuple(decimal(own, f"sum of {o}", s) for o, s in zip(self.outcomes, self.sums, strict=False)))
        put(self, "weights", tuple(finite(own, "weight", weight) for weight in self.weights))
        put(self, "products", tuple(tuple(finite(own, "product", p) for p in row) for row in self.products))
        put(self, "cost_fixed", decimal(own, "cost_fixed", self.cost_fixed))
        put(self, "cost_per_thousand", decimal(own, "cost_per_thousand", self.cost_per_thousand))
        k = len(self.outcomes)
        shapes = (len(self.sums), len(self.weights), len(self.products), *(len(row) for row in self.products))
        if k == 0 or any(length != k for length in shapes):
            raise AnalysisError(
                "bad_statistics",
                f"{own} has {k} outcomes but {len(self.sums)} sums, {len(self.weights)} weights and a matrix of "
                f"{len(self.products)} rows; give one of each for every outcome, at least one.",
            )
        for name, total, square in zip(self.outcomes, self.sums, (self.products[i][i] for i in range(k)), strict=True):
            if float(total) ** 2 > self.n * square * (1 + 1e-6) + 1e-9:
                raise AnalysisError(
                    "bad_statistics",
                    f"{own}: the sum of {name} is {total}, too much for a sum of squares of {square} over {self.n} "
                    "members; sum the products of one row a member.",
                )

        for i in range(k):
            for j in range(i):
                self._check_product(i, j)

    def _check_product(self, i: int, j: int) -> None:
        product, mirrored = self.products[i][j], self.products[j][i]
        apart = abs(product - mirrored) > 1e-6 * (abs(product) + abs(mirrored))
        if apart or product**2 > self.products[i][i] * self.products[j][j] * (1 + 1e-6) + 1e-9:
            raise AnalysisError(
                "bad_statistics",
                f"ValueStatistics: the products of {self.outcomes[j]} and {self.outcomes[i]} are {mirrored} and "
                f"{product}, which no members have together; sum the products of one row a member, both ways alike.",
            )

    def __add__(self, other: Self) -> ValueStatistics:
        same_kind(self, other)
        if self.declared != other.declared:
            raise AnalysisError(
                "cannot_add", "Values under different outcomes, weights or costs do not add; recompute one of them."
            )
        return ValueStatistics(
            self.n + other.n,
            self.outcomes,
            tuple(a + b for a, b in zip(self.sums, other.sums, strict=True)),
            tuple(
                tuple(a + b for a, b in zip(ours, theirs, strict=True))
                for ours, theirs in zip(self.products, other.products, strict=True)
            ),
            *self.declared[1:],
        )

    @classmethod
    def empty(cls, outcomes: Sequence[str], weights: Sequence[float], **cost: Any) -> ValueStatistics:
        zeros = tuple(0.0 for _ in outcomes)
        sums = tuple(Decimal(0) for _ in outcomes)
        return cls(0, tuple(outcomes), sums, (zeros,) * len(zeros), tuple(weights), **cost)

    @classmethod
    def from_rows(
        cls, rows: Iterable[Sequence[float]], outcomes: Sequence[str], weights: Sequence[float], **cost: Any
    ) -> ValueStatistics:
        """Sum one row of outcomes for each member; for small data and tests."""
        table = [tuple(float(x) for x in row) for row in rows]
        k = range(len(outcomes))
        return cls(
            len(table),
            tuple(outcomes),
            tuple(sum((Decimal(str(row[i])) for row in table), Decimal(0)) for i in k),
            tuple(tuple(math.fsum(row[i] * row[j] for row in table) for j in k) for i in k),
            tuple(weights),
            **cost,
        )

    @property
    def declared(self) -> tuple[Any, ...]:
        """The outcomes, weights and costs that the plan declares."""
        return self.outcomes, self.weights, self.cost_fixed, self.cost_per_thousand

    @property
    def cost(self) -> float:
        """The cost of the variant with its members so far."""
        return float(self.cost_fixed + self.cost_per_thousand * self.n / 1000)

    @property
    def total(self) -> float:
        """Weighted sum of the outcomes less the cost."""
        return math.fsum(w * float(s) for w, s in zip(self.weights, self.sums, strict=True)) - self.cost

    @property
    def mean(self) -> float | None:
        """Net value per member."""
        return self.total / self.n if self.n else None

    @property
    def return_on_cost(self) -> float | None:
        """Net value for each unit of money spent; None without a cost."""
        return self.total / self.cost if self.cost > 0 else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "n": self.n,
            "outcomes": list(self.outcomes),
            "sums": [str(total) for total in self.sums],
            "products": [list(row) for row in self.products],
            "weights": list(self.weights),
            "cost_fixed": str(self.cost_fixed),
            "cost_per_thousand": str(self.cost_per_thousand),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ValueStatistics:
        plain = {name: value for name, value in data.items() if name != "kind"}
        return cls(**(plain | {name: tuple(plain[name]) for name in ("outcomes", "sums", "products", "weights")}))
