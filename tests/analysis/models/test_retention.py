"""Retention: curves and half-life against simulated truth, real customers, and missing results."""

import csv
import gzip
import json
from datetime import date

import numpy as np
import pytest

from analysis import AnalysisError, NotShown, ProportionStatistics, RetentionStatistics, priors
from analysis.models.retention import fit, lifetimes, survival
from analysis.sampling import engine
from analysis.simulate import BetaGeometricReturns, DailyReturns, retention_truth, simulate_retention
from tests.proofs.retention import PROCESSES, cover

EXPERIMENTS = 150
PRIOR = priors.WEAK_RETURN


def by_hand(there: np.ndarray, observed: np.ndarray, horizon: int) -> RetentionStatistics:
    members = ((int(seen), np.flatnonzero(days).tolist()) for days, seen in zip(there, observed, strict=True))
    return RetentionStatistics.from_members(members, horizon)


class Given:
    """A process whose days are given, so that a simulated audience can be counted by hand."""

    def __init__(self, there):
        self.there = there

    def days(self, members, horizon, rng):
        return self.there


# The simulator and the arithmetic ---------------------------------------------------------------------------------


def test_the_simulator_matches_a_count_of_each_member():
    rng = np.random.default_rng(4)
    there = rng.random((400, 9)) < 0.2
    there[:, 0] = False
    found = simulate_retention(400, Given(there), 9, run=14.0, seed=11)
    observed = np.floor(np.random.default_rng(11).uniform(0, 14.0, 400))
    assert found == by_hand(there, observed, 9)


@pytest.mark.parametrize("process", PROCESSES, ids=str)
def test_the_simulators_truth_matches_a_large_audience(process):
    truth = retention_truth(process, 14)
    found = simulate_retention(400_000, process, 14, run=40, seed=5)
    last = survival.last_returns(found)
    assert np.abs(last / last.sum() - process.last(14)).max() < 5 / np.sqrt(found.mature)
    assert float(survival.half_life(last[1:])) == pytest.approx(truth.half_life, abs=0.1)
    assert found.mean == pytest.approx(truth.ever_returned, abs=5 / np.sqrt(found.mature))


def test_the_half_life_lies_evenly_within_its_day():
    # four last returns on day 1, four on day 2: half are gone at the end of day 1, which is the start of day 2
    assert survival.half_life(np.array([4.0, 4.0])) == pytest.approx(2.0)
    assert survival.half_life(np.array([0.0, 4.0])) == pytest.approx(2.5)
    assert survival.half_life(np.array([[1.0, 2.0, 1.0], [8.0, 0.0, 0.0]])) == pytest.approx([2.5, 1.5])


def test_independent_hazards_are_the_dirichlet_posterior():
    """The half-life's draws against those of a Dirichlet, which the hazards factor exactly."""
    cell = simulate_retention(300, PROCESSES[0], 8, run=20, seed=2)
    ours = survival.half_life_draws(cell, PRIOR, np.random.default_rng(1), 40_000)
    weights = survival.last_returns(cell)[1:] + PRIOR["returned"] / 7
    theirs = survival.half_life(np.random.default_rng(2).dirichlet(weights, 40_000))
    for p in (0.025, 0.25, 0.5, 0.75, 0.975):
        assert np.quantile(ours, p) == pytest.approx(np.quantile(theirs, p), abs=0.05)


def test_the_curve_begins_at_ever_returned():
    cell = simulate_retention(500, PROCESSES[2], 10, run=30, seed=3)
    result = fit.fit_retention({"a": cell}, tail=False).variants[0]
    first = result.curve[0]
    assert (first.mean, first.low) == pytest.approx((result.ever_returned.mean, result.ever_returned.interval.low))
    means = [point.mean for point in result.curve]
    assert means == sorted(means, reverse=True) and len(means) == 9
    assert first.raw == cell.mean


