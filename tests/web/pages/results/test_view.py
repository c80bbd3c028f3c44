"""The results page as data, without a browser or a database."""

from datetime import timedelta

import pytest

from analysis.messages import message
from analysis.posterior.joint import Estimate, Interval
from analysis.scoring.results import ComparisonResult
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import NOTHING, decimal
from experiments.reporting.phrases import chance
from experiments.reporting.sentences.wording import Wording
from tests.web.pages.results import fixtures, sampled_parts
from tests.web.pages.results.stored_form import answer_of
from web.pages.results import decide
from web.pages.results.explanations import explain_lift, title_of_chance
from web.pages.results.parts import VariantFacts
from web.pages.results.sections import provenance, verdict
from web.pages.results.view import build, sub_line

THIN = "\u202f"


def page(result=None, keys="abc", **changes):
    result = result or fixtures.result()
    variants = fixtures.variants(keys)
    plan, history = fixtures.plan(**changes), fixtures.history(keys=keys)
    return build(fixtures.reading(result), variants, history, plan, now=fixtures.NOW)


def test_the_deciding_metric_comes_first_and_the_guardrail_last() -> None:
    groups = page().part("scorecard").groups
    assert [group.key for group in groups][0] == "sticky_rate"
    assert groups[0].tag == "decides"
    assert groups[-1].key == "negative_rate"
    assert groups[-1].tag.startswith("guardrail")


def test_a_row_shows_the_figures_of_the_result() -> None:
    result = fixtures.result()
    stored = next(row for row in result["metrics"][0]["variants"] if row["variant"] == "b")
    row = page(result).part("scorecard").groups[0].rows[1]
    assert row.mean.text == f"{stored['mean'] * 100:.1f}{THIN}%"
    assert row.best.text == f"{stored['p_best'] * 100:.0f}{THIN}%"
    assert row.loss.text == f"{stored['expected_loss'] / (1 - stored['p_best']) * 100:.2f} in 100"


def test_the_raw_figures_add_up_to_the_rate() -> None:
    row = page().part("scorecard").groups[0].rows[0]
    assert row.raw[:3] == ("7,121", "812", f"{812 / 7121 * 100:.2f}{THIN}%")


def test_money_is_written_with_its_currency() -> None:
    revenue = next(group for group in page().part("scorecard").groups if group.key == "revenue")
    assert revenue.rows[0].mean.text.startswith(f"€{THIN}")
    assert revenue.rows[0].raw[1].startswith(f"€{THIN}")


def test_each_figure_of_the_scorecard_has_an_explanation() -> None:
    for group in page().part("scorecard").groups:
        for row in group.rows:
            for number in (row.mean, row.lift, row.best, row.loss):
                if number.text not in ("", "–"):
                    assert number.why.endswith("."), (group.key, number)
                    assert number.id


def test_the_ids_of_figures_are_unique() -> None:
    ids = [
        n.id for g in page().part("scorecard").groups for r in g.rows for n in (r.mean, r.lift, r.best, r.loss) if n.id
    ]
    assert len(ids) == len(set(ids))


def test_a_guardrail_has_no_chance_of_being_best() -> None:
    guardrail = page().part("scorecard").groups[-1]
    assert {row.best.text for row in guardrail.rows} == {""}
    assert {row.loss.text for row in guardrail.rows} == {""}
    assert {chance for row in guardrail.rows for chance in row.raw[-2:]} == {NOTHING}


@pytest.mark.parametrize(
    ("complaints", "tag"), [(28, "guardrail holds"), (43, "guardrail in doubt for C"), (95, "guardrail broken by C")]
)
def test_a_guardrail_shows_whether_it_holds(complaints: int, tag: str) -> None:
    members, done = fixtures.SPRING["c"]
    audience = fixtures.SPRING | {"c": (members, done | {"negative_rate": complaints})}
    group = page(fixtures.result(audience)).part("scorecard").groups[-1]
    assert group.tag == tag
    assert bool(group.remark) == ("holds" not in tag)


def test_a_guardrail_in_doubt_shows_the_figures_behind_it() -> None:
    members, done = fixtures.SPRING["c"]
    audience = fixtures.SPRING | {"c": (members, done | {"negative_rate": 43})}
    group = page(fixtures.result(audience)).part("scorecard").groups[-1]
    assert group.remark.startswith("Probably higher with C (9")
    own, control = 4300 / members, 2800 / fixtures.SPRING["a"][0]
    assert f": {own:.2f}{THIN}% against {control:.2f}{THIN}% as counted." in group.remark


