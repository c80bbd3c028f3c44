"""Verdicts: each of the six, its reason in words, and when it is withheld."""

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
from analysis.messages import Message, message
from analysis.stopping.rules import DECISIONS
from analysis.stopping.sceptical import sceptical


def card(direction="higher", metric="sticky_rate", **cells):
    data = {key: ProportionStatistics(n, s) for key, (n, s) in cells.items()}
    return scorecard(data, control="a", direction=direction, metric=metric)


CLEAR = {"a": (7000, 700), "b": (7000, 950)}
EQUAL = {"a": (700_000, 70_000), "b": (700_000, 70_050)}
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
        (EQUAL, Rules(), 9, (), "no_difference", None),
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
    assert isinstance(verdict.reason, Message) or verdict.reason[0].isupper() and verdict.reason.endswith((".", ")."))
    assert len(verdict.headline) < 60
    assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict(), allow_nan=False))) == verdict


def test_a_lead_that_the_usual_rule_would_ship_must_survive_looking():
    result = card(a=(7000, 700), b=(7000, 765))
    assert result.variant("b").p_best > 0.95
    verdict = decide(result, rules=FORTNIGHT, elapsed_days=7, looks=(Look(6, 12_000),))
    assert verdict.decision == "keep_running"
    assert "leads so far, with a chance of 9" in verdict.reason
    assert (
        "That is a good sign, but not proven yet: luck alone can bring it about in a test that is looked"
        in verdict.reason
    )
    assert "more per 100 members than A" in verdict.reason
    assert 1 <= verdict.more_days <= 7
    assert verdict.headline == f"Keep running, about {verdict.more_days} more days."
    # after seven whole days it is day 8; the day that is named is the one on which the page will say so
    assert verdict.reason.endswith(
        f"At this pace an answer is more likely than not by day {8 + verdict.more_days} of the 14 planned."
    )


def test_lower_is_better_for_complaints():
    fewer = card(direction="lower", a=(7000, 950), b=(7000, 700))
    assert decide(fewer, rules=FORTNIGHT, elapsed_days=9, looks=()).decision == "ship"
    more = card(direction="lower", a=(7000, 700), b=(7000, 950))
    assert decide(more, rules=FORTNIGHT, elapsed_days=9, looks=()).decision == "stop_harm"


def test_a_guardrail_proven_worse_stops_the_test():
    complaints = card(direction="lower", metric="negative_rate", a=(7000, 30), b=(7000, 160))
    verdict = decide(card(**CLEAR), rules=FORTNIGHT, elapsed_days=9, guardrails=[complaints], looks=())
    assert (verdict.decision, verdict.variant) == ("stop_harm", "b")
    assert "negative rate" in verdict.reason


def test_a_guardrail_in_doubt_keeps_a_winner_from_being_shipped():
    complaints = card(direction="lower", metric="negative_rate", a=(7000, 40), b=(7000, 62))
    assert complaints.comparison("b").p_beats_control < 0.05
    verdict = decide(card(**CLEAR), rules=FORTNIGHT, elapsed_days=9, guardrails=[complaints], looks=())
    assert verdict.decision == "keep_running"
    assert "probably makes negative rate worse" in verdict.reason


def test_harm_by_another_variant_does_not_hide_a_winner_but_is_told():
    three = {**CLEAR, "c": CLEAR["a"]}
    complaints = card(direction="lower", metric="negative_rate", a=(7000, 30), b=(7000, 30), c=(7000, 160))
    words = {"negative_rate": "complaints"}
    verdict = decide(card(**three), rules=FORTNIGHT, elapsed_days=9, guardrails=[complaints], looks=(), metrics=words)
    assert (verdict.decision, verdict.variant) == ("ship", "b")
    assert "Meanwhile C makes complaints worse" in verdict.reason
    nobody_leads = card(a=(7000, 700), b=(7000, 705), c=(7000, 700))
    verdict = decide(nobody_leads, rules=FORTNIGHT, elapsed_days=9, guardrails=[complaints], looks=(), metrics=words)
    assert (verdict.decision, verdict.variant) == ("stop_harm", "c")


def test_a_guardrail_without_numbers_does_not_block():
    nobody = card(direction="lower", metric="negative_rate", a=(0, 0), b=(0, 0))
    verdict = decide(card(**CLEAR), elapsed_days=9, guardrails=[nobody], looks=())
    assert verdict.decision == "ship"
    assert verdict.reason.endswith("Whether negative rate holds could not be judged.")
    unharmed = card(direction="lower", metric="negative_rate", a=(7000, 0), b=(7000, 0))
    assert "could not" not in decide(card(**CLEAR), elapsed_days=9, guardrails=[unharmed], looks=()).reason


def test_more_variants_share_the_error():
    two = decide(card(a=(7000, 700), b=(7000, 784)), rules=FORTNIGHT, elapsed_days=14, looks=())
    many = dict.fromkeys("cdefghij", (7000, 700))
    ten = decide(card(a=(7000, 700), b=(7000, 784), **many), rules=FORTNIGHT, elapsed_days=14, looks=())
    assert "b" in two.look.crossed
    assert "b" not in ten.look.crossed


def test_names_are_used_in_sentences():
    names = {"a": "today’s headline", "b": "B “Meet the people”"}
    verdict = decide(card(**CLEAR), rules=FORTNIGHT, elapsed_days=9, looks=(), names=names)
    assert verdict.headline == "Ship B “Meet the people”."
    assert "than today’s headline" in verdict.reason
    assert verdict.facts[0].label == "Chance that B “Meet the people” is best"
    assert verdict.facts[0].value == "over 99.9\u202f%"
    assert verdict.facts[1].label == "If we ship B “Meet the people” and are wrong, we lose"


