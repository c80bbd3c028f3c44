"""After a change of the traffic split, segments are compared within each allocation epoch, or not shown."""

from collections import Counter

import pytest

from analysis.statistics import ProportionStatistics
from experiments.analyses.compute import compute
from experiments.collect import audience
from experiments.collect.collected import SegmentCells
from experiments.collect.levels import EPOCH
from tests.experiments.analyses.documents import inputs
from tests.experiments.analyses.test_adaptive import evening, launched, live_a_day

LIFT = 0.2
STEPS = {1: (0.05, {"a": 4000, "b": 4000}), 2: (0.2, {"a": 1500, "b": 6500}), 3: (0.4, {"a": 800, "b": 7200})}
"""The base rate and the members of each epoch: on the best days nearly all members see B."""


def moved(**more) -> dict:
    """Inputs of a run whose shares moved; half of the members are of either country, and B is better everywhere."""
    cells, strata = {}, {"a": [], "b": []}
    for epoch, (base, members) in STEPS.items():
        for variant, n in members.items():
            did = round(n / 2 * base * (1 + LIFT * (variant == "b")))
            for country in ("AT", "DE"):
                cells[variant, (country, str(epoch))] = ProportionStatistics(n // 2, did)
            strata[variant].append(ProportionStatistics(n, 2 * did))
    whole = {key: ProportionStatistics(sum(c.n for c in own), sum(c.total for c in own)) for key, own in strata.items()}
    halves = {
        (key, country): ProportionStatistics(cell.n // 2, cell.successes // 2)
        for country in ("AT", "DE")
        for key, cell in whole.items()
    }
    collected = {
        "segment_data": {"country": halves},
        "segment_cells": SegmentCells(("country", EPOCH), cells),
        "epochs": tuple(STEPS),
        "counts_by_epoch": {key: tuple(cell.n for cell in own) for key, own in strata.items()},
        "strata": {"click_rate": {key: tuple(own) for key, own in strata.items()}},
    } | more
    return inputs({"click_rate": whole}, collected=collected, segments=["country"], with_models=True)


@pytest.mark.slow
def test_groups_are_compared_within_each_step_of_the_shares():
    pytest.importorskip("pymc")
    document = moved()
    rows = document.collected.metric_data["click_rate"]
    pooled = rows["b"].mean / rows["a"].mean - 1
    result = compute(document, identity="x")[0].to_dict()
    (entry,) = result["segments"]
    assert (entry["segment"], entry["not_shown"], entry["joint"]) == ("country", None, True)
    lifts = [row["lift"]["interval"] for row in (*entry["segment_rows"], *entry["overall"]) if row["variant"] == "b"]
    assert len(lifts) == 3
    for interval in lifts:
        assert interval["low"] < LIFT < interval["high"] < pooled / 2


def test_groups_that_cannot_be_compared_within_steps_are_not_shown():
    result = compute(moved(segment_cells=None), identity="x")[0].to_dict()
    (entry,) = result["segments"]
    assert (entry["segment_rows"], entry["not_shown"]["code"]) == ([], "shares_moved")


@pytest.mark.parametrize("kinds", [audience.MOST_KINDS, 0], ids=["few kinds", "looked into by the engine"])
def test_cells_are_split_by_epoch_where_there_are_two(database, monkeypatch, kinds):
    monkeypatch.setattr(audience, "MOST_KINDS", kinds)
    launched(database, segments=["country"])
    live_a_day(database, 0)
    assert evening(database, 0).inputs["collected"]["segment_cells"] is None, "one attribute and one epoch"
    live_a_day(database, 1)
    analysis = evening(database, 1)
    found = analysis.inputs["collected"]["segment_cells"]
    assert found["attributes"] == ["country", EPOCH]
    by_epoch, did = Counter(), Counter()
    for variant, (country, epoch), n, successes in found["cells"]:
        assert country in ("AT", "DE")
        by_epoch[int(epoch), variant] += n
        did[variant] += successes
    for epoch in analysis.result["allocation"]["epochs"]:
        assert {key: by_epoch[epoch["number"], key] for key in "abc"} == epoch["members"]
    assert did == {row["variant"]: row["total"] for row in analysis.result["metrics"][0]["variants"]}
