"""Traffic split, population, adjusted figures, priors, and how values are written, as data."""

import pytest

from analysis import VariantResult
from analysis.posterior.joint import Interval
from experiments.reporting.measures import Measure
from experiments.reporting.sentences.wording import Wording
from tests.web.pages.results import fixtures, sampled_parts
from tests.web.pages.results.stored_form import answer_of
from tests.web.pages.results.view_of import THIN, page, with_part
from web.pages.results.explanations import explain_kind, explain_lift, explain_mean
from web.pages.results.sections import provenance


def test_the_traffic_split_is_drawn_step_by_step_with_its_caveat() -> None:
    part = page().part("allocation")
    assert part.note.endswith(f" at least 5{THIN}%.")
    assert "The shares followed the results" in part.caveat
    assert part.following == f"Next: A 5{THIN}%, B 90{THIN}%, C 5{THIN}%."
    assert len(part.table.rows) == 4
    assert part.table.rows[-1][2] == f"88{THIN}% · 4,664"
    assert part.alternative.endswith(f"B 88{THIN}%, C 7{THIN}%.")


def test_a_traffic_split_that_has_not_changed_has_no_chart() -> None:
    part = page(with_part("allocation", sampled_parts.allocation(1))).part("allocation")
    assert part.spec is None
    assert part.alternative.endswith(f": A 33{THIN}%, B 33{THIN}%, C 33{THIN}%.")


def test_the_scorecard_can_be_limited_to_full_windows_and_the_verdict_stays() -> None:
    everyone, full = page(), page(mature=True)
    assert full.part("verdict") == everyone.part("verdict")
    assert full.part("scorecard").population.note.startswith("Only the 13,526 members whose 7-day window")
    rows = [view.part("scorecard").groups[0].rows[0] for view in (full, everyone)]
    assert rows[0].raw[0] == "4,557" != rows[1].raw[0]
    assert not page(sampled_parts.plain_result(), mature=True).part("scorecard").population


def test_a_covariate_that_explains_nothing_reduces_no_variance() -> None:
    line = page().part("scorecard").groups[0].adjusted
    assert line.text.startswith(f"Adjusted for history: variance −0.0{THIN}%. Unadjusted: B +9.")
    assert "CUPED" in line.why
    result = sampled_parts.whole_result()
    result["metrics"][0]["adjusted"] = sampled_parts.adjusted(0.231)
    assert f"variance −23.1{THIN}%" in page(result).part("scorecard").groups[0].adjusted.text
    assert page().part("scorecard").groups[1].adjusted is None


def test_the_page_shows_the_adjusted_figures_since_the_verdict_rests_on_them() -> None:
    row = page().part("scorecard").groups[0].rows[1]
    assert row.lift.text == f"+11.7{THIN}%"
    assert row.raw[2] == f"{893 / 7094 * 100:.2f}{THIN}%", "what was counted stays what was counted"
    assert "the verdict rests on them" in page().part("scorecard").groups[0].adjusted.why


def test_an_unused_covariate_gives_the_reason_and_the_plain_figures_stay() -> None:
    result = sampled_parts.plain_result()
    why = sampled_parts.not_shown("no_spread", "All members have the same history.")
    result["metrics"][0]["adjusted"] = {"covariate": {"days_before": 28}, "variance_reduction": None} | why
    group = page(result).part("scorecard").groups[0]
    assert group.adjusted.text == "Not adjusted for the 28 days before."
    assert group.adjusted.why == "All members have the same history."
    assert group.rows[1].lift.text == page(sampled_parts.plain_result()).part("scorecard").groups[0].rows[1].lift.text


def test_a_learned_prior_is_shown_with_its_range_and_its_evidence() -> None:
    rows = provenance.provenance(fixtures.reading(sampled_parts.whole_result()))
    shown = [value for label, value in rows if label == "Prior"]
    learned = next(line for line in shown if line.startswith("learned"))
    assert f"95{THIN}% of true lifts between −10{THIN}% and +11{THIN}%." in learned
    assert "0.037 in log-odds (0.029 to 0.046)." in learned
    assert "2 finished tests could not be used." in learned
    assert learned.endswith("the lifts behind the verdict.")


