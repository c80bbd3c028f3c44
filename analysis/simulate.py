"""Seeded audiences with known truth, for tests, benchmarks and the demo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

import numpy as np
from scipy.special import betaln, gammainc, gammaincinv

from analysis.errors import AnalysisError
from analysis.statistics import AmountStatistics, CascadeStatistics, ProportionStatistics, RetentionStatistics

#: Bound on the members of a simulation; with R above 1 a cascade would never end.
MOST_MEMBERS = 5_000_000


def _rates(base: float, lifts: Mapping[str, float]) -> dict[str, float]:
    rates = {key: base * (1 + lift) for key, lift in lifts.items()}
    for key, rate in rates.items():
        if not 0 <= rate <= 1:
            raise AnalysisError(
                "bad_request",
                f"A base rate of {base} with a lift of {lifts[key]} gives {key} a rate of {rate}; keep it from 0 to 1.",
            )
    return rates


def simulate_days(
    members_a_day: int, days: int, base: float, lifts: Mapping[str, float], *, seed: int
) -> list[dict[str, ProportionStatistics]]:
    """Simulate a running test, looked at every evening: the accumulated statistics by day, first day first."""
    rng = np.random.default_rng(seed)
    sums = {key: ProportionStatistics.empty() for key in lifts}
    history = []
    for _ in range(days):
        for key, rate in _rates(base, lifts).items():
            sums[key] = sums[key] + ProportionStatistics(members_a_day, int(rng.binomial(members_a_day, rate)))
        history.append(dict(sums))
    return history


def simulate_looks(
    experiments: int, members_a_day: int, days: int, base: float, lifts: Sequence[float], *, seed: int
) -> np.ndarray:
    """Simulate many running tests at once.

    Returns
    -------
    successes : int array of shape (experiments, days, variants)
        Accumulated by day.
    """
    rates = np.array([base * (1 + lift) for lift in lifts])
    rng = np.random.default_rng(seed)
    return rng.binomial(members_a_day, rates, (experiments, days, len(rates))).cumsum(axis=1)


def simulate_amounts(
    members: int, buying_rate: float, typical: float, spread: float, lifts: Mapping[str, float], *, seed: int
) -> dict[str, AmountStatistics]:
    """Simulate what members spend: some buy, and buyers spend log-normal amounts in whole cents.

    Parameters
    ----------
    typical : float
        Median amount of a buyer at a lift of 0.
    spread : float
        Standard deviation of the logarithm of the amounts.
    lifts : mapping of variant key to float
        Relative lift of the share of members who buy.
    """
    rng = np.random.default_rng(seed)
    data = {}
    for key, rate in _rates(buying_rate, lifts).items():
        buyers = int(rng.binomial(members, rate))
        cents = np.maximum(np.rint(rng.lognormal(np.log(typical), spread, buyers) * 100), 1).astype(int)
        own = AmountStatistics.from_values(f"{c // 100}.{c % 100:02d}" for c in cents)
        data[key] = own + AmountStatistics(members - buyers, 0, Decimal(0), 0.0)
    return data


def simulate_segments(
    members: Mapping[str, int],
    base: Mapping[str, float],
    lifts: Mapping[str, Mapping[str, float]],
    *,
    seed: int,
) -> dict[tuple[str, str], ProportionStatistics]:
    """Simulate rates by segment.

    Parameters
    ----------
    members : mapping of level to members a variant
    base : mapping of level to the control's true rate
    lifts : mapping of variant key to (mapping of level to true relative lift)
    """
    rng = np.random.default_rng(seed)
    cells = {}
    for variant, by_level in lifts.items():
        for level, n in members.items():
            rate = _rates(base[level], {variant: by_level[level]})[variant]
            cells[variant, level] = ProportionStatistics(n, int(rng.binomial(n, rate)))
    return cells


# Returning on later days ----------------------------------------------------------------------------------------------


class Returning(Protocol):
    """How members come back: a process whose truth is known in closed form."""

    def days(self, members: int, horizon: int, rng: np.random.Generator) -> np.ndarray:
        """Return whether each member is there on each day, bool of shape (members, horizon); day 0 is always False."""

    def last(self, horizon: int) -> np.ndarray:
        """Return the chance of each day of the last return, shape (horizon,); day 0 is never."""

    def first(self, horizon: int) -> np.ndarray:
        """Return the chance of having come back by the end of each day, shape (horizon,); 0 on day 0."""


@dataclass(frozen=True, slots=True)
class DailyReturns:
    """Every member is there on day d with chance ``chances[d - 1]``, independently; the last one holds ever after."""

    chances: tuple[float, ...]

    def _chances(self, horizon: int) -> np.ndarray:
        chances = np.array([_share("a daily chance", chance) for chance in self.chances])
        return np.concatenate([[0.0], chances[np.minimum(np.arange(horizon - 1), len(chances) - 1)]])

    def days(self, members: int, horizon: int, rng: np.random.Generator) -> np.ndarray:
        return rng.random((members, horizon)) < self._chances(horizon)

    def last(self, horizon: int) -> np.ndarray:
        chances = self._chances(horizon)
        silent = np.append(np.cumprod((1 - chances)[::-1])[::-1][1:], 1.0)
        last: np.ndarray = chances * silent
        last[0] = 1 - last.sum()
        return last

    def first(self, horizon: int) -> np.ndarray:
        return 1 - np.cumprod(1 - self._chances(horizon))


@dataclass(frozen=True, slots=True)
class BetaGeometricReturns:
    """Members leave for good by a shifted beta-geometric law and are active on some days until then.

    The chance to leave before each day is one number a member, Beta(alpha, beta) between them (Fader and Hardie 2007,
    J. Interactive Marketing 21(1)); a member who stays is active with chance `daily` (Fader, Hardie and Shang 2010).
    """

    alpha: float
    beta: float
    daily: float = 1.0

    def stays(self, days: np.ndarray) -> np.ndarray:
        """Return the share of members who have not left before each day: B(alpha, beta + d) / B(alpha, beta)."""
        stays: np.ndarray = np.exp(betaln(self.alpha, self.beta + np.asarray(days)) - betaln(self.alpha, self.beta))
        return stays

    def days(self, members: int, horizon: int, rng: np.random.Generator) -> np.ndarray:
        leaving = np.maximum(rng.beta(self.alpha, self.beta, members), 1e-12)
        stayed = rng.geometric(leaving) - 1
        days = np.arange(horizon)
        active = rng.random((members, horizon)) < _share("daily", self.daily)
        return active & (days <= stayed[:, None]) & (days > 0)

    def last(self, horizon: int) -> np.ndarray:
        end, last = horizon - 1, np.empty(horizon)
        stays = self.stays(np.arange(horizon + 1))
        for day in range(horizon):
            silent = (1 - self.daily) ** np.arange(end - day + 1)
            left = np.append(stays[day:end] - stays[day + 1 : end + 1], stays[end])
            last[day] = (self.daily if day else 1.0) * (left @ silent)
        return last

    def first(self, horizon: int) -> np.ndarray:
        days = np.arange(1, horizon)
        came = self.daily * (1 - self.daily) ** (days - 1) * self.stays(days)
        return np.append(0.0, np.cumsum(came))


@dataclass(frozen=True, slots=True)
class RetentionTruth:
    """What an endless audience would show.

    Attributes
    ----------
    half_life : float
        Days after exposure until half of those who return in the window have last returned, even within a day.
    ever_returned : float
    curve, returning : arrays of shape (horizon - 1,)
        Share whose last return is on day d or later, and who have come back by its end; d = 1, 2, ...
    """

    half_life: float
    ever_returned: float
    curve: np.ndarray
    returning: np.ndarray


def retention_truth(process: Returning, horizon: int) -> RetentionTruth:
    """Return what `simulate_retention` scatters around."""
    last = process.last(horizon)
    gone = np.cumsum(last[1:]) / last[1:].sum()
    # On edges: by the start of day d + 1 those of day d are gone.
    half_life = float(np.interp(0.5, np.append(0.0, gone), np.arange(1, horizon + 1)))
    return RetentionTruth(half_life, 1 - last[0], np.cumsum(last[:0:-1])[::-1], process.first(horizon)[1:])


def simulate_retention(
    members: int, process: Returning, horizon: int, *, run: float, seed: int | np.random.Generator
) -> RetentionStatistics:
    """Simulate one variant whose members are exposed evenly over a run and observed until its end.

    Parameters
    ----------
    horizon : int
        The window in days.
    run : float
        Days from the first exposure to the cut-off; members of the last `horizon` days are seen in part only.
    """
    rng = np.random.default_rng(seed)
    observed = np.minimum(np.floor(rng.uniform(0, run, members)), horizon).astype(int)
    active = process.days(members, horizon, rng) & (np.arange(horizon) < observed[:, None])
    came = active.any(axis=1)
    first = np.where(came, active.argmax(axis=1), 0)
    until = np.where(came, first, np.maximum(observed - 1, 0))
    at_risk = np.bincount(until, minlength=horizon)[::-1].cumsum()[::-1]
    returned = np.bincount(first, minlength=horizon)
    last = np.where(came, horizon - 1 - active[:, ::-1].argmax(axis=1), 0)[observed >= horizon]
    life_table = [(day, int(at_risk[day]), int(returned[day])) for day in range(1, horizon)]
    lasts = enumerate(np.bincount(last, minlength=horizon).tolist())
    return RetentionStatistics(members, horizon, tuple(life_table), tuple(lasts))


# Word of mouth --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spreading:
    """A branching process in which bringing others takes time.

    Attributes
    ----------
    r : float
        Mean members brought by a member within the horizon.
    dispersion : float
        k of the negative binomial: small = a few members bring nearly all; infinite = Poisson.
    delay : float
        Typical days until a brought member comes: scale of the gamma law, cut at the horizon.
    delay_shape : float
        Its shape; 1 is exponential.
    """

    r: float
    dispersion: float
    delay: float
    delay_shape: float = 1.0

    def offspring(self, members: int, rng: np.random.Generator) -> np.ndarray:
        """Return how many each member brings in the end."""
        if np.isinf(self.dispersion):
            return rng.poisson(self.r, members)
        return rng.negative_binomial(self.dispersion, self.dispersion / (self.dispersion + self.r), members)

    def delays(self, size: int, horizon: int, rng: np.random.Generator) -> np.ndarray:
        """Return the days from a member's exposure to that of a brought member, below the horizon."""
        within = gammainc(self.delay_shape, horizon / self.delay)
        drawn = self.delay * gammaincinv(self.delay_shape, within * rng.random(size))
        limited: np.ndarray = np.minimum(drawn, np.nextafter(horizon, 0))
        return limited

    def delay_days(self, horizon: int) -> np.ndarray:
        """Return the true chance of each whole day of delay, shape (horizon,)."""
        cumulated = gammainc(self.delay_shape, np.arange(horizon + 1) / self.delay)
        chances: np.ndarray = np.diff(cumulated) / cumulated[-1]
        return chances


