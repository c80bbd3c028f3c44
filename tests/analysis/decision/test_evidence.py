"""The evidence that a verdict rests on: apart from every prior, and of every kind of metric."""

import numpy as np
import pytest

from analysis import (
    AdjustedStatistics,
    AmountStatistics,
    Look,
    NamedPrior,
    ProportionStatistics,
    RatioStatistics,
    Rules,
    ValueStatistics,
    decide,
    scorecard,
)
from analysis.decision.evidence import bound_of, information_ratio, look_now, z_score
from analysis.priors import CONTENT, SCEPTICAL

CLEAR = {"a": (7000, 700), "b": (7000, 950)}
FORTNIGHT = Rules(planned_days=14)


def card(direction="higher", metric="sticky_rate", **cells):
    data = {key: ProportionStatistics(n, s) for key, (n, s) in cells.items()}
    return scorecard(data, control="a", direction=direction, metric=metric)


@pytest.mark.parametrize("kind", ["proportion", "amount", "ratio", "value", "adjusted"])
def test_a_prior_neither_makes_nor_hides_a_proof(kind):
    data = every_kind(kind, 0.1)
    loose = NamedPrior("loose", (("log_odds_sd", 1.0), ("sd", 1.0)), "For a test.")
    tight = NamedPrior("tight", (("log_odds_sd", 0.02), ("sd", 0.03)), "For a test.")
    bounds, scores, crossed = set(), set(), set()
    for prior in (loose, tight, CONTENT, SCEPTICAL):
        result = scorecard(data, control="a", prior=prior if kind == "proportion" else None)
        verdict = decide(result, rules=Rules(planned_days=14, lift_prior=prior), elapsed_days=9, looks=())
        scores.add(z_score(result, "b"))
        crossed.add(verdict.look.crossed)
        bounds.add(information_ratio(result, "b", Rules(lift_prior=prior).mixture_sd))
    assert len(scores) == len(crossed) == len(bounds) == 1


def every_kind(kind, lift):
    """Two variants of 8,000 members, b ahead by that lift."""
    n, factors = 8000, {"a": 1.0, "b": 1.0 + lift}
    return {
        "proportion": {key: ProportionStatistics(n, round(800 * f)) for key, f in factors.items()},
        "amount": {key: AmountStatistics(n, 800, str(round(8000 * f)), 120_000 * f**2) for key, f in factors.items()},
        "ratio": {
            key: RatioStatistics(n, str(round(8000 * f)), 900, 120_000 * f**2, 1100.0, 9500.0 * f)
            for key, f in factors.items()
        },
        "value": {
            key: ValueStatistics(n, ("revenue",), (str(round(8000 * f)),), ((120_000 * f**2,),), (1.0,))
            for key, f in factors.items()
        },
        "adjusted": {
            key: AdjustedStatistics(n, str(round(8000 * f)), 120_000 * f**2, 0.0, 8000.0, 0.0)
            for key, f in factors.items()
        },
    }[kind]


@pytest.mark.parametrize("kind", ["proportion", "amount", "ratio", "value", "adjusted"])
def test_a_guardrail_of_every_kind_prevents_shipping_harm(kind):
    worse = scorecard(every_kind(kind, 1.0), control="a", direction="lower", metric="cost_of_service")
    verdict = decide(card(**CLEAR), rules=FORTNIGHT, elapsed_days=9, guardrails=[worse], looks=())
    assert (verdict.decision, verdict.variant) == ("stop_harm", "b")
    (reason,) = verdict.reasons
    assert (reason.code, reason.params["metric"]) == ("verdict.breaks_guardrail", "cost_of_service")
    harmless = scorecard(every_kind(kind, 1.0), control="a", direction="higher", metric="cost_of_service")
    assert decide(card(**CLEAR), rules=FORTNIGHT, elapsed_days=9, guardrails=[harmless], looks=()).decision == "ship"


@pytest.mark.parametrize("kind", ["amount", "ratio", "value", "adjusted"])
def test_every_kind_can_decide(kind):
    clear = scorecard(every_kind(kind, 1.0), control="a", metric=kind)
    assert decide(clear, rules=FORTNIGHT, elapsed_days=14, looks=()).decision == "ship"
    worse = scorecard(every_kind(kind, -0.6), control="a", metric=kind)
    assert decide(worse, rules=FORTNIGHT, elapsed_days=14, looks=()).decision == "stop_harm"
    slightly = 0.02 if kind == "ratio" else 0.1
    open_question = scorecard(every_kind(kind, slightly), control="a", metric=kind)
    assert decide(open_question, rules=FORTNIGHT, elapsed_days=9, looks=()).decision == "keep_running"


