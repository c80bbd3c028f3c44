"""From stored inputs to a result without a database: every part of the result, and bad input."""

import json
from decimal import Decimal
from typing import Any

import pytest

from analysis import AnalysisError, NamedPrior
from analysis.messages import message
from analysis.priors import CONTENT, SCEPTICAL
from analysis.statistics import (
    AdjustedStatistics,
    AmountStatistics,
    CascadeStatistics,
    CountStatistics,
    ProportionStatistics,
    RatioStatistics,
)
from experiments.analyses.compute import compute
from experiments.analyses.plan import Inputs, LearnedFrom, LiftPrior
from experiments.catalogue.metrics import DAY_US, metric
from experiments.collect.collected import Quality
from tests.experiments.analyses.documents import BEGAN_US, RATES, answered, figures, inputs, returns, with_history

# Scorecards --------------------------------------------------------------------------------------------------------


def test_every_kind_of_metric_has_a_scorecard_by_its_registered_model():
    money = {
        key: AmountStatistics(4000, 300, Decimal(total), 90.0 * total, 1000.0, 3600.0, cap=Decimal(10_000))
        for key, total in (("a", 9000), ("b", 9900))
    }
    orders = {
        "a": CountStatistics(((0, 3700), (1, 280), (2, 20))),
        "b": CountStatistics(((0, 3650), (1, 330), (2, 20))),
    }
    worth = {
        key: RatioStatistics(4000, Decimal(total), Decimal(320), 90.0 * total, 360.0, 1.1 * total)
        for key, total in (("a", 9000), ("b", 9900))
    }
    result = answered({"click_rate": RATES, "revenue": money, "orders": orders, "order_value": worth})
    assert [entry["metric"] for entry in result["metrics"]] == ["click_rate", "revenue", "orders", "order_value"]
    for entry in result["metrics"]:
        assert entry["not_shown"] is None, entry
        assert entry["model"] == metric(entry["metric"]).model
        row, compared = figures(entry)
        assert row["mean"] > 0 and compared["difference"]["interval"]["kind"] == "eti"
        assert entry["adjusted"] is None


def test_intervals_have_the_declared_kind():
    result = answered({"click_rate": RATES}, interval="hdi")
    row, compared = figures(result["metrics"][0])
    assert row["interval"]["kind"] == compared["lift"]["interval"]["kind"] == "hdi"


def test_the_lift_prior_of_the_run_shrinks_the_rates_and_is_used_by_the_verdict():
    wide, narrow = (
        answered(
            {"click_rate": {"a": ProportionStatistics(200, 20), "b": ProportionStatistics(200, 34)}},
            lift_prior=LiftPrior("auto", prior).to_dict(),
        )
        for prior in (CONTENT, SCEPTICAL)
    )
    lifts = [figures(result["metrics"][0])[1]["lift"]["mean"] for result in (wide, narrow)]
    assert 0 < lifts[1] < lifts[0] < 0.7
    for result, name in ((wide, "content"), (narrow, "sceptical")):
        assert result["provenance"]["priors"]["lift"]["name"] == name
        assert result["provenance"]["rules"]["lift_prior"]["name"] == name
        assert result["provenance"]["priors"]["click_rate"]["name"] == name


def test_a_learned_level_of_rates_is_used_only_for_its_metric():
    parameters = {"log_odds_sd": 0.2, "sd": 0.28, "mean_log_odds": -2.2, "mean_sd": 0.5}
    learned = NamedPrior("learned", tuple(parameters.items()), "Fitted.")
    for metrics, expected in (
        ({"click_rate": 30}, True),
        ({"share_rate": 30}, False),
        ({"click_rate": 9, "x": 9}, False),
    ):
        evidence = LearnedFrom(
            30, 60, 9000, 0.2, 0.1, 0.3, -2.2, 0.5, message("families.normal"), metrics, {}, "2026-09-01T00:00:00"
        )
        result = answered({"click_rate": RATES}, lift_prior=LiftPrior("auto", learned, evidence).to_dict())
        assert ("mean_log_odds" in result["provenance"]["priors"]["click_rate"]["parameters"]) is expected
        assert result["provenance"]["priors"]["lift"]["evidence"]["tests"] == 30


def test_epochs_of_different_shares_are_compared_within_each_of_them():
    strata = {
        "a": (ProportionStatistics(2000, 100), ProportionStatistics(400, 120)),
        "b": (ProportionStatistics(2000, 102), ProportionStatistics(3600, 1070)),
    }
    pooled = {key: cells[0] + cells[1] for key, cells in strata.items()}
    epochs = [
        {"number": 1, "started_us": BEGAN_US, "weights": [["a", 0.5], ["b", 0.5]], "buckets": None},
        {"number": 2, "started_us": BEGAN_US + DAY_US, "weights": [["a", 0.1], ["b", 0.9]], "buckets": None},
    ]
    collected = {
        "epochs": (1, 2),
        "counts_by_epoch": {"a": (2000, 400), "b": (2000, 3600)},
        "strata": {"click_rate": strata},
    }
    rule = {"method": "top_two", "floor": 0.1, "every_hours": 24}
    result = answered({"click_rate": pooled}, collected=collected, epochs=epochs, allocation=rule)
    assert pooled["b"].mean / pooled["a"].mean - 1 > 1.2  # the conclusion from the plain sums
    _, compared = figures(result["metrics"][0])
    assert compared["lift"]["interval"]["low"] < 0.01 < compared["lift"]["interval"]["high"] < 0.3
    assert [epoch["members"] for epoch in result["allocation"]["epochs"]] == [
        {"a": 2000, "b": 2000}, {"a": 400, "b": 3600},
    ]  # fmt: skip
    (srm,) = (check for check in result["health"] if check["check"] == "srm")
    assert srm["status"] == "ok"


