"""Sufficient statistics add, check themselves, and survive JSON to the digit."""

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import AmountStatistics, AnalysisError, CountStatistics, ProportionStatistics, statistics_from_dict

cents = st.lists(st.integers(0, 100_000).map(lambda c: Decimal(c) / 100), max_size=30)
times = st.lists(st.integers(0, 40), max_size=50)
outcomes = st.lists(st.booleans(), max_size=50)


def proportion(did: list[bool]) -> ProportionStatistics:
    return ProportionStatistics(len(did), sum(did))


def count(values: list[int]) -> CountStatistics:
    return CountStatistics(tuple((v, 1) for v in values))


@given(outcomes, outcomes)
def test_proportions_of_two_groups_add_to_that_of_both(left, right):
    assert proportion(left) + proportion(right) == proportion(left + right)


@given(times, times)
def test_counts_of_two_groups_add_to_that_of_both(left, right):
    both = count(left + right)
    assert count(left) + count(right) == both
    assert (both.n, both.total, both.total_squares) == (
        len(left + right),
        sum(left + right),
        sum(v * v for v in left + right),
    )


@given(cents, cents, st.sampled_from([None, Decimal(50)]))
def test_amounts_of_two_groups_add_to_that_of_both(left, right, cap):
    added = AmountStatistics.from_values(left, cap) + AmountStatistics.from_values(right, cap)
    whole = AmountStatistics.from_values(left + right, cap)
    assert (added.n, added.positive, added.total, added.capped) == (
        whole.n,
        whole.positive,
        whole.total,
        whole.capped,
    )
    for name in ("total_squares", "log_total", "log_total_squares"):
        assert math.isclose(getattr(added, name), getattr(whole, name), rel_tol=1e-12, abs_tol=1e-9)


@given(cents, times, outcomes)
def test_every_statistic_comes_back_from_json_to_the_digit(amounts, values, did):
    for one in (AmountStatistics.from_values(amounts, 70), count(values), proportion(did)):
        assert statistics_from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_money_is_summed_exactly():
    assert AmountStatistics.from_values(["0.10"] * 3).total == Decimal("0.30")
    assert AmountStatistics(3, 3, 0.3, 0.03).total == Decimal("0.3")


def test_an_amount_is_cut_at_the_cap_and_counted():
    cut = AmountStatistics.from_values([10, 500, 20], cap=100)
    assert (cut.total, cut.capped, cut.total_squares) == (Decimal(130), 1, 100 + 400 + 10_000)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ProportionStatistics(-1, 0), "ProportionStatistics.n is -1"),
        (lambda: ProportionStatistics(10, 11), "successes is 11, more than n = 10"),
        (lambda: ProportionStatistics(10, math.nan), "successes is nan"),
        (lambda: ProportionStatistics(10, 2.5), "successes is 2.5"),
        (lambda: ProportionStatistics(True, 0), "n is True"),
        (lambda: ProportionStatistics("10", 0), "n is '10'"),
        (lambda: AmountStatistics(10, 11, 1, 1.0), "positive is 11, more than n = 10"),
        (lambda: AmountStatistics(10, 1, "-5", 25.0), "total is -5"),
        (lambda: AmountStatistics(10, 1, math.nan, 1.0), "total is NaN"),
        (lambda: AmountStatistics(10, 1, math.inf, 1.0), "total is Infinity"),
        (lambda: AmountStatistics(10, 1, 5, math.nan), "total_squares is nan"),
        (lambda: AmountStatistics(10, 0, 5, 25.0), "without a positive member"),
        (lambda: AmountStatistics(10, 2, 10, 1.0), "total_squares is 1.0, too small"),
        (lambda: AmountStatistics(10, 1, 500, 250_000.0, cap=100), "at the cap 100"),
        (lambda: AmountStatistics(10, 1, "much", 1.0), "total is 'much'"),
        (lambda: CountStatistics(((-1, 3),)), "times is -1"),
        (lambda: CountStatistics(((1, -3),)), "members is -3"),
    ],
)
def test_an_inconsistent_statistic_is_refused(make, says):
    with pytest.raises(AnalysisError, match=says.replace(".", r"\.")) as caught:
        make()
    assert caught.value.code == "bad_statistics"


def test_statistics_of_different_kinds_do_not_add():
    with pytest.raises(AnalysisError, match="capped at 10 and at 20") as caught:
        AmountStatistics.empty(Decimal(10)) + AmountStatistics.empty(Decimal(20))
    assert caught.value.code == "cannot_add"
    with pytest.raises(AnalysisError, match="do not add"):
        ProportionStatistics(1, 0) + CountStatistics(())


def test_an_unknown_stored_kind_is_refused():
    with pytest.raises(AnalysisError, match="'median'"):
        statistics_from_dict({"kind": "median"})
