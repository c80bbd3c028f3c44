"""A lift that differs from the ratio of the estimates beside it has a note."""

from types import SimpleNamespace

import pytest

from analysis import AmountStatistics, MetricResult, ProportionStatistics, VariantResult, scorecard
from analysis.posterior.joint import Estimate, Interval
from analysis.priors import WEAK_AMOUNT
from analysis.scoring.results import ComparisonResult
from experiments.reporting import lift_notes
from experiments.reporting.measures import Measure

VARIANTS = [SimpleNamespace(key=key, letter=key.upper(), control=key == "a") for key in "ab"]


def entry(cells, metric):
    return scorecard(cells, control="a", metric=metric)


def test_the_median_lift_of_an_uncertain_control_is_the_values_divided_and_the_mean_is_not():
    # thirty of 400 members reach 100 people on average, some of them ten times as many: the control may be much less
    cells = {
        "a": AmountStatistics(400, 30, "3000", 1_000_000.0),
        "b": AmountStatistics(400, 36, "4200", 1_500_000.0),
    }
    found = entry(cells, "earned_reach")
    lift, means = found.comparisons[0].lift, [row.mean for row in found.variants]
    quotient = means[1] / means[0] - 1
    assert lift.mean - quotient > 0.05
    assert abs(lift.median - quotient) < 0.03
    assert lift_notes.ratio_note(found, Measure("people"), VARIANTS) == ""


def card(lift, means):
    """A scorecard with these means, and this lift of b over a."""
    estimate = Estimate(lift, Interval("eti", 0.95, lift - 1, lift + 1), lift)
    return MetricResult(
        "revenue", "amount", "higher", "a", "amount", WEAK_AMOUNT, 0.01,
        tuple(VariantResult(key, 10, 10.0, mean=mean) for key, mean in zip("ab", means, strict=True)),
        (ComparisonResult("b", "a", estimate),),
    )  # fmt: skip


def test_a_few_points_of_a_large_lift_are_no_riddle():
    assert lift_notes.ratio_note(card(1.08, (1.0, 2.04)), Measure("money"), VARIANTS) == ""
    assert "B +104\u202f%" in lift_notes.ratio_note(card(1.2, (1.0, 2.04)), Measure("money"), VARIANTS)


def test_where_both_agree_nothing_is_said():
    found = entry({"a": ProportionStatistics(9000, 900), "b": ProportionStatistics(9000, 1000)}, "click_rate")
    assert lift_notes.ratio_note(found, Measure("share"), VARIANTS) == ""


@pytest.mark.parametrize("mean", [None, 0.0, -0.2])
def test_a_control_that_cannot_be_divided_by_is_passed_over(mean):
    found = card(0.4, (mean, 1.0))
    assert lift_notes.ratio_note(found, Measure("people"), VARIANTS) == ""
    assert lift_notes.ratio_note(found, Measure("score"), VARIANTS) == ""
