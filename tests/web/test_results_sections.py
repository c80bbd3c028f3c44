"""The sections below the scorecard as data: staying, word of mouth, buyers, shares that move; and their outcomes."""

import pytest

from analysis import RetentionStatistics
from analysis.models.retention import fit_retention
from tests.web import results_fixtures as fixtures
from tests.web import results_more as more
from web.pages import results_provenance, results_view
from web.pages.results_measure import Measure
from web.pages.results_words import explain_kind, explain_lift, explain_mean

THIN = "\u202f"


def page(result=None, **changes):
    mature = changes.pop("mature", False)
    return results_view.build(
        result or more.whole_result(),
        {},
        fixtures.variants(),
        fixtures.history(),
        fixtures.plan(**changes),
        now=fixtures.NOW,
        mature=mature,
    )


def said(parts) -> str:
    return "".join(part.number.text if part.number else part.text for part in parts)


def with_part(name, part):
    return more.plain_result() | {name: part}


# How long it sticks


def test_the_curves_end_in_each_variants_half_life_and_a_sentence_says_them() -> None:
    part = page().sticks
    ends = [row["end"] for row in part.spec["layer"][-1]["data"]["values"]]
    assert sorted(ends) == [f"A 2.1{THIN}d", f"B 3.9{THIN}d", f"C 2.6{THIN}d"]
    assert said(part.sentence) == (
        "Half of those who come back to B do so for the last time within 3.9 days (3.6 to 4.2);"
        " with A it is 2.1, with C 2.6."
    )
    assert not part.outcome


def test_the_curves_of_the_real_model_are_drawn() -> None:
    """Sixteen days seen of a window of seven: a closed form, so nothing is sampled."""
    members = {
        "a": [(16, [1])] * 40 + [(16, [])] * 360 + [(3, [])] * 50,
        "b": [(16, [1, 4])] * 60 + [(16, [])] * 340,
        "c": [(16, [2])] * 3 + [(16, [])] * 400,
    }
    data = {key: RetentionStatistics.from_members(rows, 7) for key, rows in members.items()}
    part = page(with_part("retention", fit_retention(data, tail=False).to_dict())).sticks
    assert said(part.sentence).startswith("Half of those who come back to B do so for the last time within ")
    assert "No half-life for C: only 3 members came back" in part.outcome
    assert len(part.days.rows) == 6 and not part.tail


def test_every_point_of_the_curves_stands_in_a_table_with_its_raw_figure() -> None:
    part = page().sticks
    assert part.days.columns[:4] == ("day", "A", f"A 95{THIN}%", "A raw ○")
    assert len(part.days.rows) == 13 and all(len(row) == 10 for row in part.days.rows)
    assert part.days.rows[0][1] == f"12.3{THIN}%"
    assert part.halves.rows[1][:3] == ("B", f"3.9{THIN}d", "3.6 to 4.2")


def test_before_the_first_window_is_over_the_page_shows_who_has_come_back_so_far() -> None:
    part = page(with_part("retention", more.early_retention())).sticks
    assert "Nobody has had the full 14 days yet" in part.outcome
    assert part.spec and not part.sentence and part.halves is None
    assert part.note.startswith("Members who have come back")


def test_where_nobody_came_back_there_is_no_curve() -> None:
    found = more.retention()
    for row in found["variants"]:
        row["half_life"] = more.not_shown("nobody_returned", "None came back.")
        for day in [*row["staying"], *row["returning"]]:
            day["raw"] = 0.0
    part = page(with_part("retention", found)).sticks
    assert (part.spec, part.outcome) == (None, "Nobody has come back on a later day yet.")


def test_a_half_life_that_cannot_be_told_says_whose_and_why() -> None:
    found = more.retention()
    found["variants"][2]["half_life"] = more.not_shown("too_few_returns", "Only 3 members came back.")
    part = page(with_part("retention", found)).sticks
    assert part.outcome == "No half-life for C: only 3 members came back."
    assert "C" in [row["end"] for row in part.spec["layer"][-1]["data"]["values"]]


def test_a_tail_that_is_not_shown_says_why() -> None:
    found = more.retention()
    for row in found["variants"]:
        row["tail"] = more.not_shown("predictive", "The curve does not fit.")
    assert page(with_part("retention", found)).sticks.tail == "A, B and C: the curve does not fit."
    assert page().sticks.tail == (
        f"Going on as they did, 1.4{THIN}% of A, 1.7{THIN}% of B and 1.4{THIN}% of C would still come back on day 28."
    )
    for row in found["variants"]:
        row["tail"] = {"survival": [{"day": 28, "mean": 0.0002}], "not_shown": None}
    assert page(with_part("retention", found)).sticks.tail == (
        "Going on as they did, hardly anybody who saw A, B or C would still come back on day 28."
    )