def test_a_broken_guardrail_shows_the_bound_it_passed() -> None:
    members, done = fixtures.SPRING["c"]
    result = fixtures.result(fixtures.SPRING | {"c": (members, done | {"negative_rate": 95})})
    broken = next(row for row in answer_of(result).verdict.guardrails if row.status == "broken")
    remark = page(result).part("scorecard").groups[-1].remark
    assert decimal(abs(broken.z)) in remark and decimal(broken.bound) in remark


def test_a_failed_check_makes_the_verdict_untrusted() -> None:
    view = page(fixtures.result(checks=fixtures.broken_split()))
    assert [shown.section.key for shown in view.sections[:2]] == ["health", "verdict"]
    assert view.part("verdict").decision == "untrusted"
    assert "not trust" in view.part("verdict").headline
    assert view.part("verdict").tone == "bad"
    assert view.part("health").items[0].status == "fail"
    assert view.part("health").items[0].next_step


def test_too_little_data_is_a_calm_outcome() -> None:
    view = page(fixtures.result(scale=0.008))
    assert view.part("verdict").decision == "not_enough_data"
    assert view.part("verdict").tone == "calm"


def test_health_is_marked_by_signs_and_words_besides_colour() -> None:
    items = page().part("health").items
    assert {item.mark for item in items} == {"i", "✓"}
    assert all(item.status_name and item.sentence for item in items)
    assert (items[0].check, items[0].status) == ("immature", "info")


def test_the_last_event_is_shown_in_the_time_zone_of_the_project_while_the_test_runs() -> None:
    def silence(**changes):
        return [item.sentence for item in page(**changes).part("health").items if item.check == "silence"]

    assert "09:11 Berlin time" in silence()[0]
    assert silence(ended_at=fixtures.NOW) == silence(simulated=True) == []


def test_a_metric_without_any_action_has_no_figures() -> None:
    audience = {key: (members, done | {"negative_rate": 0}) for key, (members, done) in fixtures.SPRING.items()}
    group = page(fixtures.result(audience)).part("scorecard").groups[-1]
    assert (group.tag, group.axis, group.note) == ("none so far", (), "")
    assert [row.none_yet for row in group.rows][0] == "none yet (0 of 7,121)"
    assert all(row.ridge is None and row.best.text == row.loss.text == "–" for row in group.rows)
    assert group.rows[0].raw[:2] == ("7,121", "0")


def test_too_little_data_is_never_a_chance_of_one_half() -> None:
    view = page(fixtures.result(scale=0.008))
    assert view.part("scorecard").withheld
    assert {row.best.text + row.loss.text for row in view.part("scorecard").groups[0].rows} == {"––"}
    assert {row.raw[5] + row.raw[6] for row in view.part("scorecard").groups[0].rows} == {"––"}
    assert view.part("over_time").spec is None and view.part("over_time").rows == ()
    assert not page().part("scorecard").withheld


def test_the_verdict_and_the_scorecard_print_a_value_in_the_same_way() -> None:
    view = page()
    row = next(row for row in view.part("scorecard").groups[0].rows if row.variant.letter == "B")
    (_, chance_best), (_, loss) = view.part("verdict").facts
    assert (chance_best.text, loss.text) == (row.best.text, row.loss.text + " members")


def test_the_curve_of_a_finished_run_stops_at_its_end() -> None:
    ended = fixtures.STARTED + timedelta(days=4)
    chart = page(ended_at=ended, imported=True).part("over_time")
    assert max(point["day"] for point in chart.spec["data"]["values"]) == 4
    assert chart.spec["layer"][2]["mark"]["text"] == "end, after 4 days"
    assert len(chart.rows) == 4
    counts = page(ended_at=ended, imported=True, counts_only=True).part("over_time")
    assert counts.spec is None and "without days" in counts.alternative


def test_a_variant_named_in_the_verdict_has_its_colour() -> None:
    parts = (
        message("verdict.leads", variant="b", chance=0.9),
        message("not_shown.no_members.variants", variants=["a"]),
    )
    reason = message("sentences", parts=parts)
    words = Wording(variants={"a": "A, no headline yet", "b": "B “I, A and B”"})
    pieces = verdict.coloured(reason, words, fixtures.variants())
    assert [(piece.text, piece.colour) for piece in pieces if piece.colour] == [("B “I, A and B”", "v1"), ("A", "v0")]
    assert "".join(piece.text for piece in pieces) == words.text(reason)


