"""Predictive checks: replicated sums are those of real rows, right models pass, wrong ones do not."""

import json

import numpy as np
import pytest
from scipy.special import gammaincinv, ndtr
from scipy.stats import ks_2samp

from analysis.messages import message
from analysis.sampling import predictive

MEAN = message("check.variance", variant="a")


def log_normal(z):
    return np.broadcast_to(np.exp(3.0 + 1.5 * z), (1500, np.shape(z)[1]))


def gamma(z):
    return np.broadcast_to(gammaincinv(0.6, ndtr(z)), (1500, np.shape(z)[1]))


def square(x):
    return x * x


@pytest.mark.parametrize(
    ("quantile", "rows"),
    [(log_normal, lambda rng, n: rng.lognormal(3.0, 1.5, n)), (gamma, lambda rng, n: rng.gamma(0.6, size=n))],
    ids=["log_normal", "gamma"],
)
@pytest.mark.parametrize("n", [40, 3000])
def test_replicated_sums_are_distributed_like_sums_over_real_rows(quantile, rows, n):
    rng = np.random.default_rng(3)
    ours = predictive.replicated_sums(quantile, [np.asarray, square], n, rng)
    for replicated, function in zip(ours, [np.asarray, square], strict=True):
        real = np.array([function(rows(rng, n)).sum() for _ in range(1500)])
        assert ks_2samp(replicated, real).pvalue > 0.001
        # heavy tails: far quantiles too, which an approximation by a Normal misses by half
        assert np.log(np.quantile(replicated, 0.98) / np.quantile(real, 0.98)) == pytest.approx(0.0, abs=0.25)


def test_sums_over_the_same_rows_move_together():
    sums = predictive.replicated_sums(
        log_normal, [np.log, lambda x: 2 * np.log(x), square], 5000, np.random.default_rng(2)
    )
    assert sums[1] == pytest.approx(2 * sums[0], rel=1e-9)
    rng = np.random.default_rng(5)
    rows = rng.lognormal(3.0, 1.5, (1500, 5000))
    real = np.corrcoef(np.log(rows).sum(axis=1), np.log((rows**2).sum(axis=1)))[0, 1]
    assert np.corrcoef(sums[0], np.log(sums[2]))[0, 1] == pytest.approx(real, abs=0.08)


def test_sums_over_a_billion_rows_cost_no_more():
    (sums,) = predictive.replicated_sums(log_normal, [np.asarray], 10**9, np.random.default_rng(1))
    mean, sd = np.exp(3 + 1.5**2 / 2), np.exp(3 + 1.5**2 / 2) * np.sqrt(np.expm1(1.5**2))
    assert sums.mean() == pytest.approx(1e9 * mean, rel=1e-5)
    assert sums.std() == pytest.approx(np.sqrt(1e9) * sd, rel=0.1)


def test_a_check_has_its_comparison_and_shares_the_false_alarms():
    replicated = np.random.default_rng(1).normal(size=40_000)
    alone = predictive.check(MEAN, 2.8, replicated)
    among_ten = predictive.check(MEAN, 2.8, replicated, checks=10)
    assert not alone.passed and among_ten.passed
    assert (alone.low, alone.high) == pytest.approx((-2.576, 2.576), abs=0.06)
    assert predictive.failures([alone, among_ten]) == (alone,)
    assert json.loads(json.dumps(alone.to_dict()))["passed"] is False


def test_a_one_sided_check_has_no_lower_end():
    replicated = np.random.default_rng(1).normal(size=40_000)
    few, many = (predictive.check_most(MEAN, seen, replicated) for seen in (-9.0, 2.8))
    assert (few.passed, many.passed) == (True, False)
    assert few.low is None and few.beside_expected.code == "check.at_most"
    assert predictive.check(MEAN, 2.8, replicated).beside_expected.code == "check.range"
    assert json.loads(json.dumps(many.to_dict()))["low"] is None


def test_a_statistic_that_cannot_vary_is_compared_up_to_rounding():
    assert predictive.check("zeros", 5.0, np.full(100, 5.0 + 1e-12)).passed
    assert not predictive.check("zeros", 5.1, np.full(100, 5.0)).passed


def test_thinning_keeps_the_ends_and_never_invents_draws():
    draws = np.arange(10_000.0)
    assert predictive.thinned(draws, 3).tolist() == [0.0, 5000.0, 9999.0]
    assert predictive.thinned(draws[:7]).tolist() == draws[:7].tolist()
