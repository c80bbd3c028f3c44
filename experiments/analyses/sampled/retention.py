"""Retention. Half-lives and curves have closed forms; only the tail needs a sampled model."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from analysis import AnalysisError, NamedPrior, NotShown
from analysis.errors import not_shown, refused
from analysis.models.retention import fit
from analysis.models.retention.fit import RetentionResult
from analysis.priors import RETENTION_WEAK
from analysis.statistics import Statistics
from experiments.analyses.plan import Inputs
from experiments.analyses.sampled import schemas
from experiments.analyses.sampled.draws import by_variant
from experiments.analyses.sampled.part import Draws, Entries, Part, Report, Unfitted, of_kind
from experiments.translation import N_

SUBJECTS = of_kind("retention")


def _fit(inputs: Inputs, _: Report) -> Entries[RetentionResult]:
    for key in SUBJECTS(inputs.plan)[:1]:
        data = inputs.collected.metric_data.get(key)
        if data is not None:
            result = _fitted(inputs, data, tail=inputs.with_models)
            empty: dict[str, Any] = {"variants": [], "diagnostics": None, "horizon": inputs.plan.window_days}
            return (Unfitted(result, empty) if isinstance(result, NotShown) else result,)
    return ()


def _fitted(inputs: Inputs, data: Mapping[str, Statistics], *, tail: bool) -> RetentionResult | NotShown:
    try:
        return fit.fit_retention(
            data,  # type: ignore[arg-type]  # other statistics are refused
            seed=inputs.seed,
            interval=inputs.plan.interval,
            tail=tail,
        )
    except AnalysisError as error:
        return refused(error)


def _priors(result: RetentionResult) -> dict[str, NamedPrior]:
    with_tail = any(row.tail.not_shown is None for row in result.variants)
    return {"retention": result.prior} | ({"retention_tail": RETENTION_WEAK} if with_tail else {})


def _draws(inputs: Inputs, _: Entries[RetentionResult], variants: Sequence[str], models: bool) -> Draws:
    """Yield the half-life, and the parameters of a fitted tail."""
    for key in SUBJECTS(inputs.plan):
        if key not in inputs.collected.metric_data:
            continue
        result = _fitted(inputs, inputs.collected.metric_data[key], tail=models)
        if isinstance(result, NotShown) or result.not_shown is not None:
            yield key, result if isinstance(result, NotShown) else result.not_shown or not_shown("no_draws")
            continue
        rows = {row.variant: row for row in result.variants}
        missing = {name: row.half_life for name, row in rows.items() if isinstance(row.half_life, NotShown)}
        yield key, by_variant(variants, {name: row.half_life_draws for name, row in rows.items()}, missing)
        hidden = {name: row.tail.not_shown for name, row in rows.items() if row.tail.not_shown is not None}
        for parameter in ("alpha", "beta", "daily") if models else ():
            draws = {name: row.tail.draws.get(parameter) for name, row in rows.items()}
            yield f"retention_{parameter}", by_variant(variants, draws, hidden)


# The API ------------------------------------------------------------------------------------------------------------


class CurvePoint(BaseModel):
    """A share on a day since first exposure, with the bounds of its 95 % interval; ``raw`` is the plain share."""

    model_config = ConfigDict(extra="allow")
    day: int
    mean: float
    low: float | None = None
    high: float | None = None
    raw: float | None = None


class VariantRetention(BaseModel):
    """The retention of one variant."""

    model_config = ConfigDict(extra="allow")
    variant: str
    n: int
    mature: int = Field(description="Members whose window is over.")
    curve: list[CurvePoint] = Field(description="Share of mature members whose last return is on that day or later.")
    half_life: schemas.Estimate | schemas.Missing | None = Field(
        description="Days until half of those who return have last returned."
    )
    ever_returned: schemas.Estimate | schemas.Missing
    returning: list[CurvePoint] = Field(description="Share of members who have returned by that day (Kaplan-Meier).")
    tail: dict[str, Any] | None = Field(description="The days after the window, by a shifted beta-geometric model.")


class Retention(BaseModel):
    """Retention; null if it is not measured."""

    model_config = ConfigDict(extra="allow")
    horizon: int = Field(description="The window, in days.")
    variants: list[VariantRetention]
    not_shown: schemas.NotShown | None
    diagnostics: dict[str, Any] | None


RETENTION = Part(
    key="retention",
    name=N_("retention"),
    begins=0.5,
    progress=N_("Fitting retention"),
    subjects=SUBJECTS,
    listed=False,
    fit=_fit,
    read=RetentionResult.from_dict,
    priors=_priors,
    draws=_draws,
    schema=Retention,
)
