"""Simulated tests on arrays end as `decide` ends them one by one; lifts and limits on arrays are those of one test."""

from decimal import Decimal

import numpy as np
import pytest

from analysis import AmountStatistics, NamedPrior, ProportionStatistics, Rules, decide, scorecard
from analysis.decision import evidence
from analysis.decision.decide import PRACTICALLY_SAME
from analysis.planning import simulated_verdicts
from analysis.planning.audience import Audience
from analysis.planning.forecast import drawn_lifts, simulate_evidence
from analysis.stopping import sequential
from analysis.stopping.sceptical import sceptical
from analysis.stopping.sceptical_arrays import LITTLE_CHANCE, sceptical_lifts

THIRDS = (1 / 3, 1 / 3, 1 / 3)
NARROW = NamedPrior("narrow", (("sd", 0.02),), "Lifts are small here.")
WIDE = NamedPrior("wide", (("sd", 0.4),), "Lifts of a test are large here.")


def decided(cells_by_day, rules, direction):
    """How `decide` ends a test: the decision, the place of the look, the variant; looks go from verdict to verdict."""
    looks = []
    for place, (day, cells) in enumerate(cells_by_day):
        card = scorecard(cells, control="v0", direction=direction, rope=rules.caring)
        verdict = decide(card, rules=rules, elapsed_days=day, looks=tuple(looks))
        looks.append(verdict.look)
        if verdict.decision not in ("keep_running", "not_enough_data"):
            return verdict.decision, place, verdict.variant
    return "keep_running", len(cells_by_day), None


def rates_by_day(successes, members, days):
    for look, day in enumerate(days):
        yield (
            float(day),
            {
                f"v{v}": ProportionStatistics(int(members[look, v]), int(successes[look, v]))
                for v in range(members.shape[1])
            },
        )


def amounts_by_day(means, sd, members, days):
    """Statistics whose mean and spread are those simulated."""
    for look, day in enumerate(days):
        cells = {}
        for v in range(members.shape[1]):
            n, mean = int(members[look, v]), Decimal(repr(float(means[look, v])))
            total = mean * n
            cells[f"v{v}"] = AmountStatistics(n, n, total, (n - 1) * sd**2 + float(total) ** 2 / n)
        yield float(day), cells


@pytest.mark.slow
@pytest.mark.parametrize(
    ("audience", "rules", "days", "tests"),
    [
        (Audience(0.1, 1500), Rules(planned_days=10), 10, 50),
        (Audience(0.08, 4000, THIRDS), Rules(planned_days=8), 8, 30),
        (Audience(0.08, 2500, higher=False), Rules(planned_days=8, caring=0.03), 8, 40),
        (Audience(0.1, 30_000, (0.2, 0.4, 0.4)), Rules(), 8, 40),
        (Audience(0.1, 400), Rules(planned_days=12, min_members=600, min_days=4, lift_prior=WIDE), 12, 30),
    ],
)
def test_rates_end_as_decide_ends_them_day_by_day(audience, rules, days, tests):
    log_lifts = drawn_lifts(audience, rules, tests, seed=days)
    at = np.arange(1.0, days + 1)
    evidence = simulate_evidence(audience, log_lifts, at, seed=days)
    successes = np.rint(evidence.mean * (evidence.members + 2) - 1).astype(int)
    fast = simulated_verdicts.first_verdicts(evidence, rules)
    direction = "higher" if audience.higher else "lower"
    seen = set()
    for test in range(tests):
        by_day = list(rates_by_day(successes[test], evidence.members, at))
        decision, look, variant = decided(by_day, rules, direction)
        seen.add(decision)
        simulated = (simulated_verdicts.ENDINGS[fast.ending[test]], fast.look[test])
        if simulated != (decision, look):
            assert _is_on_the_edge(evidence, rules, test, min(look, fast.look[test])), (test, simulated, decision, look)
        elif decision == "ship":
            assert variant == f"v{fast.variant[test]}"
    assert len(seen) >= 2, seen


def _is_on_the_edge(evidence, rules, test, look):
    """Whether what decides lies so near its bound that two ways of computing it may differ.

    A chance by two ways of integrating; a lead in standard errors by 0.1 %, which Student's t makes of the Normal.
    """
    spread = np.hypot(evidence.sd[test, look, 1:], evidence.sd[test, look, :1])
    z = np.abs(evidence.mean[test, look, 1:] - evidence.mean[test, look, :1]) / spread
    comparisons = evidence.mean.shape[2] - 1
    limits = simulated_verdicts.planned_limits(
        evidence.days, evidence.members.sum(axis=1), rules, rules.alpha / comparisons
    )
    bound = np.minimum(
        simulated_verdicts.always_limits(evidence.log_sd[[test]], rules, rules.alpha / comparisons)[0, look],
        limits[look],
    )
    lifts = sceptical_lifts(
        evidence.log_mean[[test], look],
        evidence.log_sd[[test], look],
        prior_sd=rules.lift_prior["sd"],
        higher=evidence.higher,
    )
    near = abs(lifts.p_gain(rules.caring)[0] - LITTLE_CHANCE) < 3e-3
    near |= (np.abs(z / bound - 1) < 1e-3).any() or _futility_is_near(evidence, rules, test, look)
    return near or (np.abs(lifts.losses()[0] - rules.caring) < 2e-5).any()


