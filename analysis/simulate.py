"""Seeded audiences with known truth, for tests, benchmarks and the demo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.errors import AnalysisError
from analysis.statistics import AmountStatistics, ProportionStatistics


def _rates(base: float, lifts: Mapping[str, float]) -> dict[str, float]:
    rates = {key: base * (1 + lift) for key, lift in lifts.items()}
    for key, rate in rates.items():
        if not 0 <= rate <= 1:
            raise AnalysisError(
                "bad_request",
                f"A base rate of {base} with a lift of {lifts[key]} gives {key} a rate of {rate}; keep it from 0 to 1.",
            )
    return rates


def simulate_proportions(
    members: int, base: float, lifts: Mapping[str, float], *, seed: int
) -> dict[str, ProportionStatistics]:
    """Simulate one finished test of equal groups.

    Parameters
    ----------
    members : int
        Members a variant.
    base : float
        True rate at a lift of 0.
    lifts : mapping of variant key to float
        True relative lift of each; all 0 is an A/A test.
    """
    rng = np.random.default_rng(seed)
    return {
        key: ProportionStatistics(members, int(rng.binomial(members, rate)))
        for key, rate in _rates(base, lifts).items()
    }


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
        data[key] = own + AmountStatistics(members - buyers, 0, 0, 0.0)
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
