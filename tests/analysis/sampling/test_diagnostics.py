"""The gate of sampled fits, held against ArviZ."""

import warnings

import numpy as np
import pytest
from scipy.signal import lfilter

from analysis.messages import message
from analysis.sampling.diagnostics import K_HAT_LIMIT, diagnose, ess, psis, rhat


def chains(correlation: float, seed: int = 1, parameters: int = 3) -> np.ndarray:
    """Autoregressive chains of shape (4, 1000, parameters)."""
    noise = np.random.default_rng(seed).normal(size=(4, 1200, parameters))
    return lfilter([1], [1, -correlation], noise, axis=1)[:, 200:]


@pytest.mark.parametrize("correlation", [-0.3, 0.0, 0.5, 0.9, 0.98])
def test_rhat_and_ess_are_those_of_arviz(correlation):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arviz = pytest.importorskip("arviz")
    draws = chains(correlation)
    for p in range(3):
        own = {"x": draws[:, :, p]}
        known = min(float(arviz.ess(own, method=m)["x"].values) for m in ("bulk", "tail"))
        assert rhat(draws)[p] == pytest.approx(float(arviz.rhat(own)["x"].values), abs=1e-3)
        # ArviZ 0.23 and 1.3 differ from each other by a tenth where draws alternate.
        assert ess(draws)[p] == pytest.approx(known, rel=0.15)


def test_good_chains_pass():
    diagnostics = diagnose({"x": chains(0.1), "y": chains(0.2, seed=2)}, 0)
    assert diagnostics.passed and diagnostics.reasons == ()
    assert diagnostics.rhat_max < 1.01 and diagnostics.ess_min > 1000


def test_chains_that_disagree_do_not_pass():
    draws = chains(0.0)
    draws[0] += 3
    diagnostics = diagnose({"x": draws}, 0)
    assert not diagnostics.passed
    assert diagnostics.reasons[0].code == "diagnostics.rhat"


def test_sticky_chains_and_divergences_do_not_pass():
    assert any(reason.code == "diagnostics.ess" for reason in diagnose({"x": chains(0.99)}, 0).reasons)
    assert diagnose({"x": chains(0.0)}, 40).reasons[0].params["divergences"] == 40


def test_draws_that_are_not_finite_or_do_not_move_fail():
    broken = chains(0.0)
    broken[0, 0, 0] = np.nan
    assert not diagnose({"x": broken}, 0).passed
    for still in (1.0, 0.1):  # the mean of many 0.1 is not 0.1
        assert diagnose({"x": np.full((4, 100, 2), still)}, 0).reasons == (message("diagnostics.did_not_move"),)


def test_one_stuck_chain_does_not_pass():
    draws = chains(0.0, parameters=1)
    draws[2] = draws[2, 0]
    assert not diagnose({"x": draws}, 0).passed


def arviz_psis(log_ratios: np.ndarray) -> tuple[np.ndarray, float]:
    """ArviZ's own answer: a function of 0.23, a method of arrays in arviz-stats."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arviz = pytest.importorskip("arviz")
        if "InferenceData" in vars(arviz):
            weights, k = arviz.psislw(log_ratios.copy())
        else:
            from arviz_stats.base import array_stats

            weights, k = array_stats.psislw(-log_ratios)  # takes log likelihoods, whose weights are their inverses
    return np.asarray(weights), float(k)


@pytest.mark.parametrize(
    ("df", "trusted"), [(60.0, True), (8.0, True), (3.0, True), (1.2, False), (0.8, False)], ids=lambda v: str(v)
)
def test_pareto_smoothing_is_that_of_arviz_on_light_and_heavy_tails(df, trusted):
    # The weights of Pareto draws with shape 1/df: the textbook tail, light to heavier than any mean.
    log_ratios = np.random.default_rng(4).exponential(1 / df, 4000)
    weights, k = psis(log_ratios)
    known, known_k = arviz_psis(log_ratios)
    assert k == pytest.approx(known_k, abs=0.02)
    assert weights == pytest.approx(known, abs=0.02)
    assert k == pytest.approx(1 / df, abs=0.2)
    assert (k <= K_HAT_LIMIT) == trusted
    assert np.exp(weights).sum() == pytest.approx(1.0)


def test_a_proposal_that_misses_the_target_has_no_small_k_hat():
    at = np.random.default_rng(2).normal(size=4000)

    def k_of(shift: float, scale: float) -> float:
        return psis(-0.5 * ((at - shift) / scale) ** 2 + 0.5 * at**2)[1]

    assert k_of(0.0, 0.9) < 0.5
    assert k_of(2.0, 3.0) > K_HAT_LIMIT
    assert k_of(5.0, 1.0) > K_HAT_LIMIT


def test_weights_without_a_tail_or_without_numbers():
    flat, k = psis(np.zeros(100))
    assert k == 0.0 and np.exp(flat) == pytest.approx(0.01)
    assert psis(np.r_[np.zeros(99), np.inf])[1] == np.inf
    assert psis(np.array([]))[1] == np.inf
    assert psis(np.r_[np.zeros(997), 40.0, 41.0, 42.0])[1] == np.inf
