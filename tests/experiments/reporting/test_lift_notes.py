"""A lift that differs from the ratio of the estimates beside it has a note."""

from types import SimpleNamespace

import pytest

from analysis import AmountStatistics, ProportionStatistics, scorecard
from experiments.reporting import lift_notes
from experiments.reporting.measures import Measure

VARIANTS = [SimpleNamespace(key=key, letter=key.upper(), control=key == "a") for key in "ab"]


def entry(cells, metric):
    return scorecard(cells, control="a", metric=metric).to_dict()


def test_an_uncertain_control_makes_another_figure_than_the_values_divided():
    # thirty of 400 members reach 100 people on average, some of them ten times as many: the control may be much less
    cells = {
        "a": AmountStatistics(400, 30, "3000", 1_000_000.0),
        "b": AmountStatistics(400, 36, "4200", 1_500_000.0),
    }
    found = entry(cells, "earned_reach")
    lift, means = found["comparisons"][0]["lift"]["mean"], [row["mean"] for row in found["variants"]]
    quotient = means[1] / means[0] - 1
    assert lift - quotient > 0.05
    told = lift_notes.ratio_note(found, Measure("people"), VARIANTS)
    assert f"B +{100 * quotient:.0f}\u202f%" in told


def test_a_few_points_of_a_large_lift_are_no_riddle():
    rows = [{"variant": "a", "mean": 1.0}, {"variant": "b", "mean": 2.04}]
    found = {"variants": rows, "comparisons": [{"variant": "b", "control": "a", "lift": {"mean": 1.08}}]}
    assert lift_notes.ratio_note(found, Measure("money"), VARIANTS) == ""
    found["comparisons"][0]["lift"]["mean"] = 1.2
    assert "B +104\u202f%" in lift_notes.ratio_note(found, Measure("money"), VARIANTS)


def test_where_both_agree_nothing_is_said():
    found = entry({"a": ProportionStatistics(9000, 900), "b": ProportionStatistics(9000, 1000)}, "click_rate")
    assert lift_notes.ratio_note(found, Measure("share"), VARIANTS) == ""


@pytest.mark.parametrize("mean", [None, 0.0, -0.2])
def test_a_control_that_cannot_be_divided_by_is_passed_over(mean):
    rows = [{"variant": "a", "mean": mean}, {"variant": "b", "mean": 1.0}]
    found = {"variants": rows, "comparisons": [{"variant": "b", "control": "a", "lift": {"mean": 0.4}}]}
    assert lift_notes.ratio_note(found, Measure("people"), VARIANTS) == ""
    assert lift_notes.ratio_note(found, Measure("score"), VARIANTS) == ""
