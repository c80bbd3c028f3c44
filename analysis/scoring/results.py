"""The result of a scorecard, in typed fields that survive JSON to the digit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from analysis.errors import AnalysisError, NotShown
from analysis.messages import Message
from analysis.posterior.joint import Density, Estimate, Interval
from analysis.priors import NamedPrior
from analysis.statistics.stratified import Stratified

Direction = Literal["higher", "lower"]
#: A chance of being wrong below this cannot be resolved by quadrature, so the loss in that case has no figure.
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
        The metric from the sums alone, before any prior: total / n, or for the return on cost total / cost (None
        without a cost).
    mean, sd, interval : float, float, Interval, or None
        The posterior of the mean per member.
    interval_not_shown : NotShown or None
        Why there is a mean but no interval: too few members with a value.
    p_best : float or None
        Chance of being the best of all variants, in the metric's direction.
    expected_loss : float or None
        Mean shortfall per member against the best variant, in the metric's unit; 0 if this is the best.
    loss_if_wrong : float or None
        The mean shortfall if shipping this variant is wrong. None if it is almost certainly right.
    log_mean, log_sd : float or None
        Of the logarithm of the mean, before any prior, for the verdict; None if the mean is not clear of 0.
    density : Density or None
        For drawing.
    evidence_mean, evidence_sd : float or None
        The mean per member and its standard error before any shrinkage, from which the z-scores of the guarantee
        against false winners are computed.
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
    evidence_mean: float | None = None
    evidence_sd: float | None = None
    interval_not_shown: NotShown | None = None

    @property
    def loss_if_wrong(self) -> float | None:
        """Return the expected loss, given that the variant is not the best."""
        if self.p_best is None or self.expected_loss is None or 1 - self.p_best < AS_GOOD_AS_CERTAIN:
            return None
        return self.expected_loss / (1 - self.p_best)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `from_dict` reads them back."""
        return _plain(self) | {"loss_if_wrong": self.loss_if_wrong}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> VariantResult:
        """Read a stored row back; derived fields are recomputed."""
        return cls(**_revived({name: value for name, value in data.items() if name in cls.__slots__}))


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """One variant against the control.

    Attributes
    ----------
    lift : Estimate or None
        variant / control − 1; None with the reason in `lift_not_shown`.
    difference : Estimate or None
        variant − control, in the metric's unit.
    p_beats_control : float or None
        Chance of being better than the control, in the metric's direction.
    p_rope : float or None
        Chance that the lift is within ± the ROPE, too small to matter.
    """

    variant: str
    control: str
    lift: Estimate | None = None
    difference: Estimate | None = None
    p_beats_control: float | None = None
    p_rope: float | None = None
    lift_not_shown: Message | None = None
    lift_density: Density | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `from_dict` reads them back."""
        return _plain(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ComparisonResult:
        """Read a stored row back."""
        return cls(**_revived(data))


@dataclass(frozen=True, slots=True)
class MetricResult:
    """All variants and comparisons of one metric, or the reason why they are not shown (`not_shown`).

    Attributes
    ----------
    stratified : Stratified or None
        The weighting over allocation epochs, if the traffic split changed during the run.
    """

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
    stratified: Stratified | None = None

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
        """Return plain JSON values: an entry of "metrics" of the HTTP contract, with the densities for drawing."""
        return {
            "metric": self.metric,
            "kind": self.kind,
            "direction": self.direction,
            "control": self.control,
            "model": self.model,
            "prior": self.prior.to_dict(),
            "rope": self.rope,
            "not_shown": None if self.not_shown is None else self.not_shown.to_dict(),
            "stratified": None if self.stratified is None else self.stratified.to_dict(),
            "variants": [row.to_dict() for row in self.variants],
            "comparisons": [row.to_dict() for row in self.comparisons],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MetricResult:
        """Read a stored result back."""
        return cls(
            **{name: data[name] for name in ("metric", "kind", "direction", "control", "model", "rope")},
            prior=NamedPrior.from_dict(data["prior"]),
            not_shown=None if data["not_shown"] is None else NotShown.from_dict(data["not_shown"]),
            variants=tuple(VariantResult.from_dict(row) for row in data["variants"]),
            comparisons=tuple(ComparisonResult.from_dict(row) for row in data["comparisons"]),
            stratified=Stratified.from_dict(data["stratified"]) if data.get("stratified") else None,
        )


def _plain(row: VariantResult | ComparisonResult) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in row.__slots__}
    return {name: value.to_dict() if hasattr(value, "to_dict") else value for name, value in values.items()}


def _revived(row: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the plain values of a stored row back into intervals, estimates and densities."""
    out = dict(row)
    for name in ("lift", "difference"):
        if out.get(name) is not None:
            out[name] = Estimate.from_dict(out[name])
    if out.get("interval") is not None:
        out["interval"] = Interval(**out["interval"])
    if out.get("interval_not_shown") is not None:
        out["interval_not_shown"] = NotShown.from_dict(out["interval_not_shown"])
    if out.get("lift_not_shown") is not None:
        out["lift_not_shown"] = Message.from_dict(out["lift_not_shown"])
    for name in ("density", "lift_density"):
        if out.get(name) is not None:
            out[name] = Density.from_dict(out[name])
    return out
