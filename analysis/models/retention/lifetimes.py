"""Retention after the window: shifted beta-geometric lifetimes, observed through days of return (PyMC).

Each member leaves for good before any day with an individual chance, Beta(alpha, beta) between members (Fader and
Hardie 2007, J. Interactive Marketing 21(1)), and until then is active on a day with chance `daily` (Fader, Hardie and
Shang 2010, Marketing Science 29(6)). Without `daily` all members would seem to leave at the end of the window, since a
member who comes twice a week was often last active some days before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import betaln

from analysis.errors import NotShown, not_shown
from analysis.models.retention.survival import last_returns
from analysis.posterior.joint import drawn_estimate
from analysis.priors import NamedPrior
from analysis.sampling import engine
from analysis.sampling.diagnostics import Diagnostics, diagnose
from analysis.sampling.fitting import not_trusted
from analysis.statistics import RetentionStatistics

#: Three parameters need more than three days for a test of the fit.
FEWEST_DAYS = 6
FEWEST_RETURNED = 50
#: Number of windows in the forecast.
WINDOWS = 4
#: Deviation of the observed curve that is tolerated because it is too small to see, however significant it is.
TOLERANCE = 0.005
BAND = 0.99


@dataclass(frozen=True, slots=True)
class TailPoint:
    """Posterior mean and 95 % interval of a share of members by a day."""

    day: int
    mean: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Tail:
    """The fitted tail of one variant, or why it is not shown.

    Attributes
    ----------
    alpha, beta : float or None
        Posterior medians. The mean chance to leave is alpha / (alpha + beta); the smaller both are, the more members
        differ.
    daily : float or None
        Posterior median of the chance that a member who stays is active on a day.
    survival : tuple of TailPoint
        Share who have not left for good before a day, from day 1 to `WINDOWS` windows.
    active : tuple of TailPoint
        Share who are active on the day, for the same days: lower, since remaining members are not active every day.
    draws : mapping of parameter to array of shape (draws,)
        Chain after chain: alpha, beta, daily. Empty if it is not shown.
    """

    alpha: float | None = None
    beta: float | None = None
    daily: float | None = None
    survival: tuple[TailPoint, ...] = ()
    active: tuple[TailPoint, ...] = ()
    not_shown: NotShown | None = None
    draws: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        return {
            "alpha": self.alpha,
            "beta": self.beta,
            "daily": self.daily,
            "survival": [point.to_dict() for point in self.survival],
            "active": [point.to_dict() for point in self.active],
            "not_shown": None if self.not_shown is None else self.not_shown.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Tail:
        """Read a stored tail back, without its draws."""
        return cls(
            **{name: data[name] for name in ("alpha", "beta", "daily")},
            survival=tuple(TailPoint(**point) for point in data["survival"]),
            active=tuple(TailPoint(**point) for point in data["active"]),
            not_shown=None if data["not_shown"] is None else NotShown.from_dict(data["not_shown"]),
        )


def build(variants: int, horizon: int) -> Any:
    """Return the PyMC model of a shape, without data."""
    import pymc as pm
    import pytensor.tensor as pt

    lag, reached, ends = _silences(horizon)
    with pm.Model() as model:
        last = pm.Data("last", np.zeros((variants, horizon)))
        sds = pm.Data("sds", np.ones(3))
        leaving = pm.Normal("leaving", 0.0, sds[0], shape=variants)
        evenness = pm.Normal("evenness", pm.math.log(sds[1]), sds[2], shape=variants)
        daily = pm.Normal("daily", 0.0, sds[0], shape=variants)
        alpha = pm.math.sigmoid(leaving) * pm.math.exp(evenness)
        beta = pm.math.sigmoid(-leaving) * pm.math.exp(evenness)
        # S(d) = S(d - 1) · (beta + d - 1) / (alpha + beta + d - 1): the recursion of Fader and Hardie (2007).
        days = np.arange(horizon - 1.0)
        ratio = (beta[:, None] + days) / ((alpha + beta)[:, None] + days)
        stays = pt.concatenate([pt.ones((variants, 1)), pt.cumprod(ratio, axis=1)], axis=1)
        left = pt.concatenate([stays[:, :-1] - stays[:, 1:], stays[:, -1:]], axis=1)
        silence = pm.math.exp(lag * pm.math.log(pm.math.sigmoid(-daily))[:, None, None]) * reached
        seen = (silence * left[:, None, :]).sum(axis=2)
        log_daily = pm.math.log(pm.math.sigmoid(daily))[:, None] * ends
        pm.Potential("likelihood", (last * (pm.math.log(seen) + log_daily)).sum())
    return model


def _silences(horizon: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return days of silence between a last return on d > 0 and the last day before leaving."""
    lag = np.arange(horizon)[None, :] - np.arange(horizon)[:, None]
    return np.maximum(lag, 0).astype(float), (lag >= 0).astype(float), (np.arange(horizon) > 0).astype(float)


