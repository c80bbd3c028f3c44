"""Verdicts: each of the six, its reasons, and when it is withheld."""

import json

import numpy as np
import pytest

from analysis import (
    AmountStatistics,
    AnalysisError,
    HealthCheck,
    Look,
    NamedPrior,
    ProportionStatistics,
    Rules,
    Verdict,
    decide,
    scorecard,
)
from analysis.messages import message
from analysis.stopping.rules import DECISIONS
from analysis.stopping.sceptical import sceptical


def card(direction="higher", metric="sticky_rate", **cells):
    data = {key: ProportionStatistics(n, s) for key, (n, s) in cells.items()}
    return scorecard(data, control="a", direction=direction, metric=metric)


def codes(verdict):
    return [reason.code for reason in verdict.reasons]


def params(verdict, code):
    return next(reason.params for reason in verdict.reasons if reason.code == code)


CLEAR = {"a": (7000, 700), "b": (7000, 950)}
EQUAL = {"a": (700_000, 70_000), "b": (700_000, 70_050)}
LARGE = {"a": (7_000_000, 700_000), "b": (7_000_000, 700_050)}
OPEN = {"a": (7000, 700), "b": (7000, 760)}
WORSE = {"a": (7000, 950), "b": (7000, 700)}
SMALL = {"a": (60, 6), "b": (70, 9)}
FORTNIGHT = Rules(planned_days=14)
BAD = HealthCheck("srm", "fail", 1e-9, message("health.srm.wrong"), message("health.srm.next_step"))
WARNING = HealthCheck("silence", "warn", 8.0, message("health.silence.since"))


@pytest.mark.parametrize(
    ("cells", "rules", "days", "health", "decision", "variant"),
    [
        (CLEAR, FORTNIGHT, 9, (), "ship", "b"),
        (CLEAR, Rules(), 9, (), "ship", "b"),
        (CLEAR, FORTNIGHT, 9, (WARNING,), "ship", "b"),
        (CLEAR, FORTNIGHT, 9, (BAD,), "untrusted", None),
        (CLEAR, Rules(planned_days=14, min_days=10), 9, (), "not_enough_data", None),
        (CLEAR, Rules(min_members=10_000), 9, (), "not_enough_data", None),
        (OPEN, FORTNIGHT, 9, (), "keep_running", "b"),
        (OPEN, Rules(), 9, (), "keep_running", "b"),
        (EQUAL, Rules(), 9, (), "keep_running", "b"),
        (LARGE, Rules(), 9, (), "no_difference", None),
        (EQUAL, FORTNIGHT, 14, (), "no_difference", None),
        (WORSE, FORTNIGHT, 9, (), "stop_harm", "b"),
        (SMALL, FORTNIGHT, 9, (), "not_enough_data", None),
        ({"a": (500, 0), "b": (500, 9)}, FORTNIGHT, 9, (), "not_enough_data", None),
        ({"a": (0, 0), "b": (500, 9)}, FORTNIGHT, 9, (), "not_enough_data", None),
        ({"a": (7000, 700), "b": (7000, 950), "c": (7000, 945)}, FORTNIGHT, 9, (), "keep_running", "b"),
        ({"a": (7000, 700), "b": (7000, 950), "c": (7000, 600)}, FORTNIGHT, 9, (), "ship", "b"),
        ({"a": (7000, 950), "b": (7000, 700), "c": (7000, 940)}, FORTNIGHT, 9, (), "keep_running", "a"),
    ],
)
def test_the_verdict_is(cells, rules, days, health, decision, variant):
    verdict = decide(card(**cells), rules=rules, elapsed_days=days, health=health, looks=())
    assert (verdict.decision, verdict.variant) == (decision, variant)
    assert verdict.decision in DECISIONS
    assert verdict.reasons
    assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict(), allow_nan=False))) == verdict


def test_a_lead_that_a_fixed_z_would_ship_must_pass_the_sequential_bound():
    result = card(a=(7000, 700), b=(7000, 765))
    assert result.variant("b").p_best > 0.95
    verdict = decide(result, rules=FORTNIGHT, elapsed_days=7, looks=(Look(6, 12_000),))
    assert verdict.decision == "keep_running"
    leads, unproven, expected = verdict.reasons
    assert leads.code == "verdict.leads_more_per_100"
    assert leads.params["control"] == "a" and 0.95 < leads.params["chance"] < 1
    assert unproven == message("verdict.good_sign_daily")
    assert 1 <= verdict.more_days <= 7
    assert verdict.headline == message("verdict.keep_running_days", days=verdict.more_days)
    # after seven whole days it is day 8; the day that is named is the one that the page will show then
    assert expected == message("verdict.result_by_day_planned", day=8 + verdict.more_days, planned=14)


