"""The scorecard of one metric: what each variant does and how it compares with the control."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from analysis import models
from analysis.errors import AnalysisError, NotShown
from analysis.posterior import Density, Estimate, Interval, IntervalKind, Posterior
from analysis.priors import NamedPrior
from analysis.statistics import AmountStatistics, CountStatistics, ProportionStatistics, Statistics

Direction = Literal["higher", "lower"]
MAX_VARIANTS = 100


#: A chance of being wrong below this is below what quadrature resolves, so nothing can be said of that case.
AS_GOOD_AS_CERTAIN = 1e-9


@dataclass(frozen=True, slots=True)
class VariantResult:
    """One variant of one metric.

    Attributes
    ----------
    variant : str
    n : int
        Members in the denominator.
    total : float
        Plain sum behind the mean: successes, money, count.
    raw_mean : float or None
        total / n, before any prior.
    mean, sd, interval : float, float, Interval, or None
        The posterior of the mean per member.
    p_best : float or None
        Chance of being the best of all variants, in the metric's direction.
    expected_loss : float or None
        Mean shortfall per member against the best, in the metric's unit; 0 in the cases in which this is the best.
    loss_if_wrong : float or None
        The same over the other cases alone: what is lost where shipping this one is wrong. None where it is as good as
        certain to be right.
    log_mean, log_sd : float or None
        Posterior of the logarithm, for the verdict; None where the mean is not clear of 0.
    density : Density or None
        For drawing.
    """

    variant: str
    n: int
    total: float
    raw_mean: float | None = None
    mean: float | None = None
    sd: float | None = None
    interval: Interval | None = None
    p_best: float | None = None
    expected_loss: float | None = None
    log_mean: float | None = None
    log_sd: float | None = None
    density: Density | None = None

    @property
    def loss_if_wrong(self) -> float | None:
        if self.p_best is None or self.expected_loss is None or 1 - self.p_best < AS_GOOD_AS_CERTAIN:
            return None
        return self.expected_loss / (1 - self.p_best)


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """One variant against the control.

    Attributes
    ----------
    lift : Estimate or None
        variant / control − 1; None with `lift_not_shown` saying why.
    difference : Estimate or None
        variant − control, in the metric's unit.
    p_beats_control : float or None
        Chance of being better than the control, in the metric's direction.
    p_rope : float or None
        Chance that the lift is within ± the ROPE: too small to care.
    """

    variant: str
    control: str
    lift: Estimate | None = None
    difference: Estimate | None = None
    p_beats_control: float | None = None
    p_rope: float | None = None
    lift_not_shown: str | None = None
    lift_density: Density | None = None


@dataclass(frozen=True, slots=True)
class MetricResult:
    """All variants and comparisons of one metric, or the reason why there are none (`not_shown`)."""

    metric: str
    kind: str
    direction: Direction
    control: str
    model: str
    prior: NamedPrior
    rope: float
    variants: tuple[VariantResult, ...]
    comparisons: tuple[ComparisonResult, ...]
    not_shown: NotShown | None = None

    def variant(self, key: str) -> VariantResult:
        """Return the result of the variant of that key."""
        for row in self.variants:
            if row.variant == key:
                return row
        raise AnalysisError("unknown_variant", f"There is no variant {key!r} in {self.metric or 'this metric'}.")

    def comparison(self, key: str) -> ComparisonResult:
        """Return the comparison of that variant with the control."""
        for row in self.comparisons:
            if row.variant == key:
                return row
        raise AnalysisError("unknown_variant", f"There is no comparison of {key!r} with {self.control!r}.")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: an entry of "metrics" of the HTTP contract, and what drawing needs."""
        return {
            "metric": self.metric,
            "kind": self.kind,
            "direction": self.direction,
            "control": self.control,
            "model": self.model,
            "prior": self.prior.to_dict(),
            "rope": self.rope,
            "not_shown": None if self.not_shown is None else self.not_shown.to_dict(),
            "variants": [_plain(row) | {"loss_if_wrong": row.loss_if_wrong} for row in self.variants],
            "comparisons": [_plain(row) for row in self.comparisons],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MetricResult:
        """Read a stored result back."""
        return cls(
            **{name: data[name] for name in ("metric", "kind", "direction", "control", "model", "rope")},
            prior=NamedPrior.from_dict(data["prior"]),
            not_shown=None if data["not_shown"] is None else NotShown(**data["not_shown"]),
            variants=tuple(VariantResult(**_without_derived(_revived(row))) for row in data["variants"]),
            comparisons=tuple(ComparisonResult(**_revived(row)) for row in data["comparisons"]),
        )


def _without_derived(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "loss_if_wrong"}


def _plain(row: VariantResult | ComparisonResult) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in row.__slots__}
    return {name: value.to_dict() if hasattr(value, "to_dict") else value for name, value in values.items()}


