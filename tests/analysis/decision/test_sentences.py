"""The words of an open verdict: what is believed, what is proven, and by which day, in no contradiction."""

import re

import pytest

from analysis import AnalysisError, ProportionStatistics, Rules, decide, scorecard, wording
from analysis.stopping.sequential import Look

FORTNIGHT = Rules(planned_days=14)


def verdict(a, b, rules=FORTNIGHT, days=7.0, **options):
    cells = {"a": ProportionStatistics(*a), "b": ProportionStatistics(*b)}
    return decide(scorecard(cells, control="a"), rules=rules, elapsed_days=days, **{"looks": ()} | options)


@pytest.mark.parametrize(
    ("share", "told"),
    [(0.005, "0.5"), (0.01, "1"), (0.125, "12.5"), (1.0, "100"), (1.5, "150"), (9.996, "1,000"), (10.0, "1,000")],
)
def test_a_threshold_is_written_without_an_exponent(share, told):
    assert wording.threshold(share) == f"{told}\u202f%"


@pytest.mark.parametrize("clicks", [705, 720, 745, 765, 775])
@pytest.mark.parametrize("finished", [False, True])
def test_a_chance_is_a_belief_and_never_beside_the_word_guess(clicks, finished):
    told = verdict((7000, 700), (7000, clicks), looks=(Look(6, 12_000),), finished=finished)
    if told.variant != "b" or told.decision not in ("keep_running", "not_enough_data"):
        return
    chance = told.facts[0].value
    assert f"with a chance of {chance} to be best" in told.reason  # the figure beside it, not another word for it
    assert "not proven" in told.reason and "luck alone can bring it about" in told.reason
    assert not re.search(r"guess|(very )?likely the best|perhaps", told.reason)


def test_a_test_that_is_over_is_not_told_yet():
    told = verdict((7000, 700), (7000, 765), days=14.0, finished=True, once=True)
    assert told.decision == "not_enough_data"
    assert "but not proven: luck alone can bring it about. To be sure, test it again" in told.reason
    assert "day" not in told.reason


def test_the_day_of_the_answer_is_counted_as_the_page_counts():
    """About N more days from day D is day D + N, never beyond what is planned."""
    for days in (5.0, 7.4, 9.9, 12.2):
        told = verdict((7000, 700), (7000, 765), days=days, looks=(Look(days - 1, 12_000),))
        day = wording.day_number(days) + told.more_days
        named = re.search(r"day (\d+)", told.reason.split("At this pace")[1])
        assert int(named[1]) == min(day, 14)


def test_an_answer_that_takes_the_whole_plan_says_so():
    told = verdict((7000, 704), (7000, 700))  # nothing leads over the control
    assert told.more_days == 7
    assert told.reason.endswith("At this pace the answer comes with the end of the plan, day 14.")


def test_without_a_plan_the_day_stands_alone():
    told = verdict((7000, 700), (7000, 765), Rules(), looks=(Look(6, 12_000),))
    assert re.search(r"At this pace an answer is more likely than not by day \d+\.$", told.reason)
    behind = verdict((2000, 204), (2000, 200), Rules(), days=9)
    assert behind.reason.endswith(behind.more_days_reason)


def test_after_the_planned_end_the_lead_is_still_not_proven():
    told = verdict((7000, 700), (7000, 765), Rules(planned_days=6), days=7.5, looks=(Look(6, 12_000),))
    assert told.decision == "keep_running"
    assert "The planned time is over. The lead is a good sign, but not proven: " in told.reason


@pytest.mark.parametrize(("seen", "told"), [(1, "1 member so far"), (2, "2 members so far"), (0, "0 members so far")])
def test_a_single_member_is_told_as_one(seen, told):
    assert f"has met {told}; a judgement needs" in verdict((7000, 700), (seen, 0)).reason


def test_a_single_variant_is_told_as_one():
    with pytest.raises(AnalysisError, match="There is data for 1 variant; a comparison needs at least 2"):
        scorecard({"a": ProportionStatistics(7000, 700)}, control="a")


@pytest.mark.parametrize(
    ("elapsed_days", "told"), [(0.0002, "under an hour"), (0.043, "1 hour"), (0.5, "12 hours"), (0.99, "23 hours")]
)
def test_a_test_of_hours_is_told_in_hours(elapsed_days, told):
    data = {"a": ProportionStatistics(7000, 700), "b": ProportionStatistics(7000, 800)}
    told_so = decide(scorecard(data, control="a"), rules=Rules(), elapsed_days=elapsed_days, looks=()).reason
    assert told_so.startswith(f"It has run for {told}; days differ, so a judgement needs at least 1 day.")
