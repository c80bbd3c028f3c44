"""Conversion, partially pooled: held against plain numeric integration, PyMC on the same model, and simulation."""

import json
import math
from functools import cache

import numpy as np
import pytest
from scipy import integrate, special, stats

from analysis import AnalysisError, MetricResult, NamedPrior, ProportionStatistics, priors, scorecard
from analysis.models import conversion
from analysis.pooling.log_odds import Counts
from analysis.pooling.posterior import PooledPosterior
from analysis.pooling.tables import tabulate

BILLION = 10**9
TWENTY = tuple((80 + 3 * i, 1000) for i in range(20))
UNLIKE = ((2, 3), (30, 900), (0, 40), (80, 80))
KNOWN = NamedPrior("known", (("log_odds_sd", 0.3),), "For a test.")
WIDE = NamedPrior("wide", (("log_odds_sd", 1.5),), "For a test.")
HALF_NORMAL = NamedPrior("half_normal", (("log_odds_sd_scale", 0.5),), "For a test.")
CLICKS = NamedPrior("clicks", (("log_odds_sd", 0.2), ("mean_log_odds", -4.5), ("mean_sd", 0.7)), "For a test.")
GRID = {
    "typical": ((700, 7000), (760, 7000), (720, 7000)),
    "few": ((2, 60), (9, 55), (4, 70)),
    "no success in one": ((0, 500), (4, 480)),
    "all": ((40, 40), (38, 40)),
    "three members": ((0, 3), (3, 3)),
    "a billion": ((500_000_000, BILLION), (500_020_000, BILLION)),
    "a billion, few successes": ((0, BILLION), (3, BILLION)),
    "three and a billion": ((2, 3), (300_000_000, BILLION)),
}


def fitted(cells, prior) -> PooledPosterior:
    return conversion.fit({f"v{i}": ProportionStatistics(n, y) for i, (y, n) in enumerate(cells)}, prior)


def card(*cells: tuple[int, int], **options) -> MetricResult:
    data = {"abcdefghijklmnopqrstuvwxyz"[i]: ProportionStatistics(n, s) for i, (s, n) in enumerate(cells)}
    return scorecard(data, control="a", **options)


# An independent reference: the same integrals by brute force ----------------------------------------------------------


def _log_binomial(theta, y, n):
    """Up to a constant; by the log of the rate of the rarer outcome."""
    return y * special.log_expit(theta) + (n - y) * special.log_expit(-theta)