# Recovery and calibration -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_intervals_cover_the_truth():
    """The small form of ``make proof ARGS="--part retention"``."""
    found = cover(EXPERIMENTS)
    assert found.shown > 0.9 * EXPERIMENTS
    slack = 3 * np.sqrt(0.95 * 0.05 / found.shown) + 0.005
    for name, hits in found.inside.items():
        assert np.mean(hits) == pytest.approx(0.95, abs=slack), name
    assert abs(np.mean(found.errors)) < 0.02


def test_a_longer_half_life_is_estimated_as_longer():
    data = {
        "a": simulate_retention(5_000, BetaGeometricReturns(2.0, 3.0, 0.7), 14, run=30, seed=1),
        "b": simulate_retention(5_000, BetaGeometricReturns(2.0, 9.0, 0.7), 14, run=30, seed=2),
    }
    posterior = fit.fit(data, PRIOR, np.random.default_rng(3))
    again = fit.fit(data, PRIOR, np.random.default_rng(3))
    assert posterior.variants == ("a", "b") and posterior.p_greater(1, 0) > 0.999
    assert np.array_equal(posterior.matrix, again.matrix)


# Real customers ---------------------------------------------------------------------------------------------------

DAYS = (1, 7, 14, 30, 60, 90, 180, 365)