def survival_of(alpha: np.ndarray, beta: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return the share of members who have not left before each day: B(alpha, beta + d) / B(alpha, beta)."""
    survival: np.ndarray = np.exp(betaln(alpha[..., None], beta[..., None] + days) - betaln(alpha, beta)[..., None])
    return survival


def last_day(alpha: np.ndarray, beta: np.ndarray, daily: np.ndarray, horizon: int) -> np.ndarray:
    """Return the chance of each day of the last return within the window, shape (..., horizon); day 0 is never."""
    surviving = survival_of(alpha, beta, np.arange(horizon))
    left = np.concatenate([surviving[..., :-1] - surviving[..., 1:], surviving[..., -1:]], axis=-1)
    lag, reached, ends = _silences(horizon)
    silence = np.power((1 - daily)[..., None, None], lag) * reached
    seen = np.einsum("...ij,...j->...i", silence, left)
    shares: np.ndarray = seen * np.where(ends > 0, daily[..., None], 1.0)
    return shares


def fit_tails(
    data: Mapping[str, RetentionStatistics], prior: NamedPrior, seed: int, *, draws: int = 1000, chains: int = 4
) -> tuple[dict[str, Tail], Diagnostics | None, str | None]:
    """Fit every variant that has enough data.

    Returns
    -------
    tails by variant, the diagnostics of the fit and its engine (None without a fit).
    """
    tails = {key: Tail(not_shown=why) for key, cell in data.items() if (why := _too_little(cell)) is not None}
    keys = [key for key in data if key not in tails]
    if not keys:
        return tails, None, None
    counts = np.array([last_returns(data[key]) for key in keys])
    sds = np.array([prior[name] for name in ("log_odds_sd", "evenness_median", "evenness_log_sd")])
    sampled = _sampled(counts, sds, seed, draws, chains)
    if isinstance(sampled, NotShown):
        return tails | dict.fromkeys(keys, Tail(not_shown=sampled)), None, None
    values, diagnostics, used = sampled
    if not diagnostics.passed:
        why = not_trusted(diagnostics)
        return tails | dict.fromkeys(keys, Tail(not_shown=why)), diagnostics, used
    rng = np.random.default_rng(seed)
    for v, key in enumerate(keys):
        alpha, beta, daily = (value[:, v] for value in values)
        tails[key] = _tail(alpha, beta, daily, counts[v], rng)
    return {key: tails[key] for key in data}, diagnostics, used


def _too_little(cell: RetentionStatistics) -> NotShown | None:
    if cell.horizon < FEWEST_DAYS:
        return not_shown("window_too_short", days=cell.horizon, fewest=FEWEST_DAYS)
    if cell.total < FEWEST_RETURNED:
        return not_shown("too_few_returns.tail", returned=cell.total, fewest=FEWEST_RETURNED)
    return None


def _sampled(
    counts: np.ndarray, sds: np.ndarray, seed: int, draws: int, chains: int
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], Diagnostics, str] | NotShown:
    """Return alpha, beta and daily of shape (draws, variants) with the diagnostics and the engine."""
    data = {"last": counts, "sds": sds}
    # The second attempt with smaller steps is for few members, where leaving and inactivity are hard to distinguish.
    for accept, longer in ((0.95, 1), (0.99, 3)):
        size = {"draws": draws * longer, "tune": draws * longer}
        try:
            sampled = engine.sample(build, counts.shape, data, seed=seed, chains=chains, accept=accept, **size)
        except engine.EngineError as error:
            return not_shown("fit_failed", error=str(error))
        diagnostics = diagnose(sampled.values, sampled.divergences)
        if diagnostics.passed:
            break
    leaving, evenness, daily = (
        sampled.values[name].reshape(-1, len(counts)) for name in ("leaving", "evenness", "daily")
    )
    share, size = 1 / (1 + np.exp(-leaving)), np.exp(evenness)
    return (share * size, (1 - share) * size, 1 / (1 + np.exp(-daily))), diagnostics, sampled.engine


def _tail(alpha: np.ndarray, beta: np.ndarray, daily: np.ndarray, counts: np.ndarray, rng: np.random.Generator) -> Tail:
    horizon = len(counts)
    why = _contradicted(last_day(alpha, beta, daily, horizon), counts, rng)
    if why is not None:
        return Tail(not_shown=why)
    days = np.arange(1, WINDOWS * horizon + 1)
    surviving = survival_of(alpha, beta, days)
    draws = {"alpha": alpha, "beta": beta, "daily": daily}
    return Tail(
        alpha=float(np.median(alpha)),
        beta=float(np.median(beta)),
        daily=float(np.median(daily)),
        survival=_points(days, surviving),
        active=_points(days, daily[:, None] * surviving),
        draws=draws,
    )


def _points(days: np.ndarray, drawn: np.ndarray) -> tuple[TailPoint, ...]:
    estimates = [drawn_estimate(own) for own in drawn.T]
    return tuple(
        TailPoint(day, one.mean, one.interval.low, one.interval.high)
        for day, one in zip(days.tolist(), estimates, strict=True)
    )


def _contradicted(chances: np.ndarray, counts: np.ndarray, rng: np.random.Generator) -> NotShown | None:
    """Return where the observed retention curve leaves the simultaneous predictive band of the fit.

    The band has the width of the largest standardised deviation in 99 of 100 replicated audiences.
    """
    members = counts.sum()
    replicated = _from_day(rng.multinomial(int(members), chances)) / members
    observed = _from_day(counts[None]) / members
    centre, spread = replicated.mean(axis=0), np.maximum(replicated.std(axis=0), 1 / members)
    worst = np.quantile((np.abs(replicated - centre) / spread).max(axis=1), BAND)
    miss = np.abs(observed[0] - centre)
    outside = (miss > worst * spread) & (miss > TOLERANCE)
    if not outside.any():
        return None
    day = int((miss * outside).argmax()) + 1
    expected, seen = float(centre[day - 1]), float(observed[0, day - 1])
    which = "contradicted.stopped_sooner" if seen < expected else "contradicted.kept_coming"
    return not_shown(which, day=day, expected=expected, observed=seen)


def _from_day(last: np.ndarray) -> np.ndarray:
    """Return the members whose last return is on day d or later, d = 1, 2, ..."""
    return np.cumsum(last[:, :0:-1], axis=1)[:, ::-1]
