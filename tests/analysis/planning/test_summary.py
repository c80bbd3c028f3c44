"""What a plan says, as codes with parameters: the headline, its reasons, and the figures."""

from dataclasses import replace

import pytest

from analysis import Audience, NamedPrior, Rules, plan
from analysis.messages import message
from analysis.planning.plan import Help
from analysis.planning.summary import headline, helps, reasons, smallest_lift, summarise_plan, window_note

SHOP = Audience(0.05, 2000)
RULES = Rules(lift_prior=NamedPrior("sceptical", (("sd", 0.1),), "Small lifts."))


@pytest.fixture(scope="module")
def found():
    return plan(SHOP, 0.1, rules=RULES)


@pytest.fixture(scope="module")
def never():
    return plan(Audience(0.05, 200, (0.25,) * 4), 0.1, rules=RULES)


def codes(messages):
    return [made.code for made in messages]


def test_the_headline_names_the_duration(found):
    assert found.enough_days < found.planned_days == 35
    assert headline(found) == message("plan.headline.about", days=35)
    assert headline(replace(found, enough_days=35)) == message("plan.headline.exactly", days=35)
    assert headline(replace(found, window_days=60)) == message("plan.headline.within_window", days=35)


def test_the_reasons_are_the_chance_and_why_it_is_longer_than_needed(found):
    first, second = reasons(found)
    assert first.code == "plan.reason.found_by"
    assert {"members": 2000, "variants": 2, "lift": 0.1}.items() <= first.params.items()
    assert first.params["shipped"] == found.with_lift.right.value
    assert second == message("plan.reason.whole_weeks", enough=found.enough_days)
    waits = replace(found, enough_days=3, planned_days=14, window_days=10)
    assert reasons(waits)[1] == message("plan.reason.window", enough=3, window=10)
    undecided = replace(found.with_lift, median_days=None)
    assert reasons(replace(found, with_lift=undecided, planned_days=36))[0].code == "plan.reason.found"
    assert len(reasons(replace(found, planned_days=36))) == 1
    assert helps(found) == ()


def test_a_short_plan_names_a_sufficient_duration():
    short = plan(SHOP, 0.1, rules=RULES, planned_days=10)
    assert headline(short) == message("plan.headline.too_short", days=10)
    would, takes = reasons(short)
    assert would.code == "plan.reason.too_short"
    assert takes == message("plan.reason.takes", wanted=0.8, days=35, enough=short.enough_days)


def test_the_weeks_named_as_long_enough_are_more_than_those_judged_too_short():
    for days in (28, 30, 34):
        judged = plan(SHOP, 0.1, rules=RULES, planned_days=days)
        if judged.outcome == "too_short":
            assert judged.enough_days > days
            assert round(100 * judged.with_lift.right.value) < 80
        else:
            assert headline(judged).code != "plan.headline.too_short"


def test_an_unreachable_plan_lists_changes_that_would_help(never):
    assert headline(never).code == "plan.headline.unreachable"
    assert codes(reasons(never)) == ["plan.reason.unreachable_in_a_year"]
    assert codes(helps(never))[:2] == ["plan.help.lift", "plan.help.traffic"]
    assert codes(helps(replace(never, helps=(Help("variants", 2.0),)))) == ["plan.help.variants"]
    assert codes(helps(replace(never, helps=()))) == ["plan.help.nothing"]
    assert summarise_plan(never).window is None


def test_an_unreachable_given_plan_keeps_its_duration():
    never = plan(Audience(0.05, 200, (0.25,) * 4), 0.1, rules=RULES, planned_days=14)
    assert never.outcome == "unreachable"
    (reason,) = reasons(never)
    assert (reason.code, reason.params["days"]) == ("plan.reason.unreachable", 14)


def test_the_window_of_the_last_members_is_added(found):
    assert window_note(found).code == "plan.window.unknown"
    assert window_note(replace(found, window_days=7)) == message("plan.window.on_top", window=7)
    assert window_note(replace(found, window_days=60)) == message("plan.window.longer", window=60)


def test_announced_lifts_are_compared_with_true_ones(found):
    def announced(announced, true):
        outcomes = replace(found.by_prior, announced_lift=announced, true_lift=true)
        return summarise_plan(replace(found, by_prior=outcomes)).announced

    assert announced(0.39, 0.40) == message("plan.announced.fair", announced=0.39, true=0.40)
    assert announced(0.30, 0.20).code == "plan.announced.exaggerated"
    assert announced(None, None).code == "plan.announced.nothing"


def test_every_figure_has_a_label_and_an_explanation(found):
    figures = summarise_plan(found).figures
    assert figures[0].value == message("plan.value.count", number=70_000)
    assert len({figure.label.code for figure in figures}) == len(figures) == 5
    assert all(figure.explanation.code.endswith(".explanation") for figure in figures)
    open_ended = replace(found, with_lift=replace(found.with_lift, median_days=None))
    assert summarise_plan(open_ended).figures[3].value.code == "plan.value.none"


def test_the_smallest_lift_may_be_none(found):
    assert smallest_lift(found, None).code == "plan.detectable.none"
    assert smallest_lift(found, 0.09).params == {"wanted": 0.8, "days": 35, "lift": 0.09}
