"""The scorecards of an analysis: each metric's variants and comparisons, plain and with the history taken out.

Where a covariate was declared beforehand, it is the adjusted figures that the verdict rests on; the plain ones are
shown beside them. Where the shares moved while running, every figure is stratified by allocation epoch.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from zlib import crc32

import numpy as np

from analysis import AnalysisError, MetricResult, NamedPrior, NotShown, VariantResult, scorecard
from analysis.errors import not_shown, refused
from analysis.models.cuped import Adjustment, adjust
from analysis.scoring.score import Curves, raw_mean
from analysis.statistics import Statistics
from experiments.analyses.plan import Plan
from experiments.catalogue.metrics import Metric
from experiments.collect.collected import Collected

DIRECTIONS = {"up": "higher", "down": "lower"}
SAMPLED = ("retention", "cascade")
"""Kinds that no scorecard is made of: they are told by the sampled models."""

ABOUT_DATA = ("bad_statistics", "cannot_add", "unknown_variant", "too_few_variants", "mixed_kinds", "bad_request")
"""What analysis may refuse about the data themselves: an outcome of one metric, beside which the others stand."""

TOTAL_MODELS = {"proportion": "count", "count": "count", "amount": "amount"}
"""What tells the total of a metric, by its kind: how many of a cascade did it is a count."""

Data = Mapping[str, Statistics]


@dataclass(frozen=True, slots=True)
class Scored:
    """What is said of one metric.

    Attributes
    ----------
    metric : Metric
    plain : MetricResult
        From the outcomes alone.
    adjusted : MetricResult or None
        With what was known before the first exposure taken out, where a covariate was declared and the data allow it.
    adjustment : dict or None
        How much the covariate explains, or why it was not used: the entry "adjusted" without its figures.
    """

    metric: Metric
    plain: MetricResult
    adjusted: MetricResult | None = None
    adjustment: dict[str, Any] | None = None

    @property
    def deciding(self) -> MetricResult:
        """What the verdict goes by: the adjusted figures where there are any, since they were declared beforehand."""
        return self.plain if self.adjusted is None else self.adjusted

    def entry(self, plan: Plan) -> dict[str, Any]:
        """One entry of "metrics": the API's shape with the metric's words; curves are kept apart, for drawing."""
        definition = self.metric.definition(plan.currency, plan.window_days)
        words = {name: definition[name] for name in ("name", "hint", "population", "unit_of_measure")}
        money = {"currency": plan.currency if self.metric.money else None}
        return words | money | _without_curves(self.plain) | {"adjusted": self._adjusted_entry()}

    def _adjusted_entry(self) -> dict[str, Any] | None:
        if self.adjustment is None or self.adjusted is None:
            return self.adjustment
        figures = _without_curves(self.adjusted)
        return self.adjustment | {name: figures[name] for name in ("variants", "comparisons")}


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


def total_told(
    plan: Plan, collected: Collected, definitions: Mapping[str, Metric], *, lift: NamedPrior, seed: int
) -> dict[str, Any] | None:
    """The result's "total": what members did together with everybody they brought; None where nobody was brought.

    It describes and decides nothing: cascades of different variants may touch, and the newest ones still grow.
    """
    if not collected.total_data:
        return None
    entries = []
    for key, data in collected.total_data.items():
        found = definitions[key]
        told = Scored(found, score(plan, found, data, lift=lift, seed=seed, model=TOTAL_MODELS[found.kind])).entry(plan)
        per = "members who did it per randomised member" if found.kind == "proportion" else told["unit_of_measure"]
        entries.append(told | {"population": "total", "unit_of_measure": per})
    return {"brought": collected.shared, "metrics": entries}


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
            direction=DIRECTIONS[found.direction],  # type: ignore[arg-type]
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
    covariate = {name: value for name, value in asdict(plan.covariate).items() if value is not None}
    told = _adjustment(collected, found)
    if isinstance(told, NotShown):
        return Scored(found, plain, None, _unused(covariate, told))
    result = score(plan, found, collected.adjusted_data[found.key], lift=lift, seed=seed, model="adjusted")
    if result.not_shown is not None:
        return Scored(found, plain, None, _unused(covariate, result.not_shown))
    entry = {
        "covariate": covariate,
        "variance_reduction": told.variance_reduction,
        "correlation": told.correlation,
        "not_shown": None,
    }
    # It is the same outcome, only with less noise: sentences speak of it as before.
    return Scored(found, plain, replace(result, kind=plain.kind), entry)


def _adjustment(collected: Collected, found: Metric) -> Adjustment | NotShown:
    """What the covariate is worth, or why the plain figures stand alone."""
    if len(collected.epochs) > 1:
        return not_shown("shares_moved.adjusted")
    told = adjust(collected.adjusted_data[found.key])
    return told.not_used if isinstance(told, Adjustment) and told.not_used is not None else told


def _unused(covariate: Mapping[str, Any], why: NotShown) -> dict[str, Any]:
    figures: dict[str, Any] = {"variance_reduction": None, "correlation": None, "variants": [], "comparisons": []}
    return {"covariate": dict(covariate)} | figures | {"not_shown": why.to_dict()}


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
        direction=DIRECTIONS[found.direction],  # type: ignore[arg-type]
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


def _without_curves(result: MetricResult) -> dict[str, Any]:
    entry = result.to_dict()
    for row in [*entry["variants"], *entry["comparisons"]]:
        row.pop("density", None)
        row.pop("lift_density", None)
    return entry
