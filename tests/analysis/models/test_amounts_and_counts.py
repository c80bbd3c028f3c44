"""Amounts and counts: the mean per member by its moments."""

import json
from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

from analysis import AmountStatistics, AnalysisError, CountStatistics, Rules, decide, scorecard
from analysis.models import amount, moments
from analysis.priors import WEAK_AMOUNT
from analysis.scoring.results import MetricResult
from analysis.simulate import simulate_amounts


def of(values, **options) -> AmountStatistics:
    return AmountStatistics.from_values(values, **options)


def hillstrom_spend(arm) -> AmountStatistics:
    n, mean, sd = arm["n"], arm["mean_spend"], arm["sd_spend"]
    total = Decimal(str(arm["spend_sum"]))
    return AmountStatistics(n, arm["conversions"], total, sd**2 * (n - 1) + n * mean**2)


def test_hillstrom_spend_agrees_with_welch(shared_data):
    # expected.json: Welch from scipy.stats.ttest_ind(equal_var=False)
    figures = json.loads((shared_data / "expected.json").read_text())["hillstrom_email"]
    data = {name: hillstrom_spend(arm) for name, arm in figures["arms"].items()}
    result = scorecard(data, control="No E-Mail", metric="revenue")
    for name, key in (("Mens E-Mail", "Mens"), ("Womens E-Mail", "Womens")):
        known = figures[f"No E-Mail (A) vs {key} E-Mail (B)"]["spend"]
        row = result.comparison(name)
        assert row.difference.mean == pytest.approx(known["diff_B_minus_A"], abs=1e-4)
        # a little wider than Welch's: 122 to 267 buyers decide here, and their amounts are skewed
        width = row.difference.interval.high - row.difference.interval.low
        assert 1.004 < width / (known["ci95"][1] - known["ci95"][0]) < 1.045
        assert row.difference.interval.low == pytest.approx(known["ci95"][0], abs=0.012)
        # far out, the lean of few buyers makes it more careful than Welch's p
        assert known["p_two_sided"] / 2 < 1 - row.p_beats_control < 3e-3
        # the mean of a ratio is above the ratio of means by the control's squared relative error
        assert row.lift.mean == pytest.approx(known["relative_lift"], abs=0.05)
    assert result.variant("Mens E-Mail").total == 30311.69
    assert result.model == "amount"


def test_intervals_cover_the_true_mean_and_the_true_difference():
    runs, inside, inside_difference = 1000, 0, 0
    truth = 0.05 * 20 * np.exp(0.5**2 / 2)
    rng = np.random.default_rng(3)
    for _ in range(runs):
        data = {}
        for key in "ab":
            spent = rng.lognormal(np.log(20), 0.5, rng.binomial(5000, 0.05))
            data[key] = AmountStatistics(5000, len(spent), float(spent.sum()), float((spent**2).sum()))
        posterior = amount.fit(data, WEAK_AMOUNT)
        interval = posterior.interval(0)
        inside += interval.low <= truth <= interval.high
        inside_difference += 0.025 <= posterior.p_greater(1, 0) <= 0.975
    assert 0.93 <= inside / runs <= 0.97
    assert 0.93 <= inside_difference / runs <= 0.97


def test_a_lift_in_money_is_found_where_there_is_one():
    data = simulate_amounts(20_000, 0.04, 25, 0.8, {"a": 0.0, "b": 0.5}, seed=4)
    row = scorecard(data, control="a").comparison("b")
    assert row.p_beats_control > 0.999
    assert row.lift.interval.low < 0.5 < row.lift.interval.high


def test_counts_use_the_exact_histogram():
    a = CountStatistics(((0, 9000), (1, 800), (2, 150), (9, 50)))
    b = CountStatistics(((0, 8800), (1, 1000), (2, 200)))
    result = scorecard({"a": a, "b": b}, control="a", metric="orders")
    values = np.repeat([0, 1, 2, 9], [9000, 800, 150, 50])
    assert result.variant("a").raw_mean == pytest.approx(values.mean())
    # a quarter of a standard error at most lies between the plain mean and the posterior's, for the lean
    assert result.variant("a").mean == pytest.approx(values.mean(), abs=values.std() / 400)
    assert result.variant("a").sd == pytest.approx(values.std(ddof=1) / 100, rel=0.005)
    assert (result.variant("a").n, result.variant("a").total) == (10_000, 1550)
    assert result.kind == "count"


def test_a_variant_without_purchases_has_a_positive_width():
    data = {"a": of([20] * 60 + [30] * 40 + [0] * 4900), "b": AmountStatistics(5000, 0, 0, 0.0)}
    result = scorecard(data, control="a")
    assert result.variant("b").raw_mean == 0 < result.variant("b").mean < 0.01
    # none of n: the rate may well be 3 / n, at 24 a purchase
    assert 1.96 * result.variant("b").sd > 3 / 5000 * 24
    assert result.comparison("b").p_beats_control < 0.001


