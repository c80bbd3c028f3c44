"""The gate of sampled fits, held against ArviZ."""

import warnings

import numpy as np
import pytest
from scipy.signal import lfilter

from analysis.diagnostics import diagnose, ess, rhat


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
    told = diagnose({"x": chains(0.1), "y": chains(0.2, seed=2)}, 0)
    assert told.passed and told.reasons == ()
    assert told.rhat_max < 1.01 and told.ess_min > 1000


def test_chains_that_disagree_do_not_pass():
    draws = chains(0.0)
    draws[0] += 3
    told = diagnose({"x": draws}, 0)
    assert not told.passed
    assert "disagree" in told.reasons[0]


def test_sticky_chains_and_divergences_do_not_pass():
    assert any("independent draws" in reason for reason in diagnose({"x": chains(0.99)}, 0).reasons)
    assert "lost its way 40 times" in diagnose({"x": chains(0.0)}, 40).reasons[0]


def test_draws_that_are_no_numbers_or_do_not_move_do_not_pass():
    broken = chains(0.0)
    broken[0, 0, 0] = np.nan
    assert not diagnose({"x": broken}, 0).passed
    assert not diagnose({"x": np.ones((4, 100, 2))}, 0).passed


def test_one_stuck_chain_does_not_pass():
    draws = chains(0.0, parameters=1)
    draws[2] = draws[2, 0]
    assert not diagnose({"x": draws}, 0).passed