@pytest.mark.parametrize(("seen", "way"), [("1.2", "stopped coming sooner"), ("4.5", "kept coming longer")])
def test_a_curve_unlike_the_law_is_told_in_words_with_its_figures_below(seen, way) -> None:
    found = more.retention()
    why = f"The days after the window are not told: the usual law of staying expects 3.0 % of members, {seen} % were."
    found["variants"][1]["tail"] = more.not_shown("contradicted", why)
    part = page(with_part("retention", found)).sticks
    assert part.tail.endswith(f" For B no forecast beyond the window: its members {way} than such curves usually do.")
    assert part.tail_figures == f"B: t{why[1:]}"


def test_a_result_of_former_days_has_none_of_the_sections() -> None:
    view = page(more.plain_result())
    assert (view.sticks, view.carries, view.spending, view.sharing_out, view.members_shown) == (
        None,
        None,
        (),
        None,
        None,
    )


# How far it carries


def test_word_of_mouth_is_a_sentence_about_the_variant_and_the_control() -> None:
    part = page().carries
    assert said(part.sentence) == (
        "Each member who saw B brought 0.31 more (0.27 to 0.35); with A it was 0.19."
        " Every 100 members reached by B became 145."
    )
    assert [row.spreads.text for row in part.rows] == [f"under 0.1{THIN}%"] * 3
    assert part.young.startswith(f"12{THIN}% of the members came so recently")


def test_the_picture_is_as_large_as_the_largest_cascade_and_says_that_it_is_drawn() -> None:
    picture = page().carries.picture
    assert len(picture.dots) == 64 and len(picture.lines) == 63
    assert "reached 64 members, the deepest went 5 steps" in picture.caption
    assert "who brought whom is not kept" in picture.caption
    assert page().carries.picture == picture
    assert all(0 <= x <= 260 and 0 <= y <= 224 for x, y, *_ in picture.dots)


def test_cascades_are_counted_in_classes_that_add_up() -> None:
    table = page().carries.sizes
    assert table.columns == ("members reached", "A", "B", "C")
    assert [row[0] for row in table.rows] == ["nobody else", "2", "3 to 5", "6 to 20", "21 to 100"]
    roots = [int(row[2].split(" ")[0].replace(",", "")) for row in table.rows if row[2] != "0"]
    assert sum(roots) == fixtures.SPRING["b"][0]


def test_what_spreads_by_itself_has_no_end_to_tell() -> None:
    found = more.cascade()
    found["variants"][1] |= {"reach": None, "reach_not_shown": "B may spread by itself, so no end can be told."}
    found["variants"][1]["p_viral"] = 0.62
    part = page(with_part("cascade", found)).carries
    assert part.rows[1].hundred.text == "–" and "no end can be told" in part.rows[1].hundred.why
    assert part.rows[1].spreads.text == f"62{THIN}%"
    assert "became" not in said(part.sentence)


def test_a_variant_whose_word_of_mouth_is_not_known_yet_says_why_and_the_others_stand() -> None:
    found = more.cascade()
    found["variants"][2]["r"] = more.not_shown("nobody_brought", "None of its 7,091 members has brought anybody yet.")
    part = page(with_part("cascade", found)).carries
    assert part.outcome == "C: none of its 7,091 members has brought anybody yet."
    assert (part.rows[2].brought.text, part.rows[1].brought.text) == ("–", "0.31")


def test_what_was_counted_is_kept_where_nothing_could_be_fitted() -> None:
    found = more.cascade() | more.not_shown("pace_changed", "Newer members bring others at another pace.")
    for row in found["variants"]:
        row |= {"r": found["not_shown"] and more.not_shown("pace_changed", "…"), "p_viral": None, "reach": None}
    part = page(with_part("cascade", found)).carries
    assert part.outcome == "Newer members bring others at another pace."
    assert part.picture and part.sizes and not part.rows and not part.sentence


def test_where_nothing_is_known_of_any_variant_each_says_why() -> None:
    found = more.cascade() | more.not_shown("nobody_brought", "None of its 7,121 members has brought anybody yet.")
    for row in found["variants"]:
        why = f"None of its {fixtures.SPRING[row['variant']][0]:,} members has brought anybody yet."
        row |= {"r": more.not_shown("nobody_brought", why), "p_viral": None, "reach": None}
    said = page(with_part("cascade", found)).carries.outcome
    assert said.startswith("A: none of its 7,121 members has brought anybody yet. B: none of its 7,094 members")


def test_where_nobody_was_brought_there_is_a_reason_and_no_picture() -> None:
    found = {"not_shown": {"code": "nobody", "reason": "Nobody has come through a share yet."}, "variants": []}
    part = page(with_part("cascade", found)).carries
    assert (part.outcome, part.picture, part.rows) == ("Nobody has come through a share yet.", None, ())


