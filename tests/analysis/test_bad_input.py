"""Input that no answer can be made of: each has a named outcome or an error with a code; never 0.5, never NaN."""

import json
import warnings
from decimal import Decimal

import pytest

from analysis import (
    AdjustedStatistics,
    AmountStatistics,
    AnalysisError,
    CascadeStatistics,
    CountStatistics,
    ProportionStatistics,
    RatioStatistics,
    RetentionStatistics,
    Rules,
    ValueStatistics,
    decide,
    scorecard,
)

NAN, INFINITE = float("nan"), float("inf")
P, A, C, R = ProportionStatistics, AmountStatistics, CountStatistics, RatioStatistics
ADJUSTED = AdjustedStatistics(50, 100, 400.0, 50.0, 80.0, 120.0)
VALUE = ValueStatistics.from_rows([(1, 0), (3, 1), (0, 0), (2, 1)] * 20, ("revenue", "share"), (1.0, 0.5))
AMOUNT = A.from_values([0, 0, 3, 5] * 20)


def value(rows, weights=(1.0,), **cost):
    return ValueStatistics.from_rows(rows, ("revenue",), weights, **cost)


@pytest.fixture(autouse=True)
def no_warning_is_swallowed():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize(
    ("a", "b", "code"),
    [
        # empty
        (P(0, 0), P(0, 0), "no_members"),
        (P(0, 0), P(10, 2), "no_members"),
        (A(0, 0, 0, 0.0), AMOUNT, "no_members"),
        (C(()), C(((0, 5), (1, 5))), "no_members"),
        (R.empty(), R(40, 80, 40, 200.0, 50.0, 85.0), "no_members"),
        (AdjustedStatistics.empty(), ADJUSTED, "no_members"),
        (ValueStatistics.empty(("revenue", "share"), (1.0, 0.5)), VALUE, "no_members"),
        # one member
        (A(1, 1, 5, 25.0), AMOUNT, "no_members"),
        (C(((1, 1),)), C(((0, 5), (1, 5))), "no_members"),
        # all zero
        (P(500, 0), P(500, 0), "nobody_yet"),
        (A(500, 0, 0, 0.0), A(500, 0, 0, 0.0), "nobody_yet"),
        (C(((0, 500),)), C(((0, 400),)), "nobody_yet"),
        (R(50, 0, 0, 0.0, 0.0, 0.0), R(50, 0, 0, 0.0, 0.0, 0.0), "nobody_yet"),
        (AdjustedStatistics(50, 0, 0.0, 50.0, 80.0, 0.0), AdjustedStatistics(50, 0, 0.0, 5.0, 8.0, 0.0), "nobody_yet"),
        (value([(0,)] * 30, cost_fixed=Decimal(9)), value([(0,)] * 30), "nobody_yet"),
        # all equal
        (A.from_values([5] * 50), A.from_values([5] * 50), "no_spread"),
        (C(((2, 50),)), C(((2, 60),)), "no_spread"),
        (value([(4,)] * 30), value([(4,)] * 30), "no_spread"),
        (R(50, 100, 50, 200.0, 50.0, 100.0), R(50, 100, 50, 200.0, 50.0, 100.0), "no_spread"),
    ],
)
def test_data_without_information_have_a_named_outcome(a, b, code):
    result = scorecard({"a": a, "b": b}, control="a")
    assert result.not_shown.code == code
    assert result.not_shown.reason.code.startswith(f"not_shown.{code}")
    assert result.comparison("b").p_beats_control is None
    for row in result.variants:
        assert (row.mean, row.p_best, row.expected_loss, row.evidence_mean) == (None, None, None, None)
    json.dumps(result.to_dict(), allow_nan=False)
    verdict = decide(result, rules=Rules(min_members=2), elapsed_days=9, looks=())
    assert verdict.decision == "not_enough_data" and verdict.facts == ()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (P(1, 0), P(1, 1)),
        (P(3, 3), P(3, 3)),
        (P(10**9, 10**9), P(10**9, 10**9)),
        (P(10**15, 10**14), P(10**15, 10**14 + 10**9)),
        (P(3, 2), P(10**15, 5 * 10**14)),
        (A(10**9, 10**8, Decimal("1e12"), 5e16), A(10**9, 10**8, Decimal("1.1e12"), 6e16)),
        (R(60, -30, 40, 60.0, 60.0, -20.0), R(60, 0, 40, 60.0, 60.0, 0.0)),  # sentiment that cancels is not missing
        (value([(1,), (0,), (5,)] * 30, cost_fixed=Decimal(500)), value([(1,), (0,), (6,)] * 30)),  # at a loss
        (VALUE, VALUE),
        (ADJUSTED, ADJUSTED),
    ],
)
def test_unusual_but_valid_data_have_complete_figures(a, b):
    result = scorecard({"a": a, "b": b}, control="a")
    assert result.not_shown is None
    json.dumps(result.to_dict(), allow_nan=False)
    for row in result.variants:
        assert 0 <= row.p_best <= 1 and row.expected_loss >= 0 and row.evidence_sd > 0 and row.sd > 0
    assert sum(row.p_best for row in result.variants) == pytest.approx(1)
    decide(result, rules=Rules(min_members=2), elapsed_days=9, looks=())