def _futility_is_near(evidence, rules, test, look):
    mean, sd, sign = evidence.mean[test, look], evidence.sd[test, look], 1 if evidence.higher else -1
    target = 1 + sign * rules.caring
    below = sign * (target * mean[0] - mean[1:]) / np.hypot(sd[1:], target * sd[0])
    planned = simulated_verdicts.planned_limits(evidence.days, evidence.members.sum(axis=1), rules, 0.1)[look]
    bound = np.minimum(simulated_verdicts.always_limits(evidence.log_sd[[test]], rules, 0.1)[0, look], planned)
    return (np.abs(below / bound - 1) < 1e-3).any()


@pytest.mark.parametrize("planned", [6, None])
def test_amounts_end_as_decide_ends_them(planned):
    # Many amounts that hardly lean: what leaning and few buyers do to a posterior, planning leaves out.
    audience, rules = Audience(12.0, 3000, sd=3.0), Rules(planned_days=planned, lift_prior=NARROW)
    at = np.arange(1.0, 7)
    log_lifts = drawn_lifts(audience, rules, 40, seed=3)
    evidence = simulate_evidence(audience, log_lifts, at, seed=3)
    fast = simulated_verdicts.first_verdicts(evidence, rules)
    for test in range(40):
        by_day = list(amounts_by_day(evidence.mean[test], 3.0, evidence.members, at))
        decision, look, _ = decided(by_day, rules, "higher")
        assert (simulated_verdicts.ENDINGS[fast.ending[test]], fast.look[test]) == (decision, look) or _is_on_the_edge(
            evidence, rules, test, min(look, fast.look[test])
        )
    assert len(set(fast.ending.tolist())) >= 2


@pytest.mark.parametrize("higher", [True, False])
@pytest.mark.parametrize("new", [1, 2, 5])
def test_lifts_on_arrays_are_those_of_one_test(new, higher):
    rng = np.random.default_rng(new)
    log_mean, log_sd = rng.normal(-3, 0.05, (12, new + 1)), rng.uniform(0.01, 0.2, (12, new + 1))
    lifts = sceptical_lifts(log_mean, log_sd, prior_sd=0.1, higher=higher)
    for test in range(12):
        one = sceptical(
            list("abcdef"[: new + 1]), "a", log_mean[test], log_sd[test], prior_sd=0.1, caring=0.01, higher=higher
        )
        assert lifts.mean[test] == pytest.approx(one.mean[1:], abs=1e-12)
        assert lifts.losses()[test] == pytest.approx(one.loss, abs=1e-4)
        assert lifts.p_gain(0.01)[test] == pytest.approx(one.p_gain, abs=6e-3)
    assert (lifts.gain_is_unlikely(0.01) == (lifts.p_gain(0.01) < LITTLE_CHANCE)).all()


def test_a_few_nodes_integrate_as_well_as_a_million_draws():
    rng = np.random.default_rng(5)
    log_mean, log_sd = np.array([[-3.0, -2.97, -3.02]]), np.array([[0.03, 0.03, 0.06]])
    lifts = sceptical_lifts(log_mean, log_sd, prior_sd=0.1)
    # What the control's own mean does to both lifts is one shared Normal.
    shared = rng.standard_normal((1_000_000, 1))
    drawn = lifts.mean[0] - lifts.slope[0] * shared + lifts.spread[0] * rng.standard_normal((1_000_000, 2))
    gains = np.expm1(np.column_stack([np.zeros(1_000_000), drawn]))
    best = gains.max(axis=1)
    assert lifts.best_gain()[0] == pytest.approx(best.mean(), abs=1e-4)
    assert lifts.losses()[0] == pytest.approx(best.mean() - gains.mean(axis=0), abs=2e-4)
    assert lifts.p_gain(0.01)[0] == pytest.approx((best > 0.01).mean(), abs=2e-3)


@pytest.mark.parametrize("x", [1.0, 1.5, 3.0, 11.9, 12.0, 40.0, 1e9])
def test_trigamma_is_scipys(x):
    from scipy.special import polygamma

    assert simulated_verdicts.trigamma(np.array([x]))[0] == pytest.approx(float(polygamma(1, x)), rel=1e-11)


def test_limits_of_all_days_at_once_are_the_bounds_of_each_day():
    rules, days = Rules(planned_days=14), np.arange(1.0, 18)
    members = (1000 * days).astype(int)
    limits = simulated_verdicts.planned_limits(days, members, rules, rules.alpha / 2)
    looks = []
    for day, number, limit in zip(days, members, limits, strict=True):
        ratio = 1e-4 * number
        one = sequential.bound(
            elapsed_days=day, members=number, ratio=ratio, alpha=0.025, planned_days=14, looks=tuple(looks)
        )
        always = sequential.always_valid_bound(ratio, 0.1 * 0.025)
        assert min(limit, always) == pytest.approx(one, rel=2e-3)
        looks.append(sequential.Look(day, number, counted=sequential.counts(day, 14, looks)))
    # On the first of 14 days there is next to nothing to spend; after the last the planned bound is over.
    assert np.isfinite(limits[1:14]).all() and np.isinf(limits[14:]).all()


def test_the_rules_numbers_are_those_of_the_verdict():
    assert simulated_verdicts.CONTROL_LOG_SD == evidence.CONTROL_LOG_SD
    assert simulated_verdicts.PRACTICALLY_SAME == PRACTICALLY_SAME


def test_a_test_without_members_stays_open():
    members = np.zeros((3, 2), int)
    evidence = simulated_verdicts.rate_evidence(np.zeros((4, 3, 2), int), members, np.arange(1.0, 4))
    assert (simulated_verdicts.first_verdicts(evidence, Rules(planned_days=3)).ending == simulated_verdicts.OPEN).all()