class Reference:
    """Two variants on plain even meshes: mu in 201 points, theta in a thousand around wherever the mass is."""

    def __init__(self, cells, tau, log_prior_mu):
        self.cells, self.tau = cells, tau
        middle = [math.log((y + 0.5) / (n - y + 0.5)) for y, n in cells]
        reach = [4 + 9 / math.sqrt((y + 0.5) * (n - y + 0.5) / (n + 1)) for y, n in cells]
        width = 9 * tau + 1
        low, high = (
            min(m - r for m, r in zip(middle, reach, strict=True)),
            max(m + r for m, r in zip(middle, reach, strict=True)),
        )
        for _ in range(3):  # first far and wide, then where the mass is
            mu = np.linspace(low - width, high + width, 201)
            tables = [self._table(v, mu) for v in range(2)]
            log_weight = log_prior_mu(mu) + sum(t[3] for t in tables)
            inside = mu[log_weight > log_weight.max() - 32]
            low, high, width = inside[0], inside[-1], 2 * (mu[1] - mu[0])
        self.weight = np.exp(log_weight - log_weight.max())
        self.weight /= self.weight.sum()
        self.tables = tables

    def _table(self, v, mu, points=1201):
        y, n = self.cells[v]

        def log_joint(theta):
            return _log_binomial(theta, y, n) - 0.5 * ((theta - mu[:, None]) / self.tau) ** 2

        low, high = mu - 12 * self.tau, mu + 12 * self.tau
        best = np.clip(math.log((y + 1e-9) / (n - y + 1e-9)), -45, 45)
        low, high = np.minimum(low, best - 1e-9), np.maximum(high, best + 1e-9)
        for _ in range(6):  # zoom in on what matters, each mu for itself
            theta = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, points)
            height = log_joint(theta)
            top = height.max(axis=1, keepdims=True)
            inside = height > top - 45
            first, last = inside.argmax(axis=1), points - 1 - inside[:, ::-1].argmax(axis=1)
            step = (high - low) / (points - 1)
            low, high = low + step * np.maximum(first - 1, 0), high - step * np.maximum(points - 2 - last, 0)
        mass = np.exp(height - top)
        total = integrate.simpson(mass, dx=1.0, axis=1) * step
        cdf = integrate.cumulative_trapezoid(mass, axis=1, initial=0)
        cdf /= cdf[:, -1:]
        mass /= mass.sum(axis=1, keepdims=True)
        return theta, mass, cdf, np.log(total) + top[:, 0]

    def mean_and_sd(self, v):
        theta, mass, *_ = self.tables[v]
        rate = special.expit(theta)
        mean = self.weight @ (mass * rate).sum(axis=1)
        return mean, math.sqrt(self.weight @ (mass * (rate - mean) ** 2).sum(axis=1))

    def below(self, v, rate):
        theta, _, cdf, _ = self.tables[v]
        at = special.logit(rate)
        return sum(w * np.interp(at, t, c) for w, t, c in zip(self.weight, theta, cdf, strict=True))

    def beats(self, factor=1.0, shift=0.0):
        """P(v1 > v0 · factor + shift), summed over the narrower of the two."""
        (t0, m0, c0, _), (t1, m1, c1, _) = self.tables
        narrow_first = np.ptp(t0[100]) < np.ptp(t1[100])
        total = 0.0
        for j, w in enumerate(self.weight):
            if w < 1e-14:
                continue
            if narrow_first:
                other = special.logit(np.clip(special.expit(t0[j]) * factor + shift, 1e-300, 1 - 1e-16))
                total += w * (m0[j] @ (1 - np.interp(other, t1[j], c1[j])))
            else:
                other = special.logit(np.clip((special.expit(t1[j]) - shift) / factor, 1e-300, 1 - 1e-16))
                total += w * (m1[j] @ np.interp(other, t0[j], c0[j]))
        return total


def uniform_rate(mu):
    return special.log_expit(mu) + special.log_expit(-mu)


@cache
def reference(name, tau):
    return Reference(GRID[name][:2], tau, uniform_rate)


@pytest.mark.parametrize("prior", [KNOWN, WIDE], ids=lambda prior: prior.name)
@pytest.mark.parametrize("name", list(GRID))
def test_everything_agrees_with_plain_integration(name, prior):
    known = reference(name, prior["log_odds_sd"])
    ours = fitted(GRID[name][:2], prior)
    for v in range(2):
        mean, sd = known.mean_and_sd(v)
        assert ours.mean(v) == pytest.approx(mean, abs=1e-4 * sd)
        assert ours.sd(v) == pytest.approx(sd, rel=2e-4)
        interval = ours.interval(v)
        assert known.below(v, interval.low) == pytest.approx(0.025, abs=1e-4)
        assert known.below(v, interval.high) == pytest.approx(0.975, abs=1e-4)
    assert ours.p_greater(1, 0) == pytest.approx(known.beats(), abs=2e-4)
    chance, loss = ours.best_and_loss(higher=True)
    assert chance[1] == pytest.approx(known.beats(), abs=2e-4)
    assert loss[1] - loss[0] == pytest.approx(ours.mean(0) - ours.mean(1), abs=1e-6 * ours.sd(0))
    difference = ours.difference(1, 0).interval
    for end, p in ((difference.low, 0.025), (difference.high, 0.975)):
        assert known.beats(shift=end) == pytest.approx(1 - p, abs=3e-4)
    lift = ours.lift(1, 0)
    if lift is not None:
        for end, p in ((lift.interval.low, 0.025), (lift.interval.high, 0.975)):
            assert known.beats(factor=1 + end) == pytest.approx(1 - p, abs=3e-4)
        within = known.beats(factor=0.95) - known.beats(factor=1.05)
        assert ours.p_lift_within(1, 0, 0.05) == pytest.approx(within, abs=5e-4)


