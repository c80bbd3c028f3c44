"""The scorecards of an analysis: each metric's variants and comparisons, plain and adjusted for a covariate (CUPED).

If a covariate was declared, the verdict rests on the adjusted figures, and the plain ones are shown beside them. If the
shares moved while the run went on, every figure is stratified by allocation epoch.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self
from zlib import crc32

import numpy as np

from analysis import AnalysisError, MetricResult, NamedPrior, NotShown, VariantResult, scorecard
from analysis.errors import not_shown, refused
from analysis.models.cuped import Adjustment, adjust
from analysis.scoring.results import ComparisonResult, Direction
from analysis.scoring.score import Curves, raw_mean
from analysis.statistics import Statistics
from experiments.analyses.plan import Plan
from experiments.catalogue.metrics import Metric
from experiments.collect.collected import Collected
from experiments.collect.request import Covariate

DIRECTIONS: Mapping[str, Direction] = {"up": "higher", "down": "lower"}
SAMPLED = ("retention", "cascade")
"""Kinds that no scorecard is made of: they are told by the sampled models."""

ABOUT_DATA = ("bad_statistics", "cannot_add", "unknown_variant", "too_few_variants", "mixed_kinds", "bad_request")
"""What analysis may refuse about the data themselves: an outcome of one metric, beside which the others stand."""

TOTAL_MODELS = {"proportion": "count", "count": "count", "amount": "amount"}
"""What tells the total of a metric, by its kind: how many of a cascade did it is a count."""

Data = Mapping[str, Statistics]


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A metric with the variance that a pre-experiment covariate explains taken out (CUPED).

    Attributes
    ----------
    covariate : Covariate
    variance_reduction, correlation : float or None
        None if the covariate is not used.
    variants, comparisons : tuple
        Empty if the covariate is not used.
    not_shown : NotShown or None
        Why it is not used.
    """

    covariate: Covariate
    variance_reduction: float | None = None
    correlation: float | None = None
    variants: tuple[VariantResult, ...] = ()
    comparisons: tuple[ComparisonResult, ...] = ()
    not_shown: NotShown | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; of the covariate what was declared."""
        return {
            "covariate": {name: value for name, value in asdict(self.covariate).items() if value is not None},
            "variance_reduction": self.variance_reduction,
            "correlation": self.correlation,
            "variants": [_without_curve(row) for row in self.variants],
            "comparisons": [_without_curve(row) for row in self.comparisons],
            "not_shown": None if self.not_shown is None else self.not_shown.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        hidden = data["not_shown"]
        return cls(
            covariate=Covariate(**data["covariate"]),
            variance_reduction=data["variance_reduction"],
            correlation=data["correlation"],
            variants=tuple(VariantResult.from_dict(row) for row in data["variants"]),
            comparisons=tuple(ComparisonResult.from_dict(row) for row in data["comparisons"]),
            not_shown=None if hidden is None else NotShown.from_dict(hidden),
        )


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
        """The figures that the verdict rests on: the adjusted ones if the covariate is used, else the plain ones."""
        if self.adjusted is None or self.adjusted.not_shown is not None:
            return self.plain
        return replace(self.plain, variants=self.adjusted.variants, comparisons=self.adjusted.comparisons)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        words = {name: getattr(self, name) for name in _WORDS}
        figures = self.plain.to_dict() | {
            "variants": [_without_curve(row) for row in self.plain.variants],
            "comparisons": [_without_curve(row) for row in self.plain.comparisons],
        }
        return words | figures | {"adjusted": None if self.adjusted is None else self.adjusted.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        adjusted = data["adjusted"]
        return cls(
            **{name: data[name] for name in _WORDS},
            plain=MetricResult.from_dict(data),
            adjusted=None if adjusted is None else Adjusted.from_dict(adjusted),
        )


_WORDS = ("name", "hint", "population", "unit_of_measure", "currency")


def _without_curve(row: VariantResult | ComparisonResult) -> dict[str, Any]:
    """Return a row without its density, which is kept apart for drawing."""
    return {name: value for name, value in row.to_dict().items() if name not in ("density", "lift_density")}


def entries_from(documents: list[Mapping[str, Any]]) -> tuple[MetricEntry, ...]:
    """Read the metrics of a document."""
    return tuple(MetricEntry.from_dict(document) for document in documents)


@dataclass(frozen=True, slots=True)
class Scored:
    """The scorecards of one metric, as they were computed.

    Attributes
    ----------
    metric : Metric
    plain : MetricResult
        From the outcomes alone.
    adjusted : MetricResult or None
        With the variance that the covariate explains taken out, if one was declared and the data allow it.
    adjustment : Adjusted or None
        How much the covariate explains, or why it is not used.
    """

    metric: Metric
    plain: MetricResult
    adjusted: MetricResult | None = None
    adjustment: Adjusted | None = None

    @property
    def deciding(self) -> MetricResult:
        """The figures that the verdict rests on: the adjusted ones if there are any, as declared before the results."""
        return self.plain if self.adjusted is None else self.adjusted

    def entry(self, plan: Plan, *, population: str | None = None, unit_of_measure: str | None = None) -> MetricEntry:
        """Return the metric's entry in the result, with the words of its declaration unless others are given."""
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
    """Every metric that has data and a scorecard, by key, the primary one first."""
    return {
        key: _scored(plan, collected, found, lift, seed, curves)
        for key, found in definitions.items()
        if key in collected.metric_data and found.kind not in SAMPLED
    }