def test_after_the_planned_end_a_small_open_question_closes():
    close = card(a=(70_000, 7000), b=(70_000, 7010))
    assert decide(close, rules=FORTNIGHT, elapsed_days=9, looks=()).decision == "keep_running"
    over = decide(close, rules=FORTNIGHT, elapsed_days=14, looks=())
    assert over.decision == "no_difference"
    assert "planned time is over" in over.reason


def test_how_long_cannot_be_said_without_a_lead_or_a_plan():
    behind = card(a=(2000, 204), b=(2000, 200))
    verdict = decide(behind, rules=Rules(), elapsed_days=9, looks=())
    assert verdict.decision == "keep_running"
    assert verdict.more_days is None
    assert "no variant leads" in verdict.more_days_reason
    assert decide(behind, rules=FORTNIGHT, elapsed_days=9, looks=()).more_days == 5


def test_money_that_nobody_spent_is_no_verdict():
    data = {"a": AmountStatistics(500, 0, 0, 0.0), "b": AmountStatistics(500, 0, 0, 0.0)}
    verdict = decide(scorecard(data, control="a"), elapsed_days=9, looks=())
    assert verdict.decision == "not_enough_data"
    assert verdict.facts == ()


def test_what_nobody_did_yet_has_no_figures_and_no_verdict():
    nobody = card(a=(5000, 0), b=(5000, 0))
    assert nobody.not_shown.code == "nobody_yet"
    assert [(row.n, row.total, row.p_best, row.expected_loss) for row in nobody.variants] == [(5000, 0, None, None)] * 2
    assert nobody.comparison("b").p_beats_control is None
    verdict = decide(nobody, elapsed_days=9, looks=())
    assert verdict.decision == "not_enough_data"
    assert "None of the 10,000 members" in verdict.reason and "sticky rate" in verdict.reason


def test_the_words_of_a_single_look_do_not_speak_of_looking_every_day():
    daily = decide(card(**CLEAR), rules=FORTNIGHT, elapsed_days=14, looks=(), finished=True)
    once = decide(card(**CLEAR), rules=FORTNIGHT, elapsed_days=14, looks=(), finished=True, once=True)
    assert "even though you look every day" in daily.reason
    # What is given up over all cases is another thing than the fact beside it, which counts the wrong ones alone.
    assert "averaged over its being the best, when nothing is lost, and its not being so" in daily.reason
    (_, lost) = daily.facts
    assert lost.label.endswith("and are wrong, we lose") and "those alone" in lost.explanation
    assert "every day" not in once.reason and once.decision == "ship"
    assert "less than 1\u202f% of the control's sticky rate" in once.reason
    assert "between +" in once.reason and " and +" in once.reason
    assert once.facts[1].value == "next to nothing"


def test_what_is_lost_where_one_is_wrong_leaves_the_other_cases_out():
    close = card(a=(5210, 512), b=(5187, 588))
    b = close.variant("b")
    draws = np.random.default_rng(3).beta([513, 589], [4699, 4600], (4_000_000, 2))
    short = (draws[:, 0] - draws[:, 1])[draws[:, 0] > draws[:, 1]]
    assert b.loss_if_wrong == pytest.approx(short.mean(), rel=0.02)
    assert b.expected_loss == pytest.approx(b.loss_if_wrong * (1 - b.p_best))
    assert card(a=(10_000, 100), b=(10_000, 5000)).variant("b").loss_if_wrong is None


def test_the_lift_prior_draws_a_noisy_lead_towards_none():
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


def test_rules_come_back_as_they_were():
    rules = Rules(min_members=50, planned_days=7.5, caring=0.02)
    assert Rules.from_dict(json.loads(json.dumps(rules.to_dict()))) == rules


def test_time_before_the_start_is_refused():
    with pytest.raises(AnalysisError, match="elapsed_days is -1"):
        decide(card(**CLEAR), elapsed_days=-1)


def test_nobody_is_told_to_wait_for_a_finished_test():
    close = card(a=(5000, 500), b=(5000, 530))
    running = decide(close, rules=FORTNIGHT, elapsed_days=9, looks=())
    finished = decide(close, rules=FORTNIGHT, elapsed_days=9, looks=(), finished=True)
    assert running.decision == "keep_running"
    assert (finished.decision, finished.variant, finished.more_days) == ("not_enough_data", "b", None)
    assert finished.headline == "It ended without a clear winner."
    assert "test it again" in finished.reason and finished.facts
    few = decide(card(a=(50, 5), b=(50, 6)), rules=FORTNIGHT, elapsed_days=9, looks=(), finished=True)
    assert (few.headline, few.more_days, few.facts) == ("Not enough data.", None, ())
    assert decide(card(**CLEAR), rules=FORTNIGHT, elapsed_days=14, looks=(), finished=True).decision == "ship"


def test_a_proven_lead_too_small_to_care_about_is_no_difference_worth_having():
    many = 10**9
    tiny = card(a=(many, many // 10), b=(many, many // 10 + many // 10_000))
    verdict = decide(tiny, rules=FORTNIGHT, elapsed_days=14, looks=())
    assert "b" in verdict.look.crossed
    assert verdict.decision == "no_difference" and "within" in verdict.reason


def test_statistics_of_a_foreign_kind_are_named_with_the_remedy():
    with pytest.raises(AnalysisError, match=r"'a' are a tuple.*ProportionStatistics"):
        scorecard({"a": (10, 1), "b": (10, 2)}, control="a")
