"""The scorecard as models for ``/openapi.json``: verdict, checks, and the figures of each metric and variant."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from analysis.health.checks import CHECKS
from experiments.analyses.sampled.schemas import Estimate, Interval, NotShown

Decision = Literal["ship", "keep_running", "no_difference", "stop_harm", "not_enough_data", "untrusted"]


class Fact(BaseModel):
    label: str
    value: str
    explanation: str


class GuardrailStatus(BaseModel):
    """Whether a guardrail holds for one variant, by the bounds of the verdict."""

    metric: str
    variant: str
    status: Literal["held", "in_doubt", "broken", "unknown"] = Field(
        description="broken: proven worse than the control; in_doubt: worse with a probability above 95 %; unknown: "
        "the data do not allow a judgement."
    )
    p_worse: float | None = Field(description="Probability that it is worse than the control, from the data alone.")
    z: float | None = Field(description="Difference to the control in standard errors; positive = better.")
    bound: float | None = Field(
        description="Bound on |z| from which the guardrail counts as broken; null where none can be passed yet."
    )
    reason: str | None = Field(description="Why the status is unknown.")


class Verdict(BaseModel):
    """What to do, and why in a plain sentence."""

    model_config = ConfigDict(extra="allow")
    decision: Decision
    variant: str | None = Field(description="The variant that it is about.")
    headline: str
    reason: str
    more_days: int | None = Field(description="About how many more days it takes.")
    more_days_reason: str | None
    facts: list[Fact]
    guardrails: list[GuardrailStatus] = Field(description="One for each guardrail and variant but the control.")


class Check(BaseModel):
    """One check of the data's health; one that fails overrules any verdict."""

    check: str = Field(
        description="; ".join(f"{check.key}: {check.name.lower()}" for check in CHECKS) + ".",
        json_schema_extra={"enum": [check.key for check in CHECKS]},
    )
    status: Literal["ok", "warn", "fail"]
    value: float | None
    detail: str
    next_step: str


class Units(BaseModel):
    """Who is in the figures and who was set aside."""

    randomised: int
    shared: int = Field(description="Members who came through a share link.")
    excluded: dict[str, int] = Field(description="By reason: multi_exposed, bots.")


class VariantResult(BaseModel):
    """A variant's posterior of one metric; null where nothing can be said."""

    variant: str
    n: int = Field(description="Members in the denominator.")
    total: float | int | str = Field(description="The plain sum behind the mean: successes, money, count.")
    mean: float | None
    sd: float | None
    interval: Interval | None
    interval_not_shown: NotShown | None = Field(
        None, description="Why there is no interval beside the mean: fewer than five members carry it."
    )
    p_best: float | None
    expected_loss: float | None = Field(
        description="Mean shortfall a member against the best; 0 where this is the best."
    )
    raw_mean: float | None
    loss_if_wrong: float | None = Field(
        None, description="The shortfall in those cases alone in which it is not the best."
    )
    evidence_mean: float | None = Field(
        None, description="The mean before any prior drew it in: what the guarantee against false winners rests on."
    )
    evidence_sd: float | None = None
    log_mean: float | None = Field(None, description="Of the evidence's logarithm, for the expected loss.")
    log_sd: float | None = None


class Comparison(BaseModel):
    """A variant against the control."""

    variant: str
    control: str
    lift: Estimate | None = Field(description="variant / control − 1")
    difference: Estimate | None = Field(description="variant − control, in the metric's unit")
    p_beats_control: float | None
    p_rope: float | None = Field(description="The chance that the difference is too small to matter.")
    lift_not_shown: str | None


class Adjusted(BaseModel):
    """The same with what was known before the first exposure taken out (CUPED); what the verdict rests on.

    Null where no covariate was declared; with not_shown where it could not be used.
    """

    model_config = ConfigDict(extra="allow")
    covariate: dict[str, Any] = Field(description="attribute, or days_before: what was declared.")
    variance_reduction: float | None = Field(None, description="Share of the variance that it takes away.")
    correlation: float | None = Field(None, description="Between the covariate and the outcome.")
    variants: list[VariantResult]
    comparisons: list[Comparison]
    not_shown: NotShown | None


class MetricResult(BaseModel):
    """One metric: who is counted, each variant, each comparison."""

    model_config = ConfigDict(extra="allow")
    metric: str
    name: str
    hint: str
    kind: Literal["proportion", "amount", "count", "ratio", "value"]
    population: str
    unit_of_measure: str
    direction: Literal["higher", "lower"]
    variants: list[VariantResult]
    comparisons: list[Comparison]
    not_shown: NotShown | None
    adjusted: Adjusted | None


class Mature(BaseModel):
    """Only members whose whole window is over at the cut-off; ``?mature=true`` answers these metrics alone."""

    members: dict[str, int] = Field(description="How many of each variant.")
    metrics: list[MetricResult]


class Total(BaseModel):
    """What randomised members did together with all members of their cascades; it decides nothing."""

    brought: int = Field(description="Members who came through a share.")
    metrics: list[MetricResult] = Field(
        description="Rates count how many of a cascade did it per randomised member; each member is capped alone."
    )


class Answer(BaseModel):
    """The numbers beside the sentence, about the primary metric."""

    leader: str | None
    chance_best: float | None
    expected_loss_per_100: float | None = Field(
        description="If the leader is shipped and is not the best, per 100 members."
    )
    unit_of_measure: str
    members_per_day: float | None
    more_days: int | None
    elapsed_days: float | None = Field(description="None where totals were imported without dates.")
    planned_days: float | None