@pytest.fixture(scope="module")
def cdnow(shared_data):
    """Days from a customer's first purchase day to the second and to the last within 365 days, 0 for none."""
    bought: dict[str, set[int]] = {}
    with gzip.open(shared_data / "cdnow_purchases.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            bought.setdefault(row["customer_id"], set()).add(date.fromisoformat(row["date"]).toordinal())
    first = np.array([min(days) for days in bought.values()])
    later = [sorted(day - begun for day in days) for days, begun in zip(bought.values(), first, strict=True)]
    return first, later


def cdnow_statistics(cdnow, cut_off: int, horizon: int) -> RetentionStatistics:
    first, later = cdnow
    # The whole last day is over at its end.
    observed = np.minimum(cut_off + 1 - first, horizon).tolist()
    members = ((seen, days[1:]) for seen, days in zip(observed, later, strict=True) if seen > 0)
    return RetentionStatistics.from_members(members, horizon)


def curve(cell: RetentionStatistics) -> dict[int, survival.CurvePoint]:
    rng = np.random.default_rng(1)
    return {point.day: point for point in survival.returning(cell, PRIOR, "eti", 0.95, rng, 1000)}


def test_cdnows_customers_return_as_published(cdnow, shared_data):
    """Golden values: cdnow_purchases.returned_within_days_of_first of ../shared/data/expected.json (numpy)."""
    expected = json.loads((shared_data / "expected.json").read_text())["cdnow_purchases"]
    cell = cdnow_statistics(cdnow, date(1998, 6, 30).toordinal(), 366)
    assert cell.n == cell.mature == expected["customers"]
    result = curve(cell)
    for day in DAYS:
        truth = expected["returned_within_days_of_first"][str(day)]
        assert result[day].raw == pytest.approx(truth, abs=1e-9)
        assert result[day].low <= truth <= result[day].high


def test_cdnows_curve_is_the_same_where_most_customers_are_young(cdnow, shared_data):
    """Cut off on 1997-03-31: no member was observed for more than 90 days, most for fewer than 60."""
    expected = json.loads((shared_data / "expected.json").read_text())["cdnow_purchases"]
    cell = cdnow_statistics(cdnow, date(1997, 3, 31).toordinal(), 91)
    assert cell.mature < 0.05 * cell.n
    result = curve(cell)
    for day in (1, 7, 14, 30, 60):
        truth = expected["returned_within_days_of_first"][str(day)]
        assert result[day].raw == pytest.approx(truth, abs=0.008)
    came = sum(returned for _, _, returned in cell.first) / cell.n
    assert came < 0.85 * result[60].raw  # counting heads alone misses a sixth of those who come back by day 60


# The days after the window ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tailed():
    pytest.importorskip("pymc")
    truth = {"a": BetaGeometricReturns(0.6, 1.2, 0.4), "b": BetaGeometricReturns(1.0, 4.0, 0.6)}
    data = {key: simulate_retention(6_000, law, 14, run=30, seed=i) for i, (key, law) in enumerate(truth.items())}
    return truth, data, fit.fit_retention(data, seed=5)


@pytest.mark.slow
def test_the_share_remaining_after_the_window_is_recovered(tailed):
    truth, _, result = tailed
    assert result.diagnostics.passed and result.engine
    for key, law in truth.items():
        tail = result.variant(key).tail
        assert tail.not_shown is None
        assert tail.daily == pytest.approx(law.daily, abs=0.05)
        points = {point.day: point for point in tail.survival}
        for day in (7, 14, 28, 56):
            assert points[day].low - 0.01 <= law.stays([day])[0] <= points[day].high + 0.01
        active = {point.day: point for point in tail.active}
        for day in (7, 14, 28, 56):
            assert active[day].low - 0.01 <= law.daily * law.stays([day])[0] <= active[day].high + 0.01
            assert active[day].mean < points[day].mean


def test_the_fitted_distribution_equals_the_simulated_one():
    """The law's arithmetic, once in the model's helper and once in the simulator, and its recursion in PyMC."""
    law = BetaGeometricReturns(0.8, 2.5, 0.35)
    ours = lifetimes.last_day(np.array([0.8]), np.array([2.5]), np.array([0.35]), 10)[0]
    assert ours == pytest.approx(law.last(10), abs=1e-12)
    assert ours.sum() == pytest.approx(1.0)


def test_the_models_likelihood_equals_that_of_the_distribution():
    pytest.importorskip("pymc")
    counts = np.array([[50.0, 9, 8, 7, 6, 5, 9]])
    model = lifetimes.build(1, 7)
    model.set_data("last", counts)
    potential = model.compile_logp(model.potentials, mode="FAST_COMPILE")
    point = {"leaving": np.array([-0.4]), "evenness": np.array([0.9]), "daily": np.array([0.2])}
    share, size = 1 / (1 + np.exp(0.4)), np.exp(0.9)
    daily = np.array([1 / (1 + np.exp(-0.2))])
    chances = lifetimes.last_day(np.array([share * size]), np.array([(1 - share) * size]), daily, 7)
    assert float(potential(point)) == pytest.approx(float((counts * np.log(chances)).sum()))


@pytest.mark.slow
def test_a_tail_that_contradicts_the_observed_days_is_not_shown_but_the_rest_is(tailed):
    weekly = DailyReturns((0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.5, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.0))
    data = {"a": simulate_retention(6_000, weekly, 14, run=30, seed=7), "b": tailed[1]["b"]}
    result = fit.fit_retention(data, seed=5)
    weekly_row, other = result.variants
    assert weekly_row.tail.not_shown.code == "contradicted" and weekly_row.tail.survival == ()
    assert other.tail.not_shown is None
    assert weekly_row.curve and weekly_row.returning and weekly_row.half_life.mean > 0


@pytest.mark.slow
def test_a_tail_that_cannot_be_computed_leaves_the_rest(tailed, monkeypatch):
    def broken(*args, **kwargs):
        raise engine.EngineError("no room")

    monkeypatch.setattr(engine, "sample", broken)
    result = fit.fit_retention(tailed[1], seed=5)
    assert {row.tail.not_shown.code for row in result.variants} == {"fit_failed"}
    assert result.diagnostics is None and result.variants[0].curve == tailed[2].variants[0].curve


@pytest.mark.slow
def test_chains_that_disagree_show_no_tail(tailed, monkeypatch):
    def lost(build, shape, data, *, seed, draws, tune, chains, accept):
        drawn = np.random.default_rng(seed).normal(size=(3, chains, draws, shape[0]))
        drawn += 9 * np.arange(chains)[:, None, None]
        return engine.Draws(dict(zip(("leaving", "evenness", "daily"), drawn, strict=True)), 0, "lost")

    monkeypatch.setattr(engine, "sample", lost)
    result = fit.fit_retention(tailed[1], seed=5)
    assert {row.tail.not_shown.code for row in result.variants} == {"fit_not_trusted"}
    assert not result.diagnostics.passed


@pytest.mark.slow
def test_the_same_seed_gives_the_same_digits_and_json_keeps_them(tailed):
    _, data, result = tailed
    again = fit.fit_retention(data, seed=5)
    assert json.dumps(again.to_dict(), allow_nan=False) == json.dumps(result.to_dict(), allow_nan=False)


# Missing results -------------------------------------------------------------------------------------------------


def whole(n, horizon, last):
    """Members of a whole window, whose days before the last one do not matter here."""
    return RetentionStatistics(n, horizon, ((1, n, 0),) if horizon > 1 else (), last)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (RetentionStatistics.empty(7), "no_members"),
        (RetentionStatistics(9, 1, (), ((0, 9),)), "no_later_day"),
        (RetentionStatistics(9, 7, ((1, 9, 3),), ()), "nobody_mature"),
        (whole(9, 7, ((0, 9),)), "nobody_returned"),
        (whole(9, 7, ((0, 4), (3, 5))), "too_few_returns"),
    ],
)
def test_an_unknown_half_life_is_a_named_outcome(cell, code):
    good = simulate_retention(2_000, PROCESSES[0], cell.horizon, run=30, seed=1) if cell.horizon > 1 else cell
    result = fit.fit({"a": good, "b": cell}, PRIOR, np.random.default_rng(1))
    assert isinstance(result, NotShown) and result.code == code
    assert result.reason.code == "not_shown.of_variant"