# Covariate ------------------------------------------------------------------------------------------------------


def test_figures_adjusted_for_a_declared_covariate_decide_the_verdict():
    result = answered(
        {"click_rate": RATES},
        collected={"adjusted_data": {"click_rate": with_history(0.8)}},
        covariate={"attribute": "history", "days_before": None},
    )
    entry = result["metrics"][0]
    adjusted = entry["adjusted"]
    assert adjusted["covariate"] == {"attribute": "history"}
    assert adjusted["variance_reduction"] == pytest.approx(0.64, abs=0.03)
    assert adjusted["correlation"] == pytest.approx(0.8, abs=0.02)
    (plain, before), (row, after) = figures(entry), figures(adjusted)
    width = before["difference"]["interval"]["high"] - before["difference"]["interval"]["low"]
    assert after["difference"]["interval"]["high"] - after["difference"]["interval"]["low"] < 0.75 * width
    assert result["answer"]["chance_best"] == row["p_best"] != plain["p_best"]
    lead = result["verdict"]["reason"]["params"]["parts"][0]
    assert lead["params"]["lift"] == after["lift"]["median"]


@pytest.mark.parametrize(
    ("why", "cells", "more", "code"),
    [
        ("the same for all", {"spread": 0.0}, {}, "covariate_without_spread"),
        ("shares that moved", {"spread": 1.0}, {"epochs": (1, 2), "counts_by_epoch": {"a": (1, 3999), "b": (1, 4099)}},
         "shares_moved"),
    ],
)  # fmt: skip
def test_an_unusable_covariate_leaves_the_plain_figures_with_a_reason(why, cells, more, code):
    data = with_history(0.8)
    if not cells["spread"]:
        data = {
            key: AdjustedStatistics(c.n, c.total, c.total_squares, 2.0 * c.n, 4.0 * c.n, 2.0 * float(c.total))
            for key, c in data.items()
        }
    result = answered(
        {"click_rate": RATES}, collected={"adjusted_data": {"click_rate": data}} | more,
        covariate={"attribute": None, "days_before": 14},
    )  # fmt: skip
    adjusted = result["metrics"][0]["adjusted"]
    assert (adjusted["covariate"], adjusted["not_shown"]["code"], adjusted["variants"]) == (
        {"days_before": 14},
        code,
        [],
    )
    assert result["answer"]["chance_best"] == figures(result["metrics"][0])[0]["p_best"]


# Mature members ------------------------------------------------------------------------------------------------------


def test_figures_of_mature_members_are_separate_from_those_of_all_members():
    mature = {"a": ProportionStatistics(1000, 110), "b": ProportionStatistics(1010, 140)}
    result = answered({"click_rate": RATES}, collected={"mature_data": {"click_rate": mature}})
    assert result["mature"]["members"] == {"a": 1000, "b": 1010}
    row, _ = figures(result["mature"]["metrics"][0])
    assert (row["n"], row["total"]) == (1010, 140)
    assert answered({"click_rate": RATES})["mature"] is None, "all are mature: there is nothing to tell apart"


# Health ------------------------------------------------------------------------------------------------------------


def test_a_failed_split_stays_failed():
    def split(**more: Any) -> dict:
        return next(c for c in answered({"click_rate": RATES}, **more)["health"] if c["check"] == "srm")

    assert split()["status"] == "ok"
    assert split(srm_failed=True)["status"] == "fail"


def test_the_outcomes_of_a_a_tests_are_a_check():
    def history(declared: list[bool]) -> list[dict]:
        found = answered({"click_rate": RATES}, aa_history=declared)["health"]
        return [check for check in found if check["check"] == "aa_history"]

    assert history([]) == []
    assert history([False] * 9)[0]["status"] == "ok"
    assert history([True] * 6 + [False] * 3)[0]["status"] == "fail"


def test_purchases_in_another_currency_warn_where_no_money_decides():
    quality = Quality(events=10, other_currency=3, orders=6, currencies={"CHF": 1, "USD": 2})
    result = answered({"click_rate": RATES}, collected={"quality": quality})
    (currency,) = (check for check in result["health"] if check["check"] == "currency")
    assert (currency["status"], currency["value"]) == ("warn", 0.5)
    assert currency["detail"]["message"] == "health.currency.beside"
    assert currency["detail"]["params"] == {"purchases": 3, "others": "USD, CHF", "currency": "EUR", "share": 0.5}


