"""Plans: the shortest that is enough, honest about chance, and never weaker than one look by more than a tenth."""

import json
import math

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from analysis import AnalysisError, NamedPrior, Rules
from analysis.planning import simulated_verdicts
from analysis.planning.forecast import Share, drawn_lifts, expected, look_days, simulate, simulate_evidence
from analysis.planning.plan import LONGEST_DAYS, Audience, days_left, detectable_lift, plan

SHOP = Audience(0.05, 2000)
SCEPTICAL = NamedPrior("sceptical", (("sd", 0.1),), "Lifts are small here.")


def one_look(audience, lift, days, alpha=0.05):
    """The power of one test at the end, two-sided at `alpha` shared between the comparisons, by the Normal."""
    n = audience.members([days])[0]
    p, q = audience.mean, audience.mean * (1 + lift)
    error = math.sqrt(p * (1 - p) / n[0] + q * (1 - q) / n[1])
    return float(ndtr((q - p) / error + ndtri(alpha / audience.comparisons / 2)))


@pytest.mark.slow
@pytest.mark.parametrize("weights", [(0.5, 0.5), (1 / 3, 1 / 3, 1 / 3)])
@pytest.mark.parametrize("lift", [0.05, 0.1])
def test_power_is_within_a_tenth_of_one_look_at_equal_error(lift, weights):
    audience = Audience(0.05, 2000 * len(weights) / 2, weights)
    days = 20 if lift == 0.1 else 80
    found = expected(audience, Rules(), days, lift, tests=2000, seed=1)
    assert found.right.value > 0.9 * one_look(audience, lift, days) - 2 * found.right.error


def test_a_a_tests_looked_at_daily_ship_at_most_alpha():
    found = expected(SHOP, Rules(), 30, 0.0, tests=4000, seed=2)
    assert found.right.value == 0
    assert found.wrong.value < 0.025 + 2 * found.wrong.error  # one of the two sides of 5 %
    assert found.no_difference.value < found.open.value  # a gain of 1 % takes longer to exclude
    large = Audience(SHOP.mean, 400_000)
    assert expected(large, Rules(), 30, 0.0, tests=500, seed=2).no_difference.value > 0.8


def test_the_plan_is_the_shortest_sufficient_number_of_weeks():
    found = plan(SHOP, 0.1)
    assert found.outcome == "enough"
    assert found.planned_days % 7 == 0 and found.planned_days - 7 < found.enough_days <= found.planned_days
    assert round(100 * found.with_lift.right.value) >= 80  # as shown, and so never below the target
    assert expected(SHOP, Rules(), found.enough_days - 7, 0.1, tests=2000, seed=9).right.value < 0.8
    assert found.members == 2000 * found.planned_days
    # One look needs 31,234 members a variant for this (closed form for two rates): 31.2 days.
    assert 31 <= found.enough_days <= 37
    assert found.rules.planned_days == found.planned_days
    assert 0 < found.with_lift.median_days <= found.planned_days


def test_the_same_plan_has_the_same_digits_and_is_plain_json():
    first, second = plan(SHOP, 0.2), plan(SHOP, 0.2)
    assert first == second
    document = json.loads(json.dumps(first.to_dict(), allow_nan=False))
    assert document["planned_days"] == first.planned_days
    assert document["assurance"] == first.by_prior.decisive
    right = first.with_lift.right
    assert document["with_lift"]["right"] == {"value": right.value, "error": right.error}
    assert plan(SHOP, 0.2, seed=5).with_lift.right != first.with_lift.right


def test_the_outcomes_of_a_plan_add_up_and_what_is_announced_is_honest_under_the_prior():
    found = expected(Audience(0.05, 10_000), Rules(), 21, None, tests=4000, seed=3)
    shares = (found.right, found.wrong, found.no_difference, found.harm, found.open)
    assert sum(share.value for share in shares) == pytest.approx(1)
    assert found.decisive == pytest.approx(1 - found.open.value)
    assert found.exaggeration == pytest.approx(1, abs=0.05)
    assert found.wrong.value < 0.02


