"""Health checks: when they ring, when they must not, and what they tell to do."""

import csv
import gzip
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from analysis import AnalysisError, HealthCheck, health

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HALVES = {"a": 0.5, "b": 0.5}


def test_the_split_check_rings_on_upworthy_inside_the_fault_window_only(shared_data):
    groups = defaultdict(list)
    window = {}
    with gzip.open(shared_data / "upworthy_tests_dev.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            groups[row["test_id"]].append(int(row["impressions"]))
            window[row["test_id"]] = row["fault_window"] == "1"
    daily = {True: [], False: []}
    once = {True: [], False: []}
    for test_id, members in groups.items():
        counts = {str(i): n for i, n in enumerate(members)}
        weights = dict.fromkeys(counts, 1.0)
        daily[window[test_id]].append(health.srm(counts, weights).status)
        once[window[test_id]].append(health.srm(counts, weights, once=True).status)
    # expected.json, srm_equal_split: 361 of 529 inside (68 %), 8 of 1,957 outside (0.4 %) have a chi-square p < 0.001
    assert (once[True].count("fail"), len(once[True])) == (361, 529)
    assert (once[False].count("fail"), len(once[False])) == (8, 1957)
    # under daily looks the same tests ring; what may still be chance warns instead of failing
    assert daily[True].count("fail") + daily[True].count("warn") == pytest.approx(361, abs=5)
    assert daily[True].count("fail") > 0.55 * 529
    assert daily[False].count("fail") <= 0.002 * 1957
    assert daily[False].count("warn") + daily[False].count("fail") <= 10


def test_the_chi_square_beside_it_is_the_reference_figure(shared_data):
    known = json.loads((shared_data / "expected.json").read_text())["hillstrom_email"]["srm_equal_thirds"]
    counts = dict(zip("abc", known["counts"], strict=True))
    statistic, p = health.chi_square_p(counts, dict.fromkeys("abc", 1 / 3))
    assert statistic == pytest.approx(known["chi2"])
    assert p == pytest.approx(known["p"])
    assert health.srm(counts, dict.fromkeys("abc", 1 / 3)).status == "ok"


def test_a_right_split_looked_at_daily_rarely_rings():
    rng = np.random.default_rng(9)
    share = np.array([0.5, 0.3, 0.2])
    counts = rng.multinomial(300, share, (4000, 60)).cumsum(axis=1)
    ever = (health.srm_p_values(counts, share) < 0.01).any(axis=1).mean()
    assert ever <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / 4000)


def test_a_wrong_split_fails_with_a_next_step():
    check = health.srm({"a": 5200, "b": 4700}, HALVES)
    assert check.status == "fail" and check.value < 0.001
    assert "5,200 a and 4,700 b, where 50\u202f% a and 50\u202f% b was planned" in check.detail
    assert "chi-square p" in check.figures and "looking every day" in check.figures and "p =" not in check.detail
    assert "5,200 A" in health.srm({"a": 5200, "b": 4700}, HALVES, labels={"a": "A", "b": "B"}).detail
    assert "new run" in check.next_step
    assert HealthCheck.from_dict(check.to_dict()) == check


def test_uneven_plans_are_respected():
    assert health.srm({"a": 9000, "b": 1000}, {"a": 0.9, "b": 0.1}).status == "ok"
    assert health.srm({"a": 9000, "b": 1000}, {"a": 9, "b": 1}).status == "ok"
    assert health.srm({"a": 9000, "b": 1300}, {"a": 0.9, "b": 0.1}).status == "fail"


def test_a_variant_that_nobody_met_is_counted_as_none():
    assert health.srm({"a": 400}, HALVES).status == "fail"
    assert health.srm({}, HALVES).status == "warn"


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
        health.srm(counts, weights)


@pytest.mark.parametrize(
    ("check", "status"),
    [
        (health.multi_exposed(2, 1000), "ok"),
        (health.multi_exposed(30, 1000), "warn"),
        (health.multi_exposed(300, 1000), "fail"),
        (health.multi_exposed(0, 0), "ok"),
        (health.immature(100, 1000, 7), "ok"),
        (health.immature(1000, 1000, 7), "ok"),
        (health.late_events(10, 1000), "ok"),
        (health.late_events(900, 1000), "warn"),
        (health.crossing(18, 1000), "ok"),
        (health.crossing(80, 1000), "warn"),
        (health.bots(11, 1000), "ok"),
        (health.bots(700, 1000), "fail"),
        (health.silence(NOW - timedelta(seconds=40), NOW), "ok"),
        (health.silence(NOW - timedelta(hours=8), NOW), "warn"),
        (health.silence(NOW - timedelta(days=3), NOW), "fail"),
        (health.silence(None, NOW), "warn"),
        (health.silence(NOW + timedelta(minutes=5), NOW), "ok"),
    ],
)
def test_each_check_has_its_status_and_says_what_to_do(check, status):
    assert check.status == status
    assert check.detail.endswith(".")
    assert bool(check.next_step) == (status != "ok")


def test_the_share_is_in_the_sentence():
    assert health.immature(360, 1000, 7).detail.startswith("36.0\u202f% of the members are still inside their 7 days:")


def test_the_last_event_is_told_by_its_moment_which_stays_true():
    at = NOW - timedelta(seconds=40)
    assert at.strftime("%Y-%m-%dT%H:%M:%SZ") in health.silence(at, NOW).detail
    late = health.silence(at, NOW + timedelta(days=3))
    assert late.detail == f"No event has arrived since {at:%Y-%m-%dT%H:%M:%SZ}."


def test_more_than_all_is_refused():
    with pytest.raises(AnalysisError, match="11 of 10"):
        health.bots(11, 10)