def test_a_known_typical_rate_replaces_the_uniform_one():
    def log_prior(mu):
        return stats.norm.logpdf(mu, -4.5, 0.7)

    cells = ((3, 400), (8, 420))
    known, ours = Reference(cells, 0.2, log_prior), fitted(cells, CLICKS)
    for v in range(2):
        mean, sd = known.mean_and_sd(v)
        assert ours.mean(v) == pytest.approx(mean, abs=1e-4 * sd)
        assert ours.sd(v) == pytest.approx(sd, rel=2e-4)
    assert ours.p_greater(1, 0) == pytest.approx(known.beats(), abs=2e-4)


def test_twenty_variants_agree_with_draws():
    ours = fitted(TWENTY, KNOWN)
    drawn = ours.draws(200_000, np.random.default_rng(3))
    chance, loss = ours.best_and_loss(higher=True)
    winners = np.bincount(drawn.argmax(axis=1), minlength=20) / len(drawn)
    shortfall = drawn.max(axis=1, keepdims=True) - drawn
    assert chance.sum() == pytest.approx(1, abs=1e-12)
    for v in range(20):
        assert chance[v] == pytest.approx(winners[v], abs=6 * math.sqrt(max(winners[v], 1e-5) / len(drawn)))
        assert loss[v] == pytest.approx(shortfall[:, v].mean(), abs=6 * shortfall[:, v].std() / math.sqrt(len(drawn)))
        assert ours.mean(v) == pytest.approx(drawn[:, v].mean(), abs=6 * ours.sd(v) / math.sqrt(len(drawn)))
    least, _ = ours.best_and_loss(higher=False)
    assert least[0] == pytest.approx((drawn.argmin(axis=1) == 0).mean(), abs=0.006)


def _build(variants):
    import pymc as pm

    with pm.Model() as model:
        members, successes = pm.Data("members", np.ones(variants)), pm.Data("successes", np.zeros(variants))
        mu = pm.Logistic("mu", 0, 1)
        theta = pm.Normal("theta", mu, 0.3, shape=variants)
        pm.Potential("likelihood", (successes * theta - members * pm.math.log1pexp(theta)).sum())
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    "cells",
    [
        ((2, 60), (9, 55), (4, 70)),
        ((0, 3), (3, 3)),
        UNLIKE,
        ((500_000_000, BILLION), (500_020_000, BILLION), (2, 3)),
        TWENTY,
    ],
)
def test_posterior_equals_pymc_on_the_same_model(cells):
    from analysis.sampling import engine

    counts = {"members": np.array([n for _, n in cells], float), "successes": np.array([y for y, _ in cells], float)}
    drawn = engine.sample(_build, (len(cells),), counts, seed=11, draws=4000, tune=1000, chains=2)
    rates = special.expit(drawn.values["theta"].reshape(-1, len(cells)))
    ours = fitted(cells, KNOWN)
    for v in range(len(cells)):
        assert ours.mean(v) == pytest.approx(rates[:, v].mean(), abs=0.06 * ours.sd(v))
        assert ours.sd(v) == pytest.approx(rates[:, v].std(), rel=0.06)
    best = np.bincount(rates.argmax(axis=1), minlength=len(cells)) / len(rates)
    assert ours.best_and_loss(higher=True)[0] == pytest.approx(best, abs=0.025)


def _build_varying(variants):
    import pymc as pm

    median, varies = priors.CONTENT["log_odds_sd"], priors.CONTENT["log_odds_sd_varies"]
    with pm.Model() as model:
        members, successes = pm.Data("members", np.ones(variants)), pm.Data("successes", np.zeros(variants))
        mu, log_tau = pm.Logistic("mu", 0, 1), pm.Normal("log_tau", math.log(median), varies)
        theta = pm.Deterministic("theta", mu + pm.math.exp(log_tau) * pm.Normal("away", 0, 1, shape=variants))
        pm.Potential("likelihood", (successes * theta - members * pm.math.log1pexp(theta)).sum())
    return model


