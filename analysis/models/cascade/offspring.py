"""The likelihood of brought members on sums: counts by age, and delays up to that age.

A member brings NB(R, k) others within the horizon, each after a delay in days with chances p, independently. By age a,
a share F(a) of the delays can have happened; thinning a gamma-Poisson mixture keeps its k, so that the number
brought by a member of age a is NB(R F(a), k), and their delays follow p / F(a).

An age of a whole days means that day a has begun and is not over; the elapsed part of it is not recorded. So only a
share `part` of that day's delays can have happened, one number for all ages a ≥ 1, estimated with the rest, so that an
hour of the day with many exposures is no bias. Day 0 has most of the delays, unevenly distributed, and a member of age
0 has no information on R that `part` would not explain: such members are left out, with those they brought.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.stats import nbinom

from analysis.messages import message
from analysis.priors import NamedPrior
from analysis.sampling.predictive import Check, check, check_most, thinned
from analysis.statistics import CascadeStatistics

#: Members that each variant must have brought for separate delay distributions; below, all variants share one.
OWN_DELAYS_FROM = 1_000
#: Relative error of a check that is tolerated, since it changes R by about as much, however significant it is.
TOLERANCE = 0.03
#: Complete members, and those of them with guests, that the plain mean needs.
FEWEST_COMPLETE, FEWEST_SHARERS = 100, 20


@lru_cache(maxsize=32)
def delay_edges(horizon: int) -> tuple[int, ...]:
    """Return the edges of the bins of delay: daily for a week, then each a third wider.

    Days within a bin have equal chances. So a window of 90 days has 17 bins instead of 90 chances to estimate.
    """
    edges = list(range(min(horizon, 7) + 1))
    while edges[-1] < horizon:
        edges.append(min(horizon, max(edges[-1] + 1, math.ceil(edges[-1] * 4 / 3))))
    return tuple(edges)


@lru_cache(maxsize=32)
def done_by_age(horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the elapsed part of each bin at ages 1 to horizon, shape (horizon, bins), and the part that has begun."""
    edges = np.array(delay_edges(horizon))
    ages, low, width = np.arange(1, horizon + 1)[:, None], edges[:-1], np.diff(edges)
    over = np.clip(ages - low, 0, width) / width
    begun = ((ages >= low) & (ages < low + width) & (ages < horizon)) / width
    return over, begun


def delay_weights(horizon: int, members: float) -> np.ndarray:
    """Return the Dirichlet weights of the bins: log-uniform over the delay, `members` together."""
    edges = np.array(delay_edges(horizon), float)
    shares = np.diff(np.log1p(edges))
    weights: np.ndarray = members * shares / shares.sum()
    return weights


@dataclass(frozen=True, slots=True)
class Offspring:
    """The data of the likelihood for all variants; ages from 1 on.

    Attributes
    ----------
    members, brought : arrays of shape (variants, horizon)
        By age 1 to horizon.
    counts : array of shape (rows,)
        Distinct numbers brought.
    having : array of shape (variants, rows)
        Members who brought that number.
    delays : array of shape (groups, bins)
        Brought members by their delay.
    partly : array of shape (groups,)
        Those of them with a delay on the day that is not over.
    delayed : array of shape (groups, horizon)
        Brought members with a known delay, by the age of the member who brought them.
    """

    members: np.ndarray
    brought: np.ndarray
    counts: np.ndarray
    having: np.ndarray
    delays: np.ndarray
    partly: np.ndarray
    delayed: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Variants, delay distributions, horizon: the key of a compiled model."""
        return (len(self.members), len(self.delays), self.members.shape[1])


def offspring_of(data: Mapping[str, CascadeStatistics]) -> Offspring:
    """Sum the variants' rows to the arrays of the likelihood; age 0 is left out."""
    cells = list(data.values())
    horizon, rows = cells[0].horizon, sorted({brought for cell in cells for age, brought, _ in cell.offspring if age})
    place = {brought: i for i, brought in enumerate(rows)}
    members, having = np.zeros((len(cells), horizon)), np.zeros((len(cells), len(rows)))
    brought = np.zeros_like(members)
    bins = np.searchsorted(delay_edges(horizon), np.arange(horizon), side="right") - 1
    delays, partly, delayed = np.zeros((len(cells), bins[-1] + 1)), np.zeros(len(cells)), np.zeros_like(members)
    for v, cell in enumerate(cells):
        for age, number, having_it in cell.offspring:
            if age:
                members[v, age - 1] += having_it
                brought[v, age - 1] += number * having_it
                having[v, place[number]] += having_it
        for age, delay, came in cell.delays:
            if age and delay < horizon:
                delays[v, bins[delay]] += came
                delayed[v, age - 1] += came
                partly[v] += came * (delay == age)
    if brought.sum(axis=1).min() < OWN_DELAYS_FROM:
        delays, partly, delayed = delays.sum(0, keepdims=True), partly.sum(0, keepdims=True), delayed.sum(0)[None]
    return Offspring(members, brought, np.array(rows, float), having, delays, partly, delayed)


