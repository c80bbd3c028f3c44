"""A covariate changes the noise, never the prior: plain and adjusted rates have the same pooled prior of effects."""

from decimal import Decimal

import numpy as np
import pytest

from analysis import AdjustedStatistics, ProportionStatistics, scorecard
from analysis.models.cuped_rates import effective_counts


def of(x: np.ndarray, c: np.ndarray) -> AdjustedStatistics:
    return AdjustedStatistics(len(x), Decimal(int(x.sum())), float(x @ x), float(c.sum()), float(c @ c), float(x @ c))


def audience(members: int, rates: tuple[float, ...], explained: float, seed: int):
    """Return plain and adjusted statistics; the covariate explains a share of the outcome's variance."""
    rng = np.random.default_rng(seed)
    plain, adjusted = {}, {}
    for place, rate in enumerate(rates):
        did = (rng.random(members) < rate).astype(float)
        noise = rng.standard_normal(members)
        known = np.sqrt(explained) * (did - rate) / np.sqrt(rate * (1 - rate)) + np.sqrt(1 - explained) * noise
        key = "abc"[place]
        plain[key] = ProportionStatistics(members, int(did.sum()))
        adjusted[key] = of(did, known)
    return plain, adjusted


def both(members, rates, explained, seed):
    plain, adjusted = audience(members, rates, explained, seed)
    found = scorecard(plain, control="a"), scorecard(adjusted, control="a", model="adjusted_rate")
    return [result.comparison("b") for result in found]


def width(comparison, what: str = "difference") -> float:
    interval = getattr(comparison, what).interval
    return interval.high - interval.low


@pytest.mark.parametrize("rates", [(0.05, 0.05), (0.05, 0.06), (0.01, 0.02), (0.4, 0.45), (0.05, 0.06, 0.055)])
@pytest.mark.parametrize("members", [400, 3_000, 50_000])
def test_a_covariate_of_pure_noise_changes_next_to_nothing(rates, members):
    for seed in range(10):
        plain, adjusted = both(members, rates, 0.0, seed)
        assert abs(adjusted.lift.mean - plain.lift.mean) < 0.2 * width(plain, "lift") / 3.92
        assert width(adjusted) == pytest.approx(width(plain), rel=0.05)


def test_a_real_covariate_narrows_the_interval_and_keeps_the_prior():
    plain, adjusted = audience(3_000, (0.2, 0.22), 0.5, 1)
    one, two = scorecard(plain, control="a"), scorecard(adjusted, control="a", model="adjusted_rate")
    assert two.prior == one.prior
    ratio = width(two.comparison("b")) / width(one.comparison("b"))
    assert 0.6 < ratio < 0.85
    assert effective_counts(adjusted)["a"].n == pytest.approx(2 * 3_000, rel=0.1)


def test_the_case_of_a_statistician_keeps_its_size():
    """Plain +40 % became +88 % with a covariate of pure noise, because the adjusted model had no prior of effects."""
    plain, adjusted = both(400, (0.05, 0.09), 0.0, 6)
    assert adjusted.lift.mean == pytest.approx(plain.lift.mean, abs=0.05)


def test_a_rate_that_cannot_be_adjusted_keeps_its_counts():
    none = of(np.zeros(50), np.arange(50.0))
    some = of(np.r_[np.zeros(48), 1, 1], np.arange(50.0))
    found = effective_counts({"a": none, "b": some})
    assert found["a"] == (50, 0)
    assert found["b"].n > 0
