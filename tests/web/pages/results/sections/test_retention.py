"""Retention as data: curves, half-lives, the table, and the reasons for what is missing."""

from analysis import RetentionStatistics
from analysis.models.retention.fit import fit_retention
from experiments.reporting.sentences.wording import Wording
from tests.web.pages.results import sampled_parts
from tests.web.pages.results.view_of import THIN, page, text_in, with_part


def test_the_curves_end_in_the_half_lives_and_a_sentence_names_them() -> None:
    part = page().part("retention")
    ends = [row["end"] for row in part.spec["layer"][-1]["data"]["values"]]
    assert sorted(ends) == [f"A 2.1{THIN}d", f"B 3.9{THIN}d", f"C 2.6{THIN}d"]
    assert text_in(part.sentence) == (
        "Half of the members who return to B have returned for the last time after 3.9 days (3.6 to 4.2). "
        "For A it is 2.1 days. For C it is 2.6 days."
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
    stored = Wording().worded(fit_retention(data, tail=False).to_dict())
    part = page(with_part("retention", stored)).part("retention")
    assert [piece.text for piece in part.sentence if piece.colour] == ["B", "A"]
    assert "No half-life for C. Only 3 members returned" in part.outcome
    assert len(part.days.rows) == 6 and not part.tail


def test_each_point_of_the_curves_is_in_a_table_with_its_raw_figure() -> None:
    part = page().part("retention")
    assert part.days.columns[:4] == ("day", "A", f"A 95{THIN}%", "A raw ○")
    assert len(part.days.rows) == 13 and all(len(row) == 10 for row in part.days.rows)
    assert part.days.rows[0][1] == f"12.3{THIN}%"
    assert part.halves.rows[1][:3] == ("B", f"3.9{THIN}d", "3.6 to 4.2")


def test_before_the_first_window_ends_the_page_shows_members_who_returned_so_far() -> None:
    part = page(with_part("retention", sampled_parts.early_retention())).part("retention")
    assert part.outcome == "No member's 14-day window has ended, so there is no half-life yet."
    assert part.spec and not part.sentence and part.halves is None


def test_where_no_member_returned_there_is_no_curve() -> None:
    found = sampled_parts.retention()
    for row in found["variants"]:
        row["half_life"] = sampled_parts.not_shown("nobody_returned", "None came back.")
        for day in [*row["curve"], *row["returning"]]:
            day["raw"] = 0.0
    part = page(with_part("retention", found)).part("retention")
    assert (part.spec, part.outcome) == (None, "No member has returned on a later day yet.")


def test_a_missing_half_life_names_the_variant_and_the_reason() -> None:
    found = sampled_parts.retention()
    found["variants"][2]["half_life"] = sampled_parts.not_shown("too_few_returns", "Only 3 members came back.")
    part = page(with_part("retention", found)).part("retention")
    assert part.outcome == "No half-life for C. Only 3 members came back."
    assert "C" in [row["end"] for row in part.spec["layer"][-1]["data"]["values"]]


def test_a_forecast_that_is_not_shown_gives_the_reason() -> None:
    found = sampled_parts.retention()
    for row in found["variants"]:
        row["tail"] = sampled_parts.not_shown("predictive", "The curve does not fit.")
    assert page(with_part("retention", found)).part("retention").tail == (
        "No forecast after the window for A, B and C. The curve does not fit."
    )
    assert page().part("retention").tail == (
        f"Forecast of members who return on day 28: A 1.4{THIN}% (1.0{THIN}% to 1.7{THIN}%), "
        f"B 1.7{THIN}% (1.3{THIN}% to 2.1{THIN}%), C 1.4{THIN}% (1.1{THIN}% to 1.8{THIN}%)."
    )
    for row in found["variants"]:
        row["tail"] = {"active": [{"day": 28, "mean": 0.0002, "low": 0.0, "high": 0.0005}], "not_shown": None}
    hardly = ", ".join(f"{letter} under 0.1{THIN}%" for letter in "ABC")
    assert page(with_part("retention", found)).part("retention").tail.endswith(f" day 28: {hardly}.")


def test_a_tail_that_contradicts_the_model_is_explained() -> None:
    found = sampled_parts.retention()
    found["variants"][1]["tail"] = sampled_parts.not_shown("contradicted", "Members stopped returning sooner.")
    part = page(with_part("retention", found)).part("retention")
    assert part.tail.endswith(" No forecast after the window for B. Members stopped returning sooner.")


def test_a_result_without_sampled_parts_has_none_of_the_sections() -> None:
    view = page(sampled_parts.plain_result())
    for key in ("retention", "word_of_mouth", "purchases", "counts", "allocation"):
        assert view.part(key) is None
    assert view.part("scorecard").population is None
