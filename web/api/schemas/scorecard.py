"""The scorecard as models for ``/openapi.json``: verdict, checks, and the figures of each metric and variant."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from analysis.health.checks import CHECKS
from experiments.analyses.sampled.schemas import Estimate, Interval, NotShown

Decision = Literal["ship", "keep_running", "no_difference", "stop_harm", "not_enough_data", "untrusted"]


class Fact(BaseModel):
    """A key figure of the verdict, with an explanation."""

    label: str
    value: str
    explanation: str


class GuardrailStatus(BaseModel):
    """The status of a guardrail for one variant."""

    metric: str
    variant: str
    status: Literal["held", "in_doubt", "broken", "unknown"] = Field(
        description="held: neither in doubt nor broken; in_doubt: worse than the control with over 95 % probability; "
        "broken: proven worse than the control; unknown: too few data, or data that a health check does not trust."
    )
    p_worse: float | None = Field(description="Probability that it is worse than the control, from the data alone.")
    z: float | None = Field(description="Difference from the control in standard errors; positive is better.")
    bound: float | None = Field(
        description="A guardrail is broken if z is at or below −bound; null if no bound can be passed yet."
    )
    reason: str | None = Field(description="Why the status is unknown.")
    proven_on_day: int | None = Field(
        description="The day of the run on which an earlier analysis proved the break, whose figures these are; null "
        "if this analysis does."
    )


class Verdict(BaseModel):
    """The recommended decision, with its reason."""

    model_config = ConfigDict(extra="allow")
    decision: Decision
    variant: str | None = Field(description="The variant that the decision concerns.")
    headline: str
    reason: str
    more_days: int | None = Field(description="Estimated number of days until a decision.")
    more_days_reason: str | None
    facts: list[Fact]
    guardrails: list[GuardrailStatus] = Field(description="One status per guardrail and variant, except the control.")


class Check(BaseModel):
    """A data health check. A failed check overrides the verdict."""

    check: str = Field(
        description="; ".join(f"{check.key}: {check.name}" for check in CHECKS) + ".",
        json_schema_extra={"enum": [check.key for check in CHECKS]},
    )
    status: Literal["ok", "warn", "fail"]
    value: float | None
    detail: str
    next_step: str


class Units(BaseModel):
    """The members included in the figures and those excluded."""

    randomised: int
    shared: int = Field(description="Members who joined through a share link.")
    excluded: dict[str, int] = Field(
        description="Excluded members by reason: multi_exposed, bots; where they apply also before_start and after_end "
        "(exposed only outside the run) and carried_over (members of an earlier run)."
    )
    events_set_aside: dict[str, int] = Field(
        description="Members' events that do not count, by reason: bot (marked by the app), scanner (a crawler, "
        "previewer or mail scanner), instant_click and burst_click (e-mail clicks faster than a person's)."
    )


class VariantResult(BaseModel):
    """The posterior of one metric for one variant; figures that can't be computed are null."""

    variant: str
    n: int = Field(description="Members in the denominator.")
    total: float | int | str = Field(description="The observed total: successes, amount or count.")
    mean: float | None
    sd: float | None
    interval: Interval | None
    interval_not_shown: NotShown | None = Field(
        None, description="Why there is no interval: fewer than five members contribute to the mean."
    )
    p_best: float | None
    expected_loss: float | None = Field(
        description="Expected loss per member if this variant is shipped: the mean shortfall from the best variant."
    )
    raw_mean: float | None
    loss_if_wrong: float | None = Field(None, description="Mean shortfall given that another variant is the best.")
    evidence_mean: float | None = Field(
        None, description="The mean without shrinkage by the prior; the verdict's bounds use it."
    )
    evidence_sd: float | None = None
    log_mean: float | None = Field(None, description="Mean of the logarithm without shrinkage, for the expected loss.")
    log_sd: float | None = None


class Comparison(BaseModel):
    """The comparison of a variant with the control."""

    variant: str
    control: str
    lift: Estimate | None = Field(description="variant / control − 1.")
    difference: Estimate | None = Field(description="variant − control, in the metric's unit.")
    p_beats_control: float | None
    p_rope: float | None = Field(description="Probability that the lift is within the region of practical equivalence.")
    lift_not_shown: str | None


class Adjusted(BaseModel):
    """The figures adjusted for the pre-experiment covariate (CUPED); the verdict uses them.

    Null if no covariate was declared; not_shown gives the reason if it could not be used.
    """

    model_config = ConfigDict(extra="allow")
    covariate: dict[str, Any] = Field(description="The declared covariate: attribute or days_before.")
    variance_reduction: float | None = Field(None, description="Share of the variance that the adjustment removes.")
    correlation: float | None = Field(None, description="Correlation between the covariate and the outcome.")
    variants: list[VariantResult]
    comparisons: list[Comparison]
    not_shown: NotShown | None
    model: str = Field(description="The model of the adjusted figures; empty if the covariate was not used.")
    prior: dict[str, Any] | None = Field(description="Its prior: for a rate the one of the plain figures.")
    missing: int = Field(description="Members without a number for the covariate, which counts as 0 for them.")


class MetricResult(BaseModel):
    """The figures of one metric: its population, variants and comparisons."""

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
    """The figures of members whose window was over at the cut-off; ``?mature=true`` returns only these."""

    members: dict[str, int] = Field(description="Number of members by variant.")
    metrics: list[MetricResult]


class Total(BaseModel):
    """The figures of randomised members and their cascades together; the verdict doesn't use them."""

    brought: int = Field(description="Members who joined through a share.")
    metrics: list[MetricResult] = Field(
        description="Cascade totals per randomised member. Rates count members who acted; caps apply per member."
    )


class Answer(BaseModel):
    """Key figures of the primary metric."""

    leader: str | None
    chance_best: float | None
    expected_loss_per_100: float | None = Field(
        description="Expected loss per 100 members if the leader is shipped while another variant is better."
    )
    unit_of_measure: str
    members_per_day: float | None
    more_days: int | None
    elapsed_days: float | None = Field(description="Duration of the run; null if totals were imported without dates.")
    planned_days: float | None