def test_lower_is_better_for_complaints():
    fewer = card(direction="lower", a=(7000, 950), b=(7000, 700))
    assert decide(fewer, rules=FORTNIGHT, elapsed_days=9, looks=()).decision == "ship"
    more = card(direction="lower", a=(7000, 700), b=(7000, 950))
    assert decide(more, rules=FORTNIGHT, elapsed_days=9, looks=()).decision == "stop_harm"


def test_a_guardrail_proven_worse_stops_the_test():
    complaints = card(direction="lower", metric="negative_rate", a=(7000, 30), b=(7000, 160))
    verdict = decide(card(**CLEAR), rules=FORTNIGHT, elapsed_days=9, guardrails=[complaints], looks=())
    assert (verdict.decision, verdict.variant) == ("stop_harm", "b")
    assert verdict.reasons == (message("verdict.breaks_guardrail", variant="b", metric="negative_rate", control="a"),)


def test_a_guardrail_in_doubt_prevents_shipping_a_winner():
    complaints = card(direction="lower", metric="negative_rate", a=(7000, 40), b=(7000, 62))
    assert complaints.comparison("b").p_beats_control < 0.05
    verdict = decide(card(**CLEAR), rules=FORTNIGHT, elapsed_days=9, guardrails=[complaints], looks=())
    assert verdict.decision == "keep_running"
    assert params(verdict, "verdict.leads_but_doubted") == {"variant": "b", "metric": "negative_rate"}


def test_harm_by_another_variant_does_not_hide_a_winner_but_is_a_reason():
    three = {**CLEAR, "c": CLEAR["a"]}
    complaints = card(direction="lower", metric="negative_rate", a=(7000, 30), b=(7000, 30), c=(7000, 160))
    verdict = decide(card(**three), rules=FORTNIGHT, elapsed_days=9, guardrails=[complaints], looks=())
    assert (verdict.decision, verdict.variant) == ("ship", "b")
    assert params(verdict, "verdict.also_breaks") == {"variant": "c", "metric": "negative_rate"}
    nobody_leads = card(a=(7000, 700), b=(7000, 705), c=(7000, 700))
    verdict = decide(nobody_leads, rules=FORTNIGHT, elapsed_days=9, guardrails=[complaints], looks=())
    assert (verdict.decision, verdict.variant) == ("stop_harm", "c")


def test_a_guardrail_without_numbers_does_not_block():
    empty = card(direction="lower", metric="negative_rate", a=(0, 0), b=(0, 0))
    verdict = decide(card(**CLEAR), elapsed_days=9, guardrails=[empty], looks=())
    assert verdict.decision == "ship"
    unknown = message("verdict.guardrail_unknown", metric="negative_rate", reason=empty.not_shown.reason)
    assert verdict.reasons[-1] == unknown
    unharmed = card(direction="lower", metric="negative_rate", a=(7000, 0), b=(7000, 0))
    verdict = decide(card(**CLEAR), elapsed_days=9, guardrails=[unharmed], looks=())
    assert "verdict.guardrail_unknown" not in codes(verdict)


def test_more_variants_share_the_error():
    two = decide(card(a=(7000, 700), b=(7000, 784)), rules=FORTNIGHT, elapsed_days=14, looks=())
    many = dict.fromkeys("cdefghij", (7000, 700))
    ten = decide(card(a=(7000, 700), b=(7000, 784), **many), rules=FORTNIGHT, elapsed_days=14, looks=())
    assert "b" in two.look.crossed
    assert "b" not in ten.look.crossed


def test_messages_name_variants_and_metrics_by_their_keys():
    verdict = decide(card(**CLEAR), rules=FORTNIGHT, elapsed_days=9, looks=())
    assert verdict.headline == message("verdict.ship", variant="b")
    lead = params(verdict, "verdict.better_by")
    low, high = lead["interval"]
    assert (lead["variant"], lead["control"]) == ("b", "a") and low < lead["lift"] < high
    best, lost = verdict.facts
    assert best.label == message("verdict.chance_best", variant="b")
    assert best.value.params["chance"] > 0.999
    assert lost.label == message("verdict.loss_if_wrong", variant="b")


