"""Word of mouth: one fit gives the K-factor and the reach."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from analysis import AnalysisError, NamedPrior, NotShown
from analysis.errors import not_shown, refused
from analysis.models.cascade import fit
from analysis.models.cascade.result import CascadeResult
from analysis.statistics import Statistics
from experiments.analyses.plan import Inputs
from experiments.analyses.sampled import schemas
from experiments.analyses.sampled.draws import Drawn, by_variant
from experiments.analyses.sampled.part import LATER, Draws, Entries, Part, Report, Unfitted, of_kind
from experiments.catalogue.metrics import REACH
from experiments.translation import N_

SUBJECTS = of_kind("cascade")
NOT_REQUESTED = not_shown("not_asked.sampler")


def _fit(inputs: Inputs, _: Report) -> Entries[CascadeResult]:
    for key in SUBJECTS(inputs.plan)[:1]:
        data = inputs.collected.metric_data.get(key)
        if data is not None:
            result = _fitted(inputs, data) if inputs.with_models else LATER
            empty: dict[str, Any] = {"variants": [], "diagnostics": None, "comparisons": []}
            return (Unfitted(result, empty) if isinstance(result, NotShown) else result,)
    return ()


def _fitted(inputs: Inputs, data: Mapping[str, Statistics]) -> CascadeResult | NotShown:
    try:
        return fit.fit_cascade(
            data,  # type: ignore[arg-type]  # other statistics are refused
            control=inputs.plan.control,
            seed=inputs.seed,
            interval=inputs.plan.interval,
        )
    except AnalysisError as error:
        return refused(error)


def _priors(result: CascadeResult) -> dict[str, NamedPrior]:
    return {"cascade": result.prior}


def _draws(inputs: Inputs, _: Entries[CascadeResult], variants: Sequence[str], models: bool) -> Draws:
    """Yield the measured ones of K-factor and reach, from one fit."""
    keys = [key for key in SUBJECTS(inputs.plan) if key in inputs.collected.metric_data]
    if not models:
        yield from ((key, NOT_REQUESTED) for key in keys)
        return
    result = _fitted(inputs, inputs.collected.metric_data[keys[0]]) if keys else not_shown("no_draws")
    for key in keys:
        yield key, _drawn(result, key, variants)


def _drawn(result: CascadeResult | NotShown, key: str, variants: Sequence[str]) -> Drawn | NotShown:
    if isinstance(result, NotShown):
        return result
    if result.not_shown is not None:
        return result.not_shown
    rows = {row.variant: row.reach if key == REACH else row.r for row in result.variants}
    missing = {name: figure for name, figure in rows.items() if isinstance(figure, NotShown)}
    draws = {name: None if name in missing else result.draws.get(name) for name in rows}
    if key == REACH:
        draws = {name: None if r is None else fit.reach_of(r) for name, r in draws.items()}
    return by_variant(variants, draws, missing)


# The API ------------------------------------------------------------------------------------------------------------


class VariantCascade(BaseModel):
    """Word of mouth of one variant: the members brought directly, and whole cascades."""

    model_config = ConfigDict(extra="allow")
    variant: str
    n: int = Field(description="Exposed members, both randomised and brought by others.")
    brought: int
    roots: int = Field(description="Randomised members.")
    r: schemas.Estimate | schemas.Missing = Field(description="The K-factor: new members per member.")
    dispersion: schemas.Estimate | schemas.Missing
    p_viral: float | None = Field(description="Probability that the K-factor is above 1.")
    reach: dict[str, Any] | None = Field(description="Members reached per randomised member: median and interval.")
    reach_not_shown: str | None
    too_young: float = Field(description="Share of members whose window is not over; they are weighted by their age.")
    sizes: list[list[int]] = Field(description="Cascade sizes, as pairs [members, number of cascades].")
    depths: list[list[int]] = Field(description="Cascade depths, as pairs [generations, number of cascades].")


class CascadeComparison(BaseModel):
    """The comparison of a variant's K-factor with the control's."""

    model_config = ConfigDict(extra="allow")
    variant: str
    control: str
    difference: schemas.Estimate | schemas.Missing | None
    p_beats_control: float | None


class Cascade(BaseModel):
    """Word of mouth; null if it is not measured."""

    model_config = ConfigDict(extra="allow")
    variants: list[VariantCascade]
    comparisons: list[CascadeComparison]
    not_shown: schemas.NotShown | None
    diagnostics: dict[str, Any] | None


CASCADE = Part(
    key="cascade",
    name=N_("word of mouth"),
    begins=0.7,
    progress=N_("Fitting word of mouth"),
    subjects=SUBJECTS,
    listed=False,
    fit=_fit,
    read=CascadeResult.from_dict,
    priors=_priors,
    draws=_draws,
    schema=Cascade,
)
