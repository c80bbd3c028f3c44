"""Counts: the frequency of events per member and its spread, for each count metric."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from analysis import AnalysisError, NamedPrior, NotShown
from analysis.errors import not_shown, refused
from analysis.models import negative_binomial
from analysis.models.negative_binomial import CountResult
from analysis.statistics import Statistics
from experiments.analyses.plan import Inputs
from experiments.analyses.sampled import schemas
from experiments.analyses.sampled.draws import of_figures
from experiments.analyses.sampled.part import LATER, Draws, Entries, Part, Report, Unfitted, of_kind
from experiments.analyses.scorecards import DIRECTIONS
from experiments.catalogue.metrics import metric
from experiments.translation import N_

MOST_FITTED = 2
"""The most count metrics that are fitted; they share a compiled model, but each is sampled separately."""

TOO_MANY = not_shown("beyond_the_first", most=MOST_FITTED)
SUBJECTS = of_kind("count")


def _fit(inputs: Inputs, _: Report) -> Entries[CountResult]:
    data = inputs.collected.metric_data
    keys = [key for key in SUBJECTS(inputs.plan) if key in data and not inputs.counts_only]
    return tuple(_entry(inputs, key, data[key], place) for place, key in enumerate(keys))


def _entry(inputs: Inputs, key: str, data: Mapping[str, Statistics], place: int) -> CountResult | Unfitted:
    """Fit one metric; metrics beyond the bound have their reason in early results too."""
    fit: CountResult | NotShown = TOO_MANY if place >= MOST_FITTED else LATER
    if inputs.with_models and place < MOST_FITTED:
        fit = _fitted(inputs, key, data)
    if isinstance(fit, NotShown):
        return Unfitted(fit, {"metric": key, "checks": [], "variants": [], "diagnostics": None})
    return fit


def _fitted(inputs: Inputs, key: str, data: Mapping[str, Statistics]) -> CountResult | NotShown:
    try:
        return negative_binomial.fit_counts(
            data,  # type: ignore[arg-type]  # other statistics are refused
            control=inputs.plan.control,
            direction=DIRECTIONS[metric(key).direction],
            metric=key,
            seed=inputs.seed,
            interval=inputs.plan.interval,
        )
    except AnalysisError as error:
        return refused(error)


def _priors(fit: CountResult) -> dict[str, NamedPrior]:
    return {"counts": fit.prior}


def _draws(inputs: Inputs, entries: Entries[CountResult], variants: Sequence[str], models: bool) -> Draws:
    """Yield the figures of each metric with a shown fit."""
    for entry in entries if models else ():
        if isinstance(entry, Unfitted) or entry.not_shown is not None:
            continue
        data, key = inputs.collected.metric_data[entry.metric], entry.metric
        names = {figure: f"{key}_{figure}" for figure in ("dispersion", "never", "each", "busiest")}
        yield from of_figures(_fitted(inputs, key, data), names, list(data), variants)


# The API ------------------------------------------------------------------------------------------------------------


class VariantCount(BaseModel):
    """A count metric of one variant: its frequency and its spread over members."""

    model_config = ConfigDict(extra="allow")
    variant: str
    n: int
    positive: int = Field(description="Members with at least one event.")
    mean: schemas.Estimate = Field(description="Events per member.")
    dispersion: schemas.Estimate = Field(
        description="φ: the variance over the members is mean + φ mean²; 0 is Poisson."
    )
    never: schemas.Estimate = Field(description="Share of members without events.")
    each: schemas.Estimate = Field(description="Events per member with at least one event.")
    busiest: schemas.Estimate = Field(description="Share of all events by the busiest tenth of the members.")
    alike: float = Field(
        description="The share that chance alone would give the busiest tenth if all members were alike (Poisson)."
    )
    lift: schemas.Estimate | None = Field(description="mean / control's mean − 1; null for the control.")
    p_beats_control: float | None


class CountStory(BaseModel):
    """Frequency and its spread (negative binomial); shown if its checks pass; not used by the verdict."""

    model_config = ConfigDict(extra="allow")
    metric: str
    variants: list[VariantCount]
    checks: list[dict[str, Any]]
    not_shown: schemas.NotShown | None
    diagnostics: dict[str, Any] | None


COUNTS = Part(
    key="counts",
    name=N_("actions per member"),
    begins=0.95,
    progress=N_("Fitting actions per member"),
    subjects=SUBJECTS,
    listed=True,
    fit=_fit,
    read=CountResult.from_dict,
    priors=_priors,
    draws=_draws,
    schema=CountStory,
)
