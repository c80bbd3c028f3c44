"""The result as plain text: every metric of every kind has its rows, and its columns are known."""

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from analysis.models.cascade.result import CascadeComparison, CascadeResult, Reach, VariantCascade
from analysis.posterior.joint import Estimate, Interval
from analysis.priors import WORD_OF_MOUTH
from analysis.statistics import AdjustedStatistics, AmountStatistics, CountStatistics
from experiments.analyses.answer import Answer
from experiments.catalogue.metrics import metric
from experiments.reporting.table import CSV_COLUMNS, to_csv
from experiments.reporting.worded import Reading, wording
from tests.experiments.analyses.documents import RATES, answered, returns, with_history


def reading_of(result: dict[str, Any]) -> Reading:
    answer = Answer.from_dict(result)
    return Reading(answer, wording(answer, {}))


def written(answer: Answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(Reading(answer, wording(answer, {}))))))


def rows_of(result: dict[str, Any]) -> list[dict[str, str]]:
    return written(Answer.from_dict(result))


def test_each_metric_and_variant_is_a_row_with_its_comparison():
    rows = rows_of(answered({"click_rate": RATES}))
    assert [(row["metric"], row["variant"], row["n"], row["total"]) for row in rows] == [
        ("click_rate", "a", "4000", "400.0"),
        ("click_rate", "b", "4100", "520.0"),
    ]
    assert list(rows[0]) == list(CSV_COLUMNS)
    assert rows[0]["lift"] == "" and float(rows[1]["lift_low"]) < float(rows[1]["lift"]) < float(rows[1]["lift_high"])


def test_adjusted_figures_have_rows_of_their_own():
    rows = rows_of(
        answered(
            {"click_rate": RATES},
            collected={"adjusted_data": {"click_rate": with_history(0.8)}},
            covariate={"attribute": "history", "days_before": None},
        )
    )
    assert [row["adjusted_for"] for row in rows] == ["", "", "history", "history"]
    assert [row["answer"] for row in rows] == ["false", "false", "true", "true"], (
        "the verdict goes by the adjusted ones"
    )
    assert [row["model"] for row in rows] == ["conversion", "conversion", "adjusted_rate", "adjusted_rate"]
    plain, adjusted = (float(row["difference_high"]) - float(row["difference_low"]) for row in rows[1::2])
    assert adjusted < plain


def test_where_a_covariate_could_not_be_used_the_plain_figures_are_the_answer():
    nothing = {
        key: AdjustedStatistics(cell.n, cell.total, float(cell.total), 0.0, 0.0, 0.0) for key, cell in RATES.items()
    }
    rows = rows_of(
        answered(
            {"click_rate": RATES},
            collected={"adjusted_data": {"click_rate": nothing}},
            covariate={"attribute": "history", "days_before": None},
        )
    )
    assert [(row["adjusted_for"], row["answer"]) for row in rows] == [("", "true"), ("", "true")]


def test_what_is_not_shown_says_why():
    without_successes = {key: type(cell)(cell.n, 0) for key, cell in RATES.items()}
    result = answered({"click_rate": RATES, "share_rate": without_successes})
    reasons = {row["metric"]: row["not_shown"] for row in rows_of(result)}
    assert reasons == {"click_rate": "", "share_rate": "No member has done it yet."}


def test_the_half_life_counts_the_members_whose_window_is_over():
    result = answered({"click_rate": RATES, "half_life": returns({"a": 0.3, "b": 0.4})})
    rows = [row for row in rows_of(result) if row["metric"] == "half_life"]
    assert [(row["variant"], row["n"], row["unit_of_measure"]) for row in rows] == [
        ("a", "600", "days"),
        ("b", "600", "days"),
    ]
    assert all(float(row["low"]) <= float(row["mean"]) <= float(row["high"]) for row in rows)


def test_word_of_mouth_tells_the_factor_by_its_mean_and_the_reach_by_its_median():
    interval = Interval("eti", 0.95, 0.2, 0.4)
    factor, reach = Estimate(0.3, interval, 0.3), Reach(1.4, interval)
    variants = tuple(VariantCascade(key, 90, 27, 60, factor, factor, 0.0, reach, 0.1, (), ()) for key in "ab")
    compared = (CascadeComparison("b", "a", Estimate(0.1, interval, 0.1), 0.6),)
    cascade = CascadeResult(variants, compared, WORD_OF_MOUTH, 7)
    answer = Answer.from_dict(answered({"click_rate": RATES}))
    answer = replace(answer, sampled={**answer.sampled, "cascade": (cascade,)})
    assert written(answer)[2:] == [], "they are not measured here"
    definitions = {key: metric(key).definition("EUR", 7) for key in ("k_factor", "reach")}
    provenance = replace(answer.provenance, metric_definitions=definitions)
    rows = written(replace(answer, provenance=provenance))[2:]
    assert [(row["metric"], row["variant"], row["mean"], row["median"]) for row in rows] == [
        ("k_factor", "a", "0.3", ""),
        ("k_factor", "b", "0.3", ""),
        ("reach", "a", "", "1.4"),
        ("reach", "b", "", "1.4"),
    ]
    assert (rows[1]["difference"], rows[1]["p_beats_control"], rows[0]["difference"]) == ("0.1", "0.6", "")


def test_a_figure_that_is_not_shown_is_an_empty_cell():
    result = answered({"click_rate": RATES, "half_life": returns({"a": 0.0, "b": 0.4})})
    rows = {row["variant"]: row for row in rows_of(result) if row["metric"] == "half_life"}
    assert rows["a"]["mean"] == "" and rows["b"]["mean"] != ""


def test_only_the_mature_members_are_answered_where_they_are_asked_for():
    mature = dict(RATES)
    result = answered({"click_rate": RATES}, collected={"mature_data": {"click_rate": mature}})
    assert reading_of(result).mature_only().answer.to_dict()["metrics"] == result["mature"]["metrics"]
    all_members = reading_of(answered({"click_rate": RATES}))
    assert all_members.mature_only() == all_members


def test_whole_cascades_have_rows_of_their_own_that_nothing_goes_by():
    trees = {key: CountStatistics(((0, cell.n - cell.successes), (2, cell.successes))) for key, cell in RATES.items()}
    result = answered({"click_rate": RATES}, collected={"total_data": {"click_rate": trees}, "shared": 920})
    rows = rows_of(result)
    assert [(row["population"], row["answer"], row["total"]) for row in rows] == [
        ("direct", "true", "400.0"), ("direct", "true", "520.0"),
        ("total", "false", "800.0"), ("total", "false", "1040.0"),
    ]  # fmt: skip
    assert rows[2]["model"] == "count" and float(rows[3]["mean"]) == pytest.approx(1040 / 4100, rel=0.02)


def test_an_interval_that_is_not_told_says_why():
    few = {key: AmountStatistics.from_values([20.0, 30.0] + [0.0] * 500) for key in "ab"}
    rows = rows_of(answered({"revenue": few}))
    assert all(row["low"] == "" and "2" in row["not_shown"] for row in rows if row["metric"] == "revenue")
