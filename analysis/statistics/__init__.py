"""Sufficient statistics: small, exact summaries of members' outcomes, which add up with ``+``.

Models see only these, for any size of the audience. Each is frozen, validates its fields, and survives JSON to the
digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.errors import AnalysisError
from analysis.statistics.adjusted import AdjustedStatistics
from analysis.statistics.amount import AmountStatistics
from analysis.statistics.cascade import CascadeStatistics
from analysis.statistics.count import CountStatistics
from analysis.statistics.proportion import ProportionStatistics
from analysis.statistics.ratio import RatioStatistics
from analysis.statistics.retention import RetentionStatistics
from analysis.statistics.value import ValueStatistics

__all__ = [
    "STATISTICS",
    "AdjustedStatistics",
    "AmountStatistics",
    "CascadeStatistics",
    "CountStatistics",
    "ProportionStatistics",
    "RatioStatistics",
    "RetentionStatistics",
    "Statistics",
    "ValueStatistics",
    "statistics_from_dict",
]

Statistics = (
    ProportionStatistics
    | AmountStatistics
    | CountStatistics
    | RatioStatistics
    | AdjustedStatistics
    | RetentionStatistics
    | CascadeStatistics
    | ValueStatistics
)

STATISTICS: tuple[type[Statistics], ...] = (
    ProportionStatistics,
    AmountStatistics,
    CountStatistics,
    RatioStatistics,
    AdjustedStatistics,
    RetentionStatistics,
    CascadeStatistics,
    ValueStatistics,
)


def statistics_from_dict(data: Mapping[str, Any]) -> Statistics:
    """Read any statistic back from its `to_dict`; the inverse to the digit."""
    for kind in STATISTICS:
        if data.get("kind") == kind.kind:
            return kind.from_dict(data)
    known = ", ".join(kind.kind for kind in STATISTICS)
    raise AnalysisError("bad_statistics", f"The kind {data.get('kind')!r} of a stored statistic is not one of {known}.")