def test_a_wide_prior_exaggerates_where_lifts_are_small():
    small = NamedPrior("small", (("sd", 0.02),), "Small lifts.")
    wide = NamedPrior("wide", (("sd", 0.5),), "Anything goes.")
    audience, days = Audience(0.05, 20_000), look_days(14)
    lifts = drawn_lifts(audience, Rules(lift_prior=small), 3000, seed=4)

    def announced(prior):
        found = simulate(audience, Rules(planned_days=14, lift_prior=prior), lifts, days, seed=4)
        shipped = found.ending == simulated_verdicts.SHIP
        true = lifts[np.arange(3000), found.variant - 1][shipped]
        return found.announced[shipped].mean() / true.mean()

    assert announced(small) == pytest.approx(1, abs=0.12)
    assert announced(wide) > 1.4


def test_an_unreachable_plan_lists_changes_that_make_it_reachable():
    audience = Audience(0.05, 200, (0.25, 0.25, 0.25, 0.25))
    found = plan(audience, 0.1)
    assert found.outcome == "unreachable" and found.enough_days is None and found.planned_days == LONGEST_DAYS
    helps = {help.kind: help.value for help in found.helps}
    assert helps["lift"] > 0.1 and helps["traffic"] > 200
    larger = expected(audience, Rules(), LONGEST_DAYS, helps["lift"], tests=2000, seed=7)
    assert larger.right.value == pytest.approx(0.8, abs=0.04)
    busier = Audience(0.05, helps["traffic"], audience.weights)
    assert expected(busier, Rules(), LONGEST_DAYS, 0.1, tests=2000, seed=7).right.value > 0.76


def test_fewer_variants_are_named_where_they_are_enough():
    found = plan(Audience(0.05, 400, (0.2,) * 5), 0.08)
    assert found.outcome == "unreachable"
    assert [help.value for help in found.helps if help.kind == "variants"] == [2.0]


def test_given_days_are_judged_and_not_changed():
    short, long = plan(SHOP, 0.1, planned_days=10), plan(SHOP, 0.1, planned_days=60)
    assert (short.planned_days, short.outcome) == (10, "too_short")
    assert short.with_lift.right.value < 0.5 and short.enough_days > 30
    assert (long.planned_days, long.outcome) == (60, "enough")


def test_no_plan_ends_before_the_first_window_does():
    busy = Audience(0.2, 90_000)
    without, with_window = plan(busy, 0.1), plan(busy, 0.1, window_days=30)
    assert without.planned_days == 7 and with_window.planned_days == 35
    assert with_window.enough_days == without.enough_days
    assert plan(busy, 0.1, window_days=30, planned_days=7).planned_days == 7  # judged, not changed
    with pytest.raises(AnalysisError, match="A window of 0 days"):
        plan(busy, 0.1, window_days=0)


def test_amounts_are_planned_like_rates_of_the_same_spread():
    rate = expected(Audience(0.2, 4000), Rules(), 14, 0.08, tests=2000, seed=5).right
    amount = expected(Audience(0.2, 4000, sd=0.4), Rules(), 14, 0.08, tests=2000, seed=5).right
    assert amount.value == pytest.approx(rate.value, abs=0.05)


def test_fewer_complaints_are_found_like_more_sales():
    fewer = expected(Audience(0.05, 4000, higher=False), Rules(), 14, 0.15, tests=2000, seed=6)
    assert fewer.right.value > 0.8 and fewer.wrong.value == 0
    assert fewer.true_lift == pytest.approx(0.15)


@pytest.mark.parametrize("days", [7, 28])
def test_the_detectable_lift_is_found_with_the_target_chance(days):
    lift = detectable_lift(SHOP, Rules(), days, 0.8)
    assert expected(SHOP, Rules(), days, lift, tests=4000, seed=8).right.value == pytest.approx(0.8, abs=0.035)


def test_nothing_is_detectable_with_a_handful_of_members():
    assert detectable_lift(Audience(0.3, 2), Rules(), 7, 0.8) is None