@pytest.mark.slow
@pytest.mark.parametrize("cells", [((0, 40), (3, 3), (5, 70)), ((400, 9000), (470, 9000), (410, 9000)), TWENTY])
def test_the_default_prior_equals_pymc_on_the_same_model(cells):
    from analysis.sampling import engine

    counts = {"members": np.array([n for _, n in cells], float), "successes": np.array([y for y, _ in cells], float)}
    drawn = engine.sample(_build_varying, (len(cells),), counts, seed=12, draws=4000, tune=2000, chains=2, accept=0.95)
    rates = special.expit(drawn.values["theta"].reshape(-1, len(cells)))
    ours = fitted(cells, priors.CONTENT)
    for v in range(len(cells)):
        assert ours.mean(v) == pytest.approx(rates[:, v].mean(), abs=0.06 * ours.sd(v))
        assert ours.sd(v) == pytest.approx(rates[:, v].std(), rel=0.06)
    best = np.bincount(rates.argmax(axis=1), minlength=len(cells)) / len(rates)
    assert ours.best_and_loss(higher=True)[0] == pytest.approx(best, abs=0.025)


# What it is for -------------------------------------------------------------------------------------------------------


def test_many_variants_shrink_a_lucky_one():
    lucky, others = (66, 1000), [(50, 1000)] * 9
    flat = card(lucky, *others, model="conversion_flat").variant("a")
    ours = card(lucky, *others).variant("a")
    assert ours.mean < flat.mean and ours.p_best < flat.p_best
    assert ours.raw_mean == flat.raw_mean == 0.066


def test_large_data_outweigh_the_prior():
    cells = ((100_000, 10**6), (103_000, 10**6))
    ours, flat = card(*cells), card(*cells, model="conversion_flat")
    assert ours.comparison("b").lift.mean == pytest.approx(flat.comparison("b").lift.mean, rel=0.01)


def test_an_infinite_spread_gives_the_lift_without_pooling():
    loose = NamedPrior("loose", (("log_odds_sd", 10.0),), "For a test.")
    cells = ((200, 2000), (240, 2000))
    ours, flat = card(*cells, prior=loose), card(*cells, model="conversion_flat")
    assert ours.comparison("b").p_beats_control == pytest.approx(flat.comparison("b").p_beats_control, abs=2e-3)


def test_equal_variants_have_equal_chances():
    result = card(*[(30, 300)] * 4)
    assert [row.p_best for row in result.variants] == pytest.approx([0.25] * 4, abs=1e-9)
    assert result.comparison("b").p_beats_control == pytest.approx(0.5, abs=1e-8)


def test_direction_only_reverses_which_variant_is_better():
    up, down = card((100, 1000), (130, 1000)), card((100, 1000), (130, 1000), direction="lower")
    assert down.comparison("b").p_beats_control == pytest.approx(1 - up.comparison("b").p_beats_control, abs=1e-12)
    assert down.variant("a").p_best == pytest.approx(up.variant("b").p_best, abs=1e-7)
    assert down.comparison("b").lift == up.comparison("b").lift


def test_a_small_loss_keeps_its_digits():
    # the loss of a lead of ten standard errors, far below what a sum over everything could hold
    result = card((10_000, 100_000), (11_400, 100_000))
    assert 0 < result.variant("b").expected_loss < 1e-14


def test_the_shortest_interval_is_shorter_with_equal_probability():
    cells = ((1, 50), (4, 50))
    ours = fitted(cells, KNOWN)
    for eti, hdi in (
        (ours.interval(0, "eti"), ours.interval(0, "hdi")),
        (ours.difference(1, 0, "eti").interval, ours.difference(1, 0, "hdi").interval),
        (ours.lift(1, 0, "eti").interval, ours.lift(1, 0, "hdi").interval),
    ):
        assert (hdi.kind, hdi.probability) == ("hdi", 0.95)
        assert hdi.high - hdi.low < eti.high - eti.low
    drawn = ours.draws(400_000, np.random.default_rng(1))
    hdi = ours.interval(0, "hdi")
    assert ((drawn[:, 0] > hdi.low) & (drawn[:, 0] < hdi.high)).mean() == pytest.approx(0.95, abs=0.003)
    hdi = ours.lift(1, 0, "hdi").interval
    lift = drawn[:, 1] / drawn[:, 0] - 1
    assert ((lift > hdi.low) & (lift < hdi.high)).mean() == pytest.approx(0.95, abs=0.003)


