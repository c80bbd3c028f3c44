"""Health checks: when they ring, when they must not, and what they tell to do."""

import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import chi2

from analysis import AnalysisError, HealthCheck
from analysis.health import checks, srm

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HALVES = {"a": 0.5, "b": 0.5}


def test_the_chi_square_beside_it_is_the_reference_figure(shared_data):
    known = json.loads((shared_data / "expected.json").read_text())["hillstrom_email"]["srm_equal_thirds"]
    counts = dict(zip("abc", known["counts"], strict=True))
    split = srm.judge([srm.Epoch(counts, dict.fromkeys("abc", 1 / 3))])
    assert split.statistic == pytest.approx(known["chi2"])
    assert (split.once, split.freedom) == (pytest.approx(known["p"]), 2)
    assert checks.srm(counts, dict.fromkeys("abc", 1 / 3)).status == "ok"


def test_a_right_split_looked_at_daily_rarely_rings():
    rng = np.random.default_rng(9)
    share = np.array([0.5, 0.3, 0.2])
    counts = rng.multinomial(300, share, (4000, 60)).cumsum(axis=1)
    ever = (srm.always_valid_p(counts, share) < 0.01).any(axis=1).mean()
    assert ever <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / 4000)


@pytest.mark.parametrize("coming", ["evenly", "early", "late"])
@pytest.mark.parametrize("variants", [2, 4])
def test_a_right_split_looked_at_daily_within_a_plan_rarely_rings(coming, variants):
    """20,000 runs of 20 looks at an alarm of 1 %; members who come late are the hardest case."""
    rng = np.random.default_rng(10)
    time = np.arange(1, 21) / 20
    arrived = np.round(20_000 * {"evenly": time, "early": np.sqrt(time), "late": time**2}[coming]).astype(int)
    share = np.full(variants, 1 / variants)
    counts = rng.multinomial(np.diff(arrived, prepend=0), share, (20_000, 20)).cumsum(axis=1)
    statistic = ((counts - arrived[:, None] * share) ** 2 / (arrived[:, None] * share)).sum(axis=-1)
    planned = 2 * chi2.sf(statistic * time, variants - 1) / srm.PLANNED_SHARE
    always = srm.always_valid_p(counts, share) / (1 - srm.PLANNED_SHARE)
    ever = (np.minimum(planned, always) < 0.01).any(axis=1).mean()
    assert 0.003 < ever <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / 20_000)
    judged = srm.judge(
        [srm.Epoch({str(v): int(n) for v, n in enumerate(counts[0, 9])}, dict.fromkeys(map(str, range(variants)), 1))],
        0.5,
    )
    assert judged.planned == pytest.approx(min(planned[0, 9], always[0, 9], 1.0))


def test_shares_that_do_not_change_give_the_one_epoch_figure():
    share = {"a": 0.6, "b": 0.3, "c": 0.1}
    parts = [{"a": 700, "b": 280, "c": 90}, {"a": 50, "b": 40, "c": 12}, {"a": 1300, "b": 702, "c": 160}]
    whole = {key: sum(part[key] for part in parts) for key in share}
    by_parts = srm.log_evidence([srm.Epoch(part, share) for part in parts])
    assert by_parts == pytest.approx(srm.log_evidence([srm.Epoch(whole, share)]))
    assert srm.judge([srm.Epoch(part, share) for part in parts]).freedom == 6


def test_the_weights_in_force_at_the_time_are_what_counts():
    halves, tilted = {"a": 0.5, "b": 0.5}, {"a": 0.9, "b": 0.1}
    right = [srm.Epoch({"a": 2510, "b": 2490}, halves), srm.Epoch({"a": 4480, "b": 520}, tilted)]
    assert checks.srm_by_epoch(right).status == "ok"
    assert "6,990 a and 3,010 b" in checks.srm_by_epoch(right).detail
    # the same members against an average of the weights that was never in force, in the other order: a failure
    assert (
        checks.srm_by_epoch([srm.Epoch(right[0].counts, tilted), srm.Epoch(right[1].counts, halves)]).status == "fail"
    )
    assert checks.srm_by_epoch([srm.Epoch({}, halves), right[1]]).status == "ok"


