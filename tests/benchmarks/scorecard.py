"""The time from sufficient statistics to results: ten metrics, five variants, thirty segments; and the sampled part."""

import time
from decimal import Decimal
from functools import reduce
from operator import add

import numpy as np

from analysis import AmountStatistics, CountStatistics, ProportionStatistics, scorecard
from analysis.segments import fit
from analysis.simulate import simulate_segments
from analysis.statistics import Statistics

VARIANTS, LEVELS, TURNS = "abcde", 30, 5


def cells(seed: int = 3) -> dict[str, dict[tuple[str, int], Statistics]]:
    """Ten metrics: seven rates, two amounts, one count; each a statistic for every variant and level."""
    rng = np.random.default_rng(seed)
    found: dict[str, dict[tuple[str, int], Statistics]] = {}
    for m in range(10):
        found[f"metric_{m}"] = {(v, level): _cell(m, rng) for v in VARIANTS for level in range(LEVELS)}
    return found


def _cell(m: int, rng: np.random.Generator) -> Statistics:
    n = int(rng.integers(1_000, 20_000))
    if m < 7:
        return ProportionStatistics(n, int(rng.binomial(n, 0.02 * (m + 1))))
    if m < 9:
        values = rng.lognormal(3, 1, int(rng.binomial(n, 0.03)))
        logs = np.log(values)
        sums = (values**2).sum(), logs.sum(), (logs**2).sum()
        return AmountStatistics(n, len(values), Decimal(repr(float(values.sum()))), *map(float, sums))
    times, members = np.unique(rng.negative_binomial(0.4, 0.7, n), return_counts=True)
    return CountStatistics(tuple(zip(times.tolist(), members.tolist(), strict=True)))


def answered(data: dict[str, dict[tuple[str, int], Statistics]]) -> float:
    """Return the seconds from the cells of all segments to ten scorecards."""
    began = time.perf_counter()
    for metric, by_cell in data.items():
        totals = {v: reduce(add, (by_cell[v, level] for level in range(LEVELS))) for v in VARIANTS}
        scorecard(totals, control="a", metric=metric)
    return time.perf_counter() - began


def measure() -> dict[str, float]:
    """Return the median and the fastest of several turns, on data in no cache; and the sampled part."""
    answered(cells())  # imports and first-time tables
    turns = sorted(answered(cells(seed)) for seed in range(10, 10 + TURNS))
    found = {"scorecards": turns[TURNS // 2], "scorecards, quickest": turns[0]}
    for turn, name in enumerate(("segments, compiled first", "segments, warm", "segments, warm again")):
        members = {f"level {level}": 400 * (level + 1) for level in range(LEVELS)}
        base = {level: 0.05 + 0.002 * place for place, level in enumerate(members)}
        lifts = {v: dict.fromkeys(members, 0.05 * place) for place, v in enumerate(VARIANTS)}
        data = simulate_segments(members, base, lifts, seed=40 + turn)
        began = time.perf_counter()
        fitted = fit.fit_segments(data, control="a", seed=turn + 1)
        found[name] = time.perf_counter() - began
        found[f"{name}: shown"] = float(hasattr(fitted, "diagnostics"))
    return found


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name:<32}{value:8.3f}")
