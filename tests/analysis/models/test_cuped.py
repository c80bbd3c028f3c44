"""CUPED: theta, the adjusted means, and what it is worth, on Hillstrom's customers and on simulated members."""

import csv
import gzip
import json

import numpy as np
import pytest

from analysis import AdjustedStatistics, NotShown
from analysis.models import cuped, moments
from analysis.models.cuped import adjust
from analysis.posterior.joint import IndependentPosterior
from analysis.posterior.quadrature import Compared
from analysis.priors import WEAK_ADJUSTED


def of(x, c) -> AdjustedStatistics:
    x, c = np.asarray(x, float), np.asarray(c, float)
    total = repr(round(float(x.sum()), 6))
    return AdjustedStatistics(
        len(x), total, float((x * x).sum()), float(c.sum()), float((c * c).sum()), float((x * c).sum())
    )


def members(rng, n, rho, effect=0.0):
    c = rng.normal(50, 10, n)
    x = 100 + effect + 20 * (rho * (c - 50) / 10 + np.sqrt(1 - rho**2) * rng.standard_normal(n))
    return of(np.maximum(x, 0), c)


@pytest.fixture(scope="module")
def hillstrom(shared_data):
    rows = {}
    with gzip.open(shared_data / "hillstrom_email.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["segment"], []).append((float(row["spend"]), float(row["history"])))
    return {arm: of(*zip(*pairs, strict=True)) for arm, pairs in rows.items()}


@pytest.mark.parametrize(
    ("a", "b"), [("No E-Mail", "Mens E-Mail"), ("No E-Mail", "Womens E-Mail"), ("Womens E-Mail", "Mens E-Mail")]
)
def test_hillstroms_history_explains_almost_no_variance(hillstrom, shared_data, a, b):
    """Golden values: spend_cuped_on_history of ../shared/data/expected.json (numpy, scipy)."""
    figures = json.loads((shared_data / "expected.json").read_text())["hillstrom_email"]
    known = figures[f"{a} (A) vs {b} (B)"]["spend_cuped_on_history"]
    found = adjust({"A": hillstrom[a], "B": hillstrom[b]})
    assert found.theta == pytest.approx(known["theta_pooled"], rel=1e-8)
    assert found.correlation == pytest.approx(known["corr_pooled"], rel=1e-8)
    for key in "AB":
        assert found.variants[key].n == known["adjusted"][key]["n"]
        assert found.variants[key].mean == pytest.approx(known["adjusted"][key]["mean"], rel=1e-9)
        assert found.variants[key].sd == pytest.approx(known["adjusted"][key]["sd"], rel=1e-9)
    assert (1 - found.variance_reduction) ** 0.5 == pytest.approx(known["se_ratio_adjusted_over_plain"], abs=1e-9)
    posterior = cuped.fit({"A": hillstrom[a], "B": hillstrom[b]}, WEAK_ADJUSTED)
    difference = posterior.difference(1, 0)
    assert difference.mean == pytest.approx(known["adjusted"]["diff_B_minus_A"], abs=1e-3)
    assert difference.interval.low == pytest.approx(known["adjusted"]["ci95"][0], abs=0.02)
    assert difference.interval.high == pytest.approx(known["adjusted"]["ci95"][1], abs=0.02)


def test_a_correlation_of_08_removes_64_per_cent_of_the_variance_with_correct_coverage():
    rng = np.random.default_rng(21)
    runs, inside, own, widths, reductions = 1000, 0, 0, [], []
    for _ in range(runs):
        data = {"a": members(rng, 500, 0.8), "b": members(rng, 500, 0.8, effect=2.0)}
        reductions.append(adjust(data).variance_reduction)
        a, b = cuped.fit(data, WEAK_ADJUSTED).marginals
        inside += 0.025 <= float(Compared(b, a, False).cdf(2.0)[0]) <= 0.975
        own += b.mean > a.mean
        widths.append(np.hypot(a.sd, b.sd))
    assert np.mean(reductions) == pytest.approx(0.64, abs=0.01)
    assert 0.93 <= inside / runs <= 0.97
    assert np.mean(widths) == pytest.approx(20 * np.sqrt(2 / 500) * 0.6, rel=0.02)
    assert own / runs > 0.99  # plain means find the right side in 94 %


def test_a_useless_covariate_is_reported_and_harm_is_not_hidden():
    rng = np.random.default_rng(22)
    useless = adjust({"a": members(rng, 4000, 0.0), "b": members(rng, 4000, 0.0)})
    assert abs(useless.variance_reduction) < 0.002
    # a covariate that differs between variants while it explains nothing within them: the pooled theta does harm
    c = np.r_[np.zeros(500), np.ones(500)]
    x = rng.normal(100, 5, 1000) + 30 * c
    harm = adjust({"a": of(x[:500], rng.normal(0, 1, 500)), "b": of(x[500:], rng.normal(9, 1, 500))})
    assert harm.variance_reduction < 0
    assert harm.to_dict()["variance_reduction"] == harm.variance_reduction


def test_a_covariate_without_spread_leaves_the_plain_figures_with_a_reason():
    rng = np.random.default_rng(23)
    x = {key: rng.gamma(2, 10, 300) for key in "ab"}
    data = {key: of(values, np.full(300, 7.3)) for key, values in x.items()}
    found = adjust(data)
    assert found.not_used.code == "covariate_without_spread"
    assert (found.theta, found.correlation, found.variance_reduction) == (0.0, None, 0.0)
    assert found.to_dict()["not_used"]["code"] == "covariate_without_spread"
    assert found.variants["a"].mean == pytest.approx(x["a"].mean())
    posterior = cuped.fit(data, WEAK_ADJUSTED)
    assert isinstance(posterior, IndependentPosterior)
    assert posterior.sd(0) == pytest.approx(x["a"].std(ddof=1) / np.sqrt(300), rel=0.02)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (AdjustedStatistics.empty(), "no_members"),
        (of([3], [1]), "no_members"),
    ],
)
def test_too_few_members_are_a_named_outcome(cell, code):
    data = {"a": of([1, 2, 3], [1, 2, 2]), "b": cell}
    assert isinstance(adjust(data), NotShown) and adjust(data).code == code
    assert cuped.fit(data, WEAK_ADJUSTED).code == code


def test_empty_data_and_no_spread_are_named_outcomes():
    nothing = {key: of([0, 0, 0], [1, 2, 3]) for key in "ab"}
    assert cuped.fit(nothing, WEAK_ADJUSTED).code == "all_zero"
    assert adjust(nothing).correlation is None
    alike = {key: of([4, 4, 4], [1, 2, 3]) for key in "ab"}
    assert cuped.fit(alike, WEAK_ADJUSTED).code == "no_spread"
    # fully explained: nothing is left to judge chance by
    explained = {key: of([2, 4, 6, 8], [1, 2, 3, 4]) for key in "ab"}
    assert cuped.fit(explained, WEAK_ADJUSTED).code == "no_spread"


def test_the_skewness_is_the_smallest_that_the_sums_allow():
    rng = np.random.default_rng(24)
    x = np.where(rng.random(4000) < 0.05, rng.lognormal(3, 1, 4000), 0)
    c = rng.normal(0, 1, 4000)
    posterior = cuped.fit({"a": of(x[:2000], c[:2000]), "b": of(x[2000:], c[2000:])}, WEAK_ADJUSTED)
    exact = ((x - x.mean()) ** 3).mean()
    least = moments.smallest_third(moments.Sums(4000, x.sum(), (x * x).sum(), 1))
    assert 0 < least < exact
    assert posterior.marginals[0].bend > 0