def test_a_result_shows_what_the_data_allow():
    young = RetentionStatistics(9, 7, ((1, 9, 3), (2, 4, 1)), ())
    row = fit.fit_retention({"a": young}).to_dict()["variants"][0]
    assert [point["day"] for point in row["returning"]] == [1, 2]
    assert row["returning"][1]["raw"] == pytest.approx(1 - (6 / 9) * (3 / 4))
    assert row["curve"] == [] and row["half_life"]["not_shown"]["code"] == "nobody_mature"
    assert row["tail"]["not_shown"]["code"] == "too_few_returns"
    without_returns = fit.fit_retention({"a": whole(50, 7, ((0, 50),))}).variants[0]
    assert without_returns.ever_returned.mean < 0.04 and without_returns.half_life.code == "nobody_returned"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (RetentionStatistics.empty(7), "no_members"),
        (RetentionStatistics(9, 1, (), ((0, 9),)), "no_later_day"),
        (RetentionStatistics(9, 7, (), ()), "nobody_seen"),
    ],
)
def test_data_without_members_are_a_named_outcome(cell, code):
    result = fit.fit_retention({"a": cell, "b": cell}).to_dict()
    assert result["not_shown"]["code"] == code and result["variants"] == []


def test_a_window_too_short_for_the_model_shows_no_tail():
    cell = simulate_retention(2_000, PROCESSES[0], 5, run=30, seed=1)
    assert fit.fit_retention({"a": cell}).variants[0].tail.not_shown.code == "window_too_short"


def test_impossible_requests_are_refused():
    cell = RetentionStatistics.empty(7)
    with pytest.raises(AnalysisError, match="a: 7, b: 14"):
        fit.fit({"a": cell, "b": RetentionStatistics.empty(14)}, PRIOR)
    with pytest.raises(AnalysisError, match="ProportionStatistics"):
        fit.fit_retention({"a": ProportionStatistics(1, 1)})
    with pytest.raises(AnalysisError, match="no variant"):
        fit.fit_retention({})
    with pytest.raises(AnalysisError, match="from 0 to 1"):
        simulate_retention(10, DailyReturns((1.5,)), 7, run=14, seed=1)


def test_a_huge_audience_costs_no_more():
    billion = RetentionStatistics(
        10**9, 3, ((1, 10**9, 10**8), (2, 9 * 10**8, 10**8)), ((0, 8 * 10**8), (2, 2 * 10**8))
    )
    row = fit.fit_retention({"a": billion}).variants[0]
    assert row.half_life.mean == pytest.approx(2.5, abs=1e-3)
    assert row.ever_returned.mean == pytest.approx(0.2, abs=1e-6)
