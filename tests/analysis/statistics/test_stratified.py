"""Estimates by allocation epoch: Simpson's paradox avoided, intervals that cover, and merged epochs."""

from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

from analysis import (
    AmountStatistics,
    AnalysisError,
    CountStatistics,
    MetricResult,
    ProportionStatistics,
    RatioStatistics,
    Rules,
    ValueStatistics,
    decide,
    scorecard,
)
from analysis.messages import message
from analysis.models import conversion_flat
from analysis.priors import FLAT_BETA
from analysis.statistics.stratified import stratify


def sums(strata):
    return {key: sum(rows[1:], rows[0]) for key, rows in strata.items()}


# A week of few clicks with equal shares, then a week of many in which A gets nine of ten.
PARADOX = {
    "a": [ProportionStatistics(5000, 250), ProportionStatistics(9000, 1800)],
    "b": [ProportionStatistics(5000, 300), ProportionStatistics(1000, 230)],
}


def test_simpsons_paradox_is_avoided():
    plain = scorecard(sums(PARADOX), control="a")
    ours = scorecard(sums(PARADOX), control="a", strata=PARADOX)
    assert plain.comparison("b").p_beats_control < 0.001
    assert plain.variant("a").p_best > 0.999
    assert ours.comparison("b").p_beats_control > 0.99
    # both epochs hold half of all members: (0.05 + 0.2) / 2 and (0.06 + 0.23) / 2
    assert ours.variant("a").evidence_mean == pytest.approx(0.125, abs=1e-3)
    assert ours.variant("b").evidence_mean == pytest.approx(0.145, abs=1e-3)
    assert ours.stratified.weights == (0.5, 0.5)
    assert ours.stratified.note == message("stratified.steps", steps=2)
    assert MetricResult.from_dict(ours.to_dict()) == ours
    assert ours.variant("a").n == 14_000 and ours.variant("a").total == 2050
    assert decide(plain, rules=Rules(planned_days=14), elapsed_days=14, looks=()).decision == "stop_harm"
    assert decide(ours, rules=Rules(planned_days=14), elapsed_days=14, looks=()).decision == "ship"


def test_one_epoch_changes_nothing():
    one = {key: [rows[0]] for key, rows in PARADOX.items()}
    assert scorecard(sums(one), control="a", strata=one) == scorecard(sums(one), control="a")


def test_the_same_epoch_twice_is_as_good_as_all_at_once():
    rows = {"a": [ProportionStatistics(4000, 400)] * 2, "b": [ProportionStatistics(4000, 480)] * 2}
    ours, plain = scorecard(sums(rows), control="a", strata=rows), scorecard(sums(rows), control="a")
    for mine, known in zip(ours.variants, plain.variants, strict=True):
        assert mine.evidence_mean == pytest.approx(known.evidence_mean, rel=1e-3)
        assert mine.evidence_sd == pytest.approx(known.evidence_sd, rel=1e-3)


def test_intervals_of_stratified_rates_cover_the_truth():
    """Shares move from even to 9:1 while the base rate doubles; truth = the rates over all members."""
    rng, covered, ranks, plain_covered = np.random.default_rng(5), [], [], []
    runs = 1200
    for _ in range(runs):
        base, lift = rng.uniform(0.03, 0.1), rng.normal(0, 0.2)
        rows = {"a": [], "b": []}
        for share, drift, members in ((0.5, 1.0, 3000), (0.1, 2.0, 3000), (0.3, 1.4, 2000)):
            n = round(members * share)
            rows["b"].append(ProportionStatistics(n, int(rng.binomial(n, base * drift * np.exp(lift)))))
            rows["a"].append(ProportionStatistics(members - n, int(rng.binomial(members - n, base * drift))))
        typical = base * (3 * 1.0 + 3 * 2.0 + 2 * 1.4) / 8
        truth = typical * np.expm1(lift)
        weighted, _ = stratify(rows, sums(rows))
        posterior = conversion_flat.fit(weighted, FLAT_BETA)
        interval = posterior.difference(1, 0).interval
        covered.append(interval.low <= truth <= interval.high)
        z = (posterior.mean(1) - posterior.mean(0) - truth) / np.hypot(posterior.sd(0), posterior.sd(1))
        ranks.append(stats.norm.cdf(z))
        a, b = (cell.mean for cell in sums(rows).values())
        error = np.sqrt(sum(cell.mean * (1 - cell.mean) / cell.n for cell in sums(rows).values()))
        plain_covered.append(abs(b - a - truth) < 1.96 * error)
    assert 0.935 <= np.mean(covered) <= 0.965
    assert stats.kstest(ranks, "uniform").pvalue > 0.001
    assert np.mean(plain_covered) < 0.5  # what adding up would have given


