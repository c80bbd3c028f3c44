"""The scorecards of an analysis: each metric's variants and comparisons, plain and adjusted for a covariate (CUPED).

If a covariate was declared, the adjusted figures decide the verdict, and the plain ones are shown beside them. If the
traffic split changed during the run, every figure is stratified by allocation epoch.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self
from zlib import crc32

import numpy as np

from analysis import AnalysisError, MetricResult, NamedPrior, NotShown, VariantResult, scorecard
from analysis.errors import not_shown, refused
from analysis.messages import N_, message
from analysis.models.cuped import Adjustment, adjust
from analysis.scoring.results import ComparisonResult, Direction
from analysis.scoring.score import Curves, raw_mean
from analysis.statistics import Statistics
from experiments.analyses.plan import Plan
from experiments.catalogue.metrics import Metric
from experiments.collect.collected import Collected
from experiments.collect.request import Covariate

DIRECTIONS: Mapping[str, Direction] = {"up": "higher", "down": "lower"}
WITHOUT_SCORECARD = ("retention", "cascade")
"""Kinds of metrics that have no scorecard; the parts of `experiments.analyses.sampled.SAMPLED` report them."""

ABOUT_DATA = ("bad_statistics", "cannot_add", "unknown_variant", "too_few_variants", "mixed_kinds", "bad_request")
"""Codes of errors about the data of one metric, which leave the other metrics shown."""

TOTAL_MODELS = {"proportion": "count", "count": "count", "amount": "amount"}
"""Models of a metric's total by its kind; a proportion becomes a count of members in the cascade."""