def build(variants: int, groups: int, horizon: int) -> Any:
    """Return the PyMC model of a shape, without data."""
    import pymc as pm

    over, begun = done_by_age(horizon)
    bins = over.shape[1]
    with pm.Model() as model:
        members = pm.Data("members", np.ones((variants, horizon)))
        brought = pm.Data("brought", np.ones((variants, horizon)))
        counts = pm.Data("counts", np.zeros(1))
        having = pm.Data("having", np.zeros((variants, 1)))
        delays = pm.Data("delays", np.zeros((groups, bins)))
        partly = pm.Data("partly", np.zeros(groups))
        delayed = pm.Data("delayed", np.zeros((groups, horizon)))
        priors = pm.Data("priors", np.array([-1.0, 1.0, -1.0, 1.0, 2.0]))
        weights = pm.Data("weights", np.ones(bins))
        log_r = pm.Normal("log_r", priors[0], priors[1], shape=variants)
        log_k = pm.Normal("log_k", priors[2], priors[3], shape=variants)
        part = pm.Beta("part", priors[4], priors[4])
        log_p = _delay_law(groups, bins, weights)
        log_f = pm.math.log(pm.math.dot(pm.math.exp(log_p), (over + part * begun).T))
        pm.Deterministic("done", pm.math.exp(log_f))
        k, log_mean = pm.math.exp(log_k)[:, None], log_r[:, None] + log_f
        # log NB(y; m, k) without log y!: -(k + y) log(1 + m/k) + y log m by age, and log Γ(y + k)/(Γ(k) k^y) by count.
        thrown = -pm.math.log1pexp(log_mean - log_k[:, None])
        by_age = members * k * thrown + brought * (log_mean + thrown)
        by_count = having * _rising(counts, k)
        came = delays * log_p
        pm.Potential("numbers", by_age.sum() + by_count.sum())
        pm.Potential("delays_given", came.sum() + partly.sum() * pm.math.log(part) - (delayed * log_f).sum())
    return model


def _rising(counts: Any, k: Any) -> Any:
    """Return log Γ(y + k) - log Γ(k) - y log k, 0 in the Poisson limit; for large k by its series in 1/k.

    The difference of two logarithms of Γ has no correct digits at k = 1e14, and its noise would stall the sampler.
    """
    import pytensor.tensor as pt

    inverse = 1.0 / k
    series = inverse * counts * (counts - 1) / 2 * (1 - inverse * (2 * counts - 1) / 6)
    exact = pt.gammaln(counts + k) - pt.gammaln(k) - counts * pt.log(k)
    return pt.switch(pt.gt(k, 1e5), series, exact)


def _delay_law(groups: int, bins: int, weights: Any) -> Any:
    """Return the logarithm of Dirichlet chances of the bins of delay, built from the last one back.

    The share of the delays up to a bin's end that lie in it is what members of an age determine, whatever comes later:
    so these shares, Beta(a, b) each, and not the chances, are nearly independent in the posterior. If no member came so
    late, a share near 0 has a tail too long for the sampler; its a-th power is nearly even from 0 to 1 and is sampled
    instead, the rest of the Beta density being (1 - share)^(b - 1).
    """
    import pymc as pm
    import pytensor.tensor as pt

    if bins == 1:
        return pt.zeros((groups, 1))
    power = pm.Uniform("power", 0.0, 1.0, shape=(groups, bins - 1))
    log_share = pm.math.log(power) / weights[1:]
    log_before = pt.log1mexp(log_share)
    pm.Potential("shares", ((pt.cumsum(weights)[:-1] - 1.0) * log_before).sum())
    log_later = pt.cumsum(log_before[:, ::-1], axis=1)[:, ::-1]
    first = pt.zeros((groups, 1))
    return pt.concatenate([log_later, first], axis=1) + pt.concatenate([first, log_share], axis=1)


