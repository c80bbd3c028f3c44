"""Ratios: one sum over another, both noisy."""

import math
from decimal import Decimal

import numpy as np
import pytest

from analysis import NotShown, RatioStatistics
from analysis.models import ratio
from analysis.posterior.quadrature import Compared
from analysis.priors import WEAK_RATIO


def of(x, y) -> RatioStatistics:
    x, y = np.asarray(x, float), np.asarray(y, float)
    squares = float((x * x).sum()), float((y * y).sum()), float((x * y).sum())
    return RatioStatistics(len(x), Decimal(str(x.sum())), Decimal(str(y.sum())), *squares)


def orders(rng, members, share, sigma):
    """Orders of each member and what they came to; the true ratio is exp(3 + sigma²/2)."""
    buyers = rng.binomial(members, share)
    y, x = np.zeros(members), np.zeros(members)
    y[:buyers] = 1 + rng.poisson(0.5, buyers)
    each = rng.lognormal(3, sigma, int(y.sum()))
    x[:buyers] = np.add.reduceat(each, np.concatenate([[0], np.cumsum(y[: buyers - 1])]).astype(int))
    return of(x, y)


def moods(rng, members):
    """Mentions of each member and their moods, -1, 0 or 1; the true mean mood is 0.3."""
    y = rng.binomial(3, 0.05, members)
    good = rng.binomial(y, 0.5)
    bad = rng.binomial(y - good, 0.4)
    return of(good - bad, y)


def covered(fit, simulate, truth, runs):
    """Shares of runs in which the 95 % intervals hold: of a ratio, a difference, a lift (None where not shown)."""
    own = difference = lift = 0
    relative = True
    for _ in range(runs):
        a, b = fit({"a": simulate(), "b": simulate()}, WEAK_RATIO).marginals
        own += 0.025 <= float(a.cdf(np.array(truth))) <= 0.975
        difference += 0.025 <= float(Compared(b, a, False).cdf(0.0)[0]) <= 0.975
        relative = relative and a.inverse_mean is not None
        lift += relative and 0.025 <= float(Compared(b, a, True).cdf(0.0)[0]) <= 0.975
    return own / runs, difference / runs, lift / runs if relative else None


@pytest.mark.slow
@pytest.mark.parametrize(("members", "share", "sigma"), [(2000, 0.1, 0.5), (2000, 0.1, 1.0), (20_000, 0.02, 1.0)])
def test_intervals_of_order_value_cover_the_truth(members, share, sigma):
    rng = np.random.default_rng(11)
    truth = math.exp(3 + sigma**2 / 2)
    figures = covered(ratio.fit, lambda: orders(rng, members, share, sigma), truth, 1000)
    assert all(0.93 <= share <= 0.97 for share in figures), figures


@pytest.mark.slow
def test_intervals_of_sentiment_cover_the_truth_and_it_has_no_lift():
    rng = np.random.default_rng(12)
    own, difference, lift = covered(ratio.fit_signed, lambda: moods(rng, 1000), 0.3, 1000)
    assert 0.93 <= own <= 0.97 and 0.93 <= difference <= 0.97
    assert lift is None


def test_many_members_give_the_delta_methods_interval():
    rng = np.random.default_rng(3)
    y = rng.poisson(2.0, 200_000)
    x = 3 * y + rng.normal(0, 2, 200_000) + 5
    data = of(x, y)
    posterior = ratio.fit({"a": data, "b": data}, WEAK_RATIO)
    at = x.sum() / y.sum()
    error = np.std(x - at * y, ddof=1) / math.sqrt(200_000) / y.mean()
    assert posterior.mean(0) == pytest.approx(at, rel=1e-4)
    assert posterior.sd(0) == pytest.approx(error, rel=1e-3)
    assert posterior.lift(1, 0).mean == pytest.approx(0, abs=1e-4)


def test_a_noisy_denominator_skews_the_ratio_like_the_joint_normal():
    """Fieller by draws: x̄/ȳ of two jointly Normal means, the denominator 8 standard errors above 0."""
    n, x, y = 400, np.repeat([20.0, 0.0], [60, 340]), np.zeros(400)
    y[np.r_[0:30, 100:140]] = 1.0
    means, covariance = np.array([x.mean(), y.mean()]), np.cov(x, y) / n
    draws = np.random.default_rng(8).multivariate_normal(means, covariance, 400_000)
    fieller = np.quantile(draws[:, 0] / draws[:, 1], [0.025, 0.5, 0.975])
    posterior = ratio.fit_signed({"a": of(x, y), "b": of(x, y)}, WEAK_RATIO)
    wider = ratio.moments.width_for(70)
    ours = posterior.marginals[0].ppf(np.array([0.025, 0.5, 0.975]))
    assert ours[1] == pytest.approx(fieller[1], rel=0.01)
    assert ours[2] - ours[1] == pytest.approx((fieller[2] - fieller[1]) * wider, rel=0.04)
    assert ours[1] - ours[0] == pytest.approx((fieller[1] - fieller[0]) * wider, rel=0.04)
    assert ours[2] - ours[1] > 1.2 * (ours[1] - ours[0])


def test_negative_numerators_are_detected():
    rng = np.random.default_rng(5)
    data = {"a": moods(rng, 5000), "b": of(-rng.binomial(1, 0.2, 4000), np.ones(4000))}
    assert ratio.fit(data, WEAK_RATIO).lift(1, 0) is None
    assert ratio.fit(data, WEAK_RATIO).difference(1, 0).mean == pytest.approx(-0.5, abs=0.1)


def test_a_few_orders_borrow_their_variance():
    three = of([20, 20, 20] + [0] * 997, [1, 1, 1] + [0] * 997)
    rng = np.random.default_rng(6)
    posterior = ratio.fit(
        {"a": orders(rng, 5000, 0.1, 0.8), "b": of([20] * 20 + [0] * 980, [1] * 20 + [0] * 980)}, WEAK_RATIO
    )
    assert posterior.code == "no_spread"  # twenty alike are believed
    near = ratio.fit({"a": orders(rng, 5000, 0.1, 0.8), "b": three}, WEAK_RATIO)
    assert near.code == "denominator_near_zero"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (RatioStatistics.empty(), "no_members"),
        (of([5], [1]), "no_members"),
        (of([0] * 50, [0] * 50), "no_denominator"),
        (of([7] + [0] * 99, [1] + [0] * 99), "denominator_near_zero"),
    ],
)
def test_data_without_a_ratio_are_a_named_outcome(cell, code):
    rng = np.random.default_rng(7)
    found = ratio.fit({"a": orders(rng, 2000, 0.1, 0.5), "b": cell}, WEAK_RATIO)
    assert isinstance(found, NotShown) and found.code == code
    assert "b" in (found.reason.params.get("variant"), *found.reason.params.get("variants", ()))


def test_the_same_ratio_everywhere_has_no_spread():
    y = np.arange(50)
    found = ratio.fit({"a": of(3 * y, y), "b": of(3 * y, y)}, WEAK_RATIO)
    assert found.code == "no_spread"
