"""The cost of daily looks: the whole stopping rule compared with O'Brien and Fleming's bound at the same error.

The reference is theirs of 1979, made here by simulation and not by the product: one number C, so that a walk without a
lead passes C·√(K/k) at some look k of K in so many of a hundred cases. Both split the error evenly among variants.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr, ndtri

from analysis import Rules
from analysis.planning.audience import Audience
from analysis.planning.forecast import expected
from analysis.simulate import simulate_looks

TESTS, A_DAY, BASE, ALPHA = 20_000, 1_000, 0.05, 0.05
CASES = ((2, 20), (2, 80), (3, 20), (3, 80))  # variants, planned days
LIFTS = (0.05, 0.10)


def obrien_fleming(looks: int, alpha: float, walks: int = 100_000, seed: int = 3) -> np.ndarray:
    """Return the bound on the lead in standard errors at each of `looks` even looks, for a two-sided `alpha`."""
    walked = np.random.default_rng(seed).standard_normal((walks, looks)).cumsum(axis=1)
    constant = np.quantile(np.abs(walked).max(axis=1) / np.sqrt(looks), 1 - alpha)
    return constant * np.sqrt(looks / np.arange(1, looks + 1))


def leads(variants: int, days: int, lift: float, seed: int) -> np.ndarray:
    """Return the leads of the new variants in standard errors, (tests, days, variants − 1); the first is better."""
    done = simulate_looks(TESTS, A_DAY, days, BASE, [0, lift, *[0] * (variants - 2)], seed=seed)
    n = A_DAY * np.arange(1, days + 1)[:, None]
    rate = (done + 0.5) / (n + 1)
    variance = rate * (1 - rate) / n
    return (rate[..., 1:] - rate[..., :1]) / np.sqrt(variance[..., 1:] + variance[..., :1])


def finds(lead: np.ndarray, bound: np.ndarray) -> float:
    """Return the share of tests in which the first new variant passes the bound first; on a tie, the leader counts."""
    past = lead >= bound[:, None]
    day = past.any(axis=2).argmax(axis=1)
    every = np.arange(len(lead))
    ahead = np.where(past[every, day], lead[every, day], -np.inf)
    return float((past.any(axis=(1, 2)) & (ahead.argmax(axis=1) == 0)).mean())


def one_look(variants: int, days: int, lift: float) -> float:
    """Return the power of a single test at the end (Normal)."""
    n, rates = A_DAY * days, np.array([BASE, BASE * (1 + lift)])
    error = np.sqrt((rates * (1 - rates) / n).sum())
    return float(ndtr((rates[1] - rates[0]) / error + ndtri(ALPHA / (variants - 1) / 2)))


def powers() -> Iterator[dict]:
    """Return a row per case: how often the better variant is shipped, by the rule and by the references."""
    for variants, days in CASES:
        bound = obrien_fleming(days, ALPHA / (variants - 1))
        audience = Audience(BASE, A_DAY * variants, (1 / variants,) * variants)
        for lift in LIFTS:
            ours = expected(audience, Rules(), days, lift, tests=TESTS, seed=7, looks=days).right.value
            theirs = finds(leads(variants, days, lift, seed=5), bound)
            yield {
                "variants": variants,
                "days": days,
                "lift": lift,
                "ships": ours,
                "obrien_fleming": theirs,
                "one_look": one_look(variants, days, lift),
                "ratio": ours / theirs,
            }