def checks_of(
    offspring: Offspring, values: Mapping[str, np.ndarray], variants: Sequence[str], seed: int
) -> tuple[Check, ...]:
    """Compare the numbers brought by complete and younger members, and by the largest sharer, with the fit.

    The model assumes equal sharing at any time of exposure. If a campaign changes the pace of sharing during a run,
    delays seem longer or shorter than they are, and R would be biased. If one member brings more than a negative
    binomial allows, the intervals are too narrow.

    Parameters
    ----------
    values : mapping of name to array of shape (chains, draws, ...)
        `log_r`, `log_k` and `done`.
    """
    rng = np.random.default_rng(seed)
    flat = {name: thinned(values[name].reshape(-1, *values[name].shape[2:])) for name in ("log_r", "log_k", "done")}
    results, count = [], 3 * len(variants)
    for v, key in enumerate(variants):
        members, own = offspring.members[v], v if len(offspring.delays) > 1 else 0
        r, k = np.exp(flat["log_r"][:, v, None]), np.exp(flat["log_k"][:, v, None])
        some = members > 0
        failing = k / (k + (r * flat["done"][:, own])[:, some])
        if members[-1] and members[:-1].any():
            results += _pace(offspring, v, key, rng.negative_binomial(members[some] * k, failing), count)
        top = float(offspring.counts[offspring.having[v] > 0].max(initial=0.0))
        # The largest of n has an upper-tail probability of 1 - u^(1/n).
        exceeded = -np.expm1(np.log(rng.random(failing.shape)) / members[some])
        tops = nbinom.isf(exceeded, k, failing).max(axis=1)
        results.append(check_most(message("check.brought_most", variant=key), top, tops, checks=count))
    return tuple(results)


def _pace(offspring: Offspring, v: int, key: str, replicated: np.ndarray, count: int) -> list[Check]:
    """Check the sums of complete and of younger members; `replicated` is by draw and by observed age."""
    results, observed = [], offspring.brought[v][offspring.members[v] > 0]
    complete, younger = message("check.brought_complete", variant=key), message("check.brought_younger", variant=key)
    for name, ages in ((complete, slice(-1, None)), (younger, slice(0, -1))):
        sums, seen = replicated[:, ages].sum(axis=1), float(observed[ages].sum())
        one = check(name, seen, sums, checks=count)
        near = abs(seen - sums.mean()) <= TOLERANCE * sums.mean()
        results.append(replace(one, passed=bool(one.passed or near)))
    return results


def complete_r(data: Mapping[str, CascadeStatistics], seed: int, draws: int = 4000) -> np.ndarray | None:
    """Draw R by the Bayesian bootstrap of the members whose window is over, without a model of sharing (Rubin 1981).

    Returns
    -------
    array of shape (draws, variants); None if a variant has too few such members.
    """
    rng, columns = np.random.default_rng(seed), []
    for cell in data.values():
        rows = np.array([(brought, n) for age, brought, n in cell.offspring if age == cell.horizon], float)
        brought, n = rows.T
        if n.sum() < FEWEST_COMPLETE or n[brought > 0].sum() < FEWEST_SHARERS:
            return None
        weights = rng.gamma(n, size=(draws, len(n)))
        columns.append(weights @ brought / weights.sum(axis=1))
    return np.column_stack(columns)


def data_of(offspring: Offspring, prior: NamedPrior) -> dict[str, np.ndarray]:
    """Return the model's data by name."""
    named = ("members", "brought", "counts", "having", "delays", "partly", "delayed")
    priors = [math.log(prior["r_median"]), prior["r_log_sd"]]
    priors += [math.log(prior["dispersion_median"]), prior["dispersion_log_sd"], prior["part_day"]]
    weights = delay_weights(offspring.members.shape[1], prior["delay_members"])
    return {name: getattr(offspring, name) for name in named} | {"priors": np.array(priors), "weights": weights}
