"""Error rates of the stopping rules on simulated experiments with known truth.

False winners: tests looked at daily, by the product's own bounds and by the rule most tools use. Coverage: whether the
95 % interval of a mean amount holds the truth in 95 of 100 experiments, also where few buy.
"""

import numpy as np

from analysis import AmountStatistics, Look, scorecard
from analysis.simulate import simulate_looks
from analysis.stopping.sequential import always_valid_bound, bound

RUNS, DAYS, A_DAY, BASE, PRIOR_SD, ALPHA = 20_000, 20, 1_000, 0.05, 0.10, 0.05
CHANCE_95 = 1.644854  # the z of a chance to be best of 95 % under flat priors


def z_by_day(lift: float, seed: int) -> np.ndarray:
    """Return the lead of B over A in standard errors, of shape (runs, days)."""
    successes = simulate_looks(RUNS, A_DAY, DAYS, BASE, [0, lift], seed=seed)
    n = A_DAY * np.arange(1, DAYS + 1)[:, None] + 2
    mean = (successes + 1) / n
    variance = mean * (1 - mean) / (n + 1)
    return (mean[..., 1] - mean[..., 0]) / np.sqrt(variance.sum(axis=-1))


def limits(planned_days: int | None) -> np.ndarray:
    """Return the product's bound on each day, for a planned duration or none."""
    looks: list[Look] = []
    found = []
    for day in range(1, DAYS + 1):
        n = A_DAY * day
        ratio = PRIOR_SD**2 / (2 * (1 - BASE) / (BASE * n))
        if planned_days is None:
            found.append(always_valid_bound(ratio, ALPHA))
            continue
        given = {"elapsed_days": day, "members": 2 * n, "ratio": ratio, "alpha": ALPHA}
        found.append(bound(**given, planned_days=planned_days, looks=looks))
        looks.append(Look(day, 2 * n))
    return np.array(found)


def false_winners() -> list[dict]:
    """Return a row per rule: the share of experiments in which B is ever named the winner, by its true lift."""
    rules = (
        ("chance to be best > 95 % at any look", np.full(DAYS, CHANCE_95)),
        (f"Klette, {DAYS} days planned", limits(DAYS)),
        ("Klette, no duration planned", limits(None)),
        ("one look at the end", np.array([np.inf] * (DAYS - 1) + [1.959964])),
    )
    z = {lift: z_by_day(lift, seed=20 + place) for place, lift in enumerate((0.0, 0.05, 0.10))}
    rows = []
    for name, limit in rules:
        either = (np.abs(z[0.0]) >= limit).any(axis=1).mean()
        found = {f"finds +{lift:.0%}": float((z[lift] >= limit).any(axis=1).mean()) for lift in (0.05, 0.10)}
        rows.append({"rule": name, "A/A, either arm": float(either), **found})
    return rows


def coverage(runs: int = 300) -> list[dict]:
    """Return a row per audience: coverage of the 95 % interval of the mean amount per member."""
    rows = []
    for members, buyers, sigma in ((100_000, 0.03, 1.0), (10_000, 0.03, 1.0), (1_000, 0.03, 1.0), (1_000, 0.03, 2.0)):
        rng, held = np.random.default_rng(members), 0
        truth = buyers * np.exp(3 + sigma**2 / 2)
        for _ in range(runs):
            bought = rng.random((2, members)) < buyers
            amounts = np.where(bought, rng.lognormal(3, sigma, (2, members)), 0.0)
            a, b = (AmountStatistics.from_values(row) for row in amounts)
            interval = scorecard({"a": a, "b": b}, control="a").variant("a").interval
            held += interval.low <= truth <= interval.high
        rows.append({"members": members, "buyers": members * buyers, "sigma": sigma, "coverage": held / runs})
    return rows
