"""What the results endpoints answer, as models for ``/openapi.json``."""

from typing import Any, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from experiments.validation import bad, shown

Decision = Literal["ship", "keep_running", "no_difference", "stop_harm", "not_enough_data", "untrusted"]


def check_id(value: str) -> str:
    """An analysis's id in its one way of writing."""
    try:
        return str(UUID(value))
    except ValueError:
        raise bad(f"{shown(value)} is no id of an analysis; take one from GET .../analyses.") from None


class Interval(BaseModel):
    """An interval that says its kind: eti (equal tails) or hdi (highest density)."""

    kind: Literal["eti", "hdi"]
    probability: float = Field(description="The chance, given the data, that the value lies inside.")
    low: float
    high: float


class Estimate(BaseModel):
    """A posterior in short."""

    mean: float
    interval: Interval


class Fact(BaseModel):
    label: str
    value: str
    explanation: str


class Verdict(BaseModel):
    """What to do, and why in a plain sentence."""

    model_config = ConfigDict(extra="allow")
    decision: Decision
    variant: str | None = Field(description="Whom it is about.")
    headline: str
    reason: str
    more_days: int | None = Field(description="About how many more days it takes.")
    more_days_reason: str | None
    facts: list[Fact]


class Check(BaseModel):
    """One check of the data's health; a red one stands above any verdict."""

    check: str = Field(
        description="srm, multi_exposed, bots, immature, late_events, clock_skew, before_exposure, currency, silence."
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


class NotShown(BaseModel):
    """Why there are no figures."""

    model_config = ConfigDict(extra="allow")
    code: str
    reason: str


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
    """What randomised members did together with everybody in their cascades; it describes and decides nothing."""

    brought: int = Field(description="Members who came through a share.")
    metrics: list[MetricResult] = Field(
        description="Rates are told as how many of a cascade did it per randomised member; each member is capped alone."
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


class Results(BaseModel):
    """The newest analysis of an experiment, with everything that is needed to repeat it."""

    experiment: str
    run: int
    analysis: str
    cut_off: str = Field(description="Nothing that happened or arrived later counts.")
    created_at: str
    verdict: Verdict
    health: list[Check]
    units: Units
    metrics: list[MetricResult]
    mature: Mature | None
    total: Total | None = Field(description="None where nobody was brought.")
    segments: list[Segment]
    retention: Retention | None
    cascade: Cascade | None
    amounts: list[AmountStory]
    allocation: Allocation | None
    answer: Answer
    arrivals: list[dict[str, Any]] = Field(description="New members by variant and day since the first.")
    provenance: dict[str, Any] = Field(description="Metric definitions, priors, rules, seed and versions.")


class ResultsQuery(BaseModel):
    """JSON, or CSV with one row a metric and variant."""

    model_config = ConfigDict(extra="forbid")
    format: Literal["json", "csv"] = Field("json", description="json or csv.")
    run: int | None = Field(None, ge=1, description="The number of a run; absent: the newest one.", examples=[1])
    mature: bool = Field(
        False,
        description="true: the metrics of those members alone whose window is over; verdict, health and all other "
        "parts stay those of everybody.",
        examples=[True],
    )


class JobAnswer(BaseModel):
    """Work for the worker; ``status_url`` tells how far it is."""

    job: int
    kind: str
    state: Literal["due", "running", "done", "failed"]
    progress: float = Field(description="From 0 to 1.")
    message: str
    analysis: str | None = Field(description="The analysis it made, when done.")
    status_url: str


class StoredAnalysis(BaseModel):
    """One stored analysis, in short."""

    analysis: str
    run: int
    cut_off: str
    created_at: str
    decision: Decision
    reason: str


class AnalysisList(BaseModel):
    """Newest first; ``next`` is the path of the rest, null at the end."""

    analyses: list[StoredAnalysis]
    next: str | None


class AnalysesQuery(BaseModel):
    """Which slice of the list."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(50, ge=1, le=200, description="Most analyses of one answer.")
    before: str | None = Field(
        None,
        description="Only those older than the analysis of this id.",
        examples=["019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071"],
    )
    run: int | None = Field(None, ge=1, description="Only those of this run.", examples=[1])

    @field_validator("before")
    @classmethod
    def _an_id(cls, value: str | None) -> str | None:
        return value if value is None else check_id(value)


def in_order(result: dict[str, Any]) -> dict[str, Any]:
    """A stored result in the order of its model, with whole numbers where things are counted.

    PostgreSQL's jsonb keeps no order, and what is the same is to look the same on both engines.
    """
    ordered = _ordered(result, Results)
    populations = (ordered, ordered.get("mature") or {}, ordered.get("total") or {})
    for metric in [one for population in populations for one in population.get("metrics", ())]:
        if metric["kind"] in ("proportion", "count"):
            for row in metric["variants"]:
                total = row["total"]
                row["total"] = int(total) if isinstance(total, float) and total.is_integer() else total
    return ordered


def _ordered(value: Any, kind: Any) -> Any:
    """The value with the fields of a model first, in its order; what no model describes goes by name."""
    if isinstance(value, list):
        inner = next(iter(get_args(kind)), None)
        return [_ordered(item, inner) for item in value]
    if not isinstance(value, dict):
        return value
    candidates = [part for part in (kind, *get_args(kind)) if isinstance(part, type) and issubclass(part, BaseModel)]
    fields = candidates[0].model_fields if candidates else {}
    names = [*(name for name in fields if name in value), *sorted(name for name in value if name not in fields)]
    return {name: _ordered(value[name], fields[name].annotation if name in fields else None) for name in names}
