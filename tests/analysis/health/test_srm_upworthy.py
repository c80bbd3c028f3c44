"""The split check on real tests with a known fault: Upworthy's, inside and outside the window of faulty assignment."""

import csv
import gzip
from collections import defaultdict

import numpy as np
import pytest

from analysis.health import srm
from analysis.health.data import HealthData
from analysis.health.split import srm as check_split


@pytest.fixture(scope="module")
def tests(shared_data):
    """Impressions a package of each test, and whether it began inside the fault window."""
    groups, window = defaultdict(list), {}
    with gzip.open(shared_data / "upworthy_tests_dev.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            groups[row["test_id"]].append(int(row["impressions"]))
            window[row["test_id"]] = row["fault_window"] == "1"
    return [({str(i): n for i, n in enumerate(members)}, window[key]) for key, members in groups.items()]


def failing(tests, *, imported: bool = False, fraction: float | None = None) -> tuple[float, float]:
    """Return the share of tests that fail, inside and outside the window."""
    failed = {True: [], False: []}
    for counts, inside in tests:
        epochs = (srm.Epoch(counts, dict.fromkeys(counts, 1.0)),)
        check = check_split(HealthData(epochs=epochs, imported=imported, fraction=fraction))
        failed[inside].append(check.status == "fail")
    assert (len(failed[True]), len(failed[False])) == (529, 1957)
    return float(np.mean(failed[True])), float(np.mean(failed[False]))


def test_a_finished_test_fails_inside_and_not_outside(tests):
    inside, outside = failing(tests, imported=True)
    # expected.json, srm_equal_split: chi-square p < 0.001 in 361 of 529 inside, 8 of 1,957 outside
    assert inside == pytest.approx(361 / 529) and outside == pytest.approx(8 / 1957)
    assert inside > 0.65 and outside <= 0.005


def test_daily_checks_within_a_plan_fail_nearly_as_many(tests):
    inside, outside = failing(tests, fraction=1.0)
    assert 0.64 < inside < 361 / 529
    assert outside <= 0.005


def test_daily_checks_without_a_plan_fail_most(tests):
    inside, outside = failing(tests)
    assert inside > 0.58
    assert outside <= 0.002


def test_no_other_concentration_does_much_better(tests):
    """The choice of `srm.CONCENTRATION`, and how little knowing the best one for each test would add."""
    faulty = [counts for counts, inside in tests if inside]
    found = []
    for concentration in (100, 500, srm.CONCENTRATION, 10_000, 50_000):
        epochs = [srm.Epoch(counts, dict.fromkeys(counts, 1.0)) for counts in faulty]
        found.append([srm.log_evidence([epoch], concentration) > np.log(1000) for epoch in epochs])
    shares = np.mean(found, axis=1)
    assert shares.argmax() == 2
    assert np.any(found, axis=0).mean() - shares[2] < 0.01
