"""Purchases and the value of shipping, as data."""

import pytest

from experiments.reporting.measures import Measure
from tests.web.pages.results import fixtures, sampled_parts
from tests.web.pages.results.view_of import THIN, page, with_part


def test_a_money_metric_is_split_on_two_axes() -> None:
    (part,) = page().part("purchases")
    row = part.rows[1]
    assert (row.share.text, row.amount.text) == (f"3.5{THIN}%", f"€{THIN}46.20")
    assert row.share_drawn.low < row.share_drawn.mean < row.share_drawn.high
    assert "log-normal" in part.note
    assert row.share.why.startswith("248 of the 7,094 members")
    assert row.against == f"+6.1{THIN}% who buy, +2.9{THIN}% per buyer"


def test_a_split_that_does_not_fit_gives_the_reason() -> None:
    (part,) = page(with_part("amounts", sampled_parts.no_amounts())).part("purchases")
    assert not part.rows and part.not_shown.startswith("Neither curve looks like")


def test_the_value_of_shipping_is_the_difference_in_net_value_times_the_members_of_a_month() -> None:
    label, number = page().part("verdict").facts[-1]
    assert label == "Value of shipping B"
    assert number.text == f"€{THIN}{round(0.12 * 2664 * 30):,} a month"
    assert "2,664 members per day" in number.why


def test_a_value_whose_sign_is_not_known_is_a_range() -> None:
    result = sampled_parts.whole_result()
    entry = next(entry for entry in result["metrics"] if entry["metric"] == "net_value")
    entry["comparisons"][0]["difference"] = sampled_parts.estimate(0.12, 0.1)
    _, number = page(result).part("verdict").facts[-1]
    low, high = (round((0.12 + sign * 0.196) * 2664 * 30) for sign in (-1, 1))
    assert number.text == f"−€{THIN}{-low:,} to €{THIN}{high:,} a month"


def test_one_off_costs_do_not_reduce_the_value_of_shipping() -> None:
    _, number = page(fixed_costs={"b": 380.0}).part("verdict").facts[-1]
    assert number.text == f"€{THIN}{round((0.12 + 380 / 7094) * 2664 * 30):,} a month"
    assert "One-off costs" in number.why and "One-off costs" not in page().part("verdict").facts[-1][1].why


def test_net_value_is_shown_with_one_off_costs_and_without_them() -> None:
    by_key = {group.key: group.remark for group in page(fixed_costs={"b": 380.0, "c": 60.0}).part("scorecard").groups}
    spent = f"(A €{THIN}0, B €{THIN}380, C €{THIN}60)"
    b, c = 1.33 + 380 / fixtures.SPRING["b"][0], 1.3 + 60 / fixtures.SPRING["c"][0]
    without = f"A €{THIN}1.21, B €{THIN}{b:.2f}, C €{THIN}{c:.2f}"
    assert spent in by_key["net_value"] and without in by_key["net_value"]
    assert spent in by_key["roi"] and without not in by_key["roi"] and by_key["order_value"] == ""
    assert {group.remark for group in page().part("scorecard").groups if not group.tag} == {""}


@pytest.mark.parametrize("change", [{"answer": {}}, {"answer": {"members_per_day": 90.0, "elapsed_days": 0.4}}])
def test_an_unknown_value_of_shipping_is_not_shown(change) -> None:
    labels = [label for label, _ in page(sampled_parts.whole_result() | change).part("verdict").facts]
    assert not any(label.startswith("Value of") for label in labels)


def test_a_large_return_is_written_with_commas() -> None:
    measure = Measure.known("roi")
    assert (measure.value(200.9), measure.value(-0.4), measure.value(0.0)) == (
        f"+20,090{THIN}%",
        f"−40{THIN}%",
        f"0{THIN}%",
    )
    assert measure.difference(-190.1) == "−19,010 points"
