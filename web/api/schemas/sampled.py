"""What is told beside the scorecard, as models for ``/openapi.json``: segments, staying, cascades, money and so on."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from web.api.schemas.scorecard import Estimate, NotShown


class Overall(BaseModel):
    """A variant over all levels, each weighed as in the whole audience."""

    variant: str
    rate: Estimate
    lift: Estimate | None


class Segment(BaseModel):
    """For whom it works: one declared attribute."""

    model_config = ConfigDict(extra="allow")
    segment: str
    metric: str
    joint: bool = Field(description="Whether it was fitted together with the other attributes.")
    segment_rows: list[dict[str, Any]]
    overall: list[Overall]
    not_shown: NotShown | None


class Missing(BaseModel):
    """In the place of a figure: why it is not there."""

    not_shown: NotShown


class CurvePoint(BaseModel):
    """A share on a day since first exposure, with the bounds of its 95 % interval; ``raw`` is the plain share."""

    model_config = ConfigDict(extra="allow")
    day: int
    mean: float
    low: float | None = None
    high: float | None = None
    raw: float | None = None


class VariantRetention(BaseModel):
    """How one variant's members keep coming back."""

    model_config = ConfigDict(extra="allow")
    variant: str
    n: int
    mature: int = Field(description="Members whose whole window is over.")
    staying: list[CurvePoint] = Field(description="Share of mature members whose last return is on that day or later.")
    half_life: Estimate | Missing | None = Field(description="Days until half of those who return have last returned.")
    ever_returned: Estimate | Missing
    returning: list[CurvePoint] = Field(description="Share who have come back by that day (Kaplan-Meier).")
    tail: dict[str, Any] | None = Field(description="The days after the window, by a shifted beta-geometric model.")


class Retention(BaseModel):
    """Staying and coming back; null where nothing of it is measured."""

    model_config = ConfigDict(extra="allow")
    horizon: int = Field(description="The window, in days.")
    variants: list[VariantRetention]
    not_shown: NotShown | None
    diagnostics: dict[str, Any] | None


class VariantCascade(BaseModel):
    """Whom one variant's members bring, and whom these bring in turn."""

    model_config = ConfigDict(extra="allow")
    variant: str
    n: int = Field(description="Exposed members, randomised or brought.")
    brought: int
    roots: int = Field(description="Randomised members.")
    r: Estimate | Missing = Field(description="The K-factor: new members that a member brings.")
    dispersion: Estimate | Missing
    p_viral: float | None = Field(description="The chance that the K-factor is above 1.")
    reach: dict[str, Any] | None = Field(description="Members reached for each randomised one: median and interval.")
    reach_not_shown: str | None
    too_young: float = Field(description="Share of members younger than the horizon; they are counted by their age.")
    sizes: list[list[int]] = Field(description="[members of a cascade, how many roots]")
    depths: list[list[int]] = Field(description="[generations, how many roots]")


class CascadeComparison(BaseModel):
    """A variant's K-factor against the control's."""

    model_config = ConfigDict(extra="allow")
    variant: str
    control: str
    difference: Estimate | Missing | None
    p_beats_control: float | None


class Cascade(BaseModel):
    """Word of mouth; null where nothing of it is measured."""

    model_config = ConfigDict(extra="allow")
    variants: list[VariantCascade]
    comparisons: list[CascadeComparison]
    not_shown: NotShown | None
    diagnostics: dict[str, Any] | None


class VariantAmount(BaseModel):
    """A money metric of one variant in two parts: how many, and how much each."""

    model_config = ConfigDict(extra="allow")
    variant: str
    n: int
    positive: int = Field(description="Members above zero.")
    share: Estimate | Missing
    amount: Estimate | Missing = Field(description="Mean of those above zero.")
    mean: Estimate | Missing = Field(description="Mean of all members.")


class AmountStory(BaseModel):
    """How many buy and how much (hurdle model); shown only where its predictive checks pass, and never what decides."""

    model_config = ConfigDict(extra="allow")
    metric: str
    family: Literal["log_normal", "gamma"] | None = Field(description="Of the amounts that buyers spend.")
    variants: list[VariantAmount]
    checks: list[dict[str, Any]]
    not_shown: NotShown | None
    diagnostics: dict[str, Any] | None


class VariantCount(BaseModel):
    """A count metric of one variant: how often members do it, and how unevenly."""

    model_config = ConfigDict(extra="allow")
    variant: str
    n: int
    positive: int = Field(description="Members who did it at all.")
    mean: Estimate = Field(description="Times per member.")
    dispersion: Estimate = Field(description="φ: the variance over the members is mean + φ mean²; 0 is Poisson.")
    never: Estimate = Field(description="Share of members who never do it.")
    each: Estimate = Field(description="Times per member of those who do it at all.")
    busiest: Estimate = Field(description="Part of all times that the busiest tenth of the members account for.")
    alike: float = Field(description="The same part by luck alone, if all members were alike (Poisson).")
    lift: Estimate | None = Field(description="mean / control's mean − 1; null for the control.")
    p_beats_control: float | None


class CountStory(BaseModel):
    """How often and how unevenly (negative binomial); shown only where its checks pass, and never what decides."""

    model_config = ConfigDict(extra="allow")
    metric: str
    variants: list[VariantCount]
    checks: list[dict[str, Any]]
    not_shown: NotShown | None
    diagnostics: dict[str, Any] | None


class Epoch(BaseModel):
    """A stretch of the run with one set of shares."""

    number: int
    started: str
    weights: dict[str, float]
    members: dict[str, int]


class Allocation(BaseModel):
    """How new members were shared out; null where the weights are fixed."""

    method: Literal["thompson", "top_two"]
    floor: float = Field(description="Share that every variant keeps.")
    every_hours: int
    epochs: list[Epoch]
    next: dict[str, float] | None = Field(description="The shares that this analysis proposes for the next epoch.")
    next_not_shown: NotShown | None = Field(description="Why it proposes none.")
    caveat: str
