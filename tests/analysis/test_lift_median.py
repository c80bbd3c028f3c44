"""A lift is its posterior median: 0 for equal data, and near the truth where the control has few outcomes."""

import numpy as np
import pytest

from analysis import AmountStatistics, CountStatistics, ProportionStatistics, scorecard

MONEY = AmountStatistics.from_values([0] * 400 + [9, 12, 30] * 12, cap=10_000)
EQUAL = {
    "rate": ProportionStatistics(1_000, 37),
    "few": ProportionStatistics(200, 4),
    "amount": MONEY,
    "count": CountStatistics(((0, 500), (1, 60), (2, 11), (7, 2))),
}


@pytest.mark.parametrize("data", EQUAL.values(), ids=EQUAL.keys())
@pytest.mark.parametrize("variants", ["ab", "abc"])
def test_equal_data_have_a_lift_of_0(data, variants):
    for row in scorecard(dict.fromkeys(variants, data), control="a").comparisons:
        assert row.lift.median == pytest.approx(0, abs=1e-5)
        assert row.difference.median == pytest.approx(0, abs=1e-6 * float(data.total))


def test_the_median_of_few_buyers_is_near_the_truth_where_the_mean_is_far_above():
    """30 buyers, a true lift of +10 %: the mean of the ratio is pulled up by the controls that drew little."""
    rng = np.random.default_rng(5)
    means, medians = [], []
    for _ in range(60):
        cells = {}
        for key, scale in (("a", 1.0), ("b", 1.1)):
            amounts = np.zeros(1_000)
            amounts[:30] = scale * rng.lognormal(3, 0.8, 30)
            cells[key] = AmountStatistics.from_values(amounts)
        lift = scorecard(cells, control="a", curves="none").comparison("b").lift
        if lift is not None:  # a control too near 0 has none
            means.append(lift.mean)
            medians.append(lift.median)
    assert len(means) > 30
    assert np.median(means) > np.median(medians)
    assert abs(np.median(medians) - 0.1) < 0.12