def test_shares_carry_their_error():
    assert Share.of(np.array([True] * 50 + [False] * 50)) == Share(0.5, pytest.approx(0.05))
    assert Share.of(np.ones(1000, bool)).error > 0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"mean": 0.0}, "base of 0.0"),
        ({"mean": 1.5}, "not below 1"),
        ({"mean": math.nan}, "base of nan"),
        ({"members_a_day": 0}, "0 members a day"),
        ({"weights": (1.0,)}, "1 variants"),
        ({"weights": (0.5, 0.6)}, "add up to 1"),
        ({"weights": (1.5, -0.5)}, "above 0"),
        ({"sd": 0.0}, "standard deviation"),
        ({"sd": math.inf}, "standard deviation"),
    ],
)
def test_an_impossible_audience_is_refused(wrong, says):
    with pytest.raises(AnalysisError, match=says):
        Audience(**({"mean": 0.05, "members_a_day": 100} | wrong))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"lift": 0.0}, "lift of 0.0"),
        ({"lift": 30.0}, "stay below 1"),
        ({"lift": 0.1, "power": 1.0}, "power of 1.0"),
        ({"lift": 0.1, "planned_days": 0}, "0 planned days"),
    ],
)
def test_an_impossible_plan_is_refused(options, says):
    with pytest.raises(AnalysisError, match=says):
        plan(SHOP, **options)


# On a running test -------------------------------------------------------------------------------------------------


def left(effect=0.05, error=0.03, elapsed=9, planned=None, comparisons=1):
    return days_left(
        effect=effect,
        standard_error=error,
        elapsed_days=elapsed,
        rules=Rules(planned_days=planned, lift_prior=SCEPTICAL),
        comparisons=comparisons,
    )


def test_days_left_are_the_same_each_time():
    assert left() == left()


def test_a_clearer_lead_needs_fewer_days_and_more_comparisons_need_more():
    assert left(effect=0.09).median < left(effect=0.05).median
    assert left(effect=0.06, comparisons=4).median > left(effect=0.06).median


def test_days_left_hold_their_range_and_end_with_the_plan():
    found = left(effect=0.07, planned=28, elapsed=9)
    assert 1 <= found.low <= found.median <= (found.high or 19) <= 19
    assert found.settled.value > 0.6


def test_after_the_planned_end_only_the_always_valid_bound_applies():
    over, never = left(effect=0.07, planned=9, elapsed=9), left(effect=0.07, planned=None, elapsed=9)
    assert over.median >= never.median


def test_without_lifts_the_ratio_sets_the_scale():
    options = {"effect": 0.05, "standard_error": 0.03, "elapsed_days": 9, "comparisons": 1}
    rules = Rules(lift_prior=SCEPTICAL)
    own = days_left(rules=rules, ratio=(rules.mixture_sd / 0.03) ** 2, **options)
    assert own == days_left(rules=rules, **options)
    assert days_left(rules=rules, ratio=1e-3, **options).settled.value < own.settled.value


def test_a_lead_of_zero_ends_without_a_difference():
    assert left(effect=0.0, error=0.005).settled.value > 0.9


@pytest.mark.slow
def test_days_left_match_simulated_tests():
    """Tests whose truth is drawn from the prior, stopped on day 6 within a band of leads: how long do they go on?"""
    audience, rules, now = Audience(0.05, 4000), Rules(lift_prior=SCEPTICAL), 6
    at = np.concatenate([np.arange(1.0, 40), np.arange(42.0, 180, 4)])
    lifts = drawn_lifts(audience, rules, 12_000, seed=11)
    evidence = simulate_evidence(audience, lifts, at, seed=11)
    endings = simulated_verdicts.first_verdicts(evidence, rules)
    logs, spread = evidence.log_mean[:, now - 1], evidence.log_sd[:, now - 1]
    error = float(np.median(np.hypot(spread[:, 0], spread[:, 1])))
    shrunk = (logs[:, 1] - logs[:, 0]) * 0.01 / (0.01 + error**2)
    alike = (np.abs(shrunk - 0.04) < 0.004) & (endings.look >= now)
    assert alike.sum() > 150
    took = np.append(at, np.inf)[endings.look[alike]] - now
    days = left(effect=0.04, error=error, elapsed=now)
    # Compared by shares: few tests end around the median, so that the day itself is uncertain.
    assert (took <= days.median).mean() == pytest.approx(0.5, abs=0.12)
    inside = (took >= days.low) & (took <= (days.high or np.inf))
    assert inside.mean() == pytest.approx(0.8, abs=0.12)
