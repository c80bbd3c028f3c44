"""Purchases: the share of buyers and the amount per buyer, for each money metric."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from analysis import AnalysisError, NamedPrior, NotShown
from analysis.errors import refused
from analysis.models import hurdle
from analysis.models.hurdle import HurdleResult
from analysis.statistics import Statistics
from experiments.analyses.plan import Inputs, Plan
from experiments.analyses.sampled import schemas
from experiments.analyses.sampled.draws import of_figures
from experiments.analyses.sampled.part import LATER, Draws, Entries, Part, Report, Unfitted
from experiments.translation import N_


def _subjects(plan: Plan) -> tuple[str, ...]:
    return tuple(one.key for one in plan.measured if one.kind == "amount" and one.money)


def _fit(inputs: Inputs, _: Report) -> Entries[HurdleResult]:
    data = inputs.collected.metric_data
    return tuple(
        _entry(inputs, key, data[key]) for key in _subjects(inputs.plan) if key in data and not inputs.counts_only
    )


def _entry(inputs: Inputs, key: str, data: Mapping[str, Statistics]) -> HurdleResult | Unfitted:
    fit = _fitted(inputs, key, data) if inputs.with_models else LATER
    if isinstance(fit, NotShown):
        return Unfitted(fit, {"metric": key, "family": None, "checks": [], "variants": [], "diagnostics": None})
    return fit


def _fitted(inputs: Inputs, key: str, data: Mapping[str, Statistics]) -> HurdleResult | NotShown:
    try:
        return hurdle.fit_hurdle(
            data,  # type: ignore[arg-type]  # other statistics are refused
            control=inputs.plan.control,
            metric=key,
            seed=inputs.seed,
            interval=inputs.plan.interval,
        )
    except AnalysisError as error:
        return refused(error)


def _priors(fit: HurdleResult) -> dict[str, NamedPrior]:
    return {"amounts": fit.prior}


def _draws(inputs: Inputs, entries: Entries[HurdleResult], variants: Sequence[str], models: bool) -> Draws:
    """Yield the share of buyers and the amount per buyer for each metric with a shown fit."""
    for entry in entries if models else ():
        if isinstance(entry, Unfitted) or entry.not_shown is not None:
            continue
        data, key = inputs.collected.metric_data[entry.metric], entry.metric
        names = {"share": f"{key}_buyers", "amount": f"{key}_a_buyer"}
        yield from of_figures(_fitted(inputs, key, data), names, list(data), variants)


# The API ------------------------------------------------------------------------------------------------------------


class VariantAmount(BaseModel):
    """A money metric of one variant in two parts: the share of buyers and the amount per buyer."""

    model_config = ConfigDict(extra="allow")
    variant: str
    n: int
    positive: int = Field(description="Members with a value above zero.")
    share: schemas.Estimate | schemas.Missing
    amount: schemas.Estimate | schemas.Missing = Field(description="Mean of the members above zero.")
    mean: schemas.Estimate | schemas.Missing = Field(description="Mean of all members.")


class AmountStory(BaseModel):
    """Share of buyers and amount per buyer (hurdle model); shown if its checks pass; not used by the verdict."""

    model_config = ConfigDict(extra="allow")
    metric: str
    family: Literal["log_normal", "gamma"] | None = Field(
        description="Distribution family of the amounts that buyers spend."
    )
    variants: list[VariantAmount]
    checks: list[dict[str, Any]]
    not_shown: schemas.NotShown | None
    diagnostics: dict[str, Any] | None


AMOUNTS = Part(
    key="amounts",
    name=N_("purchases"),
    begins=0.85,
    progress=N_("Fitting purchases"),
    subjects=_subjects,
    listed=True,
    fit=_fit,
    read=HurdleResult.from_dict,
    priors=_priors,
    draws=_draws,
    schema=AmountStory,
)
