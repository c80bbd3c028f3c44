"""Segments: recovery of a known truth, pooling, and what happens when a fit may not be believed."""

import json

import numpy as np
import pytest

from analysis import AnalysisError, ProportionStatistics
from analysis.sampling import engine
from analysis.segments import fit
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
    result = fit.fit_segments(data, control="a", seed=3, metric="sticky_rate")
    assert isinstance(result, fit.SegmentResult), result
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


def test_a_small_segment_is_shrunk_towards_the_whole(fitted):
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
    again = fit.fit_segments(data, control="a", seed=3, metric="sticky_rate")
    assert json.dumps(again.to_dict(), allow_nan=False) == json.dumps(result.to_dict(), allow_nan=False)


def test_the_control_may_have_any_position(fitted):
    data, result = fitted
    turned = dict(reversed(list(data.items())))
    other = fit.fit_segments(turned, control="a", seed=3)
    assert [row.variant for row in other.overall.variants] == ["b", "a"]
    assert other.overall.comparison("b").lift.mean == pytest.approx(result.overall.comparison("b").lift.mean, abs=0.01)


def test_large_segments_reach_the_limit_without_pooling():
    cells = {("a", "x"): (200_000, 20_000), ("b", "x"): (200_000, 30_000)}
    cells |= {("a", "y"): (200_000, 40_000), ("b", "y"): (200_000, 40_000)}
    cells |= {("a", "z"): (200_000, 30_000), ("b", "z"): (200_000, 33_000)}
    cells |= {("a", "w"): (200_000, 10_000), ("b", "w"): (200_000, 12_000)}
    data = {key: ProportionStatistics(*cell) for key, cell in cells.items()}
    # So many members leave the pooling little to do, and the sampler moves slowly.
    result = fit.fit_segments(data, control="a", seed=4, draws=2000)
    for row in result.segment_rows:
        if row.lift is not None:
            assert row.lift.mean == pytest.approx(row.raw_lift, abs=0.02)


def test_pymcs_sampler_gives_the_same_result(fitted, monkeypatch):
    data, result = fitted
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    plain = fit.fit_segments(data, control="a", seed=3, chains=2, draws=800)
    assert plain.engine.startswith("pymc")
    ours, theirs = plain.overall.comparison("b").lift, result.overall.comparison("b").lift
    width = theirs.interval.high - theirs.interval.low
    assert ours.mean == pytest.approx(theirs.mean, abs=0.1 * width)
    assert ours.interval.low == pytest.approx(theirs.interval.low, abs=0.15 * width)


def test_data_without_differences_are_an_outcome():
    zero = {(v, g): ProportionStatistics(100, 0) for v in "ab" for g in "xy"}
    assert fit.fit_segments(zero, control="a").code == "all_equal"
    every = {key: ProportionStatistics(100, 100) for key in zero}
    assert fit.fit_segments(every, control="a").code == "all_equal"
    one = {("a", "x"): ProportionStatistics(100, 10), ("b", "x"): ProportionStatistics(100, 12)}
    assert fit.fit_segments(one, control="a").code == "one_level"


def test_impossible_requests_are_refused():
    cells = {("a", "x"): ProportionStatistics(100, 10), ("b", "x"): ProportionStatistics(100, 12)}
    with pytest.raises(AnalysisError, match="'c'"):
        fit.fit_segments(cells, control="c")
    with pytest.raises(AnalysisError, match="at least 2"):
        fit.fit_segments({("a", "x"): ProportionStatistics(1, 1)}, control="a")
    many = {(v, str(i)): ProportionStatistics(10, 1) for v in "ab" for i in range(201)}
    with pytest.raises(AnalysisError, match="201 levels"):
        fit.fit_segments(many, control="a")


# Several attributes at once ----------------------------------------------------------------------------------------

SHARES = {("DE", "phone"): 0.5, ("DE", "desk"): 0.1, ("AT", "phone"): 0.05, ("AT", "desk"): 0.35}
#: The variant works on phones only; the country is of no matter but for who has a phone there.
TRUTH = {"a": {"phone": 0.10, "desk": 0.15}, "b": {"phone": 0.13, "desk": 0.15}}


@pytest.fixture(scope="module")
def two_attributes():
    rng = np.random.default_rng(12)
    cells = {}
    for variant, rates in TRUTH.items():
        for levels, share in SHARES.items():
            n = int(40_000 * share)
            cells[variant, levels] = ProportionStatistics(n, int(rng.binomial(n, rates[levels[1]])))
    return cells, fit.fit_segments(cells, control="a", attributes=["country", "device"], seed=2)