# How many buy, and how much


def test_a_money_metric_is_taken_apart_on_two_axes() -> None:
    (part,) = page().spending
    row = part.rows[1]
    assert (row.share.text, row.amount.text) == (f"3.5{THIN}%", f"€{THIN}46.20")
    assert row.share_drawn.low < row.share_drawn.mean < row.share_drawn.high
    assert "log-normal" in part.note
    assert "248 members of 7,094 who saw B bought" in row.share.why
    assert row.against == f"+6.1{THIN}% who buy, +2.9{THIN}% per buyer"


def test_a_split_that_does_not_fit_says_why() -> None:
    (part,) = page(with_part("amounts", more.no_amounts())).spending
    assert not part.rows and part.not_shown.startswith("Neither curve looks like")


# Adaptive shares


def test_the_shares_are_drawn_step_by_step_with_their_caveat() -> None:
    part = page().sharing_out
    assert part.note == f"In proportion to each variant's chance of being best; every variant keeps at least 5{THIN}%."
    assert "The shares followed the results" in part.caveat
    assert part.following == f"Next: A 5{THIN}%, B 90{THIN}%, C 5{THIN}%."
    assert len(part.table.rows) == 4
    assert part.table.rows[-1][2] == f"88{THIN}% · 4,664"
    assert part.alternative.endswith(f"B 88{THIN}%, C 7{THIN}%.")


def test_shares_that_have_not_moved_are_no_chart() -> None:
    part = page(with_part("allocation", more.allocation(1))).sharing_out
    assert part.spec is None
    assert part.alternative.startswith("The shares have not moved yet")


# Whose figures


def test_only_members_seen_in_full_can_be_looked_at_and_the_verdict_stays() -> None:
    everybody, full = page(), page(mature=True)
    assert full.verdict == everybody.verdict
    assert full.members_shown.note.startswith("Only the 13,526 members whose 7 days are over")
    assert full.groups[0].rows[0].raw[0] == "4,557" != everybody.groups[0].rows[0].raw[0]
    assert not page(more.plain_result(), mature=True).members_shown


# Adjusted, priors, intervals


def test_a_history_that_explains_nothing_says_so() -> None:
    line = page().groups[0].adjusted
    assert line.text.startswith(f"Adjusted for history: variance −0.0{THIN}%; without it B +10.")
    assert "CUPED" in line.why
    result = more.whole_result()
    result["metrics"][0]["adjusted"] = more.adjusted(0.231)
    assert f"variance −23.1{THIN}%" in page(result).groups[0].adjusted.text
    assert page().groups[1].adjusted is None


def test_the_page_shows_the_adjusted_figures_since_the_verdict_rests_on_them() -> None:
    row = page().groups[0].rows[1]
    assert row.lift.text == f"+11.7{THIN}%"
    assert row.raw[2] == f"{893 / 7094 * 100:.2f}{THIN}%", "what was counted stays what was counted"
    assert "the verdict rests on them" in page().groups[0].adjusted.why


def test_a_covariate_that_could_not_be_used_says_why_and_the_plain_figures_stand() -> None:
    result = more.plain_result()
    why = more.not_shown("no_spread", "All members have the same history.")
    result["metrics"][0]["adjusted"] = {"covariate": {"days_before": 28}, "variance_reduction": None} | why
    group = page(result).groups[0]
    assert group.adjusted.text == "Not adjusted for the 28 days before."
    assert group.adjusted.why == "All members have the same history."
    assert group.rows[1].lift.text == page(more.plain_result()).groups[0].rows[1].lift.text


def test_a_learned_prior_tells_what_it_believes_and_where_from() -> None:
    told = [value for label, value in results_provenance.provenance(more.whole_result()) if label == "Prior"]
    learned = next(line for line in told if line.startswith("learned"))
    assert f"19 of 20 true lifts lie between −10{THIN}% and +11{THIN}%" in learned
    assert "The variants of a test lie 0.037 (0.029 to 0.046) apart in log-odds." in learned
    assert "2 finished tests could not be used." in learned
    assert learned.endswith("For: every lift, for the verdict.")


def test_every_fit_tells_what_its_gate_let_through() -> None:
    told = dict(results_provenance.provenance(more.whole_result()))
    assert told["Fit of staying"] == "R-hat 1.002, 1,804 effective draws, 0 divergences; nutpie, seed 7"
    assert told["Fit by country and device"].startswith("R-hat 1.002")
    assert "2 of 2 predictive checks passed; nutpie" in told["Fit of revenue by buyer"]
    result = more.whole_result()
    result["amounts"][0]["checks"][0] |= {"observed": 931.0, "passed": False}
    told = dict(results_provenance.provenance(result))
    assert (
        "1 of 2 predictive checks passed, largest order 931, outside 180.2 to 402.9" in told["Fit of revenue by buyer"]
    )


