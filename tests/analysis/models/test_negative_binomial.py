"""Counts per member: the rows' own likelihood, the Poisson limit, recovery, and counts that follow no such family."""

import json

import numpy as np
import pytest
from scipy import stats

from analysis import AnalysisError, CountStatistics, NotShown, ProportionStatistics, priors
from analysis.models import negative_binomial
from analysis.sampling import engine
from analysis.sampling.diagnostics import diagnose

pm = pytest.importorskip("pymc")


def histogram_of(rows: np.ndarray) -> CountStatistics:
    return CountStatistics(tuple((int(t), int(m)) for t, m in zip(*np.unique(rows, return_counts=True), strict=True)))


def draws_of(seed: int, mean: float, dispersion: float, members: int) -> np.ndarray:
    size = 1 / dispersion
    return np.random.default_rng(seed).negative_binomial(size, size / (size + mean), members)


def near(estimate, truth: float) -> bool:
    return abs(estimate.mean - truth) < 3.5 * (estimate.interval.high - estimate.interval.low) / 3.92


@pytest.mark.parametrize(("mean", "dispersion"), [(0.4, 2.5), (3.0, 0.3), (1.0, 1e-7), (1.5, 80.0)])
def test_the_likelihood_is_that_of_the_rows(mean, dispersion):
    rows = {"a": draws_of(1, 0.8, 1.5, 300), "b": draws_of(2, 2.0, 0.5, 200)}
    data = {key: histogram_of(own) for key, own in rows.items()}
    with negative_binomial.build(2) as model:
        pm.set_data(negative_binomial.data_of(data, priors.NEGATIVE_BINOMIAL_WEAK), model=model)
        at = {"log_mean": np.log([mean, 2 * mean]), "log_dispersion": np.log([dispersion, dispersion])}
        found = float(model["counts"].eval({model[name]: value for name, value in at.items()}))
    size = 1 / dispersion
    known = sum(
        stats.nbinom.logpmf(own, size, 1 / (1 + dispersion * m)).sum()
        for own, m in zip(rows.values(), (mean, 2 * mean), strict=True)
    )
    # At the Poisson end it is SciPy's gamma functions that lose digits.
    assert found == pytest.approx(known, rel=1e-10 if dispersion > 1e-3 else 1e-6)


@pytest.mark.parametrize(
    ("mean", "dispersion"), [(0.4, 2.5), (3.0, 0.3), (1.3, 1e-8), (10.0, 20.0), (0.05, 3.0), (0.2, 1e-4)]
)
def test_the_figures_of_a_distribution_match_its_histogram(mean, dispersion):
    figures = negative_binomial.figures_of(np.log([mean]), np.log([dispersion]))
    times = np.arange(20_000)
    share = stats.nbinom.pmf(times, 1 / dispersion, 1 / (1 + dispersion * mean))
    # From the busiest member down until a tenth of all members is reached.
    busier = share[::-1].cumsum()[::-1] - share
    taken = np.clip(negative_binomial.BUSIEST - busier, 0, share)
    known = {"mean": share @ times, "never": share[0], "each": share @ times / (1 - share[0])}
    for name, value in (known | {"busiest": taken @ times / mean, "dispersion": dispersion}).items():
        assert figures[name] == pytest.approx(value, rel=1e-6), name
    if dispersion < 1e-6:
        law = stats.poisson(mean)
        assert figures["busiest"] == pytest.approx(float(negative_binomial._part(law, law, mean)), rel=1e-6)


def test_a_busiest_share_of_1_in_some_draws_passes_the_diagnostics():
    seldom = np.log(np.random.default_rng(2).normal(0.11, 0.005, (4, 500, 1)))
    values = {"log_mean": np.concatenate([seldom, seldom + 2], axis=2), "log_dispersion": np.full((4, 500, 2), -20.0)}
    whole = negative_binomial.figures_of(values["log_mean"], values["log_dispersion"])["busiest"]
    assert whole[..., 0].max() == 1 > whole[..., 0].min() and whole[..., 1].max() < 1
    judged = negative_binomial._shown(values)
    assert judged["busiest"].shape == (4, 500, 1) and diagnose(judged, 0).passed


