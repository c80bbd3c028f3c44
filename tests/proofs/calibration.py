"""Calibration of the posteriors: each model on a thousand simulated experiments with known truth.

Two questions. Do 95 % intervals hold the truth in 95 of 100 experiments? And where the truth was drawn from the model's
own prior (simulation-based calibration, Talts et al. 2018): is the truth's rank in the posterior uniform?
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing import get_context

import numpy as np
from scipy.special import expit
from scipy.stats import chi2

from analysis import (
    AdjustedStatistics,
    AmountStatistics,
    CountStatistics,
    ProportionStatistics,
    RatioStatistics,
    ValueStatistics,
    models,
)
from analysis.errors import NotShown
from analysis.posterior.joint import Posterior
from analysis.simulate import (
    BetaGeometricReturns,
    DailyReturns,
    Spreading,
    retention_truth,
    simulate_cascades,
    simulate_retention,
)

CELLS = 20
DRAWS = 2_000

Truths = dict[str, float]  # quantity -> its true value
Simulated = tuple[dict, Truths]  # statistics by variant, and the truth


@dataclass(frozen=True)
class Case:
    """One model on one kind of truth.

    Attributes
    ----------
    model : str
        Name in `models.MODELS`.
    truth : str
        Where the truths come from.
    simulate : callable
        ``simulate(rng)``: statistics by variant ("a" the control) and true values of ``"mean"`` (of b), ``"lift"`` and
        ``"difference"`` (b against a), each where it is asked for.
    from_prior : bool
        Whether the truth was drawn from the prior, so that ranks must be uniform.
    runs : int
    """

    model: str
    truth: str
    simulate: Callable[[np.random.Generator], Simulated]
    from_prior: bool = False
    runs: int = 1_000


def calibrate(case: Case, seed: int = 1) -> list[dict]:
    """Run a case and return a row per quantity: coverage, rank uniformity and how often nothing was shown."""
    model = models.named(case.model)
    held: dict[str, list[bool]] = {}
    ranks: dict[str, list[float]] = {}
    silent = 0
    for run in range(case.runs):
        rng = np.random.default_rng([seed, run])
        data, truths = case.simulate(rng)
        posterior = model.fit(data, model.prior, rng)
        if isinstance(posterior, NotShown):
            silent += 1
            continue
        for quantity, truth in truths.items():
            interval, rank = _asked(posterior, quantity, truth, rng)
            if interval is not None:
                held.setdefault(quantity, []).append(interval[0] <= truth <= interval[1])
                ranks.setdefault(quantity, []).append(rank)
    return [
        {
            "model": case.model,
            "truth": case.truth,
            "quantity": quantity,
            "runs": len(inside),
            "not shown": silent / case.runs,
            "coverage": float(np.mean(inside)),
            "uniform p": uniformity(np.array(ranks[quantity])) if case.from_prior else None,
        }
        for quantity, inside in held.items()
    ]


def _asked(
    posterior: Posterior, quantity: str, truth: float, rng: np.random.Generator
) -> tuple[tuple[float, float] | None, float]:
    """Return the 95 % interval of a quantity and the rank of its truth; a is the first variant, b the second."""
    a, b = posterior.draws(DRAWS, rng)[:, :2].T
    if quantity == "mean":
        found, drawn = posterior.interval(1, "eti", 0.95), b
    else:
        estimate = getattr(posterior, quantity)(1, 0, "eti", 0.95)
        if estimate is None:
            return None, 0.0
        found, drawn = estimate.interval, b - a if quantity == "difference" else b / a - 1
    return (found.low, found.high), float((drawn < truth).mean())


def uniformity(ranks: np.ndarray) -> float:
    """Return the p-value of a chi-square test that ranks in 0..1 are uniform over `CELLS` cells."""
    counts = np.histogram(ranks, CELLS, (0, 1))[0]
    expected = len(ranks) / CELLS
    return float(chi2.sf(((counts - expected) ** 2 / expected).sum(), CELLS - 1))


# Truths ---------------------------------------------------------------------------------------------------------------


def _members(rng: np.random.Generator, low: float = 300, high: float = 30_000) -> int:
    return int(np.exp(rng.uniform(np.log(low), np.log(high))))


def _against(a: float, b: float) -> Truths:
    return {"mean": b, "difference": b - a, "lift": b / a - 1}


def pooled_rates(rng: np.random.Generator) -> Simulated:
    """Draw rates from the content prior: a centre, and variants around it with the spread of this test."""
    prior = models.named("conversion").prior
    # The prior of the centre is a uniform rate; its extremes would need millions of members to be observed.
    middle = rng.logistic()
    spread = prior["log_odds_sd"] * rng.lognormal(0, prior["log_odds_sd_varies"])
    rates = expit(middle + spread * rng.standard_normal(3))
    n = _members(rng)
    data = {key: ProportionStatistics(n, int(rng.binomial(n, rate))) for key, rate in zip("abc", rates, strict=True)}
    return data, _against(rates[0], rates[1])


def flat_rates(rng: np.random.Generator) -> Simulated:
    rates, n = rng.random(3), _members(rng)
    data = {key: ProportionStatistics(n, int(rng.binomial(n, rate))) for key, rate in zip("abc", rates, strict=True)}
    return data, _against(rates[0], rates[1])


def spending(members: int, buying: float, shape: str, spread: float) -> Callable[[np.random.Generator], Simulated]:
    """Simulate amounts of a distribution; b has 10 % more buyers than a."""

    def one(rng: np.random.Generator, rate: float) -> AmountStatistics:
        buyers = int(rng.binomial(members, rate))
        if shape == "log-normal":
            values = rng.lognormal(3, spread, buyers)
        elif shape == "gamma":
            values = rng.gamma(spread, 30 / spread, buyers)
        elif shape == "Pareto":
            values = 10 * (1 + rng.pareto(spread, buyers))
        else:
            values = rng.choice([9.9, 99.0], buyers, p=[0.8, 0.2])
        return AmountStatistics(
            members,
            buyers,
            Decimal(repr(float(values.sum()))),
            float((values**2).sum()),
            float(np.log(values).sum()),
            float((np.log(values) ** 2).sum()),
        )

    mean = {
        "log-normal": lambda: np.exp(3 + spread**2 / 2),
        "gamma": lambda: 30.0,
        "Pareto": lambda: 10 * (1 + 1 / (spread - 1)),
        "two prices": lambda: 9.9 * 0.8 + 99 * 0.2,
    }[shape]()

    def simulate(rng: np.random.Generator) -> Simulated:
        data = {"a": one(rng, buying), "b": one(rng, buying * 1.1)}
        return data, _against(buying * mean, 1.1 * buying * mean)

    return simulate


def counts(rng: np.random.Generator) -> Simulated:
    n, rates = _members(rng, 500), (0.2, 0.25)
    draws = [rng.negative_binomial(0.5, 0.5 / (0.5 + rate), n) for rate in rates]
    tables = [tuple(zip(*map(np.ndarray.tolist, np.unique(d, return_counts=True)), strict=True)) for d in draws]
    return {key: CountStatistics(table) for key, table in zip("ab", tables, strict=True)}, _against(*rates)


def ratios(rng: np.random.Generator) -> Simulated:
    """Simulate revenue per order: uneven numbers of orders per member, log-normal order values."""
    data, n = {}, _members(rng, 2_000)
    for key, typical in (("a", 3.0), ("b", 3.1)):
        orders = rng.negative_binomial(0.3, 0.3 / 0.5, n)
        buyers = np.repeat(np.arange(n), orders)
        spent = np.bincount(buyers, rng.lognormal(typical, 0.8, len(buyers)), n)
        sums = (spent**2).sum(), (orders**2).sum(), (spent * orders).sum()
        data[key] = RatioStatistics(n, Decimal(repr(float(spent.sum()))), Decimal(int(orders.sum())), *map(float, sums))
    return data, _against(np.exp(3.0 + 0.32), np.exp(3.1 + 0.32))


def adjusted(rng: np.random.Generator) -> Simulated:
    data, n = {}, _members(rng)
    for key, lift in (("a", 1.0), ("b", 1.05)):
        before = rng.gamma(2, 5, n)
        after = lift * 10 * rng.gamma(4, 0.25, n) + 0.8 * (before - 10) * (before > 0) + 10
        after = np.maximum(after, 0)
        sums = (after**2).sum(), before.sum(), (before**2).sum(), (after * before).sum()
        data[key] = AdjustedStatistics(n, Decimal(repr(float(after.sum()))), *map(float, sums))
    # The cut at 0 has almost no effect; the truth is that of a separate large audience.
    return data, _against(*_ADJUSTED_MEANS)


def _adjusted_means() -> tuple[float, float]:
    rng = np.random.default_rng(0)
    before = rng.gamma(2, 5, 4_000_000)
    noise = rng.gamma(4, 0.25, 4_000_000)
    means = [float(np.maximum(lift * 10 * noise + 0.8 * (before - 10) + 10, 0).mean()) for lift in (1.0, 1.05)]
    return means[0], means[1]


_ADJUSTED_MEANS = _adjusted_means()


def values(rng: np.random.Generator) -> Simulated:
    """Simulate revenue and shares less the variant's cost, per member."""
    data, n, means = {}, _members(rng, 2_000), []
    for key, buying, fixed in (("a", 0.05, 0), ("b", 0.06, 50)):
        money = np.where(rng.random(n) < buying, rng.lognormal(3, 0.8, n), 0.0)
        shares = rng.poisson(0.1, n)
        rows = np.column_stack([money, shares])
        products = rows.T @ rows
        data[key] = ValueStatistics(
            n,
            ("revenue", "share"),
            (Decimal(repr(float(money.sum()))), Decimal(int(shares.sum()))),
            tuple(map(tuple, products.tolist())),
            (0.4, 0.5),
            cost_fixed=Decimal(fixed),
            cost_per_thousand=Decimal(10),
        )
        means.append(0.4 * buying * np.exp(3 + 0.32) + 0.5 * 0.1 - fixed / n - 0.01)
    return data, {"mean": means[1], "difference": means[1] - means[0]}