@pytest.mark.parametrize("kind", ["amount", "count", "ratio", "value"])
def test_means_of_every_kind_are_weighted_and_their_intervals_cover(kind):
    rng, covered = np.random.default_rng(8), []
    make = {"amount": _amounts, "count": _counts, "ratio": _ratios, "value": _values}[kind]
    for _ in range(300):
        rows, truth = {"a": [], "b": []}, []
        for share, level, members in ((0.5, 1.0, 1600), (0.15, 1.8, 1600)):
            n = round(members * share)
            rows["b"].append(make(rng, n, level * 1.1))
            rows["a"].append(make(rng, members - n, level))
            truth.append(level)
        result = scorecard(sums(rows), control="a", strata=rows)
        known = _truth(kind, np.mean(truth) * 1.1) - _truth(kind, np.mean(truth))
        interval = result.comparison("b").difference.interval
        covered.append(interval.low <= known <= interval.high)
    assert 0.915 <= np.mean(covered) <= 0.98


def _truth(kind, level):
    return {"amount": 4.0 * level, "count": 0.5 * level, "ratio": 8.0 * level, "value": 4.0 * level}[kind]


def _amounts(rng, n, level):
    x = np.where(rng.random(n) < 0.5, rng.gamma(2.0, 4.0 * level, n), 0.0)
    return AmountStatistics(n, int((x > 0).sum()), Decimal(repr(float(x.sum()))), float((x**2).sum()))


def _counts(rng, n, level):
    times, members = np.unique(rng.poisson(0.5 * level, n), return_counts=True)
    return CountStatistics(tuple(zip(times.tolist(), members.tolist(), strict=True)))


def _ratios(rng, n, level):
    y = rng.poisson(1.0, n).astype(float)
    x = y * rng.gamma(4.0, 2.0 * level, n)
    return RatioStatistics(n, float(x.sum()), float(y.sum()), (x**2).sum(), (y**2).sum(), (x * y).sum())


def _values(rng, n, level):
    x = np.column_stack([rng.gamma(2.0, level, n), rng.poisson(level, n)])
    products = (x.T @ x).tolist()
    return ValueStatistics(n, ("revenue", "share"), tuple(map(repr, x.sum(axis=0).tolist())), products, (1.0, 2.0))


def test_an_epoch_without_members_of_a_variant_is_merged_with_a_note():
    rows = {
        "a": [ProportionStatistics(500, 50), ProportionStatistics(900, 99), ProportionStatistics(700, 60)],
        "b": [ProportionStatistics(500, 60), ProportionStatistics(0, 0), ProportionStatistics(700, 90)],
    }
    result = scorecard(sums(rows), control="a", strata=rows)
    assert result.stratified.merged == ((1, 2),)
    assert result.stratified.note.params["joined"] == (message("stratified.joined", steps=("1", "2")),)
    assert len(result.stratified.weights) == 2
    first = {key: cells[1:2] + cells[:1] + cells[2:] for key, cells in rows.items()}
    assert scorecard(sums(first), control="a", strata=first).stratified.merged == ((1, 2),)


def test_if_all_epochs_are_merged_the_plain_figures_have_a_warning():
    rows = {
        "a": [ProportionStatistics(500, 50), ProportionStatistics(0, 0)],
        "b": [ProportionStatistics(0, 0), ProportionStatistics(700, 90)],
    }
    result = scorecard(sums(rows), control="a", strata=rows)
    assert result.variants == scorecard(sums(rows), control="a").variants
    assert result.stratified.note.code == "stratified.all_merged"


def test_zero_successes_in_a_small_epoch_are_not_certain():
    rows = {
        "a": [ProportionStatistics(5000, 250), ProportionStatistics(5000, 250)],
        "b": [ProportionStatistics(9000, 450), ProportionStatistics(20, 0)],
    }
    b = scorecard(sums(rows), control="a", strata=rows).variant("b")
    assert 0.025 < b.evidence_mean < 0.05
    # a quarter of the weight rests on 20 members: 0.264 of the standard error of 5 % of 20
    assert b.evidence_sd == pytest.approx(0.264 * 0.0487, rel=0.15)


@pytest.mark.parametrize(
    ("strata", "says"),
    [
        ({"a": PARADOX["a"]}, "in the order of the data"),
        ({"a": PARADOX["a"], "b": PARADOX["b"][:1]}, r"\[1, 2\] epochs"),
        ({"a": PARADOX["a"], "b": [PARADOX["b"][0], ProportionStatistics(999, 230)]}, "5999 members"),
    ],
)
def test_strata_that_do_not_match_the_data_are_refused(strata, says):
    with pytest.raises(AnalysisError, match=says) as caught:
        stratify(strata, sums(PARADOX))
    assert caught.value.code == "bad_request"