def test_the_kind_of_an_interval_is_named() -> None:
    assert "ETI" in page().interval_kind
    assert "HDI" in explain_kind(more.interval(0.1, 0.01, "hdi"))
    row = {"n": 10, "total": 3, "interval": more.interval(0.3, 0.01, "hdi")}
    assert "the shortest such interval" in explain_mean(Measure("share"), "B", row)


# How values are written


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
def test_each_kind_of_metric_is_written_in_its_own_way(metric, mean, difference) -> None:
    group = next(group for group in page().groups if group.key == metric)
    assert (group.rows[1].mean.text, group.rows[1].lift.text) == (mean, difference)
    for row in group.rows:
        for number in (row.mean, row.lift, row.best, row.loss):
            assert number.text in ("", "–") or number.why.endswith("."), number


def test_a_signed_metric_is_never_compared_in_per_cent() -> None:
    entry = next(entry for entry in more.earning() if entry["metric"] == "sentiment")
    why = explain_lift(Measure.of(entry), "B", "A", entry["comparisons"][0])
    assert why.startswith("The difference to A per mention is between +0.06 and +0.36")
    assert "%" not in why.replace(f"95{THIN}%", "")


def test_nobody_mentioning_it_is_not_told_of_a_signed_sum_that_is_nought() -> None:
    result = more.whole_result()
    entry = next(entry for entry in result["metrics"] if entry["metric"] == "sentiment")
    for row in entry["variants"]:
        row["total"] = 0
    group = next(group for group in page(result).groups if group.key == "sentiment")
    assert not any(row.nobody for row in group.rows)


# What shipping is worth


def test_the_worth_of_shipping_is_the_difference_in_net_value_times_members_times_a_month() -> None:
    label, number = page().verdict.facts[-1]
    assert label == "Worth of shipping B"
    assert number.text == f"€{THIN}{round(0.12 * 2664 * 30):,} a month"
    assert "2,664 members a day" in number.why


def test_a_worth_whose_sign_is_not_known_is_told_as_a_range() -> None:
    result = more.whole_result()
    entry = next(entry for entry in result["metrics"] if entry["metric"] == "net_value")
    entry["comparisons"][0]["difference"] = more.estimate(0.12, 0.1)
    _, number = page(result).verdict.facts[-1]
    low, high = (round((0.12 + sign * 0.196) * 2664 * 30) for sign in (-1, 1))
    assert number.text == f"−€{THIN}{-low:,} to €{THIN}{high:,} a month"


def test_what_was_spent_once_is_not_spent_again_by_shipping() -> None:
    _, number = page(fixed_costs={"b": 380.0}).verdict.facts[-1]
    assert number.text == f"€{THIN}{round((0.12 + 380 / 7094) * 2664 * 30):,} a month"
    assert "what was spent once is left out" in number.why


def test_net_value_says_what_was_spent_once_and_what_it_is_without() -> None:
    by_key = {group.key: group.remark for group in page(fixed_costs={"b": 380.0, "c": 60.0}).groups}
    spent = f"Includes what was spent once (A €{THIN}0, B €{THIN}380, C €{THIN}60), shared over this test's members"
    b, c = 1.33 + 380 / fixtures.SPRING["b"][0], 1.3 + 60 / fixtures.SPRING["c"][0]
    assert by_key["net_value"] == f"{spent}; without it: A €{THIN}1.21, B €{THIN}{b:.2f}, C €{THIN}{c:.2f}."
    assert by_key["roi"] == f"{spent}." and by_key["order_value"] == ""
    assert {group.remark for group in page().groups if not group.tag} == {""}


@pytest.mark.parametrize("change", [{"answer": {}}, {"answer": {"members_per_day": 90.0, "elapsed_days": 0.4}}])
def test_a_worth_that_cannot_be_known_is_not_told(change) -> None:
    labels = [label for label, _ in page(more.whole_result() | change).verdict.facts]
    assert not any(label.startswith("Worth") for label in labels)


def test_reasons_call_variants_by_their_letters() -> None:
    result = more.plain_result()
    why = "Too few members of variant a have something to divide by; variant a, c cost nothing, about as variants do."
    result["metrics"][1]["not_shown"] = {"code": "x", "reason": why}
    assert page(result).groups[1].note == (
        "Too few members of variant A have something to divide by; variant A and C cost nothing, about as variants do."
    )


def test_a_large_return_is_written_with_commas() -> None:
    measure = Measure.of({"metric": "roi", "kind": "value"})
    assert (measure.value(200.9), measure.value(-0.4), measure.value(0.0)) == (
        f"+20,090{THIN}%",
        f"−40{THIN}%",
        f"0{THIN}%",
    )
    assert measure.difference(-190.1) == "−19,010 points"