def returns(rng: np.random.Generator) -> Simulated:
    """Simulate the same, divided by the cost of the variants."""
    data, truths = values(rng)
    cell = data["b"]
    cost = float(cell.cost_fixed) / cell.n + 0.01
    return data, {"mean": truths["mean"] / cost}


def moods(rng: np.random.Generator) -> Simulated:
    """Simulate the sentiment of mentions, which can be negative: uneven numbers of mentions, each −1, 0 or 1."""
    data, n, chances = {}, _members(rng, 3_000), {"a": (0.3, 0.3, 0.4), "b": (0.25, 0.3, 0.45)}
    for key, each in chances.items():
        mentions = rng.negative_binomial(0.3, 0.3 / 0.4, n)
        said = rng.choice((-1.0, 0.0, 1.0), int(mentions.sum()), p=each)
        mood = np.bincount(np.repeat(np.arange(n), mentions), said, n)
        sums = (mood**2).sum(), (mentions**2).sum(), (mood * mentions).sum()
        data[key] = RatioStatistics(
            n, Decimal(repr(float(mood.sum()))), Decimal(int(mentions.sum())), *map(float, sums)
        )
    return data, {"mean": 0.2, "difference": 0.1}


def half_lives(rng: np.random.Generator) -> Simulated:
    horizon, run = 14, 28.0
    slow, fast = BetaGeometricReturns(1.5, 4.0, 0.4), DailyReturns((0.10, 0.08, 0.07, 0.05, 0.04, 0.03, 0.02))
    n = _members(rng, 500, 20_000)
    data = {
        key: simulate_retention(n, process, horizon, run=run, seed=rng) for key, process in (("a", fast), ("b", slow))
    }
    ends = [retention_truth(process, horizon).half_life for process in (fast, slow)]
    return data, _against(*ends)