GOOD = {"a": P(100, 10), "b": P(100, 12)}


@pytest.mark.parametrize(
    ("data", "options", "code"),
    [
        ({}, {}, "too_few_variants"),
        ({"a": P(1, 1)}, {}, "too_few_variants"),
        (GOOD, {"control": "c"}, "unknown_variant"),
        ({"a": P(9, 1), "b": AMOUNT}, {}, "mixed_kinds"),
        ({"a": A.from_values([1, 2], cap=5), "b": A.from_values([1, 2], cap=6)}, {}, "mixed_kinds"),
        ({"a": RetentionStatistics.empty(7), "b": RetentionStatistics.empty(14)}, {}, "mixed_kinds"),
        ({"a": CascadeStatistics.empty(7), "b": CascadeStatistics.empty(14)}, {}, "mixed_kinds"),
        ({"a": value([(1,)]), "b": value([(1,)], (2.0,))}, {}, "mixed_kinds"),
        ({"a": value([(1,)]), "b": ValueStatistics.from_rows([(1,)], ("share",), (1.0,))}, {}, "mixed_kinds"),
        ({"a": (10, 1), "b": (10, 2)}, {}, "bad_request"),
        ({"a": P(10**16, 1), "b": P(10, 1)}, {}, "bad_statistics"),
        ({"a": C(((10**120, 5),)), "b": C(((1, 5),))}, {}, "bad_statistics"),
        ({str(i): P(9, 1) for i in range(101)}, {"control": "0"}, "bad_request"),
        (GOOD, {"direction": "up"}, "bad_request"),
        (GOOD, {"rope": 0.0}, "bad_request"),
        (GOOD, {"rope": NAN}, "bad_request"),
        (GOOD, {"interval": "ci"}, "bad_request"),
        (GOOD, {"probability": 1.0}, "bad_request"),
        (GOOD, {"probability": NAN}, "bad_request"),
        (GOOD, {"model": "oracle"}, "unknown_model"),
        (GOOD, {"model": "amount"}, "unknown_model"),
        (GOOD, {"strata": {"a": [P(100, 10)], "b": [P(99, 12)]}}, "bad_request"),
        (GOOD, {"strata": {"a": [P(100, 10)], "b": [AMOUNT + A(20, 0, 0, 0.0)]}}, "mixed_kinds"),
    ],
)
def test_incomparable_data_are_refused_with_a_code(data, options, code):
    with pytest.raises(AnalysisError) as caught:
        scorecard(data, **({"control": "a"} | options))
    assert caught.value.code == code
    assert caught.value.message.endswith((".", ").")) and len(caught.value.message) < 300


@pytest.mark.parametrize(
    "make",
    [
        lambda: P(10, 11),
        lambda: P(-1, 0),
        lambda: P(10, -1),
        lambda: P(NAN, 0),
        lambda: P(10, NAN),
        lambda: A(10, 5, NAN, 4.0),
        lambda: A(10, 5, -4, 4.0),
        lambda: A(10, 5, 4, NAN),
        lambda: A(10, 5, INFINITE, 9.0),
        lambda: A(10, 0, 4, 4.0),
        lambda: C(((1, -3),)),
        lambda: R(10, NAN, 5, 1.0, 5.0, 1.0),
        lambda: R(10, 1, -5, 1.0, 5.0, 1.0),
        lambda: value([(NAN,)]),
        lambda: value([(1,)], (NAN,)),
        lambda: value([(1,)], cost_fixed=Decimal(-1)),
        lambda: ValueStatistics(10, ("x", "y"), (5, 5), ((10.0, 3.0), (9.0, 10.0)), (1.0, 1.0)),  # both ways unlike
        lambda: ValueStatistics(10, ("x", "y"), (5, 5), ((10.0, 30.0), (30.0, 10.0)), (1.0, 1.0)),
        # too large or too small for their squares
        lambda: A(5, 5, Decimal("1e120"), 1e250),
        lambda: A(5, 5, 3, 10**400),
        lambda: A.from_values([1e160, 2e160]),
        lambda: A.from_values([1e-160, 2e-160]),
        lambda: R(10, Decimal("1e200"), 1, 1e300, 1.0, 1.0),
        lambda: AdjustedStatistics(10, Decimal("1e200"), 1e300, 1.0, 1.0, 1.0),
        lambda: ValueStatistics(10, ("revenue",), (Decimal("1e200"),), ((1e300,),), (1.0,)),
    ],
)
def test_inconsistent_statistics_are_refused_at_construction(make):
    with pytest.raises(AnalysisError) as caught:
        make()
    assert caught.value.code == "bad_statistics"


def test_a_statistic_has_a_single_unit_so_currencies_never_mix():
    with pytest.raises(AnalysisError) as caught:
        value([(1,)], cost_fixed=Decimal(3)) + value([(1,)], cost_fixed=Decimal(4))
    assert caught.value.code == "cannot_add"
