"""The scorecard of one metric: the posterior of each variant and its comparison with the control."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from analysis import models, priors
from analysis.errors import AnalysisError, NotShown, not_shown
from analysis.messages import message
from analysis.models import Model
from analysis.models.cuped_rates import effective_counts
from analysis.pooling.prior_conflict import widened
from analysis.posterior.joint import IndependentPosterior, IntervalKind, Posterior
from analysis.priors import NamedPrior
from analysis.scoring.results import ComparisonResult, Direction, MetricResult, VariantResult
from analysis.statistics import (
    STATISTICS,
    AdjustedStatistics,
    CascadeStatistics,
    RatioStatistics,
    RetentionStatistics,
    Statistics,
    ValueStatistics,
)
from analysis.statistics.stratified import Stratified, stratify

__all__ = ["ComparisonResult", "Direction", "MetricResult", "VariantResult", "raw_mean", "result_of", "scorecard"]

MAX_VARIANTS = 100
MOST_MEMBERS = 10**15
LARGEST_TOTAL = 1e100
#: Attributes that must be equal in all variants, as named in the error. Costs may differ between variants.
MUST_MATCH = (
    ("cap", "caps of their amounts; cut all at the same one"),
    ("horizon", "windows in days; count all over the same one"),
    ("outcomes", "outcomes in their value; add up the same ones"),
    ("weights", "weights of their outcomes; lay the same worth on all"),
)
Data = Mapping[str, Statistics]
#: Densities to compute: of means and lifts, of lifts only, or none.
Curves = Literal["all", "lifts", "none"]


def _check(metric_data: Mapping[str, Statistics], control: str, direction: str, rope: float) -> None:
    if not isinstance(metric_data, Mapping):
        raise AnalysisError(
            "bad_request", f"The data are {metric_data!r}; give a mapping of variant to statistic, such as a dict."
        )
    if len(metric_data) < 2:
        raise AnalysisError(
            "too_few_variants",
            f"Variants with data: {len(metric_data)}; a comparison needs at least 2.",
        )
    if len(metric_data) > MAX_VARIANTS:
        raise AnalysisError("bad_request", f"{len(metric_data)} variants are more than {MAX_VARIANTS}; split the test.")
    if control not in metric_data:
        raise AnalysisError(
            "unknown_variant", f"The control {control!r} has no data; there is data for {', '.join(metric_data)}."
        )
    for key, cell in metric_data.items():
        if not isinstance(cell, STATISTICS):
            raise AnalysisError(
                "bad_request",
                f"The data of {key!r} are a {type(cell).__name__}; give sufficient statistics, such as "
                "ProportionStatistics(n, successes).",
            )
        _check_size(key, cell)
    _check_matching(metric_data)
    if direction not in ("higher", "lower"):
        raise AnalysisError("bad_request", f"The direction {direction!r} is unknown; use higher or lower.")
    if not (math.isfinite(rope) and 0 < rope < 1):
        raise AnalysisError("bad_request", f"The ROPE half-width {rope} is not between 0 and 1 (0.01 is ± 1 %).")


def _check_size(key: str, cell: Statistics) -> None:
    if cell.n > MOST_MEMBERS:
        raise AnalysisError(
            "bad_statistics", f"{key!r} has {cell.n} members; there are at most {MOST_MEMBERS:,} to a variant."
        )
    if not abs(float(cell.total)) < LARGEST_TOTAL:
        raise AnalysisError(
            "bad_statistics",
            f"The total of {key!r} is {float(cell.total):g}, beyond {LARGEST_TOTAL:g}: count in a larger unit.",
        )


def _check_matching(metric_data: Data) -> None:
    """Raise AnalysisError for variants whose figures cannot be compared."""
    if len({type(cell) for cell in metric_data.values()}) > 1:
        kinds = ", ".join(f"{key}: {cell.kind}" for key, cell in metric_data.items())
        raise AnalysisError("mixed_kinds", f"Variants of one metric need one kind of statistic, not {kinds}.")
    for name, remedy in MUST_MATCH:
        values = {getattr(cell, name, None) for cell in metric_data.values()}
        if len(values) > 1:
            listed = ", ".join(sorted(map(str, values)))
            raise AnalysisError("mixed_kinds", f"The variants have different {remedy} ({listed}).")


def scorecard(
    metric_data: Mapping[str, Statistics],
    *,
    control: str,
    direction: Direction = "higher",
    metric: str = "",
    model: str | None = None,
    prior: NamedPrior | str | None = None,
    rope: float = 0.01,
    interval: IntervalKind = "eti",
    probability: float = 0.95,
    rng: np.random.Generator | None = None,
    strata: Mapping[str, Sequence[Statistics]] | None = None,
    curves: Curves = "all",
) -> MetricResult:
    """Analyse one metric of one run.

    Parameters
    ----------
    metric_data : mapping of variant key to statistic
        In variant order, all of one kind.
    control : str
        Key of the control.
    direction : {"higher", "lower"}
        The better direction.
    model : str, optional
        A name of `models.MODELS`; by default the first for the kind.
    prior : NamedPrior or str, optional
        Also a name of `priors.PRIORS`. By default that of the model; the prior of rates is widened if the variants
        differ more than it expects (`prior_conflict.widened`), and the result has the prior that was used.
    rope : float
        Half-width of the region of practical equivalence of the lift; 0.01 is ± 1 %.
    interval, probability : str, float
        Kind and probability of every interval.
    rng : numpy Generator, optional
        For models that use draws; the others are deterministic.
    strata : mapping of variant key to sequence of statistics, optional
        One for each allocation epoch, in order, adding up to `metric_data`; estimates are then weighted over epochs.
    curves : {"all", "lifts", "none"}
        Densities to compute for drawing; they take a quarter of the time.

    Raises
    ------
    AnalysisError
        Fewer than two variants, an unknown control, mixed kinds, caps, windows or weights, an argument outside its
        bounds.
    """
    _check(metric_data, control, direction, rope)
    kind = next(iter(metric_data.values())).kind
    chosen = _model_for(kind, model)
    used_prior = chosen.prior if prior is None else priors.of(prior)
    weighted: tuple[Mapping[str, Any], Stratified | None] = (metric_data, None)
    if strata is not None:
        weighted = stratify(strata, metric_data)
    cells, stratified = weighted
    if (counts := _counts(chosen, cells)) is not None:
        used_prior = widened(used_prior, counts)
    head = {
        "metric": metric,
        "kind": kind,
        "direction": direction,
        "control": control,
        "model": chosen.name,
        "prior": used_prior,
        "rope": rope,
    }
    posterior = _no_member_yet(metric_data) or chosen.fit(cells, used_prior, rng)
    if isinstance(posterior, NotShown):
        return replace(_without_numbers(metric_data, head, posterior), stratified=stratified)
    evidence = _evidence(chosen, cells, posterior)
    result = result_of(posterior, metric_data, head, interval, probability, evidence, curves)
    return replace(result, stratified=stratified)


def _counts(chosen: Model, cells: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the counts of a model of rates, effective ones where they are adjusted; None for other models."""
    if chosen.name == "conversion":
        return cells
    if chosen.name != "adjusted_rate":
        return None
    counts = effective_counts(cells)
    return None if isinstance(counts, NotShown) else counts