def brought(r: float) -> Callable[[np.random.Generator], Simulated]:
    """Simulate word of mouth with the same R in both variants; a third of the members joined recently."""

    def simulate(rng: np.random.Generator) -> Simulated:
        spreading = Spreading(r, 0.4, 2.0)
        data = {key: simulate_cascades(400, spreading, 7, run=14.0, seed=rng) for key in "ab"}
        return data, {"mean": r}

    return simulate


# Truths of the sampled models' own priors -----------------------------------------------------------------------------
# A prior's level is centred on the data, so the truths are drawn around a fixed level; impossible audiences (amounts
# that differ a millionfold, members who bring more than one other on average) are drawn again.


def amounts_of_the_prior(rng: np.random.Generator) -> Simulated:
    """Simulate log-normal amounts, with buyers, spend and its spread drawn from `hurdle_weak`."""
    prior = models.named("hurdle").prior
    spread = 9.0
    while spread > 2:
        spread = float(np.exp(prior["shape_sd"] * rng.standard_normal()))
    data, means, members = {}, [], _members(rng, 2_000, 20_000)
    for key in "ab":
        share, own = rng.random(), spread * np.exp(prior["shape_variant_sd"] * rng.standard_normal())
        level = 3 + prior["variant_sd"] * rng.standard_normal()
        buyers = int(rng.binomial(members, share))
        values = rng.lognormal(level, own, buyers)
        logs = np.log(values)
        sums = float((values**2).sum()), float(logs.sum()), float((logs**2).sum())
        data[key] = AmountStatistics(members, buyers, Decimal(repr(float(values.sum()))), *sums)
        means.append(share * float(np.exp(level + own**2 / 2)))
    return data, _against(*means)


