"""From one row a member in memory to sufficient statistics, for notebooks: NumPy alone, one pass, any size."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import numpy as np

from analysis.errors import AnalysisError
from analysis.statistics.adjusted import AdjustedStatistics
from analysis.statistics.amount import AmountStatistics
from analysis.statistics.count import CountStatistics
from analysis.statistics.proportion import ProportionStatistics

Kind = Literal["proportion", "amount", "count"]


def summarise(
    variant: Any, value: Any, *, kind: Kind, cap: float | None = None, covariate: Any = None
) -> dict[Any, ProportionStatistics | AmountStatistics | CountStatistics | AdjustedStatistics]:
    """Sum one outcome a member by variant.

    Parameters
    ----------
    variant : array of shape (members,)
        Labels of any kind: texts, numbers.
    value : array of shape (members,)
        A proportion's are true or false (or 1 and 0); amounts and counts are 0 or more, counts whole.
    kind : {"proportion", "amount", "count"}
    cap : float, optional
        For amounts: each one is cut here, and the number cut is kept.
    covariate : array of shape (members,), optional
        Known before the first exposure: then the statistics are for CUPED, whatever the kind.

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
    names, place = np.unique(labels, return_inverse=True)
    if covariate is not None:
        return _adjusted(names, place, _capped(values, limit), _numbers("covariate", covariate))
    members = np.bincount(place, minlength=len(names))
    if kind == "proportion":
        did = np.bincount(place, weights=values, minlength=len(names))
        return {
            name: ProportionStatistics(int(n), int(s)) for name, n, s in zip(_plain(names), members, did, strict=True)
        }
    if kind == "count":
        return {name: _count(values[place == v]) for v, name in enumerate(_plain(names))}
    return _amounts(names, place, values, members, limit)


def _numbers(name: str, given: Any) -> np.ndarray:
    """Return numbers as an array of numbers; pandas keeps true and false with gaps as objects."""
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
    """A missing label is nobody's variant."""
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
    if kind == "proportion" and values.dtype != bool and values.size and not np.isin(values, (0, 1)).all():
        at = int(np.flatnonzero(~np.isin(values, (0, 1)))[0])
        raise AnalysisError("bad_statistics", f"value[{at}] is {values[at]}; a proportion's is 0 or 1.")
    if kind == "count" and values.size and (values != np.floor(values)).any():
        at = int(np.flatnonzero(values != np.floor(values))[0])
        raise AnalysisError("bad_statistics", f"value[{at}] is {values[at]}; a count is a whole number.")


def _plain(names: np.ndarray) -> list[Any]:
    return names.tolist()


def _capped(values: np.ndarray, cap: float | None) -> np.ndarray:
    floats = values.astype(float, copy=False)
    return floats if cap is None else np.minimum(floats, float(cap))


def _count(values: np.ndarray) -> CountStatistics:
    times, members = np.unique(values.astype(np.int64), return_counts=True)
    return CountStatistics(tuple(zip(times.tolist(), members.tolist(), strict=True)))


def _exact(total: float) -> Decimal:
    return Decimal(repr(float(total)))


def _amounts(
    names: np.ndarray, place: np.ndarray, values: np.ndarray, members: np.ndarray, cap: float | None
) -> dict[Any, AmountStatistics]:
    # Most members have no amount: everything but their number is summed over the others.
    paid = np.flatnonzero(values > 0)
    where, whole = place[paid], values[paid].astype(float)
    cut = _capped(whole, cap)
    logs = np.log(cut)

    def sums(weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(where, weights=weights, minlength=len(names))

    columns = (sums(), sums(cut), sums(cut * cut), sums(logs), sums(logs * logs))
    capped = sums((whole > cap).astype(float)) if cap is not None else np.zeros(len(names))
    limit = None if cap is None else Decimal(str(cap))
    return {
        name: AmountStatistics(
            n=int(members[v]),
            positive=int(columns[0][v]),
            # Rounding of the sum may pass the cap by a hair, which the statistic would refuse.
            total=_exact(columns[1][v]) if limit is None else min(_exact(columns[1][v]), limit * int(columns[0][v])),
            total_squares=float(columns[2][v]),
            log_total=float(columns[3][v]),
            log_total_squares=float(columns[4][v]),
            capped=int(capped[v]),
            cap=limit,
        )
        for v, name in enumerate(_plain(names))
    }


def _adjusted(
    names: np.ndarray, place: np.ndarray, values: np.ndarray, covariate: np.ndarray
) -> dict[Any, AdjustedStatistics]:
    if covariate.shape != values.shape:
        raise AnalysisError(
            "bad_request", f"covariate has the shape {covariate.shape}; give one a member, as value ({values.shape})."
        )
    known = covariate.astype(float)
    if not np.isfinite(known).all():
        at = int(np.flatnonzero(~np.isfinite(known))[0])
        raise AnalysisError("bad_statistics", f"covariate[{at}] is {known[at]}; it must be finite: fill it with 0.")

    def sums(weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(place, weights=weights, minlength=len(names))

    columns = (sums(), sums(values), sums(values * values), sums(known), sums(known * known), sums(values * known))
    return {
        name: AdjustedStatistics(int(columns[0][v]), _exact(columns[1][v]), *(float(c[v]) for c in columns[2:]))
        for v, name in enumerate(_plain(names))
    }