def test_the_facts_name_variants_by_their_letter() -> None:
    labels = [label for label, _ in page().part("verdict").facts]
    assert labels[0] == "Chance B is best"
    assert not any("“" in label for label in labels)


def test_the_figures_of_the_verdict_are_those_of_the_scorecard() -> None:
    facts = dict(page().part("verdict").facts)
    assert facts["Chance B is best"].text == page().part("scorecard").groups[0].rows[1].best.text


def test_segments_are_about_the_variant_of_the_verdict_with_the_largest_first() -> None:
    view = page()
    rows = view.part("segments")[0].rows
    assert view.subject.key == "b"
    assert [row.level for row in rows][:2] == ["Germany", "unknown"]
    assert rows[0].raw_at is not None
    assert rows[0].lift.text == f"+11{THIN}%"
    assert view.part("segments")[0].spec["data"]["values"]


def test_a_segment_that_is_not_shown_gives_the_reason() -> None:
    why = {"segment": "country", "not_shown": {"code": "diagnostics", "reason": "The model did not settle."}}
    segment = page(fixtures.result(segments=[why])).part("segments")[0]
    assert segment.rows == ()
    assert segment.not_shown == "The model did not settle."


def test_the_chart_over_time_holds_every_analysis_and_the_same_as_a_table() -> None:
    chart = page().part("over_time")
    assert chart.title == "Chance of being the stickiest"
    assert len(chart.spec["data"]["values"]) == 8 * 3
    assert len(chart.rows) == 8
    assert "B" in chart.alternative


def test_one_analysis_makes_no_curve() -> None:
    view = build(fixtures.reading(), fixtures.variants(), fixtures.history(1), fixtures.plan(), now=fixtures.NOW)
    assert view.part("over_time").spec is None
    assert "second" in view.part("over_time").alternative


def test_a_lift_without_meaning_is_shown_as_a_difference() -> None:
    result = fixtures.result()
    entry = next(entry for entry in result["metrics"] if entry["metric"] == "share_rate")
    for row in entry["comparisons"]:
        row.update(lift=None, lift_density=None, lift_not_shown="Few members shared A, so it would mislead.")
    group = next(group for group in page(result).part("scorecard").groups if group.key == "share_rate")
    assert group.note.endswith(". Few members shared A, so it would mislead.")
    assert "in 100" in group.rows[1].lift.text
    assert group.rows[1].ridge is not None


def test_no_prior_removes_a_doubt_about_a_guardrail() -> None:
    result = fixtures.result()
    entry = result["metrics"][-1]
    assert next(row for row in entry["comparisons"] if row["variant"] == "c")["p_beats_control"] > 0.05
    assert page(result).part("scorecard").groups[-1].tag == "guardrail in doubt for C"


def test_a_metric_without_estimates_keeps_its_totals_and_gives_the_reason() -> None:
    result = fixtures.result()
    entry = result["metrics"][1]
    entry["not_shown"] = {"code": "x", "reason": "No member has shared yet."}
    for row in entry["variants"]:
        row.update(mean=None, sd=None, interval=None, p_best=None, expected_loss=None)
    for row in entry["comparisons"]:
        row.update(lift=None, difference=None, p_beats_control=None, p_rope=None, lift_density=None)
    group = page(result).part("scorecard").groups[1]
    assert group.note == "No member has shared yet."
    assert [row.best.text for row in group.rows] == ["–"] * 3
    assert group.rows[0].raw[:2] == ("7,121", "150")
    assert not group.axis


def test_the_line_under_the_title_counts_days_and_members() -> None:
    line = sub_line(21_306, 310, "day 9 of 14")
    assert line == ["day 9 of 14", "21,306 members randomised, 310 more through shares"]
    assert sub_line(1, 0, "ran 1 day") == ["ran 1 day", "1 member randomised"]
    assert sub_line(None, 0, "") == []


def test_excluded_members_are_counted_by_reason_in_a_sentence() -> None:
    assert provenance.excluded_members({"multi_exposed": 1, "bots": 12, "elsewhere": 2}) == (
        "Excluded: 1 member who saw more than one variant, 12 bots and 2 others."
    )
    assert provenance.excluded_members({"bots": 0}) == ""