Data = Mapping[str, Statistics]


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A metric adjusted for a pre-experiment covariate to reduce its variance (CUPED).

    Attributes
    ----------
    covariate : Covariate
    variance_reduction, correlation : float or None
        None if the covariate is not used.
    variants, comparisons : tuple
        Empty if the covariate is not used.
    not_shown : NotShown or None
        Why it is not used.
    model : str
        A name of `analysis.models.MODELS`; empty if the covariate is not used.
    prior : NamedPrior or None
        The prior that was used: for a rate that of the plain figures.
    missing : int
        Members without the covariate, which counts as 0 for them.
    """

    covariate: Covariate
    variance_reduction: float | None = None
    correlation: float | None = None
    variants: tuple[VariantResult, ...] = ()
    comparisons: tuple[ComparisonResult, ...] = ()
    not_shown: NotShown | None = None
    model: str = ""
    prior: NamedPrior | None = None
    missing: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; of the covariate only the declared field."""
        return {
            "covariate": {name: value for name, value in asdict(self.covariate).items() if value is not None},
            "variance_reduction": self.variance_reduction,
            "correlation": self.correlation,
            "variants": [_without_curve(row) for row in self.variants],
            "comparisons": [_without_curve(row) for row in self.comparisons],
            "not_shown": None if self.not_shown is None else self.not_shown.to_dict(),
            "model": self.model,
            "prior": None if self.prior is None else self.prior.to_dict(),
            "missing": self.missing,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        hidden, prior = data["not_shown"], data["prior"]
        return cls(
            covariate=Covariate(**data["covariate"]),
            variance_reduction=data["variance_reduction"],
            correlation=data["correlation"],
            variants=tuple(VariantResult.from_dict(row) for row in data["variants"]),
            comparisons=tuple(ComparisonResult.from_dict(row) for row in data["comparisons"]),
            not_shown=None if hidden is None else NotShown.from_dict(hidden),
            model=data["model"],
            prior=None if prior is None else NamedPrior.from_dict(prior),
            missing=data["missing"],
        )


TOTAL_RATE = N_("members with the event per randomised member")
"""The unit of a share of members in whole cascades."""


@dataclass(frozen=True, slots=True)
class MetricEntry:
    """One metric of a result.

    Attributes
    ----------
    name, hint, population, unit_of_measure : str
        Of the metric's declaration.
    currency : str or None
        Of money metrics.
    plain : MetricResult
        From the outcomes alone, without curves.
    adjusted : Adjusted or None
        None if no covariate was declared.
    """

    name: str
    hint: str
    population: str
    unit_of_measure: str
    currency: str | None
    plain: MetricResult
    adjusted: Adjusted | None = None

    @property
    def metric(self) -> str:
        """The metric's key."""
        return self.plain.metric

    @property
    def covariate(self) -> Covariate | None:
        """The covariate that the deciding figures are adjusted for, if any."""
        used = self.adjusted is not None and self.adjusted.not_shown is None
        return self.adjusted.covariate if self.adjusted is not None and used else None

    @property
    def deciding(self) -> MetricResult:
        """The figures that decide the verdict: adjusted if the covariate is used, otherwise plain."""
        if self.adjusted is None or self.adjusted.not_shown is not None:
            return self.plain
        return replace(self.plain, variants=self.adjusted.variants, comparisons=self.adjusted.comparisons)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        texts = {name: getattr(self, name) for name in _TEXTS}
        figures = self.plain.to_dict() | {
            "variants": [_without_curve(row) for row in self.plain.variants],
            "comparisons": [_without_curve(row) for row in self.plain.comparisons],
        }
        return texts | figures | {"adjusted": None if self.adjusted is None else self.adjusted.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        adjusted = data["adjusted"]
        return cls(
            **{name: data[name] for name in _TEXTS},
            plain=MetricResult.from_dict(data),
            adjusted=None if adjusted is None else Adjusted.from_dict(adjusted),
        )


_TEXTS = ("name", "hint", "population", "unit_of_measure", "currency")


def _without_curve(row: VariantResult | ComparisonResult) -> dict[str, Any]:
    """Return a row without its density, which is kept apart for drawing."""
    return {name: value for name, value in row.to_dict().items() if name not in ("density", "lift_density")}


def entries_from(documents: list[Mapping[str, Any]]) -> tuple[MetricEntry, ...]:
    """Read the metrics of a document."""
    return tuple(MetricEntry.from_dict(document) for document in documents)


@dataclass(frozen=True, slots=True)
class Scored:
    """The scorecards of one metric as computed.

    Attributes
    ----------
    metric : Metric
    plain : MetricResult
        From the outcomes alone.
    adjusted : MetricResult or None
        Adjusted for the covariate, if one was declared and the data allow it.
    adjustment : Adjusted or None
        How much the covariate explains, or why it is not used.
    """

    metric: Metric
    plain: MetricResult
    adjusted: MetricResult | None = None
    adjustment: Adjusted | None = None

    @property
    def deciding(self) -> MetricResult:
        """The figures that decide the verdict: the adjusted ones if there are any, as declared in the plan."""
        return self.plain if self.adjusted is None else self.adjusted

    def entry(self, plan: Plan, *, population: str | None = None, unit_of_measure: str | None = None) -> MetricEntry:
        """Return the metric's entry in the result, with the texts of its declaration unless others are given."""
        definition = self.metric.definition(plan.currency, plan.window_days)
        return MetricEntry(
            name=definition["name"],
            hint=definition["hint"],
            population=population or definition["population"],
            unit_of_measure=unit_of_measure or definition["unit_of_measure"],
            currency=plan.currency if self.metric.money else None,
            plain=self.plain,
            adjusted=self.adjustment,
        )


def score_all(
    plan: Plan,
    collected: Collected,
    definitions: Mapping[str, Metric],
    *,
    lift: NamedPrior,
    seed: int,
    curves: Curves = "lifts",
) -> dict[str, Scored]:
    """Return the scorecards of every metric that has data, by key, the primary one first."""
    return {
        key: _scored(plan, collected, metric, lift, seed, curves)
        for key, metric in definitions.items()
        if key in collected.metric_data and metric.kind not in WITHOUT_SCORECARD
    }


def score_mature(
    plan: Plan, collected: Collected, definitions: Mapping[str, Metric], *, lift: NamedPrior, seed: int
) -> dict[str, Scored]:
    """Return the unadjusted scorecards of members whose window is over; they do not decide the verdict."""
    return {
        key: Scored(
            metric,
            score(
                plan,
                metric,
                collected.mature_data[key],
                lift=lift,
                seed=seed,
                strata=collected.mature_strata.get(key),
            ),
        )
        for key, metric in definitions.items()
        if key in collected.mature_data and metric.kind not in WITHOUT_SCORECARD
    }


def score_total(
    plan: Plan, collected: Collected, definitions: Mapping[str, Metric], *, lift: NamedPrior, seed: int
) -> tuple[MetricEntry, ...]:
    """Return the scorecards of whole cascades; empty if no member brought another.

    They are descriptive and do not decide the verdict: cascades of different variants may overlap, and the newest ones
    are still growing.
    """
    entries = []
    for key, data in collected.total_data.items():
        metric = definitions[key]
        scored = Scored(metric, score(plan, metric, data, lift=lift, seed=seed, model=TOTAL_MODELS[metric.kind]))
        per = TOTAL_RATE if metric.kind == "proportion" else None
        entries.append(scored.entry(plan, population="total", unit_of_measure=per))
    return tuple(entries)


def score(
    plan: Plan,
    metric: Metric,
    data: Data,
    *,
    lift: NamedPrior,
    seed: int,
    model: str | None = None,
    curves: Curves = "none",
    strata: Mapping[str, Any] | None = None,
) -> MetricResult:
    """Return one scorecard; data that cannot be analysed give the reason instead of figures."""
    # Counts that were imported as sums, without their histogram, are analysed as amounts.
    summed = metric.kind == "count" and any(cell.kind == "amount" for cell in data.values())
    named = ("amount" if summed else metric.model) if model is None else model
    try:
        found = scorecard(
            data,
            control=plan.control,
            direction=DIRECTIONS[metric.direction],
            metric=metric.key,
            model=named,
            prior=_rate_prior(plan, metric, lift) if named in ("conversion", "adjusted_rate") else None,
            rope=plan.threshold_of_caring,
            interval=plan.interval,
            rng=np.random.default_rng([seed, crc32(metric.key.encode())]),
            strata=strata or None,
            curves=curves,
        )
        return _within_blocks(plan, found)
    except AnalysisError as error:
        if error.code not in ABOUT_DATA:
            raise  # a programming error, not a fault of the data
        return _refused(plan, metric, data, lift, named, error)


def _within_blocks(plan: Plan, found: MetricResult) -> MetricResult:
    """Return the result with the note of its blocks, if its strata are blocks and not steps of the traffic split."""
    if plan.block is None or found.stratified is None:
        return found
    blocks = len(found.stratified.weights)
    note = message("stratified.blocks" if blocks > 1 else "stratified.blocks_joined", blocks=blocks, column=plan.block)
    return replace(found, stratified=replace(found.stratified, note=note))


def _scored(plan: Plan, collected: Collected, metric: Metric, lift: NamedPrior, seed: int, curves: Curves) -> Scored:
    data, strata = collected.metric_data[metric.key], collected.strata.get(metric.key)
    plain = score(plan, metric, data, lift=lift, seed=seed, strata=strata, curves=curves)
    if plan.covariate is None or metric.key not in collected.adjusted_data:
        return Scored(metric, plain)
    adjustment = _adjustment(collected, metric)
    if isinstance(adjustment, NotShown):
        return Scored(metric, plain, None, Adjusted(plan.covariate, not_shown=adjustment))
    model = "adjusted_rate" if metric.kind == "proportion" else "adjusted"
    result = score(plan, metric, collected.adjusted_data[metric.key], lift=lift, seed=seed, model=model)
    if result.not_shown is not None:
        return Scored(metric, plain, None, Adjusted(plan.covariate, not_shown=result.not_shown))
    # It is the same outcome with less variance, so texts are chosen by the kind of the plain metric.
    result = replace(result, kind=plain.kind)
    explained = adjustment.variance_reduction, adjustment.correlation
    shown = (result.variants, result.comparisons)
    missing = collected.quality.without_covariate
    adjusted = Adjusted(plan.covariate, *explained, *shown, model=result.model, prior=result.prior, missing=missing)
    return Scored(metric, plain, result, adjusted)


def _adjustment(collected: Collected, metric: Metric) -> Adjustment | NotShown:
    """Return how much the covariate explains, or why it is not used."""
    if len(collected.epochs) > 1:
        return not_shown("shares_moved.adjusted")
    adjustment = adjust(collected.adjusted_data[metric.key])
    unused = adjustment.not_used if isinstance(adjustment, Adjustment) else None
    return adjustment if unused is None else unused


def _rate_prior(plan: Plan, metric: Metric, lift: NamedPrior) -> NamedPrior | None:
    """Return the prior on rates that belongs to the lift prior; None leaves the model's default.

    The typical level of rates was learned from particular metrics, so it is used only for the same metric.
    """
    if not lift.get("log_odds_sd"):
        return None
    evidence = plan.lift_prior.evidence
    learned_from = [] if evidence is None else list(evidence.metrics)
    if lift.get("mean_sd") is None or learned_from == [metric.key]:
        return lift
    spread = tuple((name, value) for name, value in lift.parameters if name not in ("mean_log_odds", "mean_sd"))
    return NamedPrior(lift.name, spread, lift.reason)


def _refused(
    plan: Plan, metric: Metric, data: Data, lift: NamedPrior, model: str, error: AnalysisError
) -> MetricResult:
    """Return the metric's entry without figures, with the reason."""
    return MetricResult(
        metric=metric.key,
        kind=metric.kind,
        direction=DIRECTIONS[metric.direction],
        control=plan.control,
        model=model,
        prior=lift,
        rope=plan.threshold_of_caring,
        variants=tuple(
            VariantResult(key, cell.n, float(cell.total), raw_mean(model, cell)) for key, cell in data.items()
        ),
        comparisons=(),
        not_shown=refused(error),
    )
