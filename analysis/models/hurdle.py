"""Hurdle model: the share of buyers times the amount per buyer. Sampled by NUTS; needs PyMC.

Each member buys with the variant's share; a buyer's amount is log-normal or gamma. Both likelihoods are exact on
`AmountStatistics`: log-normal from (positive, Σ log x, Σ (log x)²), gamma from (positive, Σ x, Σ log x). The first
family that reproduces the sums it was *not* fitted to is shown, or none: a log-normal mean is too high by up to 280 %
if amounts are not log-normal. The verdict does not use this model but moments (`amount`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis import priors
from analysis.errors import NotShown, not_shown
from analysis.messages import Message, message
from analysis.models import amount_families
from analysis.models.amount_families import Family
from analysis.posterior.joint import DrawnPosterior, Estimate, IntervalKind, drawn_estimate, estimates_from_dict
from analysis.priors import NamedPrior
from analysis.sampling import engine, fitting
from analysis.sampling.diagnostics import Diagnostics
from analysis.sampling.engine import Draws
from analysis.sampling.predictive import Check, failures
from analysis.statistics import AmountStatistics

#: Minimum of buyers in each variant; with fewer the distribution of amounts is unknown.
MIN_BUYERS = 20
#: Maximum share of buyers whose amount was cut at the cap.
MAX_CUT = 0.01

Data = Mapping[str, AmountStatistics]


@dataclass(frozen=True, slots=True)
class HurdleVariant:
    """One variant's share of buyers and amount per buyer.

    Attributes
    ----------
    n, positive : int
        Members, and those with an amount above 0.
    share : Estimate
        Probability that a member buys.
    amount : Estimate
        Mean amount of a buyer, cut at the cap if there is one.
    mean : Estimate
        share × amount: mean per member.
    share_lift, amount_lift, mean_lift : Estimate or None
        The lifts over the control; None for the control. (1 + share lift) (1 + amount lift) = 1 + mean lift in
        each draw.
    """

    variant: str
    n: int
    positive: int
    share: Estimate
    amount: Estimate
    mean: Estimate
    share_lift: Estimate | None = None
    amount_lift: Estimate | None = None
    mean_lift: Estimate | None = None

    def to_dict(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value.to_dict() if hasattr(value, "to_dict") else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> HurdleVariant:
        """Read a stored variant back."""
        figures = ("share", "amount", "mean", "share_lift", "amount_lift", "mean_lift")
        return cls(**dict(data) | estimates_from_dict(data, *figures))


@dataclass(frozen=True, slots=True)
class HurdleResult:
    """The hurdle model of a money metric, or the reason why it is not shown (`not_shown`).

    Attributes
    ----------
    family : {"log_normal", "gamma"} or None
    variants : tuple of HurdleVariant
        In the order of the data; empty if not shown.
    checks : tuple of Check
        Of the family shown; of both families if neither passed.
    note : Message or None
        A note about amounts that were cut.
    draws : Draws or None
        With the axis `variant` named, for `analysis.sampling.engine.to_arviz`.
    """

    metric: str
    not_shown: NotShown | None
    family: str | None = None
    variants: tuple[HurdleVariant, ...] = ()
    checks: tuple[Check, ...] = ()
    diagnostics: Diagnostics | None = None
    prior: NamedPrior = priors.HURDLE_WEAK
    seed: int = 0
    engine: str = ""
    note: Message | None = None
    draws: Draws | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "not_shown": self.not_shown.to_dict() if self.not_shown else None,
            "family": self.family,
            "variants": [row.to_dict() for row in self.variants],
            "checks": [one.to_dict() for one in self.checks],
            "diagnostics": self.diagnostics.to_dict() if self.diagnostics else None,
            "prior": self.prior.to_dict(),
            "seed": self.seed,
            "engine": self.engine,
            "note": None if self.note is None else self.note.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> HurdleResult:
        """Read a stored result back, without its draws."""
        return cls(
            metric=data["metric"],
            not_shown=None if data["not_shown"] is None else NotShown.from_dict(data["not_shown"]),
            family=data["family"],
            variants=tuple(HurdleVariant.from_dict(row) for row in data["variants"]),
            checks=tuple(Check.from_dict(one) for one in data["checks"]),
            diagnostics=None if data["diagnostics"] is None else Diagnostics.from_dict(data["diagnostics"]),
            prior=NamedPrior.from_dict(data["prior"]),
            seed=data["seed"],
            engine=data["engine"],
            note=None if data["note"] is None else Message.from_dict(data["note"]),
        )


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A family's fit that passed its diagnostics: arrays of shape (draws, variants)."""

    family: Family
    share: np.ndarray
    amount: np.ndarray
    checks: tuple[Check, ...]
    diagnostics: Diagnostics
    draws: engine.Draws


def fit(statistics: Data, prior: NamedPrior, rng: np.random.Generator | None = None) -> DrawnPosterior | NotShown:
    """Return the posterior of the mean per member: share of buyers × mean amount of a buyer."""
    fitted = _first_that_fits(statistics, prior, rng or np.random.default_rng(1), 1000, 4)
    if not isinstance(fitted, _Fitted):
        return fitted[0]
    return DrawnPosterior(tuple(statistics), fitted.share * fitted.amount)