def test_from_ten_amounts_on_the_variance_is_not_pooled():
    some = [5, 9, 12, 14, 20, 22, 30, 31, 45, 60]
    data = {"a": of(some + [0] * 490), "b": of([100, 900] * 20 + [0] * 460)}
    result = scorecard(data, control="a")
    own = np.std(some + [0] * 490, ddof=1) / np.sqrt(500)
    assert result.variant("a").sd == pytest.approx(own * stats.t.ppf(0.975, 9) / 1.96, rel=0.1)
    fewer = scorecard({"a": of(some[:4] + [0] * 496), "b": data["b"]}, control="a")
    assert fewer.variant("a").sd > 3 * np.std(some[:4] + [0] * 496, ddof=1) / np.sqrt(500)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"a": AmountStatistics.empty(), "b": of([1, 2])}, "no_members"),
        ({"a": of([5]), "b": of([5, 2])}, "no_members"),
        ({"a": of([0, 0]), "b": of([0, 0, 0])}, "nobody_yet"),
        ({"a": of([5, 5, 5]), "b": of([5, 5])}, "no_spread"),
        ({"a": of([5] * 30), "b": of([4, 6] * 15)}, "no_spread"),
        ({"a": CountStatistics(((1, 20),)), "b": CountStatistics(((1, 30),))}, "no_spread"),
        ({"a": CountStatistics(((0, 20),)), "b": CountStatistics(((0, 30),))}, "nobody_yet"),
    ],
)
def test_data_without_information_are_a_named_outcome(data, code):
    result = scorecard(data, control="a")
    assert result.not_shown.code == code
    assert result.not_shown.reason.code.startswith(f"not_shown.{code}")
    assert result.comparison("b").p_beats_control is None


def test_huge_amounts_keep_their_digits():
    data = {"a": of([10**12, 0, 3 * 10**12] * 20), "b": of([2 * 10**12, 0, 4 * 10**12] * 20)}
    result = scorecard(data, control="a")
    assert result.variant("a").raw_mean == pytest.approx(4e12 / 3)
    assert result.variant("a").mean == pytest.approx(4e12 / 3, rel=0.01)
    assert 0.9 < result.comparison("b").p_beats_control < 0.999


def test_different_caps_and_mixed_kinds_are_refused():
    with pytest.raises(AnalysisError, match="different caps"):
        scorecard({"a": of([1, 2], cap=5), "b": of([1, 2], cap=9)}, control="a")
    with pytest.raises(AnalysisError, match="one kind"):
        scorecard({"a": of([1, 2]), "b": CountStatistics(((1, 2),))}, control="a")


# Few who carry it -----------------------------------------------------------------------------------------------------


def few(buyers, members=1000, each=40.0):
    return AmountStatistics(members, buyers, f"{buyers * each:.0f}", buyers * each**2 * 1.6)


@pytest.mark.parametrize("kind", ["eti", "hdi"])
@pytest.mark.parametrize("buyers", [5, 6, 9, 20])
def test_no_interval_of_amounts_extends_below_0(buyers, kind):
    data = {"a": few(60), "b": few(buyers)}
    result = scorecard(data, control="a", interval=kind)
    interval = result.variant("b").interval
    assert 0 <= interval.low < result.variant("b").mean < interval.high
    assert min(result.variant("b").density.x) >= 0
    if kind == "eti":  # cut at 0 it holds what it held: its upper end is that of the posterior as it was
        cells = {key: moments.Sums(c.n, float(c.total), c.total_squares, c.positive) for key, c in data.items()}
        third = moments.log_normal_third(moments.together(list(cells.values())))
        uncut = moments.posterior_of(cells, third, WEAK_AMOUNT["amounts_believed"])
        assert interval.high == uncut.interval(1).high
        assert interval.low == max(0.0, uncut.interval(1).low)


@pytest.mark.parametrize("buyers", [0, 1, 4])
def test_too_few_buyers_have_no_interval_but_a_comparison(buyers):
    result = scorecard({"a": few(60), "b": few(buyers)}, control="a")
    row, other = result.variant("b"), result.variant("a")
    assert row.interval is None and row.interval_not_shown.code == "few_carriers"
    assert row.interval_not_shown.reason.params == {"variant": "b", "carriers": buyers, "members": 1000, "fewest": 5}
    assert row.raw_mean == pytest.approx(buyers * 0.04) and row.mean >= row.raw_mean
    assert other.interval is not None and other.interval_not_shown is None
    difference = result.comparison("b").difference
    assert difference.interval.low < difference.mean < difference.interval.high < 0 or buyers == 4
    # what proves harm is the difference: forty fewer buyers are seen as before
    assert decide(result, rules=Rules(planned_days=14), elapsed_days=14, looks=()).decision == "stop_harm"
    assert MetricResult.from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False))) == result
