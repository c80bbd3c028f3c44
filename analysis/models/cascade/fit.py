"""Word of mouth: members brought by a member (R, the K-factor), their dispersion, and the reach. Needs PyMC.

See `offspring` for the likelihood, in which young members count for the share of their sharing that can have happened
so far. One fit serves two models of the registry: `k_factor` is R, and `reach` is the eventual number of members from
one exposure, 1/(1 - R), if R is clearly below 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from analysis import priors
from analysis.errors import AnalysisError, NotShown, not_shown
from analysis.messages import Message, message
from analysis.models.cascade.offspring import build, checks_of, complete_r, data_of, offspring_of
from analysis.models.cascade.result import CascadeComparison, CascadeResult, Reach, VariantCascade
from analysis.posterior.joint import DrawnPosterior, Estimate, IntervalKind, drawn_estimate
from analysis.priors import NamedPrior
from analysis.sampling import engine
from analysis.sampling.diagnostics import Diagnostics, diagnose
from analysis.sampling.fitting import not_trusted
from analysis.sampling.predictive import Check, failures
from analysis.statistics import CascadeStatistics

#: Above this R one exposure reaches more than 20 members, and the reach is very sensitive to R.
NEAR_ONE = 0.95
#: Reach is shown if R is above that in a smaller share of draws, so that no interval up to 99 % includes them.
CLEAR_OF_ONE = 0.005
KEPT_FITS = 8


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fit; `r` and `dispersion` have shape (draws, variants).

    If the data contradict the model, `r` comes from complete members without the model, there is no `dispersion`, and
    `note` has the reason.
    """

    r: np.ndarray
    dispersion: np.ndarray | NotShown
    diagnostics: Diagnostics
    checks: tuple[Check, ...]
    engine: str
    note: Message | None = None


@dataclass(frozen=True, slots=True)
class MedianPosterior(DrawnPosterior):
    """Draws summarised by their median, since 1/(1 - R) has no mean near R = 1."""

    def mean(self, v: int) -> float:
        return float(np.median(self.matrix[:, v]))

    def difference(self, v: int, c: int, kind: IntervalKind = "eti", probability: float = 0.95) -> Estimate:
        return _by_median(self.matrix[:, v] - self.matrix[:, c], kind, probability)

    def lift(self, v: int, c: int, kind: IntervalKind = "eti", probability: float = 0.95) -> Estimate | None:
        return _by_median(self.matrix[:, v] / self.matrix[:, c] - 1, kind, probability)


def _by_median(drawn: np.ndarray, kind: IntervalKind, probability: float) -> Estimate:
    found = drawn_estimate(drawn, kind, probability)
    return replace(found, mean=found.median)