def net_value(gain_a, gain_b, n=8000, cost=9000):
    """Each member brings 0 or 10; both variants cost more than they bring."""
    data = {}
    for key, gain in (("a", gain_a), ("b", gain_b)):
        carriers = round(n * gain / 10)
        data[key] = ValueStatistics(n, ("revenue",), (carriers * 10,), ((carriers * 100.0,),), (1.0,), cost)
    return scorecard(data, control="a", metric="net_value")


def test_metrics_that_can_be_negative_are_decided_by_their_difference():
    ahead = net_value(1.0, 1.4)
    assert ahead.variant("a").mean < 0 and ahead.comparison("b").lift is None
    assert ahead.comparison("b").lift_not_shown.code == "lift.signed"
    verdict = decide(ahead, rules=FORTNIGHT, elapsed_days=14, looks=())
    assert (verdict.decision, verdict.variant) == ("ship", "b")
    assert "verdict.small_loss_signed" in [reason.code for reason in verdict.reasons]
    assert decide(net_value(1.4, 1.0), rules=FORTNIGHT, elapsed_days=14, looks=()).decision == "stop_harm"
    early = decide(net_value(1.0, 1.04), rules=FORTNIGHT, elapsed_days=7, looks=(Look(6, 12_000),))
    assert early.decision == "keep_running" and 1 <= early.more_days <= 7
    endless = decide(net_value(1.0, 1.1), rules=Rules(), elapsed_days=7, looks=())
    assert endless.decision == "keep_running" and (endless.more_days or endless.more_days_reason)


def test_sentiment_that_cancels_is_a_result_and_not_missing():
    mood = {key: RatioStatistics(4000, x, 1000, 1000.0, 1000.0, float(x)) for key, x in (("a", 0), ("b", 200))}
    result = scorecard(mood, control="a", model="signed_ratio", metric="sentiment")
    assert result.not_shown is None and result.variant("a").raw_mean == 0
    assert decide(result, rules=FORTNIGHT, elapsed_days=14, looks=()).decision == "ship"


def test_false_winners_are_equally_rare_under_any_prior_of_rates():
    """A/A tests of three variants, eight looks: whatever tau draws the shown rates together, the bound stays."""
    rng, runs, winners = np.random.default_rng(12), 400, 0
    for _ in range(runs):
        done, looks = np.zeros(3, int), []
        for day in range(1, 9):
            done += rng.binomial(400, 0.1, 3)
            result = scorecard_of_evidence(done, 400 * day)
            case = decide_case(result, day, looks)
            look = look_now(case)
            looks.append(look)
        winners += bool(look.crossed or look.harmed)
    assert winners / runs < 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)


def scorecard_of_evidence(done, n):
    from analysis.models import conversion_flat
    from analysis.priors import FLAT_BETA
    from analysis.scoring.results import MetricResult, VariantResult

    data = {key: ProportionStatistics(n, int(y)) for key, y in zip("abc", done, strict=True)}
    flat = conversion_flat.fit(data, FLAT_BETA)
    rows = []
    for v, (key, cell) in enumerate(data.items()):
        log_mean, log_sd = flat.log_moments(v)
        moments = {"log_mean": log_mean, "log_sd": log_sd, "evidence_mean": flat.mean(v), "evidence_sd": flat.sd(v)}
        rows.append(VariantResult(key, n, float(cell.total), cell.mean, p_best=1 / 3, **moments))
    return MetricResult("m", "proportion", "higher", "a", "conversion", CONTENT, 0.01, tuple(rows), ())


def decide_case(result, day, looks):
    from analysis.decision.evidence import Case

    return Case(result, Rules(planned_days=8), (), (), day, tuple(looks), False)


def test_the_bound_without_a_lift_depends_on_members_alone():
    from analysis.decision.evidence import Case

    for gain in (1.0, 1.3):
        result = net_value(1.0, gain)
        ratio = information_ratio(result, "b", 0.1)
        assert ratio == pytest.approx(0.02**2 * 4000)
        case = Case(result, Rules(), (), (), 5.0, (), False)
        assert bound_of(case, result, "b") > 2.5
