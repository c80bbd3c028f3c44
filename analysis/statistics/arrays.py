"""Sufficient statistics from arrays with one row per member, for notebooks: NumPy only, one pass, any size."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

import numpy as np

from analysis.errors import AnalysisError
from analysis.statistics.adjusted import AdjustedStatistics
from analysis.statistics.amount import AmountStatistics
from analysis.statistics.checks import LARGEST
from analysis.statistics.count import CountStatistics
from analysis.statistics.proportion import ProportionStatistics

#: Floats do not hold all integers beyond it.
_MOST_TIMES = 2**53
#: Number of rows that are sorted to find the labels.
_FIRST = 1_000
_MOST_LABELS = 1_000

Kind = Literal["proportion", "amount", "count"]


def summarise(
    variant: Any, value: Any, *, kind: Kind, cap: float | None = None, covariate: Any = None
) -> dict[Any, ProportionStatistics | AmountStatistics | CountStatistics | AdjustedStatistics]:
    """Sum one outcome per member by variant.

    Parameters
    ----------
    variant : array of shape (members,)
        Labels of any kind: texts, numbers.
    value : array of shape (members,)
        A proportion's are true or false (or 1 and 0); amounts and counts are 0 or more, counts whole.
    kind : {"proportion", "amount", "count"}
    cap : float, optional
        For amounts: each is cut here, and the number of cut ones is kept.
    covariate : array of shape (members,), optional
        A pre-experiment covariate; the statistics are then for CUPED, for every kind.

    Returns
    -------
    dict of label to statistic, in the labels' order. An amount's total is as exact as the floats it was summed from.

    Raises
    ------
    AnalysisError
        Lengths that differ, values that are not finite or below 0, a proportion's that are neither 0 nor 1.
    """
    labels, values = np.asarray(variant), _numbers("value", value)
    if kind not in ("proportion", "amount", "count"):
        raise AnalysisError("bad_request", f"The kind {kind!r} is unknown; use proportion, amount or count.")
    if labels.ndim != 1 or labels.shape != values.shape:
        raise AnalysisError(
            "bad_request", f"variant has the shape {labels.shape} and value {values.shape}; give one of each a member."
        )
    limit = _limit(cap, kind)
    _check(values, kind)
    _check_labels(labels)
    if covariate is not None:
        return _by_label(labels, _adjusted(_capped(values, limit), _numbers("covariate", covariate)))
    if kind == "proportion":
        did = values.astype(bool, copy=False)
        return _by_label(
            labels, lambda own: ProportionStatistics(int(np.count_nonzero(own)), int(np.count_nonzero(own & did)))
        )
    if kind == "count":
        return _by_label(labels, lambda own: _count(values[own]))
    # Most members have no amount, so only their number is needed.
    paid = values > 0
    return _by_label(labels, lambda own: _amount(int(np.count_nonzero(own)), values[own & paid].astype(float), limit))


def _by_label(labels: np.ndarray, sum_of: Callable[[np.ndarray], Any]) -> dict[Any, Any]:
    """Return `sum_of` for each label's mask, in the labels' order.

    Comparing with a few labels takes a tenth of the time of sorting ten million, and nearly all labels are among the
    first thousand rows; other rows are sorted only if some have no label yet.
    """
    names = np.unique(labels[:_FIRST])
    known = np.isin(labels, names, kind="sort") if len(labels) > _FIRST else np.ones(len(labels), bool)
    if not known.all():
        names = np.concatenate([names, np.unique(labels[~known])])
    if len(names) > _MOST_LABELS:
        raise AnalysisError(
            "bad_request",
            f"variant has {len(names):,} different labels, such as {names.tolist()[0]!r}; give at most "
            f"{_MOST_LABELS:,}: the variant that each member saw, not the member.",
        )
    return {name: sum_of(labels == name) for name in np.sort(names).tolist()}


def _numbers(name: str, given: Any) -> np.ndarray:
    """Return values as a numeric array; pandas stores booleans with missing values as objects."""
    values = np.asarray(given)
    if values.dtype == object and all(
        isinstance(one, bool | int | float | np.number | np.bool_) for one in values.flat
    ):
        values = values.astype(float)
    if values.dtype.kind not in "biuf":
        raise AnalysisError(
            "bad_request",
            f"{name} has the type {values.dtype}; give an array of numbers, such as df[column].astype(float).",
        )
    return values


def _limit(cap: Any, kind: str) -> float | None:
    if cap is None:
        return None
    if kind != "amount":
        raise AnalysisError("bad_request", f"A cap of {cap!r} is for amounts; a {kind} has none: leave it out.")
    if isinstance(cap, bool) or not isinstance(cap, int | float | Decimal) or not 0 < float(cap) < float("inf"):
        raise AnalysisError("bad_request", f"The cap is {cap!r}; give a finite number above 0, or leave it out.")
    return float(cap)


def _check_labels(labels: np.ndarray) -> None:
    """Raise AnalysisError for a missing label."""
    if labels.dtype.kind == "f":
        missing = np.isnan(labels)
    elif labels.dtype == object:
        missing = np.array([one is None or one != one for one in labels], bool)
    else:
        missing = np.zeros(len(labels), bool)
    if missing.any():
        at = int(np.flatnonzero(missing)[0])
        raise AnalysisError("bad_request", f"variant[{at}] is {labels[at]}; drop the members without a variant first.")
    if labels.dtype == object and len({type(one) for one in labels}) > 1:
        kinds = ", ".join(sorted({type(one).__name__ for one in labels}))
        raise AnalysisError("bad_request", f"variant mixes labels of the types {kinds}; use one, such as texts.")


def _check(values: np.ndarray, kind: str) -> None:
    if values.size and not np.isfinite(values).all():
        at = int(np.flatnonzero(~np.isfinite(values))[0])
        raise AnalysisError("bad_statistics", f"value[{at}] is {values[at]}; it must be finite: drop or fill it.")
    if values.size and values.min() < 0:
        at = int(np.argmin(values))
        raise AnalysisError("bad_statistics", f"value[{at}] is {values[at]}; outcomes are 0 or more.")
    if kind != "proportion":
        _check_size("value", values, _MOST_TIMES if kind == "count" else LARGEST)
    if kind == "proportion" and values.dtype != bool and values.size and not np.isin(values, (0, 1)).all():
        at = int(np.flatnonzero(~np.isin(values, (0, 1)))[0])
        raise AnalysisError("bad_statistics", f"value[{at}] is {values[at]}; a proportion's is 0 or 1.")
    if kind == "count" and values.size and (values != np.floor(values)).any():
        at = int(np.flatnonzero(values != np.floor(values))[0])
        raise AnalysisError("bad_statistics", f"value[{at}] is {values[at]}; a count is a whole number.")


def _check_size(name: str, values: np.ndarray, most: float) -> None:
    largest = max(float(values.max(initial=0)), -float(values.min(initial=0)))  # avoids a copy of ten million rows
    if largest > most:
        raise AnalysisError(
            "bad_statistics", f"{name} goes up to {largest:.3g}, beyond {most:.3g}: count in a larger unit."
        )


def _capped(values: np.ndarray, cap: float | None) -> np.ndarray:
    floats = values.astype(float, copy=False)
    return floats if cap is None else np.minimum(floats, float(cap))


def _count(values: np.ndarray) -> CountStatistics:
    times, members = np.unique(values.astype(np.int64), return_counts=True)
    return CountStatistics(tuple(zip(times.tolist(), members.tolist(), strict=True)))


def _exact(total: float) -> Decimal:
    return Decimal(repr(float(total)))


def _amount(members: int, whole: np.ndarray, cap: float | None) -> AmountStatistics:
    """Sum the amounts of those who have one, among so many members."""
    cut = _capped(whole, cap)
    logs = np.log(cut)
    limit = None if cap is None else Decimal(str(cap))
    total = _exact(cut.sum())
    return AmountStatistics(
        n=members,
        positive=len(cut),
        # By rounding, the sum may slightly exceed the cap, which the statistic would refuse.
        total=total if limit is None else min(total, limit * len(cut)),
        total_squares=float(cut @ cut),
        log_total=float(logs.sum()),
        log_total_squares=float(logs @ logs),
        capped=0 if cap is None else int(np.count_nonzero(whole > cap)),
        cap=limit,
    )


def _adjusted(values: np.ndarray, covariate: np.ndarray) -> Callable[[np.ndarray], AdjustedStatistics]:
    if covariate.shape != values.shape:
        raise AnalysisError(
            "bad_request", f"covariate has the shape {covariate.shape}; give one a member, as value ({values.shape})."
        )
    known = covariate.astype(float)
    if not np.isfinite(known).all():
        at = int(np.flatnonzero(~np.isfinite(known))[0])
        raise AnalysisError("bad_statistics", f"covariate[{at}] is {known[at]}; it must be finite: fill it with 0.")
    _check_size("covariate", known, LARGEST)

    def sums(own: np.ndarray) -> AdjustedStatistics:
        x, c = values[own], known[own]
        return AdjustedStatistics(len(x), _exact(x.sum()), float(x @ x), float(c.sum()), float(c @ c), float(x @ c))

    return sums
