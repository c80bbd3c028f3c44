"""Summing rows in memory gives the same statistics as summing them one by one, and refuses what is no outcome."""

import json
from decimal import Decimal

import numpy as np
import pytest

from analysis import AmountStatistics, AnalysisError, ProportionStatistics, scorecard, statistics_from_dict, summarise

RNG = np.random.default_rng(7)
VARIANT = RNG.choice(["a", "b", "c"], 5_000)
BOUGHT = RNG.random(5_000) < 0.1
SPENT = np.where(BOUGHT, np.round(RNG.lognormal(3, 1, 5_000), 2), 0.0)


def test_amounts_equal_those_summed_one_by_one():
    found = summarise(VARIANT, SPENT, kind="amount", cap=60)
    for key, ours in found.items():
        one_by_one = AmountStatistics.from_values(SPENT[key == VARIANT], 60)
        assert (ours.n, ours.positive, ours.capped, ours.cap) == (
            one_by_one.n,
            one_by_one.positive,
            one_by_one.capped,
            Decimal(60),
        )
        for name in ("total", "total_squares", "log_total", "log_total_squares"):
            assert float(getattr(ours, name)) == pytest.approx(float(getattr(one_by_one, name)), rel=1e-12)
        assert statistics_from_dict(json.loads(json.dumps(ours.to_dict()))) == ours


def test_proportions_counts_and_covariates_by_variant():
    did = summarise(VARIANT, BOUGHT, kind="proportion")
    times = summarise(VARIANT, BOUGHT.astype(int) * 3, kind="count")
    known = summarise(VARIANT, SPENT, kind="amount", covariate=SPENT * 2)
    for key in ("a", "b", "c"):
        own = key == VARIANT
        assert (did[key].n, did[key].successes) == (own.sum(), BOUGHT[own].sum())
        assert times[key].total == 3 * BOUGHT[own].sum()
        assert known[key].cross == pytest.approx(2 * (SPENT[own] ** 2).sum())


def test_a_scorecard_follows_from_rows():
    card = scorecard(summarise(VARIANT, BOUGHT, kind="proportion"), control="a", metric="bought")
    assert [row.variant for row in card.variants] == ["a", "b", "c"]
    assert card.variant("a").raw_mean == pytest.approx(BOUGHT[VARIANT == "a"].mean())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"value": np.array([1.0, np.nan, 0.0])}, r"value\[1\] is nan"),
        ({"value": np.array([1.0, 0.0, -2.0])}, r"value\[2\] is -2.0"),
        ({"value": np.array([0.5, 0.0, 1.0]), "kind": "proportion"}, r"value\[0\] is 0.5; a proportion"),
        ({"value": np.array([0.5, 0.0, 1.0]), "kind": "count"}, r"value\[0\] is 0.5; a count"),
        ({"value": np.array([1.0])}, "shape"),
        ({"value": np.array(["1", "2", "3"])}, "array of numbers"),
        ({"kind": "sum"}, "kind 'sum' is unknown"),
        ({"covariate": np.array([1.0, np.inf, 0.0])}, r"covariate\[1\] is inf"),
        ({"value": np.array([1e200, 0.0, 1.0])}, r"value goes up to 1e\+200, beyond 1e\+100: count in a larger unit"),
        ({"value": np.array([1e-200, 0.0, 0.0])}, "below 1e-100: count in a smaller unit"),
        ({"value": np.array([1.0, 2.0**63, 0.0]), "kind": "count"}, r"value goes up to 9.22e\+18, beyond 9.01e\+15"),
        ({"covariate": np.array([1.0, 1e200, 0.0])}, r"covariate goes up to 1e\+200"),
        ({"covariate": np.array(["x", "y", "z"])}, "covariate has the type"),
        ({"variant": np.array(["a", None, "b"], object)}, r"variant\[1\] is None"),
        ({"variant": np.array([1.0, np.nan, 2.0])}, r"variant\[1\] is nan"),
        ({"variant": np.array(["a", 1, "b"], object)}, "mixes labels of the types int, str"),
        ({"cap": -1}, "The cap is -1"),
        ({"cap": float("nan")}, "The cap is nan"),
        ({"cap": "9"}, "The cap is '9'"),
        ({"cap": 5, "kind": "count"}, "A cap of 5 is for amounts"),
    ],
)
def test_an_invalid_outcome_is_refused_with_its_row(change, says):
    given = {"variant": np.array(["a", "b", "a"]), "value": np.array([1.0, 0.0, 2.0]), "kind": "amount"} | change
    with pytest.raises(AnalysisError, match=says):
        summarise(**given)


def test_booleans_from_pandas_with_filled_gaps_are_counted():
    found = summarise(["a", "b", "a"], np.array([True, False, True], object), kind="proportion")
    assert (found["a"].successes, found["b"].successes) == (2, 0)


@pytest.mark.parametrize("names", [("new", "old"), (7, 3), (True, False)])
def test_a_label_that_first_appears_late_is_a_variant(names):
    first, late = names
    labels = np.array([first] * 5_000 + [late] * 3)
    did = np.arange(5_003) % 2 == 0
    found = summarise(labels, did, kind="proportion")
    assert found == {late: ProportionStatistics(3, 2), first: ProportionStatistics(5_000, 2_500)}
    assert list(found) == sorted(names)


def test_more_labels_than_any_test_has_variants_are_refused():
    with pytest.raises(AnalysisError, match=r"variant has 1,500 different labels, such as 0; give at most 1,000"):
        summarise(np.arange(1_500), np.ones(1_500), kind="count")