def _model_for(kind: str, name: str | None) -> Model:
    """Return the named model, by default the first for the kind of statistics."""
    chosen = models.for_kind(kind) if name is None else models.named(name)
    if chosen.kind != kind:
        raise AnalysisError("unknown_model", f"The model {chosen.name} takes {chosen.kind} statistics, not {kind}.")
    return chosen


def _evidence(chosen: Model, cells: Mapping[str, Any], posterior: Posterior) -> Posterior | None:
    """Return the posterior without shrinkage; None if a variant is too small to have one."""
    if chosen.evidence is None:
        return posterior
    plain = models.named(chosen.evidence)
    evidence = plain.fit(cells, plain.prior, None)
    return None if isinstance(evidence, NotShown) else evidence


def _no_member_yet(data: Data) -> NotShown | None:
    """Return the reason if no member of any variant has the event, since all figures would only reflect the prior.

    A value of 0 or below is not such a case: gains and losses may cancel, and costs exist from the start.
    """
    if all(cell.n > 0 for cell in data.values()) and not any(_something_done(cell) for cell in data.values()):
        return not_shown("nobody_yet")
    return None


def _something_done(cell: Statistics) -> bool:
    if isinstance(cell, RetentionStatistics | CascadeStatistics):
        return True  # that no member returned or brought another is a result of these models
    if isinstance(cell, RatioStatistics):
        return bool(cell.y_total or cell.x_squares)
    if isinstance(cell, AdjustedStatistics):
        return bool(cell.total_squares)
    if isinstance(cell, ValueStatistics):
        return any(cell.sums)
    return bool(cell.total)