def test_no_difference_is_called_only_once_a_gain_that_matters_is_excluded():
    """A chance below 5 % of such a gain is not enough: daily looks would meet it by chance."""
    behind = card(a=(200_000, 20_000), b=(200_000, 19_750))
    early = decide(behind, rules=FORTNIGHT, elapsed_days=3, looks=())
    assert early.decision == "keep_running" and early.look.futile == ()
    assert params(early, "verdict.gain_left")["chance"] < 0.05
    over = decide(behind, rules=FORTNIGHT, elapsed_days=14, looks=())
    assert (over.decision, over.look.futile) == ("no_difference", ("b",))
    later = decide(behind, rules=FORTNIGHT, elapsed_days=15, looks=(over.look,))
    assert later.decision == "no_difference", "an excluded gain stays excluded"
    close = card(a=(70_000, 7000), b=(70_000, 7010))
    late = decide(close, rules=FORTNIGHT, elapsed_days=14, looks=())
    assert late.decision == "keep_running" and "verdict.plan_over" in codes(late)
    ended = decide(close, rules=FORTNIGHT, elapsed_days=14, looks=(), finished=True)
    assert (ended.decision, ended.headline) == ("not_enough_data", message("verdict.ended_undecided"))
    assert Look.from_dict(json.loads(json.dumps(over.look.to_dict()))) == over.look


def test_each_variant_must_be_excluded_before_no_difference_is_called():
    made = decide(card(a=(700_000, 70_000), b=(700_000, 69_000), c=(700_000, 70_300)), rules=FORTNIGHT, elapsed_days=14)
    assert made.look.futile == ("b",) and made.decision != "no_difference"


def test_days_left_are_unknown_without_a_lead_or_a_plan():
    behind = card(a=(2000, 204), b=(2000, 200))
    verdict = decide(behind, rules=Rules(), elapsed_days=9, looks=())
    assert verdict.decision == "keep_running"
    assert verdict.more_days is None
    assert verdict.more_days_reason == message("verdict.no_lead") == verdict.reasons[-1]
    assert decide(behind, rules=FORTNIGHT, elapsed_days=9, looks=()).more_days == 5


def test_a_money_metric_without_purchases_has_no_verdict():
    data = {"a": AmountStatistics(500, 0, 0, 0.0), "b": AmountStatistics(500, 0, 0, 0.0)}
    verdict = decide(scorecard(data, control="a"), elapsed_days=9, looks=())
    assert verdict.decision == "not_enough_data"
    assert verdict.facts == ()


def test_a_metric_without_events_has_no_figures_and_no_verdict():
    empty = card(a=(5000, 0), b=(5000, 0))
    assert empty.not_shown.code == "nobody_yet"
    assert [(row.n, row.total, row.p_best, row.expected_loss) for row in empty.variants] == [(5000, 0, None, None)] * 2
    assert empty.comparison("b").p_beats_control is None
    verdict = decide(empty, elapsed_days=9, looks=())
    assert verdict.decision == "not_enough_data"
    assert verdict.reasons == (message("verdict.none_yet", metric="sticky_rate", members=10_000),)


def test_a_single_look_mentions_no_daily_looks():
    daily = decide(card(**CLEAR), rules=FORTNIGHT, elapsed_days=14, looks=(), finished=True)
    once = decide(card(**CLEAR), rules=FORTNIGHT, elapsed_days=14, looks=(), finished=True, once=True)
    assert once.decision == "ship"
    assert codes(daily) == ["verdict.better_by", "verdict.proven_daily", "verdict.small_loss"]
    assert codes(once) == ["verdict.better_by", "verdict.proven_once", "verdict.small_loss"]
    assert params(once, "verdict.small_loss") == {"variant": "b", "accepted": 0.01, "metric": "sticky_rate"}
    assert once.facts[1].value == message("verdict.no_loss")