def test_densities_integrate_to_1():
    extreme = (((0, 3), (3, 3)), ((0, 1000), (15, 1000)), ((300, 300), (500, 1000)))
    for cells in (((2262, 21306), (3894, 21307)), *extreme, ((500_000_000, BILLION), (2, 3))):
        result = card(*cells)
        for density in filter(None, (result.variant("a").density, result.comparison("b").lift_density)):
            x, y = np.array(density.x), np.array(density.y)
            assert len(x) == len(y) == 61
            assert y.sum() * (x[1] - x[0]) == pytest.approx(1, abs=0.01)
            assert (y >= 0).all()


def test_a_lift_over_a_control_near_0_has_a_reason_instead_of_a_figure():
    row = card((0, 1000), (5, 1000), prior=WIDE).comparison("b")
    assert row.lift is None and row.p_rope is None and row.lift_density is None
    assert row.lift_not_shown.code == "lift.control_near_zero"
    assert row.p_beats_control > 0.9


def test_intervals_cover_truths_drawn_from_the_prior_and_ranks_are_uniform():
    rng, ranks, lifts, differences = np.random.default_rng(20), [], [], []
    for _ in range(1000):
        theta = rng.logistic() + 0.3 * rng.standard_normal(3)
        n = rng.integers(20, 400, 3)
        y = rng.binomial(n, special.expit(theta))
        ours = fitted(list(zip(y.tolist(), n.tolist(), strict=True)), KNOWN)
        ranks.append(float(ours._cdf(1, theta[1:2])[0]))
        control, treatment = special.expit(theta[:2])
        interval = ours.difference(1, 0).interval
        differences.append(interval.low <= treatment - control <= interval.high)
        if (lift := ours.lift(1, 0)) is not None:
            lifts.append(lift.interval.low <= treatment / control - 1 <= lift.interval.high)
    assert len(lifts) > 900
    assert 0.93 <= np.mean(differences) <= 0.97
    assert 0.93 <= np.mean(lifts) <= 0.97
    assert stats.kstest(ranks, "uniform").pvalue > 0.001


def test_the_evidence_is_independent_of_the_prior():
    cells = ((30, 3000), (60, 3000))
    ours, flat = card(*cells), card(*cells, model="conversion_flat")
    for mine, known in zip(ours.variants, flat.variants, strict=True):
        assert (mine.evidence_mean, mine.evidence_sd) == (known.mean, known.sd)
        assert (mine.log_mean, mine.log_sd) == (known.log_mean, known.log_sd)
    assert ours.variant("b").mean < ours.variant("b").evidence_mean


def test_a_result_survives_json_unchanged():
    for result in (card((10, 100), (20, 100), (0, 100)), card((0, 0), (1, 2)), card((0, 50), (4, 50))):
        assert MetricResult.from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False))) == result


def test_the_same_data_give_the_same_digits():
    assert card((10, 100), (20, 130)).to_dict() == card((10, 100), (20, 130)).to_dict()


@pytest.mark.parametrize(
    ("prior", "says"),
    [
        (priors.FLAT_BETA, "log_odds_sd_scale"),
        (NamedPrior("odd", (("log_odds_sd", 0.001),), "For a test."), "0.01"),
        (NamedPrior("odd", (("log_odds_sd_scale", 40.0),), "For a test."), "10"),
    ],
)
def test_a_prior_without_a_usable_spread_is_refused(prior, says):
    with pytest.raises(AnalysisError, match=says) as caught:
        card((1, 2), (1, 3), prior=prior)
    assert caught.value.code == "bad_prior"


def test_tables_reach_into_negligible_tails():
    for cells in GRID.values():
        counts = Counts.of([y for y, _ in cells], [n for _, n in cells])
        for prior in (KNOWN, WIDE):
            tables = tabulate(counts, prior)
            assert tables.mass[..., [0, -1]].max() < 1e-13
            assert tables.below[..., -1] == pytest.approx(np.ones_like(tables.weight[None] * tables.scale), abs=1e-7)
            assert tables.weight[[0, -1]].max() < 1e-6