def raw_mean(model: str, cell: Statistics) -> float | None:
    """Return the metric from the sums alone, per member or for each unit of cost; None if it needs more than sums."""
    return models.OBSERVED.get(model, models.mean)(cell)  # segmented rates have no line in the registry


def _without_numbers(data: Mapping[str, Statistics], head: dict[str, Any], why: NotShown) -> MetricResult:
    rows = tuple(
        VariantResult(key, cell.n, float(cell.total), raw_mean(head["model"], cell)) for key, cell in data.items()
    )
    control = head["control"]
    comparisons = tuple(ComparisonResult(key, control, lift_not_shown=why.reason) for key in data if key != control)
    return MetricResult(**head, variants=rows, comparisons=comparisons, not_shown=why)


def result_of(
    posterior: Posterior,
    data: Mapping[str, Statistics],
    head: dict[str, Any],
    interval: IntervalKind = "eti",
    probability: float = 0.95,
    evidence: Posterior | None = None,
    curves: Curves = "all",
) -> MetricResult:
    """Return the `MetricResult` of any posterior; `head` are its first seven fields.

    `evidence` is the posterior without shrinkage for the verdict, if there is one.
    """
    higher = head["direction"] == "higher"
    p_best, loss = posterior.best_and_loss(higher=higher)
    refused = posterior.no_intervals if isinstance(posterior, IndependentPosterior) else {}
    rows = []
    for v, (key, cell) in enumerate(data.items()):
        log_mean, log_sd = (None, None) if evidence is None else evidence.log_moments(v) or (None, None)
        rows.append(
            VariantResult(
                variant=key,
                n=cell.n,
                total=float(cell.total),
                raw_mean=raw_mean(head["model"], cell),
                mean=posterior.mean(v),
                sd=posterior.sd(v),
                interval=None if key in refused else posterior.interval(v, interval, probability),
                interval_not_shown=refused.get(key),
                p_best=float(p_best[v]),
                expected_loss=float(loss[v]),
                log_mean=log_mean,
                log_sd=log_sd,
                density=posterior.density(v) if curves == "all" else None,
                evidence_mean=None if evidence is None else evidence.mean(v),
                evidence_sd=None if evidence is None else evidence.sd(v),
            )
        )
    c = list(data).index(head["control"])
    comparisons = tuple(
        _compare(posterior, v, c, head, interval, probability, curves) for v in range(len(posterior.variants)) if v != c
    )
    return MetricResult(**head, variants=tuple(rows), comparisons=comparisons)


def _compare(
    posterior: Posterior,
    v: int,
    c: int,
    head: dict[str, Any],
    kind: IntervalKind,
    probability: float,
    curves: Curves = "all",
) -> ComparisonResult:
    lift = posterior.lift(v, c, kind, probability)
    above = posterior.p_greater(v, c)
    why = None
    if lift is None:
        signed = head["model"] in models.SIGNED
        why = message("lift.signed") if signed else message("lift.control_near_zero")
    return ComparisonResult(
        variant=posterior.variants[v],
        control=posterior.variants[c],
        lift=lift,
        difference=posterior.difference(v, c, kind, probability),
        p_beats_control=above if head["direction"] == "higher" else 1 - above,
        p_rope=posterior.p_lift_within(v, c, head["rope"]),
        lift_not_shown=why,
        lift_density=None if curves == "none" else posterior.lift_density(v, c),
    )