@pytest.mark.slow
def test_mean_dispersion_and_lift_are_recovered():
    data = {"a": histogram_of(draws_of(3, 0.6, 3.0, 8000)), "b": histogram_of(draws_of(4, 0.75, 3.0, 8000))}
    result = negative_binomial.fit_counts(data, control="a", metric="orders", seed=2)
    assert result.not_shown is None, result.not_shown
    a, b = result.variants
    assert near(a.mean, 0.6) and near(b.mean, 0.75) and near(a.dispersion, 3.0) and near(b.dispersion, 3.0)
    for row, own in zip(result.variants, data.values(), strict=True):
        taken = np.sort(np.repeat(*zip(*own.histogram, strict=True)))[::-1][: own.n // 10].sum() / own.total
        assert near(row.never, 1 - own.positive / own.n) and near(row.each, own.total / own.positive)
        assert near(row.busiest, taken) and row.alike < row.busiest.interval.low
    assert near(b.lift, 0.25) and a.lift is None and a.p_beats_control is None
    assert b.p_beats_control > 0.99
    # A Poisson model's interval would be half as wide.
    assert b.mean.interval.high - b.mean.interval.low > 3.92 * 1.5 * np.sqrt(0.75 / 8000)
    assert {one.name.params["variant"] for one in result.checks[:2]} == {"a"}
    assert len({one.name.code for one in result.checks[:2]}) == 2
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["variants"][0]["n"] == 8000
    posterior = engine.to_arviz(result.draws)["posterior"]
    assert float(posterior["dispersion"].sel(variant="a").mean()) == pytest.approx(a.dispersion.mean)


def test_counts_without_dispersion_are_nearly_poisson():
    rng = np.random.default_rng(6)
    data = {key: histogram_of(rng.poisson(1.3, 4000)) for key in "ab"}
    result = negative_binomial.fit_counts(data, control="a")
    assert result.not_shown is None, result.not_shown
    assert all(row.dispersion.interval.high < 0.08 and near(row.mean, 1.3) for row in result.variants)


def test_counts_that_contradict_the_negative_binomial_are_not_shown():
    rng = np.random.default_rng(8)
    never_or_often = {key: histogram_of(rng.poisson(6.0, 3000) * (rng.random(3000) < 0.5)) for key in "ab"}
    result = negative_binomial.fit_counts(never_or_often, control="a")
    assert result.not_shown.code == "fits_no_family"
    assert result.not_shown.reason.code == "not_shown.fits_no_family.counts"
    assert not all(one.passed for one in result.checks) and result.variants == ()
    assert isinstance(negative_binomial.fit(never_or_often, priors.NEGATIVE_BINOMIAL_WEAK), NotShown)


def test_replicated_members_are_those_of_the_distribution():
    mean, dispersion = np.full(600, 0.6), np.full(600, 3.0)
    never, spread = negative_binomial._replicated(2000, mean, dispersion, np.random.default_rng(1))
    rows = draws_of(7, 0.6, 3.0, 600 * 2000).reshape(600, 2000)
    assert stats.ks_2samp(never, (rows == 0).mean(axis=1)).pvalue > 0.001
    assert stats.ks_2samp(spread, rows.var(axis=1)).pvalue > 0.001


def test_too_few_or_too_large_counts_are_outcomes_with_a_reason():
    few = {"a": CountStatistics(((0, 100), (1, 2))), "b": CountStatistics(((0, 100), (1, 50)))}
    figures = negative_binomial.fit_counts(few, control="a").not_shown
    assert figures.code == "too_few_counts" and figures.reason.params == {
        "variant": "a",
        "active": 2,
        "members": 102,
        "fewest": 5,
    }
    crawler = {"a": CountStatistics(((0, 100), (1, 20), (90_000, 1)))}
    assert negative_binomial.fit_counts(crawler, control="a").not_shown.code == "too_many_times"
    assert negative_binomial.fit_counts({"a": CountStatistics.empty()}, control="a").not_shown.code == "too_few_counts"


def test_impossible_requests_are_refused():
    data = {"a": CountStatistics(((0, 100), (1, 20)))}
    with pytest.raises(AnalysisError, match="'z' has no data; there is a"):
        negative_binomial.fit_counts(data, control="z")
    with pytest.raises(AnalysisError, match="give CountStatistics"):
        negative_binomial.fit_counts({"a": ProportionStatistics(5, 2)}, control="a")
    with pytest.raises(AnalysisError, match="at least one variant"):
        negative_binomial.fit({}, priors.NEGATIVE_BINOMIAL_WEAK)