def near(estimate, truth):
    return abs(estimate.mean - truth) < 3.5 * (estimate.interval.high - estimate.interval.low) / 3.92


@pytest.mark.slow
def test_each_attribute_is_averaged_over_the_members_of_its_levels(two_attributes):
    _, joint = two_attributes
    assert isinstance(joint, fit.JointSegments), joint
    for place, attribute in enumerate(("country", "device")):
        result = joint.attributes[attribute]
        assert result.joint and result.diagnostics.passed and result.note is None
        for row in result.segment_rows:
            of_level = {own: share for own, share in SHARES.items() if own[place] == row.level}
            weight = sum(of_level.values())
            truth = {v: sum(s * TRUTH[v][own[1]] for own, s in of_level.items()) / weight for v in "ab"}
            assert near(row.rate, truth[row.variant])
            assert row.lift is None or near(row.lift, truth["b"] / truth["a"] - 1)
            assert row.n == pytest.approx(40_000 * weight)
    device = {row.level: row for row in joint.attributes["device"].segment_rows if row.variant == "b"}
    assert device["phone"].p_beats_control > 0.99 and device["phone"].lift.mean > device["desk"].lift.mean + 0.1


@pytest.mark.slow
def test_all_attributes_share_one_overall_and_draws_with_names(two_attributes):
    _, joint = two_attributes
    entries = json.loads(json.dumps(joint.to_dict(), allow_nan=False))
    assert entries["country"]["overall"] == entries["device"]["overall"]
    assert [row["variant"] for row in entries["country"]["overall"]] == ["a", "b"]
    truth = {v: sum(share * TRUTH[v][own[1]] for own, share in SHARES.items()) for v in "ab"}
    overall = joint.attributes["country"].overall_rows
    assert near(overall[1].rate, truth["b"]) and near(overall[1].lift, truth["b"] / truth["a"] - 1)
    assert entries["device"]["not_shown"] is None and entries["device"]["joint"] is True
    posterior = engine.to_arviz(joint.draws["device"])["posterior"]
    phone = posterior["rate_device"].sel(variant="b", by_device="phone")
    assert float(phone.mean()) == pytest.approx(
        next(
            row.rate.mean
            for row in joint.attributes["device"].segment_rows
            if (row.variant, row.level) == ("b", "phone")
        )
    )


def test_one_attribute_by_its_name_is_the_same_fit(fitted):
    data, result = fitted
    named = {(variant, (level,)): cell for (variant, level), cell in data.items()}
    joint = fit.fit_segments(named, control="a", attributes=["country"], seed=3, metric="sticky_rate")
    assert joint.attributes["country"] == result
    assert not joint.attributes["country"].joint


def test_an_attribute_with_one_level_is_reported_and_the_others_are_fitted(fitted):
    data, result = fitted
    cells = {(variant, (level, "web")): cell for (variant, level), cell in data.items()}
    joint = fit.fit_segments(cells, control="a", attributes=["country", "app"], seed=3, metric="sticky_rate")
    assert joint.attributes["app"].code == "one_level"
    assert joint.attributes["country"].segment_rows == result.segment_rows
    assert joint.to_dict()["app"]["not_shown"]["code"] == "one_level"


@pytest.mark.slow
def test_attributes_that_cannot_be_fitted_jointly_are_fitted_one_by_one(fitted, monkeypatch):
    data, result = fitted
    real = engine.sample

    def only_one_attribute(build, shape, *given, **more):
        if len(shape) > 2:
            raise engine.EngineError("too much at once")
        return real(build, shape, *given, **more)

    monkeypatch.setattr(engine, "sample", only_one_attribute)
    sides = {level: "north" if level == "Germany" else "south" for level in MEMBERS}
    cells = {(variant, (level, sides[level])): cell for (variant, level), cell in data.items()}
    joint = fit.fit_segments(cells, control="a", attributes=["country", "side"], seed=3, metric="sticky_rate")
    assert joint.attributes["country"].segment_rows == result.segment_rows
    assert joint.attributes["side"].levels == ("north", "south") and not joint.attributes["side"].joint


def test_data_without_differences_by_several_attributes_are_an_outcome():
    zero = {(v, (g, h)): ProportionStatistics(100, 0) for v in "ab" for g in "xy" for h in "uw"}
    assert fit.fit_segments(zero, control="a", attributes=["s", "t"]).code == "all_equal"
