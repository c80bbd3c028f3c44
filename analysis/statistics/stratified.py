"""Estimates stratified by allocation epoch, for runs in which the traffic split changed.

If variant B got most of its members in a week with a higher rate for all variants, its plain rate is too high
(Simpson's paradox). So variants are compared within each epoch, and epochs are weighted by their share of all members,
equally for every variant. The results are statistics of the same kind with the weighted mean and standard error, so
that every model accepts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np

from analysis.errors import AnalysisError
from analysis.messages import Message, message
from analysis.statistics import (
    AmountStatistics,
    CountStatistics,
    ProportionStatistics,
    RatioStatistics,
    Statistics,
    ValueStatistics,
)

#: Members with an amount from which an epoch's variance is not pooled with the variant's other epochs.
_BELIEVED = 10.0
STRATIFIED = (ProportionStatistics, AmountStatistics, CountStatistics, RatioStatistics, ValueStatistics)


@dataclass(frozen=True, slots=True)
class Stratified:
    """The weighting of estimates over allocation epochs.

    Attributes
    ----------
    weights : tuple of float
        Share of all members in each compared epoch; sums to 1.
    merged : tuple of tuple of int
        Numbers (from 1) of epochs merged into one because a variant had too few members in one of them.
    note : Message
        The note for readers.
    """

    weights: tuple[float, ...]
    merged: tuple[tuple[int, ...], ...]
    note: Message

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `from_dict` reads them back."""
        merged = [list(group) for group in self.merged]
        return {"weights": list(self.weights), "merged": merged, "note": self.note.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Stratified:
        """Read a stored value back."""
        return cls(tuple(data["weights"]), tuple(map(tuple, data["merged"])), Message.from_dict(data["note"]))


@dataclass(frozen=True, slots=True)
class WeightedProportion:
    """A rate over epochs as effective successes and members, which are not integers."""

    kind = "proportion"
    n: float
    successes: float

    @property
    def total(self) -> float:
        return self.successes

    @property
    def mean(self) -> float | None:
        return self.successes / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class WeightedSums:
    """A mean per member over epochs as sums; `histogram` is the plain one, only for the shape of counts."""

    kind: str
    n: int
    positive: int
    total: float
    total_squares: float
    histogram: tuple[tuple[int, int], ...] = ()

    @property
    def mean(self) -> float | None:
        return self.total / self.n if self.n else None


def stratify(
    strata: Mapping[str, Sequence[Statistics]], data: Mapping[str, Statistics]
) -> tuple[Mapping[str, Any], Stratified | None]:
    """Return statistics with means weighted over epochs, and the weighting.

    Parameters
    ----------
    strata : mapping of variant to one statistic for each epoch
        In the same order of epochs for each variant.
    data : mapping of variant to statistic
        Their sums; returned unchanged for one epoch or a kind that is not stratified.

    Raises
    ------
    AnalysisError
        `bad_request` if strata and data do not match.
    """
    epochs = _checked(strata, data)
    kind = type(next(iter(data.values())))
    if epochs < 2 or kind not in STRATIFIED or not all(cell.n for cell in data.values()):
        return data, None
    need = 1 if kind is ProportionStatistics else 2
    groups = _groups([[rows[e].n for rows in strata.values()] for e in range(epochs)], need)
    cells = {key: [_sum([rows[e] for e in group]) for group in groups] for key, rows in strata.items()}
    members = np.array([sum(rows[g].n for rows in cells.values()) for g in range(len(groups))], float)
    weights = members / members.sum()
    weighting = _weighting(weights, groups)
    if len(groups) == 1:
        return data, weighting
    if kind is ProportionStatistics:
        return _proportions(cells, weights), weighting
    return {key: _moments(rows, weights, data[key]) for key, rows in cells.items()}, weighting


def _checked(strata: Mapping[str, Sequence[Statistics]], data: Mapping[str, Statistics]) -> int:
    lengths = {len(rows) for rows in strata.values()}
    if list(strata) != list(data) or len(lengths) != 1:
        raise AnalysisError(
            "bad_request",
            f"The strata are of {', '.join(strata)} with {sorted(lengths)} epochs, the data of {', '.join(data)}; give "
            "each variant one statistic an epoch, in the order of the data.",
        )
    for key, rows in strata.items():
        members = sum(row.n for row in rows)
        if members != data[key].n:
            raise AnalysisError(
                "bad_request",
                f"The epochs of {key!r} have {members} members, its data {data[key].n}; they must be the same members.",
            )
        if any(type(row) is not type(data[key]) for row in rows):
            raise AnalysisError("mixed_kinds", f"The epochs of {key!r} are not of the kind of its data.")
    return lengths.pop()


def _groups(members: Sequence[Sequence[int]], need: int) -> list[list[int]]:
    """Merge each epoch in which a variant has too few members with the previous one, or the first with the next."""
    groups: list[list[int]] = []
    sums: list[np.ndarray] = []
    for epoch, row in enumerate(members):
        now = np.array(row)
        if groups and (now.min() < need or sums[-1].min() < need):
            groups[-1].append(epoch)
            sums[-1] = sums[-1] + now
        else:
            groups.append([epoch])
            sums.append(now)
    return groups


def _sum(rows: Sequence[Statistics]) -> Any:
    total = rows[0]
    for row in rows[1:]:
        total = total + row  # type: ignore[operator]
    return total


def _weighting(weights: np.ndarray, groups: Sequence[Sequence[int]]) -> Stratified:
    merged = tuple(tuple(e + 1 for e in group) for group in groups if len(group) > 1)
    if len(groups) == 1:
        return Stratified((1.0,), merged, message("stratified.all_merged"))
    note = message("stratified.steps", steps=len(groups))
    if merged:
        joined = tuple(message("stratified.joined", steps=tuple(map(str, group))) for group in merged)
        note = message("stratified.steps_joined", steps=len(groups), joined=joined)
    return Stratified(tuple(weights.tolist()), merged, note)


def _proportions(
    cells: Mapping[str, Sequence[ProportionStatistics]], weights: np.ndarray
) -> dict[str, WeightedProportion]:
    """Match mean and variance of the weighted rate by a binomial.

    An epoch's variance is shrunk towards the epoch's rate over all variants, as if ten more members had that rate, so
    that zero successes in a small epoch are not treated as certain.
    """
    y = np.array([[cell.successes for cell in rows] for rows in cells.values()], float)
    n = np.array([[cell.n for cell in rows] for rows in cells.values()], float)
    typical = (y.sum(axis=0) + 0.5) / (n.sum(axis=0) + 1)
    believed = _BELIEVED / np.minimum(typical, 1 - typical)
    leaning = (y + believed * typical) / (n + believed)
    variance = (weights**2 * leaning * (1 - leaning) / n).sum(axis=1)
    rate, middle = (y / n) @ weights, leaning @ weights
    effective = middle * (1 - middle) / variance
    return {
        key: WeightedProportion(float(members), float(np.clip(p, 0, 1) * members))
        for key, members, p in zip(cells, effective, rate, strict=True)
    }


def _vector(cell: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums and the matrix of products of the members' values."""
    if isinstance(cell, RatioStatistics):
        sums = np.array([float(cell.x_total), float(cell.y_total)])
        return sums, np.array([[cell.x_squares, cell.xy], [cell.xy, cell.y_squares]])
    if isinstance(cell, ValueStatistics):
        return np.array([float(total) for total in cell.sums]), np.array(cell.products)
    return np.array([float(cell.total)]), np.array([[float(cell.total_squares)]])


def _moments(rows: Sequence[Any], weights: np.ndarray, whole: Any) -> Any:
    """Return a statistic like `whole` whose mean and covariance of the mean are the weighted ones."""
    n = np.array([row.n for row in rows], float)
    sums, products = (np.array(part) for part in zip(*(_vector(row) for row in rows), strict=True))
    means = sums / n[:, None]
    scatter = products - n[:, None, None] * means[:, :, None] * means[:, None, :]
    within = scatter.sum(axis=0) / (n.sum() - len(rows))
    _, all_squares = _vector(whole)
    share = max(float(sums[:, -1].sum()) ** 2 / max(float(all_squares[-1, -1]), 1e-300) / n.sum(), 1e-9)
    leaned = min(_BELIEVED / share, 1e9)
    covariance = (scatter + leaned * within) / (n - 1 + leaned)[:, None, None]
    mean = weights @ means
    of_mean = (weights[:, None, None] ** 2 * covariance / n[:, None, None]).sum(axis=0)
    members = whole.n
    total = members * mean
    matched = of_mean * members * (members - 1) + members * np.outer(mean, mean)
    return _like(whole, total, matched)


def _like(whole: Any, total: np.ndarray, products: np.ndarray) -> Any:
    if isinstance(whole, RatioStatistics):
        x, y = (Decimal(repr(float(part))) for part in total)
        return RatioStatistics(whole.n, x, y, float(products[0, 0]), float(products[1, 1]), float(products[0, 1]))
    if isinstance(whole, ValueStatistics):
        sums = tuple(Decimal(repr(max(float(part), 0.0))) for part in total)
        return replace(whole, sums=sums, products=tuple(map(tuple, products.tolist())))
    histogram = whole.histogram if isinstance(whole, CountStatistics) else ()
    return WeightedSums(whole.kind, whole.n, whole.positive, float(total[0]), float(products[0, 0]), histogram)
