"""Every sampled model: a fit that fails or does not pass its diagnostics is an outcome with a reason."""

import logging

import numpy as np
import pytest
from scipy.signal import lfilter

from analysis import AmountStatistics, CountStatistics, NotShown, ProportionStatistics, priors
from analysis.models import hurdle, negative_binomial
from analysis.sampling import engine
from analysis.segments import fit

pm = pytest.importorskip("pymc")

AMOUNTS = {key: AmountStatistics.from_values([0] * 50 + [3 + i % 17 for i in range(60)]) for key in "ab"}
COUNTS = {key: CountStatistics(((0, 100), (1, 40), (2, 15), (3, 4))) for key in "ab"}
CELLS = {(variant, level): ProportionStatistics(200, 30) for variant in "ab" for level in "xyz"}
JOINT = {(variant, (level, "u" if level == "x" else "w")): cell for (variant, level), cell in CELLS.items()}

MODELS = {
    "hurdle": lambda: hurdle.fit_hurdle(AMOUNTS, control="a").not_shown,
    "hurdle's posterior": lambda: hurdle.fit(AMOUNTS, priors.HURDLE_WEAK),
    "negative binomial": lambda: negative_binomial.fit_counts(COUNTS, control="a").not_shown,
    "negative binomial's posterior": lambda: negative_binomial.fit(COUNTS, priors.NEGATIVE_BINOMIAL_WEAK),
    "segmented": lambda: fit.fit_segments(CELLS, control="a"),
    "segmented by two attributes": lambda: fit.fit_segments(JOINT, control="a", attributes=["s", "t"]).attributes["t"],
}


def sampler(correlation: float, size: float, divergences: int):
    """A sampler whose chains wander about 0.1."""

    def sample(build, shape, data, *, seed, draws, tune, chains, accept):
        rng, values = np.random.default_rng(seed), {}
        with build(*shape) as model:
            for variable in model.free_RVs:
                noise = rng.normal(size=(chains, draws + 2000, *variable.shape.eval()))
                wander = lfilter([1], [1, -correlation], noise, axis=1)[:, 2000:]
                values[variable.name] = 0.1 + size * wander
        return engine.Draws(values, divergences, "fake")

    return sample


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("fake", "reason"),
    [
        (sampler(0.0, 1e-4, 500), "divergences"),
        (sampler(0.995, 1e-4, 0), "ess"),
        (sampler(0.0, 0.0, 0), "did_not_move"),
        (sampler(0.0, np.nan, 0), "not_finite"),
    ],
    ids=["diverges", "sticks", "does not move", "no numbers"],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_a_fit_that_does_not_pass_its_diagnostics_is_not_shown(monkeypatch, model, fake, reason):
    monkeypatch.setattr(engine, "sample", fake)
    outcome = MODELS[model]()
    assert isinstance(outcome, NotShown)
    assert outcome.code == "fit_not_trusted"
    assert f"diagnostics.{reason}" in {one.code for one in outcome.reason.params["reasons"]}


@pytest.mark.parametrize("model", MODELS)
def test_a_failed_sampler_is_an_outcome_and_not_an_exception(monkeypatch, caplog, model):
    def broken(*_):
        raise MemoryError("no room for the draws")

    monkeypatch.setattr(engine, "_with_nutpie", broken)
    monkeypatch.setattr(engine, "_with_pymc", broken)
    with caplog.at_level(logging.CRITICAL):
        outcome = MODELS[model]()
    assert isinstance(outcome, NotShown)
    assert outcome.code == "fit_failed"
    assert "no room for the draws" in outcome.reason.params["error"]
