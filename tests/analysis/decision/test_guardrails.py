"""Guardrails: held, in doubt or broken, by the bounds of the verdict and nothing else."""

import json

import pytest

from analysis import HealthCheck, ProportionStatistics, Rules, Verdict, decide, scorecard
from analysis.messages import message

FORTNIGHT = Rules(planned_days=14)
CLEAR = {"a": (10_000, 1000), "b": (10_000, 1300)}


def card(cells, metric="sticky_rate", direction="higher"):
    data = {key: ProportionStatistics(n, s) for key, (n, s) in cells.items()}
    return scorecard(data, control="a", direction=direction, metric=metric)


def complaints(a, b, n=10_000):
    return card({"a": (n, a), "b": (n, b)}, "negative_rate", "lower")


def verdict(guardrail, days=9.0, **options):
    options = {"rules": FORTNIGHT, "looks": ()} | options
    return decide(card(CLEAR), guardrails=[guardrail], elapsed_days=days, **options)


@pytest.mark.parametrize(
    ("b", "status", "decision"),
    [(200, "held", "ship"), (225, "held", "ship"), (235, "in_doubt", "keep_running"), (400, "broken", "stop_harm")],
)
def test_the_status_and_the_decision_agree(b, status, decision):
    made = verdict(complaints(200, b))
    (found,) = made.guardrails
    assert (found.metric, found.variant, found.status) == ("negative_rate", "b", status)
    assert made.decision == decision
    assert (found.z <= -found.bound) == (status == "broken")


def test_on_the_planned_day_a_guardrail_is_broken_by_the_bound_that_stops_the_test():
    """A fixed bound of 99.9 % called this one in doubt, below a verdict that stopped the test."""
    made = verdict(complaints(200, 255), days=14.0)
    (found,) = made.guardrails
    assert made.decision == "stop_harm"
    assert found.status == "broken" and found.p_worse < 0.999


def test_a_guardrail_without_figures_is_unknown():
    made = verdict(complaints(0, 0))
    (found,) = made.guardrails
    assert (found.status, found.z, found.bound) == ("unknown", None, None)
    assert found.reason is not None


def test_with_too_little_data_for_a_verdict_no_guardrail_is_known():
    made = verdict(complaints(200, 255), days=0.5)
    assert made.decision == "not_enough_data"
    assert [row.status for row in made.guardrails] == ["unknown"]


def test_an_untrusted_test_judges_no_guardrail():
    failed = HealthCheck("srm", "fail", 1e-9, "The split is not the planned one.", "Start a new run.")
    made = verdict(complaints(200, 400), health=[failed])
    assert (made.decision, made.guardrails[0].status) == ("untrusted", "unknown")


def test_each_variant_has_its_own_status():
    three = {**CLEAR, "c": (10_000, 1000)}
    worse = card({"a": (10_000, 200), "b": (10_000, 200), "c": (10_000, 400)}, "negative_rate", "lower")
    made = decide(card(three), rules=FORTNIGHT, elapsed_days=9, guardrails=[worse], looks=())
    assert [(row.variant, row.status) for row in made.guardrails] == [("b", "held"), ("c", "broken")]
    assert (made.decision, made.variant) == ("ship", "b")


def test_a_bound_that_cannot_be_passed_survives_storage():
    made = verdict(complaints(200, 201), days=0.0, rules=Rules(planned_days=14, min_days=0), looks=())
    assert Verdict.from_dict(json.loads(json.dumps(made.to_dict(), allow_nan=False))) == made


def test_a_broken_guardrail_stays_broken_at_later_looks():
    """On day 14 the bound is 2.0, a moment later 4.6: the harm that stopped the test must not vanish from its page."""
    first = verdict(complaints(200, 255), days=14.0)
    assert first.look is not None
    second = verdict(complaints(200, 255), days=14.001, looks=(first.look,))
    assert second.decision == "stop_harm"
    (before,), (after,) = first.guardrails, second.guardrails
    assert (after.status, after.z, after.bound) == (before.status, before.z, before.bound)
    assert second.look is not None and second.look.broken == first.look.broken
    ended = verdict(complaints(200, 240), days=20.0, looks=(first.look, second.look), finished=True)
    assert ended.decision == "stop_harm"


def test_a_break_is_stored_with_the_look():
    look = verdict(complaints(200, 255), days=14.0).look
    assert look is not None and [(one.metric, one.variant) for one in look.broken] == [("negative_rate", "b")]
    assert type(look).from_dict(json.loads(json.dumps(look.to_dict()))) == look


def test_data_that_are_not_trusted_break_nothing_for_later():
    failed = HealthCheck("srm", "fail", 1e-9, message("health.srm.empty"))
    look = verdict(complaints(200, 255), days=14.0, health=[failed]).look
    assert look is not None and look.broken == ()
