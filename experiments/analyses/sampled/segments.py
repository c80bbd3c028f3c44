"""Segments: lifts by each declared attribute; all attributes are fitted together if possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self, cast

from pydantic import BaseModel, ConfigDict, Field

from analysis import AnalysisError, NamedPrior, NotShown, ProportionStatistics
from analysis.errors import not_shown, refused
from analysis.messages import Message
from analysis.priors import SEGMENT_WEAK
from analysis.sampling import engine
from analysis.sampling.diagnostics import Diagnostics
from analysis.segments import fit
from analysis.segments.fit import JointSegments, OverallRow, SegmentResult, SegmentRow
from analysis.segments.model import rate_of
from experiments.analyses.plan import Inputs, Plan
from experiments.analyses.sampled import schemas
from experiments.analyses.sampled.draws import Drawn, kept
from experiments.analyses.sampled.part import LATER, Draws, Entries, Part, Report, Unfitted
from experiments.analyses.scorecards import DIRECTIONS
from experiments.catalogue.metrics import metric
from experiments.collect.collected import SegmentData
from experiments.translation import N_

SPLIT_CHANGED = not_shown("shares_moved.segments")

PROGRESS = N_("Fitting segments")
ENDS = 0.5
"""Share of the time of all sampled models that is over after the segments."""


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """One attribute of a shown fit.

    Attributes
    ----------
    segment : str
        The attribute.
    metric : str
        The primary metric.
    segment_rows, overall, diagnostics, levels, seed, engine, joint, merged, note
        As in `SegmentResult`.
    """

    segment: str
    metric: str
    segment_rows: tuple[SegmentRow, ...]
    overall: tuple[OverallRow, ...]
    diagnostics: Diagnostics
    levels: tuple[str, ...]
    seed: int
    engine: str
    joint: bool
    merged: tuple[str, ...]
    note: Message | None
    not_shown: NotShown | None = None

    @classmethod
    def of(cls, segment: str, metric: str, result: SegmentResult) -> Self:
        """Return the entry of an attribute's fit."""
        return cls(
            segment,
            metric,
            result.segment_rows,
            result.overall_rows,
            result.diagnostics,
            result.levels,
            result.seed,
            result.engine,
            result.joint,
            result.merged,
            result.note,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return own | {
            "segment_rows": [row.to_dict() for row in self.segment_rows],
            "overall": [row.to_dict() for row in self.overall],
            "diagnostics": self.diagnostics.to_dict(),
            "levels": list(self.levels),
            "merged": list(self.merged),
            "note": None if self.note is None else self.note.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        return cls(
            **dict(data)
            | {
                "segment_rows": tuple(SegmentRow.from_dict(row) for row in data["segment_rows"]),
                "overall": tuple(OverallRow.from_dict(row) for row in data["overall"]),
                "diagnostics": Diagnostics.from_dict(data["diagnostics"]),
                "levels": tuple(data["levels"]),
                "merged": tuple(data["merged"]),
                "note": None if data["note"] is None else Message.from_dict(data["note"]),
            }
        )


def _fit(inputs: Inputs, report: Report) -> Entries[SegmentEntry]:
    attributes = inputs.plan.segments
    if not inputs.with_models:
        return tuple(_unfitted(inputs, name, LATER) for name in attributes)
    together = _together(inputs)
    entries: list[SegmentEntry | Unfitted] = []
    for place, name in enumerate(attributes):
        report(ENDS * place / len(attributes), PROGRESS)
        result = _of_attribute(inputs, name, together)
        # After a change of the split, only a fit with the epochs compares groups within them.
        if len(inputs.collected.epochs) > 1 and isinstance(result, SegmentResult) and not result.joint:
            result = SPLIT_CHANGED
        if isinstance(result, NotShown):
            entries.append(_unfitted(inputs, name, result))
        else:
            entries.append(SegmentEntry.of(name, inputs.plan.primary, result))
    return tuple(entries)


def _of_attribute(inputs: Inputs, name: str, together: JointSegments | NotShown | None) -> SegmentResult | NotShown:
    """Return one attribute's fit, from the joint fit if it is part of that, or why there is none."""
    cells, all_cells = inputs.collected.segment_data.get(name), inputs.collected.segment_cells
    if cells is None:
        return not_shown("no_cells")
    if (why := _empty(inputs.plan, cells)) is not None:
        return why
    if together is not None and all_cells is not None and name in all_cells.attributes:
        result: JointSegments | NotShown = together
    elif len(inputs.collected.epochs) > 1:
        return SPLIT_CHANGED
    else:
        result = _alone(inputs, name, cells)
    return result if isinstance(result, NotShown) else result.attributes[name]


def _together(inputs: Inputs) -> JointSegments | NotShown | None:
    """Return the joint fit of all attributes, or why it failed.

    If the split changed, the allocation epoch is one of the attributes. None if there are fewer than two attributes, or
    a variant has no members yet: then each attribute is fitted alone.
    """
    collected, all_cells = inputs.collected, inputs.collected.segment_cells
    if all_cells is None or any(_without_members(inputs.plan, cells) for cells in collected.segment_data.values()):
        return None
    return _fitted(inputs, all_cells.cells, all_cells.attributes)


def _alone(inputs: Inputs, name: str, cells: SegmentData) -> JointSegments | NotShown:
    return _fitted(inputs, {(variant, (level,)): cell for (variant, level), cell in cells.items()}, [name])


def _fitted(
    inputs: Inputs, cells: Mapping[tuple[str, tuple[str, ...]], ProportionStatistics], attributes: Sequence[str]
) -> JointSegments | NotShown:
    plan = inputs.plan
    try:
        result = fit.fit_segments(
            cells,
            control=plan.control,
            attributes=attributes,
            direction=DIRECTIONS[metric(plan.primary).direction],
            seed=inputs.seed,
            metric=plan.primary,
            rope=plan.threshold_of_caring,
            interval=plan.interval,
        )
        return cast(JointSegments | NotShown, result)  # it names its attributes
    except AnalysisError as error:
        return refused(error)


def _empty(plan: Plan, cells: SegmentData) -> NotShown | None:
    """Return why there is nothing to fit."""
    if len({level for _, level in cells}) < 2:
        return not_shown("one_level")
    if missing := _without_members(plan, cells):
        return not_shown("no_members.variants", variants=missing)
    return None


def _without_members(plan: Plan, cells: SegmentData) -> tuple[str, ...]:
    """Return the variants with a share of the traffic that have no members yet."""
    exposed = {variant for (variant, _), cell in cells.items() if cell.n}
    return tuple(key for key, weight in plan.weights.items() if weight > 0 and key not in exposed)


def _unfitted(inputs: Inputs, name: str, why: NotShown) -> Unfitted:
    about = {"segment": name, "metric": inputs.plan.primary}
    return Unfitted(why, about | {"segment_rows": [], "overall": [], "joint": False})


def _priors(_: SegmentEntry) -> dict[str, NamedPrior]:
    return {"segments": SEGMENT_WEAK}


def _draws(inputs: Inputs, entries: Entries[SegmentEntry], variants: Sequence[str], models: bool) -> Draws:
    """Yield the rates of each attribute's levels, and those of all levels together."""
    if not models:
        return
    fitted = any(isinstance(entry, SegmentEntry) for entry in entries)
    together = _together(inputs) if fitted else None
    for entry in entries:
        name = entry.shape["segment"] if isinstance(entry, Unfitted) else entry.segment
        variable = f"{inputs.plan.primary}_by_{name.replace('/', '_')}"
        if isinstance(entry, Unfitted):
            yield variable, entry.not_shown
            continue
        result = together
        if result is None or (not isinstance(result, NotShown) and name not in result.attributes):
            result = _alone(inputs, name, inputs.collected.segment_data[name])
        if isinstance(result, NotShown) or name not in result.draws:
            yield variable, result if isinstance(result, NotShown) else not_shown("no_fit")
            continue
        yield from _levels(name, variable, result.draws[name], variants)


def _levels(name: str, variable: str, draws: engine.Draws, variants: Sequence[str]) -> Draws:
    axis = draws.dims[rate_of(name)][-1]
    order = [draws.coords["variant"].index(key) for key in variants]
    levels: Mapping[str, list[Any]] = {axis: list(draws.coords[axis])}
    for export, axes, labels, values in (
        (variable, ("variant", axis), levels, draws.values[rate_of(name)]),
        (f"{variable}_overall", ("variant",), {}, draws.values["overall"]),
    ):
        own, every = kept(values[:, :, order].reshape(-1, *values[:, :, order].shape[2:]))
        yield export, Drawn(own, axes, labels, every)


# The API ------------------------------------------------------------------------------------------------------------


class Overall(BaseModel):
    """A variant over all levels, each weighted by its share of all members."""

    variant: str
    rate: schemas.Estimate
    lift: schemas.Estimate | None


class Segment(BaseModel):
    """Lifts by the levels of one declared attribute."""

    model_config = ConfigDict(extra="allow")
    segment: str
    metric: str
    joint: bool = Field(description="Whether the attribute was fitted jointly with the others.")
    segment_rows: list[dict[str, Any]]
    overall: list[Overall]
    not_shown: schemas.NotShown | None


SEGMENTS = Part(
    key="segments",
    name=N_("segments"),
    begins=0.0,
    progress=PROGRESS,
    subjects=lambda plan: plan.segments,
    listed=True,
    fit=_fit,
    read=SegmentEntry.from_dict,
    priors=_priors,
    draws=_draws,
    schema=Segment,
)
