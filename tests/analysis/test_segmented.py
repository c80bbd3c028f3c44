"""Segments: recovery of a known truth, pooling, and what happens when a fit may not be believed."""

import json
import logging

import numpy as np
import pytest

from analysis import AnalysisError, NotShown, ProportionStatistics, engine
from analysis.models import segmented
from analysis.simulate import simulate_segments

pytest.importorskip("pymc")

MEMBERS = {"Germany": 20_000, "Austria": 8000, "Switzerland": 3000, "Malta": 40}
BASE = {"Germany": 0.10, "Austria": 0.14, "Switzerland": 0.08, "Malta": 0.10}
LIFTS = {
    "a": dict.fromkeys(MEMBERS, 0.0),
    "b": {"Germany": 0.25, "Austria": 0.20, "Switzerland": 0.15, "Malta": 0.20},
}


@pytest.fixture(scope="module")
def fitted():
    data = simulate_segments(MEMBERS, BASE, LIFTS, seed=8)
    result = segmented.fit_segments(data, control="a", seed=3, metric="sticky_rate")
    assert isinstance(result, segmented.SegmentResult), result
    return data, result


def test_the_true_lifts_and_rates_are_recovered(fitted):
    _, result = fitted
    assert result.diagnostics.passed
    for row in result.segment_rows:
        truth = BASE[row.level] * (1 + LIFTS[row.variant][row.level])
        assert row.rate.interval.low <= truth <= row.rate.interval.high
        if row.variant == "b":
            assert row.lift.interval.low <= LIFTS["b"][row.level] <= row.lift.interval.high
        else:
            assert row.lift is None and row.p_beats_control is None


def test_a_small_segment_is_drawn_towards_the_whole(fitted):
    _, result = fitted
    rows = {row.level: row for row in result.segment_rows if row.variant == "b"}
    whole = result.overall.comparison("b").lift.mean
    assert abs(rows["Malta"].lift.mean - whole) < abs(rows["Malta"].raw_lift - whole)
    assert rows["Germany"].lift.mean == pytest.approx(rows["Germany"].raw_lift, abs=0.05)


def test_the_overall_lift_weighs_segments_as_the_audience_does(fitted):
    data, result = fitted
    weights = np.array(list(MEMBERS.values())) / sum(MEMBERS.values())
    rates = [sum(w * BASE[g] * (1 + LIFTS[v][g]) for w, g in zip(weights, MEMBERS, strict=True)) for v in "ab"]
    row = result.overall.comparison("b")
    assert row.lift.interval.low <= rates[1] / rates[0] - 1 <= row.lift.interval.high
    assert result.overall.variant("a").n == sum(cell.n for (v, _), cell in data.items() if v == "a")
    assert result.overall.variant("b").p_best > 0.99


def test_the_same_seed_gives_the_same_digits_and_json_keeps_them(fitted):
    data, result = fitted
    again = segmented.fit_segments(data, control="a", seed=3, metric="sticky_rate")
    assert json.dumps(again.to_dict(), allow_nan=False) == json.dumps(result.to_dict(), allow_nan=False)


def test_the_control_may_stand_anywhere(fitted):
    data, result = fitted
    turned = dict(reversed(list(data.items())))
    other = segmented.fit_segments(turned, control="a", seed=3)
    assert [row.variant for row in other.overall.variants] == ["b", "a"]
    assert other.overall.comparison("b").lift.mean == pytest.approx(result.overall.comparison("b").lift.mean, abs=0.01)


def test_large_segments_reach_the_limit_without_pooling():
    cells = {("a", "x"): (200_000, 20_000), ("b", "x"): (200_000, 30_000)}
    cells |= {("a", "y"): (200_000, 40_000), ("b", "y"): (200_000, 40_000)}
    cells |= {("a", "z"): (200_000, 30_000), ("b", "z"): (200_000, 33_000)}
    cells |= {("a", "w"): (200_000, 10_000), ("b", "w"): (200_000, 12_000)}
    result = segmented.fit_segments({k: ProportionStatistics(*v) for k, v in cells.items()}, control="a", seed=4)
    for row in result.segment_rows:
        if row.lift is not None:
            assert row.lift.mean == pytest.approx(row.raw_lift, abs=0.02)


def test_a_fit_that_fails_its_diagnostics_is_not_shown(monkeypatch):
    def lost(build, shape, data, *, seed, draws, tune, chains, accept):
        rng = np.random.default_rng(seed)
        variants, levels = shape
        shapes = {
            "rate": (),
            "variant": (variants - 1,),
            "segment": (levels,),
            "segment_sd": (),
            "interaction_sd": (),
            "offset": (variants - 1, levels),
        }
        # every chain sits somewhere else
        values = {name: rng.normal(size=(chains, draws, *size)) for name, size in shapes.items()}
        for drawn in values.values():
            drawn += 9 * np.arange(chains).reshape(-1, *[1] * (drawn.ndim - 1))
        return engine.Draws(values, 0, "lost")

    monkeypatch.setattr(engine, "sample", lost)
    told = segmented.fit_segments(simulate_segments(MEMBERS, BASE, LIFTS, seed=8), control="a")
    assert isinstance(told, NotShown)
    assert told.code == "fit_not_trusted"
    assert "chains disagree" in told.reason


def test_a_sampler_that_breaks_is_an_outcome_and_not_an_exception(monkeypatch, caplog):
    def broken(*args):
        raise MemoryError("no room for the draws")

    monkeypatch.setattr(engine, "_with_nutpie", broken)
    monkeypatch.setattr(engine, "_with_pymc", broken)
    with caplog.at_level(logging.CRITICAL):
        told = segmented.fit_segments(simulate_segments(MEMBERS, BASE, LIFTS, seed=8), control="a")
    assert isinstance(told, NotShown)
    assert told.code == "fit_failed"
    assert "no room for the draws" in told.reason


def test_pymcs_own_sampler_gives_the_same_answer(fitted, monkeypatch):
    data, result = fitted
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    plain = segmented.fit_segments(data, control="a", seed=3, chains=2, draws=1200)
    assert plain.engine.startswith("pymc")
    ours, theirs = plain.overall.comparison("b").lift, result.overall.comparison("b").lift
    width = theirs.interval.high - theirs.interval.low
    assert ours.mean == pytest.approx(theirs.mean, abs=0.1 * width)
    assert ours.interval.low == pytest.approx(theirs.interval.low, abs=0.15 * width)


def test_nothing_to_tell_apart_is_an_outcome():
    zero = {(v, g): ProportionStatistics(100, 0) for v in "ab" for g in "xy"}
    assert segmented.fit_segments(zero, control="a").code == "all_equal"
    every = {key: ProportionStatistics(100, 100) for key in zero}
    assert segmented.fit_segments(every, control="a").code == "all_equal"
    one = {("a", "x"): ProportionStatistics(100, 10), ("b", "x"): ProportionStatistics(100, 12)}
    assert segmented.fit_segments(one, control="a").code == "one_level"


def test_impossible_requests_are_refused():
    cells = {("a", "x"): ProportionStatistics(100, 10), ("b", "x"): ProportionStatistics(100, 12)}
    with pytest.raises(AnalysisError, match="'c'"):
        segmented.fit_segments(cells, control="c")
    with pytest.raises(AnalysisError, match="at least 2"):
        segmented.fit_segments({("a", "x"): ProportionStatistics(1, 1)}, control="a")
    many = {(v, str(i)): ProportionStatistics(10, 1) for v in "ab" for i in range(201)}
    with pytest.raises(AnalysisError, match="201 levels"):
        segmented.fit_segments(many, control="a")