def test_each_fit_shows_its_diagnostics_and_checks() -> None:
    shown = dict(provenance.provenance(fixtures.reading(sampled_parts.whole_result())))
    sampled = "R-hat 1.002, 1,804 effective draws, 0 divergent transitions. Sampler nutpie, seed 7."
    assert shown["Retention fit"] == shown["Segments fit: country and device"] == sampled
    assert "2 of 2 predictive checks passed." in shown["Purchases fit: Revenue per member"]
    result = sampled_parts.whole_result()
    assert shown["Actions per member fit: Active days"].startswith("R-hat 1.002")
    result["amounts"][0]["checks"][0] |= {"observed": 931.0, "passed": False}
    shown = dict(provenance.provenance(fixtures.reading(result)))
    failed = "1 of 2 predictive checks passed. largest order: 931 observed, 180.2 to 402.9 expected."
    assert failed in shown["Purchases fit: Revenue per member"]


def test_the_kind_of_an_interval_is_named() -> None:
    assert "ETI" in page().part("scorecard").interval_kind
    interval = Interval("hdi", 0.95, 0.28, 0.32)
    assert "HDI" in explain_kind(interval)
    row = VariantResult("b", 10, 3.0, mean=0.3, interval=interval)
    assert "(shortest interval)" in explain_mean(Measure("share"), "B", row, Wording())


@pytest.mark.parametrize(
    ("metric", "mean", "difference"),
    [
        ("order_value", f"€{THIN}46.20", f"+2.9{THIN}%"),
        ("sentiment", "+0.52", "+0.21"),
        ("earned_reach", "4.4", f"+130.0{THIN}%"),
        ("active_days", f"0.29{THIN}d", f"+38.0{THIN}%"),
        ("half_life", f"3.9{THIN}d", f"+86.0{THIN}%"),
        ("k_factor", "0.31", f"+63.0{THIN}%"),
        ("reach", f"×{THIN}1.45", f"+18.0{THIN}%"),
        ("net_value", f"€{THIN}1.33", f"+€{THIN}0.12"),
        ("roi", f"+142{THIN}%", "−126 points"),
    ],
)
def test_each_kind_of_metric_is_written_in_its_unit(metric, mean, difference) -> None:
    group = next(group for group in page().part("scorecard").groups if group.key == metric)
    assert (group.rows[1].mean.text, group.rows[1].lift.text) == (mean, difference)
    for row in group.rows:
        for number in (row.mean, row.lift, row.best, row.loss):
            assert number.text in ("", "–") or number.why.endswith("."), number


def test_a_signed_metric_is_never_compared_in_per_cent() -> None:
    entry = answer_of(sampled_parts.whole_result()).entry("sentiment")
    why = explain_lift(Measure.of(entry), "B", "A", entry.plain.comparisons[0], Wording())
    assert "between +0.06 and +0.36" in why
    assert "%" not in why.replace(f"95{THIN}%", "")


def test_a_signed_sum_of_zero_does_not_mean_that_no_member_acted() -> None:
    result = sampled_parts.whole_result()
    entry = next(entry for entry in result["metrics"] if entry["metric"] == "sentiment")
    for row in entry["variants"]:
        row["total"] = 0
    group = next(group for group in page(result).part("scorecard").groups if group.key == "sentiment")
    assert not any(row.none_yet for row in group.rows)


# Few who carry an amount


def test_with_too_few_carriers_the_interval_is_left_out_with_a_reason() -> None:
    result = sampled_parts.whole_result()
    entry = next(entry for entry in result["metrics"] if entry["metric"] == "revenue")
    why = {"code": "few_carriers", "reason": "3 of the 7,094 members of B have a value."}
    entry["variants"][1] |= {"interval": None, "interval_not_shown": why}
    group = next(group for group in page(result).part("scorecard").groups if group.key == "revenue")
    assert why["reason"] in group.note and why["reason"] in group.rows[1].mean.why
    assert group.rows[1].raw[4] == "–" and group.rows[0].raw[4] != "–"
    assert group.rows[1].lift.text != "–"
