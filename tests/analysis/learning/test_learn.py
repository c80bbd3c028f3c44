"""Priors learned from finished experiments: known spreads are found, few clicks and far-out variants included."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, special, stats

from analysis import AnalysisError, NamedPrior, NotShown, ProportionStatistics, scorecard
from analysis.learning.learn import LearnedLift, TestSummary, _posterior, learn
from analysis.learning.random_effects import SPREADS, Likelihood, log_likelihood
from analysis.priors import CONTENT
from tests.serving import ROOT


def history(tests, tau, *, clicks=60, seed=1, spread=None, typical=-4.0, between=0.6):
    rng, found = np.random.default_rng(seed), []
    for i in range(tests):
        mu, variants = rng.normal(typical, between), int(rng.integers(2, 6))
        away = tau * (rng.standard_normal(variants) if spread is None else spread(rng, variants))
        rates = special.expit(mu + away)
        n = np.maximum((clicks / special.expit(mu) * rng.uniform(0.5, 1.5, variants)).astype(int), 5)
        found.append(TestSummary(f"t{i}", tuple(n.tolist()), tuple(rng.binomial(n, rates).tolist())))
    return found


@pytest.mark.parametrize(("tau", "clicks"), [(0.2, 60), (0.2, 6), (0.5, 30), (0.06, 300)])
def test_a_known_spread_is_found_even_from_few_clicks(tau, clicks):
    learned = learn(history(200, tau, clicks=clicks))
    assert learned.tau_low < tau < learned.tau_high
    assert learned.tau == pytest.approx(tau, rel=0.25)
    assert learned.mean_log_odds == pytest.approx(-4.0, abs=0.12)
    assert learned.mean_sd == pytest.approx(0.6, abs=0.1)


@pytest.mark.slow
def test_the_interval_of_the_spread_has_its_stated_coverage():
    held = []
    for seed in range(50):
        likelihood = Likelihood.of(history(30, 0.25, seed=seed))
        _, low, high = _posterior(likelihood.by_spread(*likelihood.means(np.arange(30))).sum(axis=0))
        held.append(low < 0.25 < high)
    assert sum(held) >= 43  # 47 or 48 of 50 expected; fewer than 43 once in 200


def test_the_likelihood_is_the_exact_one():
    mu = np.array([[-6.0, -4.0, -2.0]])
    for y, n in ((0.0, 300.0), (1.0, 50.0), (7.0, 400.0), (30.0, 300.0)):
        ours = log_likelihood(np.array([y]), np.array([n]), mu)[0]
        for m, middle in enumerate(mu[0]):
            for k in (0, 8, 14, 18):
                spread = SPREADS[k]

                def density(theta, y=y, n=n, middle=middle, spread=spread):
                    return np.exp(stats.binom.logpmf(y, n, special.expit(theta))) * stats.norm.pdf(
                        theta, middle, spread
                    )

                known, _ = integrate.quad(
                    density, middle - 12 * spread, middle + 12 * spread, points=[middle], limit=200, epsabs=0
                )
                best = stats.binom.logpmf(y, n, y / n)
                assert ours[m, k] == pytest.approx(np.log(known) - best, abs=0.01)


@pytest.mark.slow
def test_heavier_tails_are_distinguished_from_a_normal_spread():
    normal = learn(history(300, 0.25, clicks=200, seed=3))
    assert normal.better.code == "families.normal"
    heavy = learn(history(300, 0.2, clicks=200, seed=4, spread=lambda rng, n: rng.standard_t(2.5, n)))
    ahead = {family.name: family.ahead / max(family.ahead_se, 1e-9) for family in heavy.families}
    assert ahead["student_t"] > 2 and heavy.better.code.startswith("families.student_t")
    varying = learn(
        history(300, 0.2, clicks=200, seed=5, spread=lambda rng, n: rng.lognormal(0, 1.0) * rng.standard_normal(n))
    )
    assert varying.better.code == "families.varying"
    assert varying.prior["log_odds_sd"] == pytest.approx(0.2, rel=0.25)
    assert varying.prior["log_odds_sd_varies"] == pytest.approx(1.0, abs=0.25)
    assert varying.prior.reason.code == "prior.learned_varies"


def test_too_little_history_is_an_outcome():
    refused = learn(history(19, 0.2))
    assert isinstance(refused, NotShown) and refused.code == "too_little_history"
    assert refused.reason.params == {"tests": 19, "fewest": 20}
    nothing_done = [TestSummary(f"n{i}", (100, 100), (0, 0)) for i in range(50)]
    assert isinstance(learn(nothing_done), NotShown)
    assert isinstance(learn([]), NotShown)
    assert isinstance(learn(history(20, 0.2)), LearnedLift)


def test_tests_without_successes_inform_the_level_of_rates():
    rng, found = np.random.default_rng(8), []
    for i in range(400):
        rates = special.expit(rng.normal(-6, 0.5) + 0.3 * rng.standard_normal(4))
        found.append(TestSummary(f"t{i}", (100,) * 4, tuple(rng.binomial(100, rates).tolist())))
    assert sum(sum(test.successes) == 0 for test in found) > 100
    learned = learn(found)
    assert learned.mean_log_odds == pytest.approx(-6, abs=0.15)
    assert learned.mean_sd == pytest.approx(0.5, abs=0.2)


def test_a_history_without_differences_gives_a_small_spread():
    learned = learn(history(60, 0.0, clicks=400))
    assert learned.tau < 0.05 and learned.prior["log_odds_sd"] >= 0.01


def test_a_learned_prior_has_its_evidence_and_can_be_used():
    learned = learn(history(50, 0.2))
    prior, evidence = learned.prior, learned.evidence
    assert prior.name == "learned" and prior.reason.params["tests"] == 50
    assert prior.get("log_odds_sd_varies") is None  # these were drawn with one spread for all
    assert prior["sd"] == pytest.approx(np.sqrt(2) * prior["log_odds_sd"])
    assert evidence["tests"] == 50 and evidence["tau_low"] < evidence["tau"] < evidence["tau_high"]
    assert [family["name"] for family in evidence["families"]] == ["normal", "student_t", "varying"]
    assert json.loads(json.dumps(evidence, allow_nan=False)) == evidence
    assert NamedPrior.from_dict(json.loads(json.dumps(prior.to_dict()))) == prior
    data = {"a": ProportionStatistics(3000, 60), "b": ProportionStatistics(3000, 80)}
    assert scorecard(data, control="a", prior=prior).prior == prior
    assert learn(history(50, 0.2)) == learned  # the same history, the same digits


@pytest.mark.parametrize(
    ("members", "successes"), [((5,), (1,)), ((5, 5), (1,)), ((5, 5), (1, 6)), ((0, 5), (0, 1)), ((5, 5), (-1, 1))]
)
def test_an_inconsistent_test_is_refused(members, successes):
    with pytest.raises(AnalysisError, match="The test odd has") as caught:
        TestSummary("odd", members, successes)
    assert caught.value.code == "bad_statistics"


@pytest.mark.slow
def test_the_shipped_prior_matches_the_upworthy_archive(shared_data):
    place = ROOT / "docs" / "priors" / "fit_content_prior.py"
    spec = importlib.util.spec_from_file_location("fit_content_prior", place)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    found = learn(script.read(Path(shared_data)))
    assert (found.tests, found.variants, found.members) == (1957, 9433, 33_133_386)
    assert found.prior["log_odds_sd"] == pytest.approx(CONTENT["log_odds_sd"], abs=5e-4)
    assert found.prior["log_odds_sd_varies"] == pytest.approx(CONTENT["log_odds_sd_varies"], abs=5e-3)
    shipped, fitted = CONTENT.reason.params, found.prior.reason.params
    assert (shipped["tests"], shipped["variants"]) == (found.tests, found.variants)
    assert [round(fitted[name], 2) for name in ("within", "widest")] == [shipped["within"], shipped["widest"]]
    assert np.sqrt(2) * found.tau == pytest.approx(CONTENT["sd"], abs=5e-4)
