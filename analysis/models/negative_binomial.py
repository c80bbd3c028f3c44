"""Counts per member as a negative binomial: frequency and dispersion. Sampled by NUTS; needs PyMC.

times ~ NegativeBinomial(mean m, dispersion φ): variance m + φ m²; φ = 0 is Poisson. The likelihood is exact on the
histogram and written without gamma functions, by the number of members with more than j events, so that it neither
overflows nor loses digits near Poisson:

    log L = Σ_j N(times > j) log(1 + j φ) − Σ log times! + Σ times · log m − Σ (times + 1/φ) log(1 + φ m)

The verdict does not use this model but moments (`count`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import gammaln
from scipy.stats import nbinom, poisson

from analysis import priors
from analysis.errors import NotShown, not_shown
from analysis.messages import message
from analysis.posterior.joint import DrawnPosterior, Estimate, IntervalKind, drawn_estimate, estimates_from_dict
from analysis.priors import NamedPrior
from analysis.sampling import engine, fitting
from analysis.sampling.diagnostics import Diagnostics
from analysis.sampling.engine import Draws
from analysis.sampling.predictive import Check, check, failures, thinned
from analysis.statistics import CountStatistics

#: Maximum count of one member; above it, the histogram is not a count of actions.
MAX_TIMES = 5000
#: Minimum of members with events in each variant.
MIN_POSITIVE = 5
#: Share of members that counts as the busiest.
BUSIEST = 0.1
#: The figures of the fitted distribution, all of shape (chains, draws, variants) in `CountResult.draws`.
FIGURES = ("mean", "dispersion", "never", "each", "busiest")

Data = Mapping[str, CountStatistics]


@dataclass(frozen=True, slots=True)
class CountVariant:
    """One variant.

    Attributes
    ----------
    mean : Estimate
        Times per member.
    dispersion : Estimate
        φ: 0 if all members act at the same rate (Poisson); 1 and more if few members have most events.
    never : Estimate
        Share of members without events.
    each : Estimate
        Events per member with events: (1 − never) × each = mean in each draw.
    busiest : Estimate
        Share of all events by the busiest tenth of the members; 1 if no more than a tenth have any.
    alike : float
        The same share by chance alone, if all members had the posterior mean rate.
    lift : Estimate or None
        mean / control's mean − 1; None for the control.
    p_beats_control : float or None
        Chance of a higher mean (or lower, by the metric's direction).
    """

    variant: str
    n: int
    positive: int
    mean: Estimate
    dispersion: Estimate
    never: Estimate
    each: Estimate
    busiest: Estimate
    alike: float
    lift: Estimate | None = None
    p_beats_control: float | None = None

    def to_dict(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value.to_dict() if hasattr(value, "to_dict") else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CountVariant:
        """Read a stored variant back."""
        figures = ("mean", "dispersion", "never", "each", "busiest", "lift")
        return cls(**dict(data) | estimates_from_dict(data, *figures))


@dataclass(frozen=True, slots=True)
class CountResult:
    """The fit of a count metric, or the reason why it is not shown (`not_shown`).

    Attributes
    ----------
    variants : tuple of CountVariant
        In the order of the data; empty if not shown.
    draws : Draws or None
        Of `FIGURES` and the parameters, the axis `variant` named, for `analysis.sampling.engine.to_arviz`.
    """

    metric: str
    not_shown: NotShown | None
    variants: tuple[CountVariant, ...] = ()
    checks: tuple[Check, ...] = ()
    diagnostics: Diagnostics | None = None
    prior: NamedPrior = priors.NEGATIVE_BINOMIAL_WEAK
    seed: int = 0
    engine: str = ""
    draws: Draws | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "not_shown": self.not_shown.to_dict() if self.not_shown else None,
            "variants": [row.to_dict() for row in self.variants],
            "checks": [one.to_dict() for one in self.checks],
            "diagnostics": self.diagnostics.to_dict() if self.diagnostics else None,
            "prior": self.prior.to_dict(),
            "seed": self.seed,
            "engine": self.engine,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CountResult:
        """Read a stored result back, without its draws."""
        return cls(
            metric=data["metric"],
            not_shown=None if data["not_shown"] is None else NotShown.from_dict(data["not_shown"]),
            variants=tuple(CountVariant.from_dict(row) for row in data["variants"]),
            checks=tuple(Check.from_dict(one) for one in data["checks"]),
            diagnostics=None if data["diagnostics"] is None else Diagnostics.from_dict(data["diagnostics"]),
            prior=NamedPrior.from_dict(data["prior"]),
            seed=data["seed"],
            engine=data["engine"],
        )


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A fit that passed its diagnostics; figures by the names of FIGURES, arrays of shape (draws, variants)."""

    figures: Mapping[str, np.ndarray]
    checks: tuple[Check, ...]
    diagnostics: Diagnostics
    draws: engine.Draws


def build(variants: int) -> Any:
    """Return the PyMC model for a number of variants, without data."""
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model() as model:
        steps = pm.Data("steps", np.zeros(1))
        beyond = pm.Data("beyond", np.zeros((variants, 1)))
        n, total, constant = (pm.Data(name, np.ones(variants)) for name in ("n", "total", "constant"))
        centre, sds = pm.Data("centre", np.array(0.0)), pm.Data("sds", np.ones(4))
        level = pm.Normal("level", centre, sds[0])
        log_mean = pm.Normal("log_mean", level, sds[1], shape=variants)
        unevenness = pm.Normal("unevenness", 0.0, sds[2])
        log_dispersion = pm.Normal("log_dispersion", unevenness, sds[3], shape=variants)
        mean, dispersion = pt.exp(log_mean), pt.exp(log_dispersion)
        grown = (beyond * pt.log1p(steps[None, :] * dispersion[:, None])).sum(axis=1)
        shrunk = (total + n / dispersion) * pt.log1p(dispersion * mean)
        pm.Potential("counts", (grown + total * log_mean - shrunk - constant).sum())
    return model


def data_of(statistics: Data, prior: NamedPrior) -> dict[str, np.ndarray]:
    """Return the model's `pm.Data`: the members with more than j events, for every j, and the plain sums."""
    own = tuple(statistics.values())
    most = max(times for s in own for times, _ in s.histogram)
    beyond = np.zeros((len(own), max(most, 1)))
    for v, s in enumerate(own):
        for times, members in s.histogram:
            beyond[v, :times] += members
    n, total = (np.array([float(getattr(s, name)) for s in own]) for name in ("n", "total"))
    return {
        "steps": np.arange(beyond.shape[1], dtype=float),
        "beyond": beyond,
        "n": n,
        "total": total,
        "constant": np.array([sum(members * gammaln(times + 1.0) for times, members in s.histogram) for s in own]),
        "centre": np.log(total.sum() / n.sum()),
        "sds": np.array([prior[name] for name in ("level_sd", "variant_sd", "dispersion_sd", "dispersion_variant_sd")]),
    }


def fit(statistics: Data, prior: NamedPrior, rng: np.random.Generator | None = None) -> DrawnPosterior | NotShown:
    """Return the posterior of the mean count per member."""
    fitted = _fitted(statistics, prior, rng or np.random.default_rng(1), 1000, 4)
    return DrawnPosterior(tuple(statistics), fitted.figures["mean"]) if isinstance(fitted, _Fitted) else fitted[0]


def fit_counts(
    statistics: Data,
    *,
    control: str,
    direction: str = "higher",
    metric: str = "",
    seed: int = 1,
    draws: int = 1000,
    chains: int = 4,
    prior: NamedPrior = priors.NEGATIVE_BINOMIAL_WEAK,
    interval: IntervalKind = "eti",
) -> CountResult:
    """Fit the frequency and dispersion of a count in each variant.

    Parameters
    ----------
    statistics : mapping of variant to CountStatistics
    control : str
    direction : {"higher", "lower"}
    prior : NamedPrior
        With `level_sd`, `variant_sd`, `dispersion_sd`, `dispersion_variant_sd`.
    interval : {"eti", "hdi"}
        Kind of the 95 % intervals.

    Raises
    ------
    AnalysisError
        No variants, data of another kind, or a control without data.
    """
    fitting.check_control(statistics, control)
    fitted = _fitted(statistics, prior, np.random.default_rng(seed), draws, chains)
    if not isinstance(fitted, _Fitted):
        why, checks = fitted
        return CountResult(metric, why, checks=checks, prior=prior, seed=seed)
    rows = _rows(statistics, fitted, control, interval, higher=direction == "higher")
    used = fitted.draws
    return CountResult(metric, None, rows, fitted.checks, fitted.diagnostics, prior, seed, used.engine, used)


def _rows(
    statistics: Data, fitted: _Fitted, control: str, kind: IntervalKind, *, higher: bool
) -> tuple[CountVariant, ...]:
    base, rows, drawn = list(statistics).index(control), [], fitted.figures["mean"]
    for v, (variant, own) in enumerate(statistics.items()):
        estimates: dict[str, Any] = {name: drawn_estimate(draws[:, v], kind) for name, draws in fitted.figures.items()}
        poisson_mean = estimates["mean"].mean
        alike = float(_part(poisson(poisson_mean), poisson(poisson_mean), poisson_mean))
        lifts = drawn[:, v] / drawn[:, base] - 1
        row = CountVariant(variant, own.n, own.positive, alike=alike, **estimates)
        if v != base:
            better = float((lifts > 0 if higher else lifts < 0).mean())
            row = replace(row, lift=drawn_estimate(lifts, kind), p_beats_control=better)
        rows.append(row)
    return tuple(rows)


def _part(times: Any, sized: Any, mean: Any) -> Any:
    """Return the share of all events by the busiest tenth, from the Lorenz curve; ties are divided.

    Parameters
    ----------
    times : frozen distribution
        Of a member's count.
    sized : frozen distribution
        Of the size-biased count − 1: E[times; times > k] = mean · P(sized ≥ k).
    """
    last = times.isf(BUSIEST)
    return sized.sf(last - 1) + last * (BUSIEST - times.sf(last)) / mean


def figures_of(log_mean: np.ndarray, log_dispersion: np.ndarray) -> dict[str, np.ndarray]:
    """Return the figures of a distribution by the names of FIGURES; arrays of one shape."""
    mean, dispersion = np.exp(log_mean), np.exp(log_dispersion)
    quiet = -np.log1p(dispersion * mean) / dispersion
    size, chance = 1 / dispersion, 1 / (1 + dispersion * mean)
    part = _part(nbinom(size, chance), nbinom(size + 1, chance), mean)
    return dict(zip(FIGURES, (mean, dispersion, np.exp(quiet), mean / -np.expm1(quiet), part), strict=True))


def _shown(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the diagnosed figures, without a busiest share of 1, which has no upper tail."""
    figures = figures_of(values["log_mean"], values["log_dispersion"])
    return figures | {"busiest": figures["busiest"][..., figures["busiest"].max(axis=(0, 1)) < 1]}


def _refused(statistics: Data) -> NotShown | None:
    """Return why this model cannot be fitted to the data, or None."""
    for variant, own in statistics.items():
        if own.positive < MIN_POSITIVE:
            return not_shown("too_few_counts", variant=variant, active=own.positive, members=own.n, fewest=MIN_POSITIVE)
        if own.histogram[-1][0] > MAX_TIMES:
            return not_shown("too_many_times", variant=variant, times=own.histogram[-1][0], most=MAX_TIMES)
    return None


def _fitted(
    statistics: Data, prior: NamedPrior, rng: np.random.Generator, draws: int, chains: int
) -> _Fitted | tuple[NotShown, tuple[Check, ...]]:
    fitting.of_one_kind(statistics, CountStatistics, "counts")
    if why := _refused(statistics):
        return why, ()
    # The second attempt is for counts near Poisson, where the dispersion's logarithm has a long tail.
    fitted = fitting.sampled(
        build, (len(statistics),), data_of(statistics, prior), seed=int(rng.integers(2**31)), draws=draws,
        chains=chains, longer=3, derived=_shown,
    )  # fmt: skip
    if isinstance(fitted, NotShown):
        return fitted, ()
    drawn, diagnostics = fitted
    figures = figures_of(drawn.values["log_mean"], drawn.values["log_dispersion"])
    flat = {name: value.reshape(-1, value.shape[-1]) for name, value in figures.items()}
    checks = _checks(statistics, flat["mean"], flat["dispersion"], rng)
    if bad := failures(checks):
        return not_shown("fits_no_family.counts", check=bad[0].beside_expected), checks
    axes = dict.fromkeys(("log_mean", "log_dispersion", *FIGURES), ("variant",))
    drawn = drawn.labelled(axes, {"variant": tuple(statistics)}, **figures)
    return _Fitted(flat, checks, diagnostics, drawn)


def _checks(statistics: Data, mean: np.ndarray, dispersion: np.ndarray, rng: np.random.Generator) -> tuple[Check, ...]:
    """Compare the share of zeros and the variance with those of replicated members."""
    results, mean, dispersion = [], thinned(mean), thinned(dispersion)
    for v, (variant, own) in enumerate(statistics.items()):
        never, spread = _replicated(own.n, mean[:, v], dispersion[:, v], rng)
        variance = own.total_squares / own.n - (own.total / own.n) ** 2
        of = {"checks": 2 * len(statistics)}
        results.append(check(message("check.share_without", variant=variant), 1 - own.positive / own.n, never, **of))
        results.append(check(message("check.variance", variant=variant), variance, spread, **of))
    return tuple(results)


def _replicated(
    n: int, mean: np.ndarray, dispersion: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw histograms of n members, one for each draw of the parameters; return share of zeros and variance."""
    size, chance = 1 / dispersion, 1 / (1 + dispersion * mean)
    top = int(nbinom.isf(0.01 / n, size, chance).max()) + 1
    times = np.arange(min(top, 20 * MAX_TIMES) + 1)
    never, spread = np.empty(len(mean)), np.empty(len(mean))
    # In blocks, to bound the memory that long tails need.
    for rows in np.array_split(np.arange(len(mean)), 1 + len(mean) * len(times) // 1_000_000):
        mass = nbinom.pmf(times, size[rows, None], chance[rows, None])
        members = rng.multinomial(n, mass / mass.sum(axis=1, keepdims=True))
        first, second = members @ times / n, members @ times.astype(float) ** 2 / n
        never[rows], spread[rows] = members[:, 0] / n, second - first**2
    return never, spread
