"""The sufficient statistics of an analysis and the counts for its health checks, in a form that can be stored."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from analysis import statistics_from_dict
from analysis.statistics import AdjustedStatistics, ProportionStatistics, Statistics

OTHERS = "others"
"""The level of all values of a segment beyond the largest ones."""

UNKNOWN = "(not given)"
"""The level of members whose attribute was not given."""

SegmentData = dict[tuple[str, str], ProportionStatistics]


@dataclass(frozen=True, slots=True)
class SegmentCells:
    """The primary metric's statistics by variant and the levels of all attributes at once.

    Attributes
    ----------
    attributes : tuple of str
        Names of the attributes; the last may be the allocation epoch.
    cells : dict
        By (variant, levels in the order of `attributes`).
    """

    attributes: tuple[str, ...]
    cells: dict[tuple[str, tuple[str, ...]], ProportionStatistics]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON document, with a row of variant, levels, members and successes for each cell."""
        rows = [[variant, list(levels), cell.n, cell.successes] for (variant, levels), cell in self.cells.items()]
        return {"attributes": list(self.attributes), "cells": rows}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        rows = data["cells"]
        cells = {(variant, tuple(levels)): ProportionStatistics(n, did) for variant, levels, n, did in rows}
        return cls(tuple(data["attributes"]), cells)


@dataclass(frozen=True, slots=True)
class Quality:
    """Counts about the quality of the data, for the health checks.

    Attributes
    ----------
    immature : int
        Randomised members whose window was not over at the cut-off.
    events : int
        Attributed events.
    late : int
        Attributed events that arrived more than 24 hours after they happened.
    ahead : int
        Attributed events whose client clock was more than a minute ahead of the server's.
    other_currency : int
        Purchases in another currency than the experiment's: they count as purchases, not as money.
    orders : int
        Attributed purchases in any currency; counted only if there are some in another one.
    currencies : mapping of str to int
        The purchases in another currency, by its code.
    last_event_us : int or None
        When the newest attributed event happened.
    early : int
        Events of members, since the run began, within the day before their first exposure: they do not count.
    crossed : int
        Randomised members who were also invited by a member of another variant, so that they may have seen both.
    carried_over, switched : int
        Randomised units that an earlier run of the experiment exposed, and those of them who saw another variant there.
    arrived, named, named_unexposed, unnamed, unnamed_unexposed, uncounted
        The events since the start, as in `experiments.collect.quality.traffic.Traffic`.
    unwatched : int
        Attributed events that a default guardrail would count, where no guardrail of the experiment does.
    without_covariate : int
        Members whose covariate is missing or no number; it counts as 0.
    set_aside : dict of str to int
        Events in their members' windows that do not count, by reason (`experiments.collect.quality.set_aside`).
    """

    immature: int = 0
    events: int = 0
    late: int = 0
    ahead: int = 0
    other_currency: int = 0
    orders: int = 0
    currencies: Mapping[str, int] = field(default_factory=dict)
    last_event_us: int | None = None
    early: int = 0
    crossed: int = 0
    carried_over: int = 0
    switched: int = 0
    arrived: bool = False
    named: int = 0
    named_unexposed: int = 0
    unnamed: int = 0
    unnamed_unexposed: int = 0
    uncounted: dict[str, int] = field(default_factory=dict)
    unwatched: int = 0
    set_aside: dict[str, int] = field(default_factory=dict)
    without_covariate: int = 0