def _revived(row: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the plain values of a stored row back into intervals, estimates and densities."""
    out = dict(row)
    for name in ("lift", "difference"):
        if out.get(name) is not None:
            out[name] = Estimate(out[name]["mean"], Interval(**out[name]["interval"]))
    if out.get("interval") is not None:
        out["interval"] = Interval(**out["interval"])
    for name in ("density", "lift_density"):
        if out.get(name) is not None:
            out[name] = Density(tuple(out[name]["x"]), tuple(out[name]["y"]))
    return out


def _check(metric_data: Mapping[str, Statistics], control: str, direction: str, rope: float) -> None:
    if len(metric_data) < 2:
        raise AnalysisError(
            "too_few_variants", f"There is data for {len(metric_data)} variants; a comparison needs at least 2."
        )
    if len(metric_data) > MAX_VARIANTS:
        raise AnalysisError("bad_request", f"{len(metric_data)} variants are more than {MAX_VARIANTS}; split the test.")
    if control not in metric_data:
        raise AnalysisError(
            "unknown_variant", f"The control {control!r} has no data; there is data for {', '.join(metric_data)}."
        )
    for key, cell in metric_data.items():
        if not isinstance(cell, ProportionStatistics | AmountStatistics | CountStatistics):
            raise AnalysisError(
                "bad_request",
                f"The data of {key!r} are a {type(cell).__name__}; give sufficient statistics, such as "
                "ProportionStatistics(n, successes).",
            )
    if len({type(cell) for cell in metric_data.values()}) > 1:
        kinds = ", ".join(f"{key}: {cell.kind}" for key, cell in metric_data.items())
        raise AnalysisError("mixed_kinds", f"Variants of one metric need one kind of statistic, not {kinds}.")
    if len({getattr(cell, "cap", None) for cell in metric_data.values()}) > 1:
        raise AnalysisError("mixed_kinds", "The variants' amounts were cut at different caps; cut all at the same one.")
    if direction not in ("higher", "lower"):
        raise AnalysisError("bad_request", f"The direction {direction!r} is unknown; use higher or lower.")
    if not (math.isfinite(rope) and 0 < rope < 1):
        raise AnalysisError("bad_request", f"The ROPE half-width {rope} is not between 0 and 1 (0.01 is ± 1 %).")


def scorecard(
    metric_data: Mapping[str, Statistics],
    *,
    control: str,
    direction: Direction = "higher",
    metric: str = "",
    model: str | None = None,
    prior: NamedPrior | None = None,
    rope: float = 0.01,
    interval: IntervalKind = "eti",
    probability: float = 0.95,
    rng: np.random.Generator | None = None,
) -> MetricResult:
    """Analyse one metric of one run.

    Parameters
    ----------
    metric_data : mapping of variant key to statistic
        In variant order, all of one kind.
    control : str
        Key of the control.
    direction : {"higher", "lower"}
        Which way is better.
    model : str, optional
        A name of `models.MODELS`; by default the first that takes the kind.
    prior : NamedPrior, optional
        By default the model's own.
    rope : float
        Half-width of the region of practical equivalence of the lift; 0.01 is ± 1 %.
    interval, probability : str, float
        Kind and probability of every interval.
    rng : numpy Generator, optional
        Only for models that draw; the closed forms give the same digits each time.

    Raises
    ------
    AnalysisError
        Fewer than two variants, an unknown control, mixed kinds or caps, an argument outside its bounds.
    """
    _check(metric_data, control, direction, rope)
    kind = next(iter(metric_data.values())).kind
    chosen = models.for_kind(kind) if model is None else models.named(model)
    if chosen.kind != kind:
        raise AnalysisError("unknown_model", f"The model {chosen.name} takes {chosen.kind} statistics, not {kind}.")
    believed = chosen.prior if prior is None else prior
    posterior = _nobody_yet(metric_data) or chosen.fit(metric_data, believed, rng)
    told = {
        "metric": metric,
        "kind": kind,
        "direction": direction,
        "control": control,
        "model": chosen.name,
        "prior": believed,
        "rope": rope,
    }
    if isinstance(posterior, NotShown):
        return _without_numbers(metric_data, told, posterior)
    return result_of(posterior, metric_data, told, interval, probability)


def _nobody_yet(data: Mapping[str, Statistics]) -> NotShown | None:
    """Where no member of any variant did it, every figure would be the prior alone."""
    if all(cell.n > 0 for cell in data.values()) and not any(cell.total for cell in data.values()):
        return NotShown("nobody_yet", "Nobody has done it yet.")
    return None


def _without_numbers(data: Mapping[str, Statistics], told: dict[str, Any], why: NotShown) -> MetricResult:
    rows = tuple(VariantResult(key, cell.n, float(cell.total), cell.mean) for key, cell in data.items())
    control = told["control"]
    comparisons = tuple(ComparisonResult(key, control, lift_not_shown=why.reason) for key in data if key != control)
    return MetricResult(**told, variants=rows, comparisons=comparisons, not_shown=why)


def result_of(
    posterior: Posterior,
    data: Mapping[str, Statistics],
    told: dict[str, Any],
    interval: IntervalKind = "eti",
    probability: float = 0.95,
) -> MetricResult:
    """Read a whole `MetricResult` off any posterior; `told` are its first seven fields."""
    higher = told["direction"] == "higher"
    p_best, loss = posterior.best_and_loss(higher=higher)
    rows = []
    for v, (key, cell) in enumerate(data.items()):
        log_mean, log_sd = posterior.log_moments(v) or (None, None)
        rows.append(
            VariantResult(
                variant=key,
                n=cell.n,
                total=float(cell.total),
                raw_mean=cell.mean,
                mean=posterior.mean(v),
                sd=posterior.sd(v),
                interval=posterior.interval(v, interval, probability),
                p_best=float(p_best[v]),
                expected_loss=float(loss[v]),
                log_mean=log_mean,
                log_sd=log_sd,
                density=posterior.density(v),
            )
        )
    c = list(data).index(told["control"])
    comparisons = tuple(
        _compare(posterior, v, c, told, interval, probability) for v in range(len(posterior.variants)) if v != c
    )
    return MetricResult(**told, variants=tuple(rows), comparisons=comparisons)


def _compare(
    posterior: Posterior, v: int, c: int, told: dict[str, Any], kind: IntervalKind, probability: float
) -> ComparisonResult:
    lift = posterior.lift(v, c, kind, probability)
    above = posterior.p_greater(v, c)
    why = None
    if lift is None:
        why = "The control is still so near 0 that a relative lift has no bounds; look at the difference instead."
    return ComparisonResult(
        variant=posterior.variants[v],
        control=posterior.variants[c],
        lift=lift,
        difference=posterior.difference(v, c, kind, probability),
        p_beats_control=above if told["direction"] == "higher" else 1 - above,
        p_rope=posterior.p_lift_within(v, c, told["rope"]),
        lift_not_shown=why,
        lift_density=posterior.lift_density(v, c),
    )