def test_the_loss_if_wrong_excludes_the_cases_in_which_it_is_best():
    close = card(a=(5210, 512), b=(5187, 588))
    b = close.variant("b")
    draws = np.random.default_rng(3).beta([513, 589], [4699, 4600], (4_000_000, 2))
    short = (draws[:, 0] - draws[:, 1])[draws[:, 0] > draws[:, 1]]
    assert b.loss_if_wrong == pytest.approx(short.mean(), rel=0.02)
    assert b.expected_loss == pytest.approx(b.loss_if_wrong * (1 - b.p_best))
    assert card(a=(10_000, 100), b=(10_000, 5000)).variant("b").loss_if_wrong is None


def test_the_lift_prior_shrinks_a_noisy_lead():
    noisy = sceptical("ab", "a", [-2.0, -1.7], [0.2, 0.2], prior_sd=0.1, caring=0.01, higher=True)
    # two-arm closed form: 0.3 shrunk by 0.1² / (0.1² + 0.2² + 0.2²)
    assert noisy.mean[1] == pytest.approx(0.3 * 0.01 / 0.09)
    sharp = sceptical("ab", "a", [-2.0, -1.7], [0.002, 0.002], prior_sd=0.1, caring=0.01, higher=True)
    assert sharp.mean[1] == pytest.approx(0.3, abs=0.001)
    assert sharp.loss[1] < 1e-9
    assert sharp.loss[0] == pytest.approx(0.3498, abs=0.001)
    turned = sceptical("ab", "a", [-2.0, -1.7], [0.002, 0.002], prior_sd=0.1, caring=0.01, higher=False)
    assert turned.loss[1] > 0.3 and turned.loss[0] < 1e-9


def test_the_same_input_gives_the_same_verdict_to_the_digit():
    one, two = (decide(card(**OPEN), rules=FORTNIGHT, elapsed_days=9, looks=()) for _ in range(2))
    assert one == two


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rules(min_members=0),
        lambda: Rules(alpha=0.0),
        lambda: Rules(caring=float("nan")),
        lambda: Rules(planned_days=0),
        lambda: Rules(min_days=-1),
    ],
)
def test_rules_outside_their_bounds_are_refused(make):
    with pytest.raises(AnalysisError) as caught:
        make()
    assert caught.value.code == "bad_rules"


def test_priors_are_checked_and_read_by_name():
    with pytest.raises(AnalysisError, match="sd"):
        Rules(lift_prior=NamedPrior("odd", (("width", 1.0),), "For a test."))
    with pytest.raises(AnalysisError, match="above 0"):
        NamedPrior("odd", (("sd", -1.0),), "For a test.")


def test_rules_survive_storage():
    rules = Rules(min_members=50, planned_days=7.5, caring=0.02)
    assert Rules.from_dict(json.loads(json.dumps(rules.to_dict()))) == rules


def test_time_before_the_start_is_refused():
    with pytest.raises(AnalysisError, match="elapsed_days is -1"):
        decide(card(**CLEAR), elapsed_days=-1)


def test_a_finished_test_does_not_wait():
    close = card(a=(5000, 500), b=(5000, 530))
    running = decide(close, rules=FORTNIGHT, elapsed_days=9, looks=())
    finished = decide(close, rules=FORTNIGHT, elapsed_days=9, looks=(), finished=True)
    assert running.decision == "keep_running"
    assert (finished.decision, finished.variant, finished.more_days) == ("not_enough_data", "b", None)
    assert finished.headline == message("verdict.ended_undecided")
    assert codes(finished)[-1] == "verdict.retest" and finished.facts
    few = decide(card(a=(50, 5), b=(50, 6)), rules=FORTNIGHT, elapsed_days=9, looks=(), finished=True)
    assert (few.headline, few.more_days, few.facts) == (message("verdict.not_enough"), None, ())
    assert decide(card(**CLEAR), rules=FORTNIGHT, elapsed_days=14, looks=(), finished=True).decision == "ship"


def test_a_proven_but_tiny_lead_is_no_relevant_difference():
    many = 10**9
    tiny = card(a=(many, many // 10), b=(many, many // 10 + many // 10_000))
    verdict = decide(tiny, rules=FORTNIGHT, elapsed_days=14, looks=())
    assert "b" in verdict.look.crossed
    assert verdict.decision == "no_difference" and codes(verdict) == ["verdict.all_alike"]


def test_statistics_of_another_kind_are_refused_with_the_remedy():
    with pytest.raises(AnalysisError, match=r"'a' are a tuple.*ProportionStatistics"):
        scorecard({"a": (10, 1), "b": (10, 2)}, control="a")
