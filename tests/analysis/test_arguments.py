"""What is no number, and no data, is refused in a sentence and never ends in the middle of NumPy."""

import numpy as np
import pytest

from analysis import AnalysisError, ProportionStatistics, RetentionStatistics, Rules, decide, priors, scorecard
from analysis.planning.audience import Audience
from analysis.planning.plan import plan

SHOP = Audience(0.05, 2_000)
CARD = scorecard({"a": ProportionStatistics(100, 10), "b": ProportionStatistics(100, 12)}, control="a")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Audience("5%", 1_000), "mean is '5%'"),
        (lambda: Audience(0.05, None), "members_a_day is None"),
        (lambda: Audience(12.0, 1_000, sd=True), "sd is True"),
        (lambda: plan(SHOP, "x"), "lift is 'x'"),
        (lambda: plan(SHOP, None), "lift is None"),
        (lambda: plan(SHOP, 0.1, power="a"), "power is 'a'"),
        (lambda: plan(SHOP, 0.1, tests=0), "tests is 0"),
        (lambda: plan(SHOP, 0.1, seed=-1), "seed -1"),
        (lambda: plan(None, 0.1), "audience is None"),
        (lambda: Rules(alpha="x"), "The rule alpha is 'x'"),
        (lambda: Rules(lift_prior=None), "The lift prior is None"),
        (lambda: scorecard(None, control="a"), "The data are None"),
        (lambda: decide(CARD, elapsed_days="3"), "elapsed_days is '3'"),
    ],
)
def test_a_bad_argument_is_refused_with_its_name_and_the_remedy(call, says):
    with pytest.raises(AnalysisError, match=says):
        call()


def test_a_prior_may_be_given_by_its_name():
    data = {"a": ProportionStatistics(900, 90), "b": ProportionStatistics(900, 110)}
    assert scorecard(data, control="a", prior="sceptical").prior == priors.SCEPTICAL
    with pytest.raises(AnalysisError, match="There is no prior 'optimist'; there are flat_beta"):
        scorecard(data, control="a", prior="optimist")
    with pytest.raises(AnalysisError, match="a float; give a NamedPrior, or the name of one"):
        scorecard(data, control="a", prior=0.2)


def test_a_window_without_a_day_is_refused():
    with pytest.raises(AnalysisError, match="a window has a day or more"):
        RetentionStatistics.from_members([(3, [5])], 0)


def test_metrics_that_need_more_than_sums_have_no_raw_figure():
    data = {key: RetentionStatistics.from_members([(7, [day % 6 + 1]) for day in range(80)], 7) for key in "ab"}
    card = scorecard(data, control="a", model="retention", rng=np.random.default_rng(1))
    assert [row.raw_mean for row in card.variants] == [None, None] and card.variants[0].mean > 0
