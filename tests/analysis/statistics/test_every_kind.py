"""The statistics of ratios, adjusted outcomes, retention, cascades and value add, refuse nonsense and survive JSON."""

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import (
    AdjustedStatistics,
    AnalysisError,
    CascadeStatistics,
    RatioStatistics,
    RetentionStatistics,
    ValueStatistics,
    statistics_from_dict,
)

HORIZON = 7
whole = st.integers(0, 1_000)
pairs = st.lists(st.tuples(whole, whole), max_size=30)
returning = st.lists(st.tuples(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=5)), max_size=30)
families = st.lists(
    st.lists(st.tuples(st.integers(0, HORIZON), st.integers(0, 4)), min_size=1, max_size=4), max_size=20
)


def ratio(rows):
    x, y = [a for a, _ in rows], [b for _, b in rows]
    squares = sum(a * a for a in x), sum(b * b for b in y), sum(a * b for a, b in rows)
    return RatioStatistics(len(rows), Decimal(sum(x)), Decimal(sum(y)), *map(float, squares))


def adjusted(rows):
    x, c = [a for a, _ in rows], [b for _, b in rows]
    sums = sum(a * a for a in x), sum(c), sum(b * b for b in c), sum(a * b for a, b in rows)
    return AdjustedStatistics(len(rows), Decimal(sum(x)), *map(float, sums))


def value(rows):
    return ValueStatistics.from_rows(rows, ("revenue", "share"), (1.0, 0.5), cost_fixed=120, cost_per_thousand="4.5")


def retention(rows):
    return RetentionStatistics.from_members(rows, HORIZON)


def cascade(rows):
    members = [member for family in rows for member in family]
    offspring = tuple((age, brought, 1) for age, brought in members)
    delays = tuple((age, age // 2, brought) for age, brought in members)
    sizes = tuple((sum(brought for _, brought in family) + 1, 1) for family in rows)
    return CascadeStatistics(HORIZON, offspring, delays, sizes, tuple((len(family) - 1, 1) for family in rows))


KINDS = ((ratio, pairs), (adjusted, pairs), (value, pairs), (retention, returning), (cascade, families))


@pytest.mark.parametrize(("kind", "rows"), KINDS, ids=lambda given: getattr(given, "__name__", ""))
def test_two_groups_add_to_both_and_come_back_from_json(kind, rows):
    @given(rows, rows)
    def check(left, right):
        both = kind(left + right)
        assert kind(left) + kind(right) == both
        assert statistics_from_dict(json.loads(json.dumps(both.to_dict()))) == both

    check()


def test_kinds_do_not_mix():
    with pytest.raises(AnalysisError, match="do not add"):
        ratio([(1, 2)]) + adjusted([(1, 2)])


def test_returns_are_counted_by_day():
    # one who never came back, one on days 1 and 4, one seen for three days only who came back on day 2
    found = retention([(9, ()), (9, (1, 4)), (3, (2,))])
    assert found.first[:4] == ((1, 3, 1), (2, 2, 1), (3, 1, 0), (4, 1, 0))
    assert found.last == ((0, 1), (4, 1))
    assert (found.mature, found.total, found.mean) == (2, 1, 0.5)


def test_a_member_whose_day_has_not_ended_is_not_at_risk_of_it():
    assert retention([(1, (1,))]).first[0] == (1, 0, 0)
    assert retention([(2, ())]).first[0] == (1, 1, 0)


def test_cost_counts_once_and_by_the_thousand():
    found = value([(10, 2), (0, 0)])
    assert found.cost == pytest.approx(120 + 4.5 * 2 / 1000)
    assert found.total == pytest.approx(10 + 0.5 * 2 - found.cost)
    assert found.mean == pytest.approx(found.total / 2)


def test_a_ratio_is_sum_over_sum_and_0_over_0_is_not_a_number():
    assert ratio([(10, 2), (0, 3)]).mean == 2.0
    assert ratio([(0, 0)]).mean is None


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: RatioStatistics(1, 10, 1, 1.0, 1.0, 1.0), "x_total is 10, too much"),
        (lambda: RatioStatistics(2, 2, 2, 2.0, 2.0, 9.0), "xy is 9.0, more than"),
        (lambda: RatioStatistics(2, 2, -1, 2.0, 2.0, 1.0), "y_total is -1"),
        (lambda: AdjustedStatistics(1, 1, 1.0, math.nan, 1.0, 1.0), "covariate_total is nan"),
        (lambda: AdjustedStatistics(1, 1, 1.0, 1.0, 1.0, 5.0), "cross is 5.0"),
        (lambda: RetentionStatistics(1, 7, ((7, 1, 1),), ()), "day 7"),
        (lambda: RetentionStatistics(1, 7, ((1, 1, 2),), ()), "returned on day 1 is 2, more than at risk = 1"),
        (lambda: RetentionStatistics(1, 7, (), ((0, 1), (1, 1))), "counts 2 members of 1"),
        (lambda: RetentionStatistics.empty(7) + RetentionStatistics.empty(14), "does not add"),
        (lambda: CascadeStatistics(7, ((8, 0, 1),)), "age is 8, more than horizon = 7"),
        (lambda: CascadeStatistics(7, ((3, 1, 1),), ((3, 4, 1),)), "delay is 4, more than age = 3"),
        (lambda: CascadeStatistics(7, ((3, 1, 1),), ((3, 1, 2),)), "counts 2 brought members"),
        (lambda: CascadeStatistics.empty(7) + CascadeStatistics.empty(3), "do not add"),
        (lambda: ValueStatistics(1, ("revenue",), (1,), ((1.0,),), (1.0, 2.0)), "1 outcomes but 1 sums, 2 weights"),
        (lambda: ValueStatistics(1, (), (), (), ()), "0 outcomes"),
        (lambda: ValueStatistics(1, ("revenue",), (9,), ((1.0,),), (1.0,)), "the sum of revenue is 9"),
        (lambda: value([]) + ValueStatistics.empty(("revenue", "share"), (1.0, 2.0)), "do not add"),
    ],
)
def test_inconsistent_fields_are_refused_with_the_value_and_the_bound(make, says):
    with pytest.raises(AnalysisError, match=says):
        make()