def test_a_steady_loss_is_found_across_many_small_epochs():
    """A variant that loses 8 % of its members, while the shares change every day."""
    rng = np.random.default_rng(12)
    found = pooled = 0
    for _ in range(200):
        epochs = []
        for _ in range(20):
            a = rng.uniform(0.3, 0.7)
            n = rng.multinomial(1000, [a, 1 - a])
            epochs.append(srm.Epoch({"a": int(n[0]), "b": int(rng.binomial(n[1], 0.92))}, {"a": a, "b": 1 - a}))
        found += srm.judge(epochs).always < 0.001
        pooled += srm.judge(epochs).once < 0.001
    assert found > 160 and found > pooled


def test_changing_right_shares_looked_at_after_each_change_rarely_ring():
    rng = np.random.default_rng(13)
    runs, ever = 500, 0
    for _ in range(runs):
        epochs, lowest = [], 1.0
        for _ in range(12):
            # the shares follow what was seen, as adaptive allocation's do
            a = (
                0.5
                if not epochs
                else float(np.clip(epochs[-1].counts["a"] / epochs[-1].n + rng.normal(0, 0.05), 0.1, 0.9))
            )
            n = rng.multinomial(400, [a, 1 - a])
            epochs.append(srm.Epoch({"a": int(n[0]), "b": int(n[1])}, {"a": a, "b": 1 - a}))
            lowest = min(lowest, math.exp(-srm.log_evidence(epochs)))
        ever += lowest < 0.01
    assert ever / runs <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / runs)


def test_what_rang_once_stays_and_a_single_look_forgets():
    counts = {"a": 5000, "b": 4900}
    assert checks.srm(counts, HALVES).status == "ok"
    assert checks.srm(counts, HALVES, rang=True).status == "fail"
    assert checks.srm(counts, HALVES, rang=True, once=True).status == "ok"


def test_a_plan_makes_the_test_sharper_up_to_its_end():
    counts = {"a": 5200, "b": 4838}
    assert checks.srm(counts, HALVES).status == "warn"
    assert checks.srm(counts, HALVES, fraction=1.0).status == "fail"
    assert checks.srm(counts, HALVES, fraction=0.5).status == "warn"
    assert checks.srm(counts, HALVES, fraction=1.5).status == "warn"


def test_a_wrong_split_fails_with_a_next_step():
    check = checks.srm({"a": 5200, "b": 4700}, HALVES)
    assert check.status == "fail" and check.value < 0.001
    assert "5,200 a and 4,700 b, where 50\u202f% a and 50\u202f% b was planned" in check.detail
    assert "chi-square p" in check.figures and "looking every day" in check.figures and "p =" not in check.detail
    assert "5,200 A" in checks.srm({"a": 5200, "b": 4700}, HALVES, labels={"a": "A", "b": "B"}).detail
    assert "new run" in check.next_step
    assert HealthCheck.from_dict(check.to_dict()) == check


def test_uneven_plans_are_respected():
    assert checks.srm({"a": 9000, "b": 1000}, {"a": 0.9, "b": 0.1}).status == "ok"
    assert checks.srm({"a": 9000, "b": 1000}, {"a": 9, "b": 1}).status == "ok"
    assert checks.srm({"a": 9000, "b": 1300}, {"a": 0.9, "b": 0.1}).status == "fail"


def test_a_variant_that_nobody_met_is_counted_as_none():
    assert checks.srm({"a": 400}, HALVES).status == "fail"
    assert checks.srm({}, HALVES).status == "warn"


@pytest.mark.parametrize(
    ("counts", "weights"),
    [
        ({"a": 5, "c": 5}, HALVES),
        ({"a": 5, "b": 5}, {"a": 1.0, "b": 0.0}),
        ({"a": 5, "b": -1}, HALVES),
        ({"a": 5, "b": 5}, {"a": 1.0, "b": float("nan")}),
        ({"a": 5}, {"a": 1.0}),
    ],
)
def test_a_split_that_makes_no_sense_is_refused(counts, weights):
    with pytest.raises(AnalysisError):
        checks.srm(counts, weights)


