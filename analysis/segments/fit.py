"""Segmented rates with partial pooling of small groups. Sampled by NUTS; needs PyMC.

Several attributes are fitted jointly, so that a small country borrows strength from its members' devices. Each
attribute is reported alone, its levels' rates averaged over the other attributes in the proportions of the audience,
the same for every variant. `model` has the formula. It has no terms for combinations of attributes: the rate of a level
is an average over its members.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis import priors
from analysis.errors import NotShown, not_shown
from analysis.messages import Message, message
from analysis.posterior.joint import DrawnPosterior, Estimate, IntervalKind, drawn_estimate, estimates_from_dict
from analysis.priors import NamedPrior
from analysis.sampling import engine
from analysis.sampling.diagnostics import Diagnostics
from analysis.scoring.score import Direction, MetricResult, result_of
from analysis.segments import model
from analysis.segments.cells import OTHERS, CellTable, JointCells, table_of
from analysis.statistics import ProportionStatistics

Cells = Mapping[tuple[str, str], ProportionStatistics]
#: Name of a single attribute that was given without a name.
ONLY = "segment"


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One variant in one level of an attribute.

    Attributes
    ----------
    n, total : int
        Members of that level in that variant, and successes.
    rate : Estimate
        Partially pooled; averaged over the other attributes in the proportions of this level's members.
    raw_rate : float or None
        total / n.
    lift : Estimate or None
        rate / control's rate in this level − 1; None for the control.
    raw_lift : float or None
        The lift of the raw rates; None if the control's rate is 0.
    p_beats_control : float or None
    """

    variant: str
    level: str
    n: int
    total: int
    rate: Estimate
    raw_rate: float | None
    lift: Estimate | None
    raw_lift: float | None
    p_beats_control: float | None

    def to_dict(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value.to_dict() if hasattr(value, "to_dict") else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SegmentRow:
        """Read a stored row back."""
        return cls(**dict(data) | estimates_from_dict(data, "rate", "lift"))


@dataclass(frozen=True, slots=True)
class OverallRow:
    """One variant over the whole audience, every combination weighted by its share of all members."""

    variant: str
    rate: Estimate
    lift: Estimate | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "variant": self.variant,
            "rate": self.rate.to_dict(),
            "lift": None if self.lift is None else self.lift.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> OverallRow:
        """Read a stored row back."""
        return cls(**dict(data) | estimates_from_dict(data, "rate", "lift"))


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """One attribute of a fit that passed its diagnostics.

    Attributes
    ----------
    overall : MetricResult
        The scorecard of the post-stratified rates, with joint chances of being best.
    overall_rows : tuple of OverallRow
        Its rates and lifts, as stored.
    joint : bool
        Whether other attributes were fitted with this one.
    merged : tuple of str
        Levels merged into "others" to bound the size.
    """

    segment_rows: tuple[SegmentRow, ...]
    overall: MetricResult
    overall_rows: tuple[OverallRow, ...]
    diagnostics: Diagnostics
    levels: tuple[str, ...]
    seed: int
    engine: str
    joint: bool = False
    merged: tuple[str, ...] = ()

    @property
    def note(self) -> Message | None:
        """A note for readers about merged levels, if any."""
        return message("note.levels_merged", levels=len(self.merged), others=OTHERS) if self.merged else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "segment_rows": [row.to_dict() for row in self.segment_rows],
            "overall": [row.to_dict() for row in self.overall_rows],
            "diagnostics": self.diagnostics.to_dict(),
            "levels": list(self.levels),
            "seed": self.seed,
            "engine": self.engine,
            "joint": self.joint,
            "merged": list(self.merged),
            "note": None if self.note is None else self.note.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class JointSegments:
    """Several attributes of one audience.

    Attributes
    ----------
    attributes : mapping of attribute to SegmentResult or NotShown
        In the order given. All from one fit, except those with a single level.
    draws : mapping of attribute to Draws
        For `analysis.sampling.engine.to_arviz`; the same object for all attributes of one fit.
    """

    attributes: Mapping[str, SegmentResult | NotShown]
    draws: Mapping[str, engine.Draws] = field(default_factory=dict, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return entries by attribute, each with `not_shown` (None if there are rows)."""
        return {
            name: {"segment_rows": [], "overall": [], "joint": False, "not_shown": result.to_dict()}
            if isinstance(result, NotShown)
            else result.to_dict() | {"not_shown": None}
            for name, result in self.attributes.items()
        }


@dataclass(frozen=True, slots=True)
class _Request:
    """The arguments that determine the rows of a fit."""

    control: str
    direction: Direction
    metric: str
    prior: NamedPrior
    rope: float
    seed: int
    interval: IntervalKind
    order: tuple[str, ...]

    def estimate(self, draws: np.ndarray) -> Estimate:
        return drawn_estimate(draws, self.interval)


def fit_segments(
    cells: Cells | JointCells,
    *,
    control: str,
    attributes: Sequence[str] | None = None,
    direction: Direction = "higher",
    seed: int = 1,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    prior: NamedPrior = priors.SEGMENT_WEAK,
    metric: str = "",
    rope: float = 0.01,
    interval: IntervalKind = "eti",
) -> SegmentResult | JointSegments | NotShown:
    """Fit the rates and lifts of each variant by segment.

    Parameters
    ----------
    cells : mapping of (variant, level) or (variant, levels) to ProportionStatistics
        With `attributes`, `levels` is a tuple with a level of each, in that order. Absent cells count as empty.
    control : str
    attributes : sequence of str, optional
        Names of the attributes; without them there is one.
    direction : {"higher", "lower"}
    seed : int
        The same seed, data, machine and versions give the same digits.
    prior : NamedPrior
        With `rate_sd`, `variant_sd`, `segment_sd`, `interaction_sd`.

    Returns
    -------
    JointSegments if attributes are named, else SegmentResult; NotShown with a reason if there is no fit. Attributes
    that cannot be fitted jointly (the fit did not pass its diagnostics) are fitted one by one.

    Raises
    ------
    AnalysisError
        Fewer than two variants, an unknown control, too many levels, cells that do not fit the attributes.
    """
    names = (ONLY,) if attributes is None else tuple(attributes)
    joint: Mapping[tuple[str, Any], ProportionStatistics] = cells
    if attributes is None:
        joint = {(variant, (level,)): cell for (variant, level), cell in cells.items()}
    table = table_of(joint, names, control)
    order = tuple(dict.fromkeys(variant for variant, _ in cells))
    request = _Request(control, direction, metric, prior, rope, seed, interval, order)
    size = {"draws": draws, "tune": tune, "chains": chains}
    if attributes is None:
        single, _ = _fit(table, request, size)
        return single if isinstance(single, NotShown) else single[ONLY]
    return _jointly(table, request, size)


def _jointly(table: CellTable, request: _Request, size: dict[str, int]) -> JointSegments | NotShown:
    """Fit all attributes with more than one level together, or one by one if that fit fails its diagnostics."""
    several = [place for place, own in enumerate(table.levels) if len(own) > 1]
    by_attribute: dict[str, SegmentResult | NotShown] = {}
    used: dict[str, engine.Draws] = {}
    if len(several) > 1:
        results, drawn = _fit(table.only(several), request, size)
        if isinstance(results, NotShown):
            if results.code == "all_equal":
                return results
        elif drawn is not None:
            by_attribute, used = dict(results), dict.fromkeys(results, drawn)
    for place, name in enumerate(table.attributes):
        if name in by_attribute:
            continue
        alone, drawn = _fit(table.of(place), request, size)
        by_attribute[name] = alone if isinstance(alone, NotShown) else alone[name]
        if drawn is not None:
            used[name] = drawn
    return JointSegments({name: by_attribute[name] for name in table.attributes}, used)


def _fit(
    table: CellTable, request: _Request, size: dict[str, int]
) -> tuple[dict[str, SegmentResult], engine.Draws] | tuple[NotShown, None]:
    if min(len(own) for own in table.levels) < 2:
        return not_shown("one_level"), None
    if table.successes.sum() in (0, table.n.sum()):
        return not_shown("all_equal"), None
    seed = int(np.random.default_rng(request.seed).integers(2**31))
    sampled = model.sample(table, request.prior, seed=seed, **size)
    if isinstance(sampled, NotShown):
        return sampled, None
    drawn, diagnostics = sampled
    overall, rows = _overall(drawn, table, request)
    merged = dict(table.merged)
    results = {
        name: SegmentResult(
            _rows(drawn, table, place, request),
            overall,
            rows,
            diagnostics,
            table.levels[place],
            request.seed,
            drawn.engine,
            len(table.attributes) > 1,
            merged.get(name, ()),
        )
        for place, name in enumerate(table.attributes)
    }
    return results, drawn


def _flat(draws: np.ndarray) -> np.ndarray:
    return draws.reshape(-1, *draws.shape[2:])


def _rows(drawn: engine.Draws, table: CellTable, place: int, request: _Request) -> tuple[SegmentRow, ...]:
    rates = _flat(drawn.values[model.rate_of(table.attributes[place])])
    belongs = table.members_of(place).T
    n, successes = table.n @ belongs, table.successes @ belongs
    rows = []
    for g, level in enumerate(table.levels[place]):
        for variant in request.order:
            v = table.variants.index(variant)
            own, against = _raw(n[v, g], successes[v, g]), _raw(n[0, g], successes[0, g])
            lifts = rates[:, v, g] / rates[:, 0, g] - 1
            better = lifts > 0 if request.direction == "higher" else lifts < 0
            rows.append(
                SegmentRow(
                    variant,
                    level,
                    int(n[v, g]),
                    int(successes[v, g]),
                    request.estimate(rates[:, v, g]),
                    own,
                    request.estimate(lifts) if v else None,
                    own / against - 1 if v and own is not None and against else None,
                    float(better.mean()) if v else None,
                )
            )
    return tuple(rows)


def _raw(n: float, successes: float) -> float | None:
    return float(successes / n) if n else None


def _overall(drawn: engine.Draws, table: CellTable, request: _Request) -> tuple[MetricResult, tuple[OverallRow, ...]]:
    """Weight combinations by their share of all members, equally for every variant."""
    places = [table.variants.index(variant) for variant in request.order]
    rates = _flat(drawn.values["overall"])
    sums = zip(table.n.sum(axis=1), table.successes.sum(axis=1), strict=True)
    totals = [ProportionStatistics(int(n), int(successes)) for n, successes in sums]
    head = {
        "metric": request.metric,
        "kind": "proportion",
        "direction": request.direction,
        "control": request.control,
        "model": "segmented",
        "prior": request.prior,
        "rope": request.rope,
    }
    data = {variant: totals[place] for variant, place in zip(request.order, places, strict=True)}
    result = result_of(DrawnPosterior(request.order, rates[:, places]), data, head, request.interval)
    rows = tuple(
        OverallRow(
            variant,
            request.estimate(rates[:, place]),
            request.estimate(rates[:, place] / rates[:, 0] - 1) if place else None,
        )
        for variant, place in zip(request.order, places, strict=True)
    )
    return result, rows
