"""A stored document is read back to the digit, for every kind of metric and every part of a result."""

import json
from decimal import Decimal
from typing import Any

import pytest

from analysis import priors
from analysis.errors import not_shown
from analysis.messages import message
from analysis.models.cascade.result import CascadeComparison, CascadeResult, Reach, VariantCascade
from analysis.models.hurdle import HurdleResult, HurdleVariant
from analysis.models.negative_binomial import CountResult, CountVariant
from analysis.models.retention.lifetimes import Tail, TailPoint
from analysis.posterior.joint import Estimate, Interval
from analysis.sampling.diagnostics import Diagnostics
from analysis.sampling.predictive import Check
from analysis.segments.fit import OverallRow, SegmentRow
from analysis.statistics import AmountStatistics, ProportionStatistics, RatioStatistics, ValueStatistics
from experiments.analyses.answer import Answer
from experiments.analyses.plan import Inputs
from experiments.analyses.sampled import SAMPLED
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.sampled.segments import SegmentEntry
from experiments.analyses.serialise import finite
from tests.experiments.analyses.documents import BEGAN_US, ORDERED, RATES, answered, inputs, returns, with_history

ESTIMATE = Estimate(0.1 + 0.2, Interval("hdi", 0.95, 1 / 3, 2 / 3), 0.31)
FIT = Diagnostics(True, 1.001, 812.5, 3, ())
CHECK = Check(message("check.brought_most", variant="b"), 12.0, None, 9.5, False)
MONEY = {
    key: AmountStatistics(4000, 300, Decimal(total), 90.0 * total, 1000.0, 3600.0, cap=Decimal(10_000))
    for key, total in (("a", 9000), ("b", 9900))
}


def written(document: Any) -> Any:
    return json.loads(json.dumps(document, allow_nan=False))


def stored(value: Any) -> Any:
    """Return a part of a document as stored; numbers that JSON cannot hold are null."""
    return written(finite(value))


def survives(document: dict[str, Any]) -> bool:
    return bool(written(Answer.from_dict(document).to_dict()) == document)


DATA: dict[str, dict[str, Any]] = {
    "click_rate": RATES,
    "revenue": MONEY,
    "orders": ORDERED,
    "order_value": {
        key: RatioStatistics(4000, Decimal(total), Decimal(320), 90.0 * total, 360.0, 1.1 * total)
        for key, total in (("a", 9000), ("b", 9900))
    },
    "net_value": {
        key: ValueStatistics(
            4000, ("revenue", "share"), (Decimal(total), Decimal(50)), ((90.0 * total, 20.0), (20.0, 60.0)), (0.4, 1.5),
            Decimal(120), Decimal("0.5"),
        )
        for key, total in (("a", 9000), ("b", 9900))
    },
    "half_life": returns({"a": 0.3, "b": 0.0}),
}  # fmt: skip


@pytest.mark.parametrize("key", [key for key in DATA if key != "half_life"])
def test_every_kind_of_metric_survives(key):
    document = answered({key: DATA[key]})
    assert document["metrics"][0]["not_shown"] is None and survives(document)


def test_everything_at_once_survives():
    epochs = [
        {"number": 1, "started_us": BEGAN_US, "weights": [["a", 0.5], ["b", 0.5]], "buckets": None},
        {"number": 2, "started_us": BEGAN_US + 1, "weights": [["a", 0.1], ["b", 0.9]], "buckets": None},
    ]
    document = answered(
        DATA,
        collected={
            "shared": 3,
            "mature_data": {"click_rate": RATES},
            "total_data": {"click_rate": ORDERED},
            "adjusted_data": {"click_rate": with_history(0.8)},
            "arrivals": (("a", 0, 4000), ("b", 1, 4100)),
        },
        allocation={"method": "top_two", "floor": 0.1, "every_hours": 24},
        covariate={"attribute": "history", "days_before": None},
        guardrails=["orders"],
        segments=["country"],
        epochs=epochs,
        interval="hdi",
    )
    assert document["mature"] and document["total"] and document["allocation"] and document["retention"]["variants"]
    assert document["metrics"][0]["adjusted"]["correlation"] and document["segments"][0]["not_shown"]
    assert survives(document)


def test_data_without_a_figure_survive():
    for cells in ({"a": ProportionStatistics(0, 0), "b": ProportionStatistics(0, 0)}, {"a": RATES["a"]}):
        assert survives(answered({"click_rate": cells}))


FITTED = {
    "segments": SegmentEntry(
        "country", "click_rate",
        (SegmentRow("b", "DE", 9, 4, ESTIMATE, 4 / 9, ESTIMATE, None, 0.7),
         SegmentRow("a", "DE", 9, 4, ESTIMATE, 4 / 9, None, None, None)),
        (OverallRow("b", ESTIMATE, ESTIMATE), OverallRow("a", ESTIMATE, None)),
        FIT, ("DE", "others"), 7, "nutpie", True, ("AT", "CH"), message("note.levels_merged", levels=2),
    ),
    "cascade": CascadeResult(
        (VariantCascade("a", 9, 4, 5, ESTIMATE, not_shown("contradicted"), 0.2, Reach(1.5, ESTIMATE.interval), 0.1,
                        ((1, 4), (2, 1)), ((0, 4),)),
         VariantCascade("b", 9, 4, 5, not_shown("too_young", days=7), ESTIMATE, None,
                        not_shown("near_one", chance=0.2, limit=0.95), 0.1, (), ())),
        (CascadeComparison("b", "a", ESTIMATE, 0.25),),
        priors.WORD_OF_MOUTH, 7, FIT, "nutpie", (CHECK,), message("note.complete_members_only", check=CHECK.name),
    ),
    "amounts": HurdleResult(
        "revenue", None, "gamma", (HurdleVariant("b", 9, 4, ESTIMATE, ESTIMATE, ESTIMATE, None, ESTIMATE, None),),
        (CHECK,), FIT, seed=7, engine="nutpie", note=message("note.amounts_cut", amounts=2, cap=10.0),
    ),
    "counts": CountResult(
        "orders", not_shown("fit_not_trusted", reasons=(message("diagnostics.did_not_move"),)),
        (CountVariant("b", 9, 4, *[ESTIMATE] * 5, 0.2, ESTIMATE, 0.7),), (CHECK,),
        Diagnostics(False, float("inf"), 0.0, 3, (message("diagnostics.did_not_move"),)), seed=7,
    ),
}  # fmt: skip


@pytest.mark.parametrize("part", SAMPLED, ids=lambda part: part.key)
def test_every_sampled_part_survives(part):
    if part.key == "retention":
        (fit,) = Answer.from_dict(answered({"click_rate": RATES, "half_life": DATA["half_life"]})).entries(part)
        point = TailPoint(8, 0.3, 0.1, 1 / 3)
        object.__setattr__(fit.variants[0], "tail", Tail(1.5, 2.5, 0.25, (point,), (point,)))
    else:
        fit = FITTED[part.key]
    document = stored(part.to_json((fit,)))
    (read,) = part.from_json(document)
    assert type(read) is type(fit) and stored(part.to_json((read,))) == document
    empty = Unfitted(not_shown("later"), {"variants": []})
    assert part.from_json(written(part.to_json((empty,)))) == (empty,)
    assert part.to_json(()) == ([] if part.listed else None) and part.from_json(part.to_json(())) == ()


def test_the_inputs_survive():
    given = inputs(
        DATA, covariate={"attribute": None, "days_before": 7}, aa_history=[True, False], segments=["country"]
    )
    assert Inputs.from_dict(written(given.to_dict())).to_dict() == given.to_dict()