@dataclass(frozen=True, slots=True)
class Collected:
    """The data of an analysis, up to one cut-off.

    Attributes
    ----------
    counts : dict of str to int
        Randomised members a variant, in the order of the variants.
    excluded : dict of str to int
        Members left out, by reason: ``multi_exposed``, ``bots``; where they apply also ``before_start`` and
        ``after_end`` (exposed only outside the run) and ``carried_over`` (members of an earlier run).
    shared : int
        Members who came through a share link.
    metric_data : dict of str to dict of str to Statistics
        By metric, then by variant.
    segment_data : dict of str to dict
        By attribute, then by (variant, level): the primary metric's statistics.
    segment_cells : SegmentCells or None
        The same by all attributes at once; None if there are fewer than two attributes, or too many cells.
    epochs : tuple of int
        Numbers of the allocation epochs with members, ascending; empty if the run has at most one.
    counts_by_epoch : dict of str to tuple of int
        Members by variant, then in the order of `epochs`.
    strata : dict of str to dict of str to tuple of Statistics
        `metric_data` split by epoch, in the order of `epochs`; empty if the run has at most one.
    mature_counts : dict of str to int
        Members a variant whose window was over at the cut-off.
    mature_data : dict of str to dict of str to Statistics
        `metric_data` of these members alone; empty if all members are mature. Retention and cascades are missing here,
        since their models account for age.
    mature_strata : dict of str to dict of str to tuple of Statistics
        `mature_data` split by the epochs that have mature members; empty if there are fewer than two.
    adjusted_data : dict of str to dict of str to AdjustedStatistics
        Outcomes with the covariate, of the metrics that have one; empty if none was declared.
    total_data : dict of str to dict of str to Statistics
        Statistics of each randomised member together with their cascade, by metric and variant: amounts, and the
        number of members with the event for rates; empty if no member brought another.
    arrivals : tuple of (str, int, int)
        (variant, whole days since the first exposure, new members that day).
    first_exposure_us : int or None
        When the first member was exposed.
    quality : Quality
    """

    counts: dict[str, int]
    excluded: dict[str, int]
    shared: int
    metric_data: dict[str, dict[str, Statistics]]
    segment_data: dict[str, SegmentData] = field(default_factory=dict)
    segment_cells: SegmentCells | None = None
    epochs: tuple[int, ...] = ()
    counts_by_epoch: dict[str, tuple[int, ...]] = field(default_factory=dict)
    strata: dict[str, dict[str, tuple[Statistics, ...]]] = field(default_factory=dict)
    mature_counts: dict[str, int] = field(default_factory=dict)
    mature_data: dict[str, dict[str, Statistics]] = field(default_factory=dict)
    mature_strata: dict[str, dict[str, tuple[Statistics, ...]]] = field(default_factory=dict)
    adjusted_data: dict[str, dict[str, AdjustedStatistics]] = field(default_factory=dict)
    total_data: dict[str, dict[str, Statistics]] = field(default_factory=dict)
    arrivals: tuple[tuple[str, int, int], ...] = ()
    first_exposure_us: int | None = None
    quality: Quality = field(default_factory=Quality)

    @property
    def randomised(self) -> int:
        """Randomised members of all variants together."""
        return sum(self.counts.values())

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON document that keeps every digit."""
        return {
            "counts": self.counts,
            "excluded": self.excluded,
            "shared": self.shared,
            "metric_data": _to_dict(self.metric_data),
            "segment_data": {
                segment: [[variant, level, cell.n, cell.successes] for (variant, level), cell in cells.items()]
                for segment, cells in self.segment_data.items()
            },
            "segment_cells": None if self.segment_cells is None else self.segment_cells.to_dict(),
            "epochs": list(self.epochs),
            "counts_by_epoch": {variant: list(counts) for variant, counts in self.counts_by_epoch.items()},
            "strata": _strata_to_dict(self.strata),
            "mature_counts": self.mature_counts,
            "mature_data": _to_dict(self.mature_data),
            "mature_strata": _strata_to_dict(self.mature_strata),
            "adjusted_data": _to_dict(self.adjusted_data),
            "total_data": _to_dict(self.total_data),
            "arrivals": [list(row) for row in self.arrivals],
            "first_exposure_us": self.first_exposure_us,
            "quality": asdict(self.quality),
            # PostgreSQL does not keep the order of a JSON object's keys, so the orders are stored as lists.
            "variants": list(self.counts),
            "metrics": list(self.metric_data),
            "segments": list(self.segment_data),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        variants, metrics, together = data["variants"], data["metrics"], data["segment_cells"]
        return cls(
            counts=_by_variant(data["counts"], variants),
            excluded=dict(data["excluded"]),
            shared=data["shared"],
            metric_data=_from_dict(data["metric_data"], metrics, variants),
            segment_data={
                segment: {
                    (variant, level): ProportionStatistics(n, successes)
                    for variant, level, n, successes in data["segment_data"][segment]
                }
                for segment in data["segments"]
            },
            segment_cells=None if together is None else SegmentCells.from_dict(together),
            epochs=tuple(data["epochs"]),
            counts_by_epoch={
                variant: tuple(counts) for variant, counts in _by_variant(data["counts_by_epoch"], variants).items()
            },
            strata=_strata_from_dict(data["strata"], metrics, variants),
            mature_counts=_by_variant(data["mature_counts"], variants),
            mature_data=_from_dict(data["mature_data"], metrics, variants),
            mature_strata=_strata_from_dict(data["mature_strata"], metrics, variants),
            adjusted_data=_from_dict(data["adjusted_data"], metrics, variants),
            total_data=_from_dict(data["total_data"], metrics, variants),
            arrivals=tuple((variant, day, n) for variant, day, n in data["arrivals"]),
            first_exposure_us=data["first_exposure_us"],
            quality=Quality(**data["quality"]),
        )


def _to_dict(data: Mapping[str, Mapping[str, Statistics]]) -> dict[str, dict[str, Any]]:
    return {
        metric: {variant: cell.to_dict() for variant, cell in by_variant.items()} for metric, by_variant in data.items()
    }


def _from_dict(data: Mapping[str, Any], metrics: list[str], variants: list[str]) -> dict[str, dict[str, Any]]:
    """Statistics by metric and variant, in the order of both."""
    return {
        metric: {variant: statistics_from_dict(cell) for variant, cell in _by_variant(data[metric], variants).items()}
        for metric in metrics
        if metric in data
    }


def _strata_to_dict(strata: Mapping[str, Mapping[str, tuple[Statistics, ...]]]) -> dict[str, dict[str, Any]]:
    return {
        metric: {variant: [cell.to_dict() for cell in cells] for variant, cells in data.items()}
        for metric, data in strata.items()
    }


def _strata_from_dict(data: Mapping[str, Any], metrics: list[str], variants: list[str]) -> dict[str, dict[str, Any]]:
    return {
        metric: {
            variant: tuple(statistics_from_dict(cell) for cell in cells)
            for variant, cells in _by_variant(data[metric], variants).items()
        }
        for metric in metrics
        if metric in data
    }


def _by_variant(data: Mapping[str, Any], variants: list[str]) -> dict[str, Any]:
    return {variant: data[variant] for variant in variants if variant in data}