@pytest.mark.parametrize(
    ("check", "status"),
    [
        (checks.multi_exposed(2, 1000), "ok"),
        (checks.multi_exposed(30, 1000), "warn"),
        (checks.multi_exposed(300, 1000), "fail"),
        (checks.multi_exposed(0, 0), "ok"),
        (checks.immature(100, 1000, 7), "ok"),
        (checks.immature(1000, 1000, 7), "ok"),
        (checks.late_events(10, 1000), "ok"),
        (checks.late_events(900, 1000), "warn"),
        (checks.crossing(18, 1000), "ok"),
        (checks.crossing(80, 1000), "warn"),
        (checks.bots(11, 1000), "ok"),
        (checks.bots(700, 1000), "fail"),
        (checks.clock_skew(0, 1000), "ok"),
        (checks.clock_skew(20, 1000), "ok"),
        (checks.clock_skew(51, 1000), "warn"),
        (checks.before_exposure(0, 1000, 5), "ok"),
        (checks.before_exposure(1, 1000, 5), "ok"),
        (checks.before_exposure(200, 1000, 5), "warn"),
        (checks.other_currency(0, "EUR"), "ok"),
        (checks.other_currency(1, "EUR"), "warn"),
        (checks.aa_history([]), "ok"),
        (checks.aa_history([False] * 19 + [True]), "ok"),
        (checks.aa_history([True, True, True] + [False] * 12), "warn"),
        (checks.aa_history([True] * 6 + [False] * 6), "fail"),
        (checks.silence(NOW - timedelta(seconds=40), NOW), "ok"),
        (checks.silence(NOW - timedelta(hours=8), NOW), "warn"),
        (checks.silence(NOW - timedelta(days=3), NOW), "fail"),
        (checks.silence(None, NOW), "warn"),
        (checks.silence(NOW + timedelta(minutes=5), NOW), "ok"),
    ],
)
def test_each_check_has_its_status_and_says_what_to_do(check, status):
    assert check.status == status
    assert check.detail.endswith(".")
    assert bool(check.next_step) == (status != "ok")


def test_the_share_is_in_the_sentence():
    assert checks.immature(360, 1000, 7).detail.startswith("36.0\u202f% of the members are still inside their 7 days:")


def test_the_last_event_is_told_by_its_moment_which_stays_true():
    at = NOW - timedelta(seconds=40)
    assert at.strftime("%Y-%m-%dT%H:%M:%SZ") in checks.silence(at, NOW).detail
    late = checks.silence(at, NOW + timedelta(days=3))
    assert late.detail == f"No event has arrived since {at:%Y-%m-%dT%H:%M:%SZ}."


def test_each_count_is_told_in_its_own_words():
    assert checks.before_exposure(1, 1000, 5).detail.startswith("1 event was stamped more than 5 seconds before")
    assert checks.before_exposure(2, 1000, 0.5).detail.startswith("2 events were stamped more than 0.5 seconds before")
    assert checks.other_currency(3, "EUR").detail.startswith("3 purchases are in another currency than EUR: they count")
    assert "smaller variant" in checks.multi_exposed(30, 1000, uneven=True).detail
    assert "smaller variant" not in checks.multi_exposed(0, 1000, uneven=True).detail


def test_a_a_history_tells_how_likely_so_many_winners_are():
    check = checks.aa_history([True, True, True] + [False] * 12)
    fewer = sum(math.comb(15, k) * 0.05**k * 0.95 ** (15 - k) for k in range(3))
    assert check.value == pytest.approx(1 - fewer)
    assert check.detail.startswith("3 of 15 A/A experiments declared a winner, where 5\u202f% may")
    assert checks.aa_history([]).value is None and "No A/A experiment" in checks.aa_history([]).detail
    with pytest.raises(AnalysisError, match="alpha"):
        checks.aa_history([True], allowed=5)


def test_more_than_all_is_refused():
    with pytest.raises(AnalysisError, match="11 of 10"):
        checks.bots(11, 10)