def test_a_variant_is_recommended_in_the_dialog_only_if_the_verdict_ships_it() -> None:
    members, done = fixtures.SPRING["b"]
    winning = fixtures.result(fixtures.SPRING | {"b": (members, done | {"sticky_rate": 1150})})
    assert winning["verdict"]["decision"] == "ship"
    advised = [choice.advised for choice in decide.choices(fixtures.variants(), answer_of(winning), "sticky_rate")]
    assert advised == [False, True, False]
    waiting = decide.choices(fixtures.variants(), answer_of(fixtures.result()), "sticky_rate")
    assert not any(choice.advised for choice in waiting)
    assert all(choice.chance for choice in waiting)


def test_a_choice_shows_its_chance_its_net_value_and_its_guardrails() -> None:
    result = sampled_parts.whole_result()
    a, b, c = decide.choices(fixtures.variants(), answer_of(result), "sticky_rate", "EUR")
    p = {row["variant"]: row["p_best"] for row in result["metrics"][0]["variants"]}
    assert a.notes == ("control", f"{chance(p['a'])} chance of being the stickiest")
    sure = f"above A, fairly certain (95{THIN}% interval)"
    assert b.notes == (f"{chance(p['b'])} chance of being the stickiest", f"net value €{THIN}0.12 {sure}")
    assert c.notes[1:] == (f"net value €{THIN}0.090 {sure}", "guardrail “Complaints” in doubt")
    entry = next(entry for entry in result["metrics"] if entry["metric"] == "net_value")
    compared = next(row for row in entry["comparisons"] if row["variant"] == "b")
    compared["difference"] = sampled_parts.estimate(-0.11, 0.2)
    b = decide.choices(fixtures.variants(), answer_of(result), "sticky_rate", "EUR")[1]
    assert b.value == f"net value €{THIN}0.11 below A, not certain"


def test_a_choice_has_no_chances_before_there_is_enough_data() -> None:
    early = sampled_parts.plain_result()
    early["verdict"] |= {"decision": "not_enough_data", "variant": None}
    for result in (None, answer_of(early)):
        shown = [choice.notes for choice in decide.choices(fixtures.variants(), result, "sticky_rate")]
        assert shown == [("control",), (), ()]


def test_chances_never_claim_certainty() -> None:
    assert chance(0.9999) == f"over 99.9{THIN}%"
    assert chance(0.0) == f"under 0.1{THIN}%"
    assert chance(0.94) == f"94{THIN}%"
    assert chance(None) == "–"


def test_amounts_are_written_in_their_own_unit() -> None:
    seconds = Measure.known("dwell")
    assert seconds.value(34.25) == f"34.2{THIN}s"
    share = Measure.known("click_rate")
    assert share.difference(0.021) == "+2.1 in 100"
    assert share.difference(-0.0004) == "−0.04 in 100"
    assert share.loss(0.00001) == "fewer than 0.01 in 100"
    assert share.value(0.0041) == f"0.41{THIN}%"
    assert Measure.known("orders").value(0.123) == "0.123"


def test_a_lift_is_above_or_below() -> None:
    lift = Estimate(-0.05, Interval("eti", 0.95, -0.2, 0.1), -0.05)
    words = explain_lift(Measure("share"), "B", "A", ComparisonResult("b", "a", lift), Wording())
    assert "5.0" in words
    assert "below A" in words


def test_a_metric_without_a_superlative_has_a_heading() -> None:
    assert title_of_chance("half_life", "Half-life") == "Chance of being best: Half-life"


def test_letters_and_colours_follow_the_position() -> None:
    assert VariantFacts("x", 2).letter == "C"
    assert VariantFacts("x", 13).colour == "v1"


def test_the_diagnostics_of_a_sampled_fit_are_shown() -> None:
    result = fixtures.result()
    gate = {"passed": True, "rhat_max": 1.0034, "ess_min": 1020.6, "divergences": 0, "reasons": []}
    result["segments"] = [
        {
            "segment": "country",
            "metric": "sticky_rate",
            "segment_rows": [],
            "not_shown": None,
            "diagnostics": gate,
            "engine": "nutpie",
            "seed": 7,
        }
    ]
    shown = dict(provenance.provenance(fixtures.reading(result)))
    assert shown["Segments fit: country"].startswith("R-hat 1.003, 1,020 effective draws, 0 div")


def test_pooled_figures_are_noted_where_the_traffic_split_changed() -> None:
    result = sampled_parts.whole_result()
    assert not page(result).pooled
    result["metrics"][0]["stratified"] = {"epochs": 3, "merged": []}
    assert page(result).pooled
    assert not page(fixtures.result()).pooled, "where no section is shown that pools"