def fit_hurdle(
    statistics: Data,
    *,
    control: str,
    metric: str = "",
    seed: int = 1,
    draws: int = 1000,
    chains: int = 4,
    prior: NamedPrior = priors.HURDLE_WEAK,
    interval: IntervalKind = "eti",
) -> HurdleResult:
    """Fit the share of buyers and the amount per buyer.

    Parameters
    ----------
    statistics : mapping of variant to AmountStatistics
    control : str
    seed : int
        The same seed, data, machine and versions give the same digits.
    prior : NamedPrior
        With `level_sd`, `variant_sd`, `shape_sd`, `shape_variant_sd`.
    interval : {"eti", "hdi"}
        Kind of the 95 % intervals.

    Raises
    ------
    AnalysisError
        No variants, or a control without data.
    """
    fitting.check_control(statistics, control)
    fitted = _first_that_fits(statistics, prior, np.random.default_rng(seed), draws, chains)
    if not isinstance(fitted, _Fitted):
        why, checks = fitted
        return HurdleResult(metric, why, checks=checks, prior=prior, seed=seed)
    return HurdleResult(
        metric,
        None,
        fitted.family.name,
        _rows(statistics, fitted, control, interval),
        fitted.checks,
        fitted.diagnostics,
        prior,
        seed,
        fitted.draws.engine,
        _note(statistics),
        fitted.draws,
    )


def _rows(statistics: Data, fitted: _Fitted, control: str, kind: IntervalKind) -> tuple[HurdleVariant, ...]:
    base = list(statistics).index(control)
    drawn = (fitted.share, fitted.amount, fitted.share * fitted.amount)
    rows = []
    for v, (variant, own) in enumerate(statistics.items()):
        lifts = [None if v == base else drawn_estimate(of[:, v] / of[:, base] - 1, kind) for of in drawn]
        estimates = [drawn_estimate(of[:, v], kind) for of in drawn]
        rows.append(HurdleVariant(variant, own.n, own.positive, *estimates, *lifts))
    return tuple(rows)


def _note(statistics: Data) -> Message | None:
    cut = sum(own.capped for own in statistics.values())
    cap = next(own.cap for own in statistics.values())
    return message("note.amounts_cut", amounts=cut, cap=float(cap)) if cut and cap is not None else None


def _refused(statistics: Data) -> NotShown | None:
    """Return why no family can be fitted to the data, or None."""
    for variant, own in statistics.items():
        if own.positive < MIN_BUYERS:
            return not_shown("too_few_amounts", variant=variant, buyers=own.positive, fewest=MIN_BUYERS)
        if own.capped > MAX_CUT * own.positive:
            share, cap = own.capped / own.positive, None if own.cap is None else float(own.cap)
            return not_shown("cut_amounts", variant=variant, share=share, cap=cap, most=MAX_CUT)
        # Sums over equal logarithms differ only by rounding.
        if own.log_total_squares - own.log_total**2 / own.positive <= 1e-9 * max(1.0, own.log_total_squares):
            return not_shown("no_spread.amounts", variant=variant)
    return None


def _first_that_fits(
    statistics: Data, prior: NamedPrior, rng: np.random.Generator, draws: int, chains: int
) -> _Fitted | tuple[NotShown, tuple[Check, ...]]:
    """Return the first family that passes its checks, or the reason why none does with all checks."""
    fitting.of_one_kind(statistics, AmountStatistics, "amounts")
    if why := _refused(statistics):
        return why, ()
    checks: tuple[Check, ...] = ()
    trouble: NotShown | None = None
    for family in amount_families.FAMILIES:
        fitted = _sampled(statistics, prior, rng, family, draws, chains)
        if isinstance(fitted, NotShown):
            trouble = trouble or fitted
            continue
        if not failures(fitted.checks):
            return fitted
        checks += fitted.checks
    return trouble or not_shown("fits_no_family.amounts", check=failures(checks)[0].beside_expected), checks


def _sampled(
    statistics: Data, prior: NamedPrior, rng: np.random.Generator, family: Family, draws: int, chains: int
) -> _Fitted | NotShown:
    names = tuple(statistics)
    seed = int(rng.integers(2**31))
    known = amount_families.data_of(statistics.values(), prior)
    data = {name: known[name] for name in family.data}
    fitted = fitting.sampled(family.build, (len(names),), data, seed=seed, draws=draws, chains=chains, longer=2)
    if isinstance(fitted, NotShown):
        return fitted
    sampled, diagnostics = fitted
    flat = {name: value.reshape(-1, *value.shape[2:]) for name, value in sampled.values.items()}
    cap = next((float(own.cap) for own in statistics.values() if own.cap is not None), None)
    amount = family.mean(flat, cap)
    checks = family.check(flat, statistics, cap, rng)
    shaped = amount.reshape(*sampled.values["share"].shape)
    axes = dict.fromkeys(("share", *family.by_variant, "amount"), ("variant",))
    return _Fitted(
        family, flat["share"], amount, checks, diagnostics,
        sampled.labelled(axes, {"variant": names}, amount=shaped),
    )  # fmt: skip
