"""Word of mouth as data: the sentence, the picture, the classes, and the reasons for what is missing."""

from tests.web.pages.results import fixtures, sampled_parts
from tests.web.pages.results.view_of import THIN, page, text_in, with_part


def test_word_of_mouth_is_a_sentence_about_the_variant_and_the_control() -> None:
    part = page().part("word_of_mouth")
    assert text_in(part.sentence) == (
        "Each member who saw B brought 0.31 more (0.27 to 0.35). With A it was 0.19."
        " Every 100 members randomised to B became 145."
    )
    assert [row.spreads.text for row in part.rows] == [f"under 0.1{THIN}%"] * 3
    assert part.young.startswith(f"12{THIN}% of the members")


def test_the_picture_has_the_size_of_the_largest_cascade_and_is_marked_as_illustrative() -> None:
    picture = page().part("word_of_mouth").picture
    assert len(picture.dots) == 64 and len(picture.lines) == 63
    assert "64 members" in picture.caption and "5 steps" in picture.caption and "illustrative" in picture.caption
    assert page().part("word_of_mouth").picture == picture
    assert all(0 <= x <= 260 and 0 <= y <= 224 for x, y, *_ in picture.dots)


def test_cascades_are_counted_in_classes_that_add_up() -> None:
    table = page().part("word_of_mouth").sizes
    assert table.columns == ("members reached", "A", "B", "C")
    assert [row[0] for row in table.rows] == ["no one else", "2", "3 to 5", "6 to 20", "21 to 100"]
    roots = [int(row[2].split(" ")[0].replace(",", "")) for row in table.rows if row[2] != "0"]
    assert sum(roots) == fixtures.SPRING["b"][0]


def test_self_sustaining_growth_has_no_reach() -> None:
    found = sampled_parts.cascade()
    found["variants"][1] |= {"reach": None, "reach_not_shown": "B may grow without end."}
    found["variants"][1]["p_viral"] = 0.62
    part = page(with_part("cascade", found)).part("word_of_mouth")
    assert part.rows[1].hundred.text == "–" and "grow without end" in part.rows[1].hundred.why
    assert part.rows[1].spreads.text == f"62{THIN}%"
    assert "became" not in text_in(part.sentence)


def test_a_variant_without_word_of_mouth_gives_the_reason_and_the_others_are_shown() -> None:
    found = sampled_parts.cascade()
    found["variants"][2]["r"] = sampled_parts.not_shown(
        "nobody_brought", "None of its 7,091 members has brought another yet."
    )
    part = page(with_part("cascade", found)).part("word_of_mouth")
    assert part.outcome == "C: None of its 7,091 members has brought another yet."
    assert (part.rows[2].brought.text, part.rows[1].brought.text) == ("–", "0.31")


def test_what_was_counted_is_kept_where_nothing_could_be_fitted() -> None:
    found = sampled_parts.cascade() | sampled_parts.not_shown(
        "pace_changed", "Newer members bring others at another pace."
    )
    for row in found["variants"]:
        row |= {
            "r": found["not_shown"] and sampled_parts.not_shown("pace_changed", "…"),
            "p_viral": None,
            "reach": None,
        }
    part = page(with_part("cascade", found)).part("word_of_mouth")
    assert part.outcome == "Newer members bring others at another pace."
    assert part.picture and part.sizes and not part.rows and not part.sentence


def test_where_no_variant_has_figures_each_gives_its_reason() -> None:
    found = sampled_parts.cascade() | sampled_parts.not_shown(
        "nobody_brought", "None of its 7,121 members has brought another yet."
    )
    for row in found["variants"]:
        why = f"None of its {fixtures.SPRING[row['variant']][0]:,} members has brought another yet."
        row |= {"r": sampled_parts.not_shown("nobody_brought", why), "p_viral": None, "reach": None}
    words = page(with_part("cascade", found)).part("word_of_mouth").outcome
    assert words.startswith("A: None of its 7,121 members has brought another yet. B: None of its 7,094 members")


def test_where_no_member_was_brought_there_is_a_reason_and_no_picture() -> None:
    found = {"not_shown": {"code": "nobody", "reason": "No member has come through a share yet."}, "variants": []}
    part = page(with_part("cascade", found)).part("word_of_mouth")
    assert (part.outcome, part.picture, part.rows) == ("No member has come through a share yet.", None, ())


def test_where_the_model_of_sharing_does_not_fit_all_texts_agree_with_the_note() -> None:
    note = "The model of sharing does not fit, so only members with a full window are included."
    part = page(with_part("cascade", sampled_parts.cascade() | {"note": note})).part("word_of_mouth")
    assert part.note == note
    assert part.young.endswith("they are left out here.")
    assert all(" are left out. " in row.brought.why for row in part.rows)
    plain = page(with_part("cascade", sampled_parts.cascade())).part("word_of_mouth")
    assert plain.note == "" and plain.young.endswith("the figures allow for that.")
    assert not any(" are left out. " in row.brought.why for row in plain.rows)


def test_a_check_with_an_upper_limit_alone_has_no_lower_end() -> None:
    checks = [
        {"name": "Brought by one member of B at most", "observed": 60.0, "low": None,
         "high": 41.0, "passed": False},
        {"name": "Brought by younger members of A", "observed": 7.0, "low": 9.0, "high": 30.0,
         "passed": False},
    ]  # fmt: skip
    shown = dict(page(with_part("cascade", sampled_parts.cascade() | {"checks": checks})).part("provenance"))[
        "Word of mouth fit"
    ]
    assert "by one member of B at most: 60 observed, at most 41 expected." in shown
    assert "younger members of A: 7 observed, 9 to 30 expected." in shown
