"""Retention: half-life and curves in closed form, and the days after the window by PyMC.

The half-life is the number of days after exposure until half of the returning members have returned for the last time
within the window, from members whose window is over. See `survival` for the formulas and `lifetimes` for the tail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis import priors
from analysis.errors import AnalysisError, NotShown, not_shown
from analysis.models.retention import lifetimes, survival
from analysis.models.retention.lifetimes import Tail
from analysis.models.retention.survival import CurvePoint
from analysis.posterior.joint import (
    DrawnPosterior,
    Estimate,
    IntervalKind,
    drawn_estimate,
    estimate_from_dict,
    estimate_to_dict,
    interval_from,
)
from analysis.priors import NamedPrior
from analysis.sampling.diagnostics import Diagnostics
from analysis.statistics import RetentionStatistics

#: With fewer, even the range of all last returns contains the half-life in less than 95 % of cases.
FEWEST_RETURNED = 6


def fit(
    statistics: Mapping[str, RetentionStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> DrawnPosterior | NotShown:
    """Return the posterior of each variant's half-life in days, by draws from its closed form.

    Parameters
    ----------
    prior : NamedPrior
        With `never` and `returned`: prior weights in members, see `priors.WEAK_RETURN`.
    rng : numpy Generator
        The same state gives the same digits; by default seed 1.
    """
    _check(statistics)
    rng = rng or np.random.default_rng(1)
    for key, cell in statistics.items():
        why = _no_half_life(cell)
        if why is not None:
            return why.of_variant(key)
    drawn = [survival.half_life_draws(cell, prior, rng) for cell in statistics.values()]
    return DrawnPosterior(tuple(statistics), np.column_stack(drawn))


def _check(data: Mapping[str, RetentionStatistics]) -> None:
    if not data:
        raise AnalysisError("too_few_variants", "There is data for no variant; give at least one.")
    for key, cell in data.items():
        if not isinstance(cell, RetentionStatistics):
            raise AnalysisError(
                "mixed_kinds", f"The data of {key!r} are a {type(cell).__name__}; give RetentionStatistics."
            )
    horizons = {key: cell.horizon for key, cell in data.items()}
    if len(set(horizons.values())) > 1:
        listed = ", ".join(f"{key}: {days}" for key, days in horizons.items())
        raise AnalysisError("mixed_kinds", f"The variants have windows of different days ({listed}); use one for all.")


def _no_mature(cell: RetentionStatistics) -> NotShown | None:
    if cell.horizon < 2:
        return not_shown("no_later_day")
    if cell.n == 0:
        return not_shown("no_members")
    if cell.mature == 0:
        return not_shown("nobody_mature", days=cell.horizon)
    return None


def _no_half_life(cell: RetentionStatistics) -> NotShown | None:
    if (why := _no_mature(cell)) is not None:
        return why
    if cell.total == 0:
        return not_shown("nobody_returned", members=cell.mature)
    if cell.total < FEWEST_RETURNED:
        return not_shown("too_few_returns", returned=cell.total, fewest=FEWEST_RETURNED)
    return None


@dataclass(frozen=True, slots=True)
class VariantRetention:
    """One variant's retention.

    Attributes
    ----------
    n, mature : int
        Members, and those whose whole window is over.
    curve : tuple of CurvePoint
        Of mature members: the share whose last return is on day d or later.
    half_life : Estimate or NotShown
        Days.
    ever_returned : Estimate or NotShown
        Share of mature members who came back within the window.
    returning : tuple of CurvePoint
        Of all members: the share who have returned by the end of day d, with young members counted for their observed
        days (Kaplan-Meier). Ends on the last day on which a member was observed.
    tail : Tail
    half_life_draws : array of shape (draws,) or None
        Of the half-life.
    """

    variant: str
    n: int
    mature: int
    curve: tuple[CurvePoint, ...]
    half_life: Estimate | NotShown
    ever_returned: Estimate | NotShown
    returning: tuple[CurvePoint, ...]
    tail: Tail
    half_life_draws: np.ndarray | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        return {
            "variant": self.variant,
            "n": self.n,
            "mature": self.mature,
            "curve": [point.to_dict() for point in self.curve],
            "half_life": estimate_to_dict(self.half_life),
            "ever_returned": estimate_to_dict(self.ever_returned),
            "returning": [point.to_dict() for point in self.returning],
            "tail": self.tail.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> VariantRetention:
        """Read a stored variant back, without its draws."""
        return cls(
            **{name: data[name] for name in ("variant", "n", "mature")},
            curve=tuple(CurvePoint(**point) for point in data["curve"]),
            half_life=estimate_from_dict(data["half_life"]),
            ever_returned=estimate_from_dict(data["ever_returned"]),
            returning=tuple(CurvePoint(**point) for point in data["returning"]),
            tail=Tail.from_dict(data["tail"]),
        )


@dataclass(frozen=True, slots=True)
class RetentionResult:
    """All variants' retention, or why it is not shown (`not_shown`).

    Attributes
    ----------
    diagnostics : Diagnostics or None
        Of the tail's fit, the only sampled part; None if it was not fitted.
    """

    horizon: int
    variants: tuple[VariantRetention, ...]
    prior: NamedPrior
    seed: int
    diagnostics: Diagnostics | None = None
    engine: str | None = None
    not_shown: NotShown | None = None

    def variant(self, key: str) -> VariantRetention:
        for row in self.variants:
            if row.variant == key:
                return row
        raise AnalysisError("unknown_variant", f"There is no variant {key!r} in the retention.")

    def to_dict(self) -> dict[str, Any]:
        return {
            "not_shown": None if self.not_shown is None else self.not_shown.to_dict(),
            "horizon": self.horizon,
            "variants": [row.to_dict() for row in self.variants],
            "prior": self.prior.to_dict(),
            "diagnostics": None if self.diagnostics is None else self.diagnostics.to_dict(),
            "seed": self.seed,
            "engine": self.engine,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RetentionResult:
        """Read a stored result back, without its draws."""
        return cls(
            horizon=data["horizon"],
            variants=tuple(VariantRetention.from_dict(row) for row in data["variants"]),
            prior=NamedPrior.from_dict(data["prior"]),
            seed=data["seed"],
            diagnostics=None if data["diagnostics"] is None else Diagnostics.from_dict(data["diagnostics"]),
            engine=data["engine"],
            not_shown=None if data["not_shown"] is None else NotShown.from_dict(data["not_shown"]),
        )


def fit_retention(
    data: Mapping[str, RetentionStatistics],
    *,
    seed: int = 1,
    prior: NamedPrior = priors.WEAK_RETURN,
    tail_prior: NamedPrior = priors.RETENTION_WEAK,
    interval: IntervalKind = "eti",
    probability: float = 0.95,
    tail: bool = True,
) -> RetentionResult:
    """Fit the retention of each variant.

    Parameters
    ----------
    data : mapping of variant key to RetentionStatistics
        All of one horizon.
    tail : bool
        Whether to fit the days after the window, which needs PyMC; without it only the closed form is computed.

    Raises
    ------
    AnalysisError
        No variant, another kind of statistic, different windows.
    """
    _check(data)
    horizon = next(iter(data.values())).horizon
    why = _nothing(data)
    if why is not None:
        return RetentionResult(horizon, (), prior, seed, not_shown=why)
    rng = np.random.default_rng(seed)
    closed = {key: _closed(cell, prior, interval, probability, rng) for key, cell in data.items()}
    if tail:
        tails, diagnostics, used = lifetimes.fit_tails(data, tail_prior, seed)
    else:
        not_requested = Tail(not_shown=not_shown("not_asked.tail"))
        tails, diagnostics, used = dict.fromkeys(data, not_requested), None, None
    rows = tuple(
        VariantRetention(key, cell.n, cell.mature, *closed[key][:-1], tails[key], closed[key][-1])
        for key, cell in data.items()
    )
    return RetentionResult(horizon, rows, prior, seed, diagnostics, used)


def _nothing(data: Mapping[str, RetentionStatistics]) -> NotShown | None:
    horizon = next(iter(data.values())).horizon
    if horizon < 2:
        return not_shown("no_later_day")
    if not any(cell.n for cell in data.values()):
        return not_shown("no_members")
    if not any(at_risk for cell in data.values() for _, at_risk, _ in cell.first):
        return not_shown("nobody_seen")
    return None


def _closed(
    cell: RetentionStatistics,
    prior: NamedPrior,
    interval: IntervalKind,
    probability: float,
    rng: np.random.Generator,
) -> tuple[tuple[CurvePoint, ...], Estimate | NotShown, Estimate | NotShown, tuple[CurvePoint, ...], np.ndarray | None]:
    """Return curve, half-life, ever returned and returning of one variant, and the draws of the half-life."""
    returning = survival.returning(cell, prior, interval, probability, rng)
    if (why := _no_mature(cell)) is not None:
        return (), why, why, returning, None
    marginal = survival.ever_returned(cell, prior)
    shown = interval_from(lambda p: float(marginal.ppf(p)), interval, probability)
    ever = Estimate(marginal.mean, shown, float(marginal.ppf(0.5)))
    half_life: Estimate | NotShown | None = _no_half_life(cell)
    drawn = None
    if half_life is None:
        drawn = survival.half_life_draws(cell, prior, rng)
        half_life = drawn_estimate(drawn, interval, probability)
    return survival.retention_curve(cell, prior, interval, probability), half_life, ever, returning, drawn