def counts_of_the_prior(rng: np.random.Generator) -> Simulated:
    """Simulate negative-binomial counts, with mean and dispersion drawn from `negative_binomial_weak`."""
    prior = models.named("negative_binomial").prior
    unevenness, members = prior["dispersion_sd"] * rng.standard_normal(), _members(rng, 1_000)
    data, means = {}, []
    for key in "ab":
        mean = 0.3 * np.exp(prior["variant_sd"] * rng.standard_normal())
        size = np.exp(-unevenness - prior["dispersion_variant_sd"] * rng.standard_normal())
        times, having = np.unique(rng.negative_binomial(size, size / (size + mean), members), return_counts=True)
        data[key] = CountStatistics(tuple(zip(times.tolist(), having.tolist(), strict=True)))
        means.append(float(mean))
    return data, _against(*means)


def brought_of_the_prior(rng: np.random.Generator) -> Simulated:
    """Simulate cascades with R below one and k drawn from `word_of_mouth`; the delays are gamma."""
    prior = models.named("k_factor").prior
    data, truths = {}, []
    for key in "ab":
        r = 9.0
        while r > 1:
            r = float(prior["r_median"] * np.exp(prior["r_log_sd"] * rng.standard_normal()))
        k = float(prior["dispersion_median"] * np.exp(prior["dispersion_log_sd"] * rng.standard_normal()))
        data[key] = simulate_cascades(400, Spreading(r, k, 2.0), 7, run=14.0, seed=rng)
        truths.append(r)
    return data, {"mean": truths[1], "difference": truths[1] - truths[0]}


# At least a thousand experiments per model; sampled models divide them among their truths.
CASES: tuple[Case, ...] = (
    Case("conversion", "its own prior", pooled_rates, from_prior=True),
    Case("conversion_flat", "its own prior", flat_rates, from_prior=True),
    Case("amount", "log-normal, sigma 1, 3,000 buyers", spending(100_000, 0.03, "log-normal", 1.0)),
    Case("amount", "log-normal, sigma 1, 300 buyers", spending(10_000, 0.03, "log-normal", 1.0)),
    Case("amount", "log-normal, sigma 1, 30 buyers", spending(1_000, 0.03, "log-normal", 1.0)),
    Case("amount", "log-normal, sigma 2, 300 buyers", spending(10_000, 0.03, "log-normal", 2.0)),
    Case("amount", "log-normal, sigma 2, 30 buyers", spending(1_000, 0.03, "log-normal", 2.0)),
    Case("amount", "gamma, shape 2, 300 buyers", spending(10_000, 0.03, "gamma", 2.0)),
    Case("amount", "two prices, 300 buyers", spending(10_000, 0.03, "two prices", 0.0)),
    Case("amount", "Pareto 1.8, 3,000 buyers", spending(100_000, 0.03, "Pareto", 1.8)),
    Case("count", "negative binomial, k 0.5", counts),
    Case("ratio", "revenue per order", ratios),
    Case("adjusted", "a strong covariate", adjusted),
    Case("net_value", "revenue, shares and costs", values),
    Case("roi", "revenue, shares and costs", returns),
    Case("signed_ratio", "mood per mention", moods),
    Case("retention", "staggered exposures, half of them young", half_lives),
    Case("hurdle", "log-normal, sigma 1, 300 buyers", spending(10_000, 0.03, "log-normal", 1.0), runs=500),
    Case("hurdle", "gamma, shape 2, 300 buyers", spending(10_000, 0.03, "gamma", 2.0), runs=500),
    Case("hurdle", "its own prior", amounts_of_the_prior, from_prior=True, runs=500),
    Case("negative_binomial", "negative binomial, k 0.5", counts, runs=500),
    Case("negative_binomial", "its own prior", counts_of_the_prior, from_prior=True, runs=500),
    Case("k_factor", "its own prior", brought_of_the_prior, from_prior=True, runs=500),
    Case("k_factor", "R = 0.3, half of the members young", brought(0.3), runs=250),
    Case("k_factor", "R = 0.8, half of the members young", brought(0.8), runs=250),
    Case("k_factor", "R = 0.95, half of the members young", brought(0.95), runs=250),
    Case("k_factor", "R = 1.05, half of the members young", brought(1.05), runs=250),
)
SAMPLED = ("hurdle", "negative_binomial", "k_factor")


def calibrations(runs: int | None = None, only: str | None = None) -> Iterator[dict]:
    """Yield the rows of every case, on all cores; `runs` shortens each, `only` selects one model."""
    chosen = [case for case in CASES if only in (None, case.model)]
    shortened = [Case(c.model, c.truth, c.simulate, c.from_prior, runs or c.runs) for c in chosen]
    # Closures cannot be sent to other processes, so each finds its case by position.
    places = [(CASES.index(case), short.runs) for case, short in zip(chosen, shortened, strict=True)]
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for rows in pool.map(_one, places):
            yield from rows


def _one(place: tuple[int, int]) -> list[dict]:
    case = CASES[place[0]]
    return calibrate(Case(case.model, case.truth, case.simulate, case.from_prior, place[1]))