def score_mature(
    plan: Plan, collected: Collected, definitions: Mapping[str, Metric], *, lift: NamedPrior, seed: int
) -> dict[str, Scored]:
    """The same of the members whose window is over; nothing is adjusted and nothing decides here."""
    return {
        key: Scored(
            found,
            score(
                plan,
                found,
                collected.mature_data[key],
                lift=lift,
                seed=seed,
                strata=collected.mature_strata.get(key),
            ),
        )
        for key, found in definitions.items()
        if key in collected.mature_data and found.kind not in SAMPLED
    }


def score_total(
    plan: Plan, collected: Collected, definitions: Mapping[str, Metric], *, lift: NamedPrior, seed: int
) -> tuple[MetricEntry, ...]:
    """Return what members did together with the members they brought; empty if they brought none.

    It describes and decides nothing: cascades of different variants may touch, and the newest ones still grow.
    """
    entries = []
    for key, data in collected.total_data.items():
        found = definitions[key]
        scored = Scored(found, score(plan, found, data, lift=lift, seed=seed, model=TOTAL_MODELS[found.kind]))
        per = "members who did it per randomised member" if found.kind == "proportion" else None
        entries.append(scored.entry(plan, population="total", unit_of_measure=per))
    return tuple(entries)


def score(
    plan: Plan,
    found: Metric,
    data: Data,
    *,
    lift: NamedPrior,
    seed: int,
    model: str | None = None,
    curves: Curves = "none",
    strata: Mapping[str, Any] | None = None,
) -> MetricResult:
    """One scorecard; data that no analysis can be made of give none, with the reason."""
    named = found.model if model is None else model
    try:
        return scorecard(
            data,
            control=plan.control,
            direction=DIRECTIONS[found.direction],
            metric=found.key,
            model=named,
            prior=_rate_prior(plan, found, lift) if named == "conversion" else None,
            rope=plan.threshold_of_caring,
            interval=plan.interval,
            rng=np.random.default_rng([seed, crc32(found.key.encode())]),
            strata=strata or None,
            curves=curves,
        )
    except AnalysisError as error:
        if error.code not in ABOUT_DATA:
            raise  # a mistake of ours, not of the data
        return _refused(plan, found, data, lift, named, error)


def _scored(plan: Plan, collected: Collected, found: Metric, lift: NamedPrior, seed: int, curves: Curves) -> Scored:
    data, strata = collected.metric_data[found.key], collected.strata.get(found.key)
    plain = score(plan, found, data, lift=lift, seed=seed, strata=strata, curves=curves)
    if plan.covariate is None or found.key not in collected.adjusted_data:
        return Scored(found, plain)
    adjustment = _adjustment(collected, found)
    if isinstance(adjustment, NotShown):
        return Scored(found, plain, None, Adjusted(plan.covariate, not_shown=adjustment))
    result = score(plan, found, collected.adjusted_data[found.key], lift=lift, seed=seed, model="adjusted")
    if result.not_shown is not None:
        return Scored(found, plain, None, Adjusted(plan.covariate, not_shown=result.not_shown))
    # It is the same outcome with less variance, so sentences are those of the plain one's kind.
    result = replace(result, kind=plain.kind)
    explained = adjustment.variance_reduction, adjustment.correlation
    return Scored(found, plain, result, Adjusted(plan.covariate, *explained, result.variants, result.comparisons))


def _adjustment(collected: Collected, found: Metric) -> Adjustment | NotShown:
    """Return how much the covariate explains, or why it is not used."""
    if len(collected.epochs) > 1:
        return not_shown("shares_moved.adjusted")
    adjustment = adjust(collected.adjusted_data[found.key])
    unused = adjustment.not_used if isinstance(adjustment, Adjustment) else None
    return adjustment if unused is None else unused


def _rate_prior(plan: Plan, found: Metric, lift: NamedPrior) -> NamedPrior | None:
    """The spread of rates that goes with the lift prior; the model's own where the lift prior says nothing of it.

    How high rates usually are was learned of the history's own metrics: it helps the same metric alone.
    """
    if not lift.get("log_odds_sd"):
        return None
    evidence = plan.lift_prior.evidence
    learned_of = [] if evidence is None else list(evidence.metrics)
    if lift.get("mean_sd") is None or learned_of == [found.key]:
        return lift
    spread = tuple((name, value) for name, value in lift.parameters if name not in ("mean_log_odds", "mean_sd"))
    return NamedPrior(lift.name, spread, lift.reason)


def _refused(plan: Plan, found: Metric, data: Data, lift: NamedPrior, model: str, error: AnalysisError) -> MetricResult:
    """The metric's place in the answer, with the reason why no figures stand there."""
    return MetricResult(
        metric=found.key,
        kind=found.kind,
        direction=DIRECTIONS[found.direction],
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
