"""The messages about an open lead: what is believed, what is proven, and by which day, in no contradiction."""

import pytest

from analysis import AnalysisError, ProportionStatistics, Rules, decide, scorecard
from analysis.messages import message
from analysis.stopping.rules import day_number
from analysis.stopping.sequential import Look

FORTNIGHT = Rules(planned_days=14)


def verdict(a, b, rules=FORTNIGHT, days=7.0, **options):
    cells = {"a": ProportionStatistics(*a), "b": ProportionStatistics(*b)}
    return decide(scorecard(cells, control="a"), rules=rules, elapsed_days=days, **{"looks": ()} | options)


def codes(made):
    return [reason.code for reason in made.reasons]


@pytest.mark.parametrize("clicks", [705, 720, 745, 765, 775])
@pytest.mark.parametrize("finished", [False, True])
def test_the_reason_and_the_figure_give_the_same_chance(clicks, finished):
    made = verdict((7000, 700), (7000, clicks), looks=(Look(6, 12_000),), finished=finished)
    if made.variant != "b" or made.decision not in ("keep_running", "not_enough_data"):
        return
    leads, unproven = made.reasons[:2]
    assert leads.params["chance"] == made.facts[0].value.params["chance"]
    sign = "good_sign" if leads.params["chance"] > 0.7 else "hint"
    assert unproven == message(f"verdict.{sign}_daily")


def test_a_finished_test_analysed_once_names_no_day():
    made = verdict((7000, 700), (7000, 765), days=14.0, finished=True, once=True)
    assert made.decision == "not_enough_data"
    assert codes(made) == ["verdict.leads_more_per_100", "verdict.good_sign", "verdict.retest"]


def test_the_day_of_the_result_is_counted_as_the_page_counts():
    """About N more days from day D is day D + N, never beyond what is planned."""
    for days in (5.0, 7.4, 9.9, 12.2):
        made = verdict((7000, 700), (7000, 765), days=days, looks=(Look(days - 1, 12_000),))
        day = day_number(days) + made.more_days
        assert made.reasons[-1].params["day"] == min(day, 14)


def test_a_result_that_takes_the_whole_plan_comes_at_its_end():
    made = verdict((7000, 704), (7000, 700))  # nothing leads over the control
    assert made.more_days == 7
    assert made.reasons[-1] == message("verdict.result_at_end", day=14)


def test_without_a_plan_only_the_day_is_named():
    made = verdict((7000, 700), (7000, 765), Rules(), looks=(Look(6, 12_000),))
    assert codes(made)[-1] == "verdict.result_by_day"
    behind = verdict((2000, 204), (2000, 200), Rules(), days=9)
    assert behind.reasons[-1] == behind.more_days_reason


def test_after_the_planned_end_the_lead_is_still_not_proven():
    made = verdict((7000, 700), (7000, 765), Rules(planned_days=6), days=7.5, looks=(Look(6, 12_000),))
    assert made.decision == "keep_running"
    assert codes(made)[1:3] == ["verdict.plan_over", "verdict.good_sign_daily"]


@pytest.mark.parametrize("members", [0, 1, 2])
def test_missing_members_are_those_of_the_smallest_variant(members):
    (reason,) = verdict((7000, 700), (members, 0)).reasons
    assert reason == message("verdict.few_members", variant="b", members=members, needed=100)


def test_a_single_variant_cannot_be_compared():
    with pytest.raises(AnalysisError, match="data: 1; a comparison needs at least 2"):
        scorecard({"a": ProportionStatistics(7000, 700)}, control="a")


@pytest.mark.parametrize("elapsed_days", [0.0002, 0.043, 0.5, 0.99])
def test_a_test_of_hours_is_too_short(elapsed_days):
    (reason,) = verdict((7000, 700), (7000, 800), Rules(), days=elapsed_days).reasons
    assert reason == message("verdict.too_short", elapsed_days=elapsed_days, needed_days=1.0)
