"""Validation of the fields of statistics; each error names the value, the bound and the remedy."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import Any

from analysis.errors import AnalysisError

#: Beyond these, squares, cubes and their sums overflow floats.
LARGEST, SMALLEST = 1e100, 1e-100


def whole(owner: str, name: str, value: Any, upper: int | None = None, upper_name: str = "") -> int:
    """Return `value` as an int, or raise AnalysisError unless it is a count between 0 and `upper`."""
    if isinstance(value, bool) or not (hasattr(value, "__index__") or isinstance(value, float | Decimal)):
        raise AnalysisError("bad_statistics", f"{owner}.{name} is {value!r}; give a whole number of 0 or more.")
    if not hasattr(value, "__index__") and (not math.isfinite(value) or value != int(value)):
        raise AnalysisError("bad_statistics", f"{owner}.{name} is {value!r}; give a whole number of 0 or more.")
    whole = int(value)
    if whole < 0:
        raise AnalysisError("bad_statistics", f"{owner}.{name} is {whole}; it counts and cannot be below 0.")
    if upper is not None and whole > upper:
        raise AnalysisError(
            "bad_statistics",
            f"{owner}.{name} is {whole}, more than {upper_name} = {upper}; count each member at most once.",
        )
    return whole


def finite(owner: str, name: str, value: Any, lower: float | None = None) -> float:
    """Return `value` as a finite float of at least `lower`, or raise AnalysisError."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    except (TypeError, ValueError):
        raise AnalysisError("bad_statistics", f"{owner}.{name} is {value!r}; give a number.") from None
    if not math.isfinite(number):
        raise AnalysisError(
            "bad_statistics", f"{owner}.{name} is {number}; it must be finite: find the missing or infinite amount."
        )
    if lower is not None and number < lower:
        raise AnalysisError("bad_statistics", f"{owner}.{name} is {number}; it cannot be below {lower:g}.")
    return number


def decimal(owner: str, name: str, value: Any, *, signed: bool = False) -> Decimal:
    """Return `value` as an exact, finite Decimal, 0 or more unless `signed`; a float goes through its shortest text."""
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        raise AnalysisError("bad_statistics", f"{owner}.{name} is {value!r}; give a decimal amount.") from None
    if not number.is_finite():
        raise AnalysisError("bad_statistics", f"{owner}.{name} is {number}; it must be finite.")
    if abs(number) > LARGEST:
        raise AnalysisError(
            "bad_statistics", f"{owner}.{name} is {number:.3g}, beyond {LARGEST:g}: count in a larger unit."
        )
    if 0 < abs(number) < SMALLEST:
        raise AnalysisError(
            "bad_statistics", f"{owner}.{name} is {number:.3g}, below {SMALLEST:g}: count in a smaller unit."
        )
    if number < 0 and not signed:
        raise AnalysisError(
            "bad_statistics", f"{owner}.{name} is {number}; amounts are 0 or more: record a refund as its own event."
        )
    return number


def same_kind(left: Any, right: Any) -> None:
    if type(left) is not type(right):
        raise AnalysisError(
            "cannot_add", f"A {type(left).__name__} and a {type(right).__name__} do not add; sum one metric at a time."
        )