def fit(
    statistics: Mapping[str, CascadeStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> DrawnPosterior | NotShown:
    """Return the posterior of each variant's R: members eventually brought by a member within the horizon.

    Parameters
    ----------
    prior : NamedPrior
        With the parameters of `priors.WORD_OF_MOUTH`.
    rng : numpy Generator
        Source of the sampler's seed; the same seed and data give the same fit, which is cached for `fit_reach`.
    """
    _check(statistics)
    for key, cell in statistics.items():
        if (why := _no_information(cell)) is not None:
            return why.of_variant(key)
    fitted = _fitted(statistics, prior, _seed(rng))
    return fitted if isinstance(fitted, NotShown) else DrawnPosterior(tuple(statistics), fitted.r)


def fit_reach(
    statistics: Mapping[str, CascadeStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> MedianPosterior | NotShown:
    """Return the posterior of each variant's reach: the eventual members from one exposure, itself included."""
    posterior = fit(statistics, prior, rng)
    if isinstance(posterior, NotShown):
        return posterior
    for v, key in enumerate(statistics):
        if (why := _no_reach(posterior.matrix[:, v])) is not None:
            return why.of_variant(key)
    return MedianPosterior(tuple(statistics), reach_of(posterior.matrix))


def _seed(rng: np.random.Generator | None) -> int:
    return int((rng or np.random.default_rng(1)).integers(2**31))


def reach_of(r: np.ndarray) -> np.ndarray:
    """Return 1/(1 - R); the few draws beyond `NEAR_ONE` are set to it, which affects no interval up to 99 %."""
    reach: np.ndarray = 1 / (1 - np.minimum(r, NEAR_ONE))
    return reach


def _no_reach(r: np.ndarray) -> NotShown | None:
    near = float((r > NEAR_ONE).mean())
    return None if near <= CLEAR_OF_ONE else not_shown("near_one", chance=near, limit=NEAR_ONE)


def _check(data: Mapping[str, CascadeStatistics]) -> None:
    if not data:
        raise AnalysisError("too_few_variants", "There is data for no variant; give at least one.")
    for key, cell in data.items():
        if not isinstance(cell, CascadeStatistics):
            raise AnalysisError(
                "mixed_kinds", f"The data of {key!r} are a {type(cell).__name__}; give CascadeStatistics."
            )
        if cell.horizon < 1:
            raise AnalysisError("bad_statistics", f"The horizon of {key!r} is {cell.horizon} days; give 1 or more.")
    if len({cell.horizon for cell in data.values()}) > 1:
        listed = ", ".join(f"{key}: {cell.horizon}" for key, cell in data.items())
        raise AnalysisError("mixed_kinds", f"The variants have horizons of different days ({listed}); use one for all.")


def _no_information(cell: CascadeStatistics) -> NotShown | None:
    """Return why a variant's data have no information on R, so that the prior is never shown as a result."""
    if cell.n == 0:
        return not_shown("no_members")
    if not any(age == cell.horizon for age, _, _ in cell.offspring):
        return not_shown("too_young", days=cell.horizon)
    if not any(age and brought for age, brought, _ in cell.offspring):
        return not_shown("nobody_brought", members=cell.n)
    return None


def _fitted(
    data: Mapping[str, CascadeStatistics], prior: NamedPrior, seed: int, draws: int = 1000, chains: int = 4
) -> Fitted | NotShown:
    try:
        fitted = _sampled(tuple(data.items()), prior, seed, draws, chains)
    except engine.EngineError as error:
        return not_shown("fit_failed", error=str(error))
    if not fitted.diagnostics.passed:
        return not_trusted(fitted.diagnostics)
    missed = failures(fitted.checks)
    return _contradicted(data, seed, fitted, missed[0]) if missed else fitted


def _contradicted(data: Mapping[str, CascadeStatistics], seed: int, fitted: Fitted, missed: Check) -> Fitted | NotShown:
    """Fall back on the members whose window has ended, without a model of sharing, and note why."""
    check = missed.beside_expected
    r = complete_r(data, seed)
    if r is None:
        return not_shown("contradicted.word_of_mouth", check=check)
    note = message("note.complete_members_only", check=check)
    return replace(fitted, r=r, dispersion=NotShown("contradicted", note), note=note)


# A failed fit raises, so that only successful ones are cached.
@lru_cache(maxsize=KEPT_FITS)
def _sampled(
    items: tuple[tuple[str, CascadeStatistics], ...], prior: NamedPrior, seed: int, draws: int, chains: int
) -> Fitted:
    offspring = offspring_of(dict(items))
    data = data_of(offspring, prior)
    # The second attempt with smaller steps is for few members, where R and the delays are correlated.
    for accept, longer in ((0.9, 1), (0.98, 2)):
        size = {"draws": draws * longer, "tune": draws * longer}
        sampled = engine.sample(build, offspring.shape, data, seed=seed, chains=chains, accept=accept, **size)
        # `done` is derived, and 1 for complete members up to rounding.
        moving = {name: value for name, value in sampled.values.items() if name != "done"}
        diagnostics = diagnose(moving, sampled.divergences)
        if diagnostics.passed:
            break
    r, dispersion = (np.exp(sampled.values[name]).reshape(-1, len(items)) for name in ("log_r", "log_k"))
    checks = checks_of(offspring, sampled.values, [key for key, _ in items], seed) if diagnostics.passed else ()
    return Fitted(r, dispersion, diagnostics, checks, sampled.engine)


def fit_cascade(
    data: Mapping[str, CascadeStatistics],
    *,
    control: str,
    seed: int = 1,
    prior: NamedPrior = priors.WORD_OF_MOUTH,
    interval: IntervalKind = "eti",
    probability: float = 0.95,
    draws: int = 1000,
    chains: int = 4,
) -> CascadeResult:
    """Fit the word of mouth of each variant. Variants without enough data are left out, with the reason.

    Parameters
    ----------
    data : mapping of variant key to CascadeStatistics
        All of one horizon.
    seed : int
        As in ``fit(data, prior, numpy.random.default_rng(seed))``, which shares the fit.

    Raises
    ------
    AnalysisError
        No variant, an unknown control, another kind of statistic, different horizons.
    """
    _check(data)
    if control not in data:
        raise AnalysisError("unknown_variant", f"The control {control!r} has no data; there is {', '.join(data)}.")
    unknown = {key: why for key, cell in data.items() if (why := _no_information(cell)) is not None}
    known = {key: cell for key, cell in data.items() if key not in unknown}
    if known:
        fitted = _fitted(known, prior, _seed(np.random.default_rng(seed)), draws, chains)
    else:
        fitted = next(iter(unknown.values()))
    if isinstance(fitted, NotShown):
        rows = tuple(_counted(key, cell, unknown.get(key, fitted)) for key, cell in data.items())
        return CascadeResult(rows, (), prior, seed, not_shown=fitted)
    r = dict(zip(known, fitted.r.T, strict=True))

    def row(key: str) -> VariantCascade:
        if key in unknown:
            return _counted(key, data[key], unknown[key])
        dispersion = _dispersion(fitted, list(known).index(key), interval, probability)
        reach = _no_reach(r[key]) or _summed_reach(r[key], interval, probability)
        estimate = drawn_estimate(r[key], interval, probability)
        return _row(key, data[key], estimate, dispersion, float((r[key] > 1).mean()), reach)

    comparisons = _comparisons(r, control, interval, probability)
    rows = tuple(map(row, data))
    return CascadeResult(
        rows, comparisons, prior, seed, fitted.diagnostics, fitted.engine, fitted.checks, fitted.note, draws=r
    )


def _comparisons(
    r: Mapping[str, np.ndarray], control: str, interval: IntervalKind, probability: float
) -> tuple[CascadeComparison, ...]:
    """Return each variant's R beside the control's; none if the control has no fit."""
    return tuple(
        CascadeComparison(
            key,
            control,
            drawn_estimate(r[key] - r[control], interval, probability),
            float((r[key] > r[control]).mean()),
        )
        for key in r
        if key != control and control in r
    )


def _dispersion(fitted: Fitted, v: int, interval: IntervalKind, probability: float) -> Estimate | NotShown:
    if isinstance(fitted.dispersion, NotShown):
        return fitted.dispersion
    return drawn_estimate(fitted.dispersion[:, v], interval, probability)


def _summed_reach(r: np.ndarray, interval: IntervalKind, probability: float) -> Reach:
    estimate = _by_median(reach_of(r), interval, probability)
    return Reach(estimate.mean, estimate.interval)


def _counted(key: str, cell: CascadeStatistics, why: NotShown) -> VariantCascade:
    """Return the counts, and the reason why there is no fit."""
    return _row(key, cell, why, why, None, why)


def _row(
    key: str,
    cell: CascadeStatistics,
    r: Estimate | NotShown,
    dispersion: Estimate | NotShown,
    p_viral: float | None,
    reach: Reach | NotShown,
) -> VariantCascade:
    """Return a variant's counts together with its fit."""
    young = sum(members for age, _, members in cell.offspring if age < cell.horizon)
    return VariantCascade(
        key,
        cell.n,
        cell.brought,
        cell.roots,
        r,
        dispersion,
        p_viral,
        reach,
        young / cell.n if cell.n else 0.0,
        cell.sizes,
        cell.depths,
    )