def test_a_verdict_on_money_is_untrusted_where_orders_are_in_another_currency():
    amounts = {key: AmountStatistics.from_values([0] * 900 + [50] * 300) for key in "ab"}
    quality = Quality(events=10, other_currency=3, orders=600, currencies={"CHF": 3})
    result = answered({"revenue": amounts}, collected={"quality": quality})
    (currency,) = (check for check in result["health"] if check["check"] == "currency")
    assert (currency["status"], currency["detail"]["message"]) == ("fail", "health.currency.decides")
    assert result["verdict"]["decision"] == "untrusted"


# Bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "cells", "code"),
    [
        ("no members", {"a": ProportionStatistics(0, 0), "b": ProportionStatistics(0, 0)}, "no_members"),
        (
            "no members in one variant",
            {"a": ProportionStatistics(50, 5), "b": ProportionStatistics(0, 0)},
            "no_members",
        ),
        ("no successes", {"a": ProportionStatistics(50, 0), "b": ProportionStatistics(60, 0)}, "nobody_yet"),
        ("one variant", {"a": ProportionStatistics(50, 5)}, "too_few_variants"),
        ("no control", {"b": ProportionStatistics(50, 5), "c": ProportionStatistics(50, 5)}, "unknown_variant"),
        ("mixed kinds", {"a": ProportionStatistics(50, 5), "b": CountStatistics(((0, 50),))}, "mixed_kinds"),
    ],
)
def test_data_without_information_give_a_reason_and_never_a_number(what, cells, code):
    weights = [[key, 0.5] for key in cells] if len(cells) > 1 else [["a", 0.5], ["b", 0.5]]
    epochs = [{"number": 1, "started_us": BEGAN_US, "weights": weights, "buckets": None}]
    result = answered({"click_rate": cells}, weights=weights, epochs=epochs)
    entry = result["metrics"][0]
    assert entry["not_shown"]["code"] == code
    assert entry["not_shown"]["reason"]["message"].startswith("not_shown.")
    assert all(row["p_best"] is None and row["mean"] is None for row in entry["variants"])
    assert result["verdict"]["decision"] in ("not_enough_data", "untrusted")
    assert result["answer"]["chance_best"] is None


def test_one_invalid_metric_leaves_the_others_shown():
    capped = {
        "a": AmountStatistics(4000, 1, Decimal(5), 25.0, 1.6, 2.6, cap=Decimal(10)),
        "b": AmountStatistics(4100, 1, Decimal(5), 25.0, 1.6, 2.6, cap=Decimal(20)),
    }
    result = answered({"click_rate": RATES, "revenue": capped})
    assert result["metrics"][0]["not_shown"] is None
    assert result["metrics"][1]["not_shown"]["code"] == "mixed_kinds"


def test_a_programming_error_is_not_an_outcome_of_the_data(monkeypatch):
    from experiments.analyses import scorecards

    def wrong(*_: Any, **__: Any) -> None:
        raise AnalysisError("unknown_model", "There is no such model.")

    monkeypatch.setattr(scorecards, "scorecard", wrong)
    with pytest.raises(AnalysisError):
        answered({"click_rate": RATES})


def test_extreme_data_have_a_result():
    for cells in (
        {"a": ProportionStatistics(3, 0), "b": ProportionStatistics(3, 3)},
        {"a": ProportionStatistics(10**9, 10**8), "b": ProportionStatistics(10**9, 10**8 + 10**5)},
        {"a": ProportionStatistics(500, 500), "b": ProportionStatistics(500, 500)},
    ):
        json.dumps(answered({"click_rate": cells}), allow_nan=False)


# Sampled parts ----------------------------------------------------------------------------------------------------


def test_an_early_result_has_the_closed_forms_and_marks_the_rest_as_following():
    brought = {key: CascadeStatistics(7, ((7, 0, 500), (7, 1, 90)), ((7, 1, 90),)) for key in "ab"}
    result = answered(
        {"click_rate": RATES, "half_life": returns({"a": 0.3, "b": 0.4}), "k_factor": brought}, segments=["country"]
    )
    retention = result["retention"]
    assert [row["half_life"]["mean"] > 0 for row in retention["variants"]] == [True, True]
    assert result["cascade"]["not_shown"]["code"] == result["segments"][0]["not_shown"]["code"] == "later"
    assert [entry["metric"] for entry in result["metrics"]] == ["click_rate"], "these have no scorecard"
    assert set(result["provenance"]["priors"]) == {"click_rate", "lift", "retention"}, "only of the shown parts"


def test_unmeasured_parts_are_absent():
    result = answered({"click_rate": RATES})
    assert (result["retention"], result["cascade"], result["amounts"], result["segments"]) == (None, None, [], [])
    assert result["allocation"] is None and result["counts"] == []


def test_the_same_inputs_give_the_same_digits():
    document = inputs({"click_rate": RATES, "half_life": returns({"a": 0.3, "b": 0.4})})
    again = Inputs.from_dict(json.loads(json.dumps(document.to_dict())))
    first, second = (compute(given, identity="i") for given in (document, again))
    assert (first[0].to_dict(), first[1]) == (second[0].to_dict(), second[1])
