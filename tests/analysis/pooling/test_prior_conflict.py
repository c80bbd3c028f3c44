"""The prior is widened where variants differ more than it expects, and unchanged where they do not."""

import numpy as np
import pytest
from scipy.special import expit

from analysis import NamedPrior, ProportionStatistics, scorecard
from analysis.pooling.prior_conflict import CONFLICT, conflict_p_value, widened
from analysis.priors import CONTENT, FLAT_BETA, SCEPTICAL

ALIKE = {"a": ProportionStatistics(1_000, 100), "b": ProportionStatistics(1_000, 120)}
UNLIKE = {
    "a": ProportionStatistics(7_121, 0),
    "b": ProportionStatistics(7_000, 30),
    "c": ProportionStatistics(7_050, 28),
}


def test_a_prior_that_fits_is_unchanged():
    assert widened(CONTENT, ALIKE) is CONTENT
    assert widened(FLAT_BETA, UNLIKE) is FLAT_BETA


def test_variants_that_differ_more_are_shrunk_less_and_the_reason_is_reported():
    card = scorecard(UNLIKE, control="a", metric="click_rate")
    assert card.prior.name == "content_varied"
    assert card.prior.reason.code == "prior.widened"
    # No successes of 7,121: the estimate must be near 0, and far below the others' 0.4 %.
    assert card.variant("a").mean < 0.001
    assert card.variant("a").interval.low < 0.0001
    assert card.comparison("b").p_beats_control > 0.999


def test_a_widened_prior_is_not_widened_again():
    once = widened(CONTENT, UNLIKE)
    assert widened(once, UNLIKE) is once


def test_a_large_lift_conflicts_with_the_sceptical_prior_but_not_with_content():
    visits = {"none": ProportionStatistics(21_306, 2_262), "mens": ProportionStatistics(21_307, 3_894)}
    assert conflict_p_value(CONTENT, visits) > CONFLICT
    assert conflict_p_value(SCEPTICAL, visits) < CONFLICT


@pytest.mark.parametrize("prior", [CONTENT, SCEPTICAL])
def test_the_p_value_is_uniform_for_tests_drawn_from_the_prior(prior):
    rng, tests = np.random.default_rng(5), 2_000
    spread = prior["log_odds_sd"] * rng.lognormal(0, prior.get("log_odds_sd_varies") or 0.0, (tests, 1))
    rates = expit(-2.5 + spread * rng.standard_normal((tests, 4)))
    did = rng.binomial(5_000, rates)
    seen = [
        conflict_p_value(prior, {str(v): ProportionStatistics(5_000, int(s)) for v, s in enumerate(row)}) < CONFLICT
        for row in did
    ]
    assert np.mean(seen) == pytest.approx(CONFLICT, abs=3 * np.sqrt(CONFLICT * (1 - CONFLICT) / tests))


def test_a_widened_prior_stays_within_the_bounds_of_one():
    tight = NamedPrior("tight", (("log_odds_sd", 0.012),), "For a test.")
    unlike = {"a": ProportionStatistics(1_000, 100), "b": ProportionStatistics(1_000, 200)}
    card = scorecard(unlike, control="a", prior=tight)
    assert card.prior.name == "tight_varied" and card.prior["log_odds_sd"] == 0.01
    assert card.comparison("b").lift.mean > 0.5