def simulate_cascades(
    roots: int, spreading: Spreading, horizon: int, *, run: float, seed: int | np.random.Generator
) -> CascadeStatistics:
    """Simulate one variant's word of mouth: randomised members over a run, and all members brought until its end.

    Raises
    ------
    AnalysisError
        More than `MOST_MEMBERS` members result: lower `r` or shorten the run.
    """
    rng = np.random.default_rng(seed)
    exposed, root = rng.uniform(0, run, roots), np.arange(roots)
    size, depth = np.ones(roots, int), np.zeros(roots, int)
    offspring, delayed, generation = np.zeros((horizon + 1, 1), int), np.zeros((horizon + 1, horizon), int), 0
    while len(exposed):
        parent = np.repeat(np.arange(len(exposed)), spreading.offspring(len(exposed), rng))
        delay = spreading.delays(len(parent), horizon, rng)
        seen = exposed[parent] + delay < run
        parent, delay = parent[seen], delay[seen]
        age = np.minimum(np.floor(run - exposed), horizon).astype(int)
        offspring = _table(offspring, age, np.bincount(parent, minlength=len(exposed)))
        np.add.at(delayed, (age[parent], delay.astype(int)), 1)
        exposed, root, generation = exposed[parent] + delay, root[parent], generation + 1
        size += np.bincount(root, minlength=roots)
        depth[root] = generation
        if size.sum() > MOST_MEMBERS:
            raise AnalysisError(
                "bad_request",
                f"More than {MOST_MEMBERS:,} members came with R = {spreading.r}; lower it or shorten the run.",
            )
    sizes, depths = enumerate(np.bincount(size).tolist()), enumerate(np.bincount(depth).tolist())
    return CascadeStatistics(horizon, _rows(offspring), _rows(delayed), tuple(sizes), tuple(depths))


def _table(table: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Count pairs into a table that grows to the right as it must."""
    missing = int(columns.max(initial=0)) + 1 - table.shape[1]
    grown = np.pad(table, ((0, 0), (0, max(missing, 0))))
    np.add.at(grown, (rows, columns), 1)
    return grown


def _rows(table: np.ndarray) -> tuple[tuple[int, int, int], ...]:
    return tuple((int(i), int(j), int(table[i, j])) for i, j in np.argwhere(table))


def _share(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise AnalysisError("bad_request", f"{name} is {value}; a share is from 0 to 1.")
    return value
