"""The sections below the scorecard in a real browser: drawn, by keyboard, on a phone and in the dark."""

from datetime import timedelta

import pytest

from experiments.storage.tables import utc_now
from tests.web.pages.results import sampled_parts, stored

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
CHARTS = ("retention", "over-time", "allocation")


@pytest.fixture
def whole(app, opened):
    stored.with_past(app, sampled_parts.whole_result(utc_now() - timedelta(days=8.01)))
    return opened


def drawn(page, section):
    page.locator(f"#{section} .chart").scroll_into_view_if_needed()
    page.wait_for_selector(f"#{section} .chart[data-drawn=done]")
    return page.locator(f"#{section} .chart")


def test_every_section_is_drawn_and_nothing_jumps(whole) -> None:
    page = whole()
    before = {name: page.locator(f"#{name} .chart").bounding_box()["height"] for name in CHARTS}
    for name in CHARTS:
        assert drawn(page, name).bounding_box()["height"] == before[name]
    ends = page.locator("#retention .chart svg text").all_text_contents()
    assert {"A 2.1\u202fd", "B 3.9\u202fd", "C 2.6\u202fd"} <= set(ends)
    assert page.locator("#retention .chart svg .mark-area path").count() == 3
    assert page.locator("#allocation .chart svg .mark-area path").count() >= 3
    assert page.locator("#word-of-mouth svg circle").count() == 64
    assert page.locator("#purchases svg.forest").count() == 6
    assert page.locator("#segments tr.whole").count() == 2
    assert page.complaints == []


def test_the_name_at_the_end_of_a_curve_stays_inside_its_card(whole) -> None:
    page = whole()
    drawn(page, "retention")
    card = page.locator("#retention").bounding_box()
    for text in page.locator("#retention .chart svg text").all():
        box = text.bounding_box()
        assert box["x"] + box["width"] <= card["x"] + card["width"]


def test_figures_inside_a_sentence_have_explanations_by_keyboard(whole) -> None:
    page = whole()
    page.focus("#n-word-of-mouth-b-sentence")
    explanation = page.locator("#why")
    assert explanation.is_visible() and "9,293 members who saw B" in explanation.inner_text()
    page.keyboard.press("Escape")
    assert not explanation.is_visible()
    page.focus("#n-half-life-b")
    assert "4,498 members who saw B" in explanation.inner_text()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "n-half-life-a"


def test_the_limit_to_full_windows_is_applied_in_place_and_undone(whole) -> None:
    page = whole()
    everyone = page.inner_text("#n-sticky_rate-a-mean")
    verdict = page.inner_text("#verdict")
    page.focus("#members-mature")
    page.keyboard.press("Enter")
    page.wait_for_selector("#members-mature[aria-current]")
    assert page.url.endswith("?members=mature")
    assert page.evaluate("document.activeElement.id") == "members-mature"
    assert page.inner_text("#verdict") == verdict
    assert "Only the 13,526 members" in page.inner_text("#scorecard .note")
    page.click("#members-all")
    page.wait_for_selector("#members-all[aria-current]")
    assert page.inner_text("#n-sticky_rate-a-mean") == everyone
    assert page.complaints == []


def test_a_phone_shows_every_section_in_one_column(whole, page) -> None:
    page.set_viewport_size(PHONE)
    whole()
    for name in CHARTS:
        drawn(page, name)
    lefts = {
        page.locator(f"#{name}").bounding_box()["x"]
        for name in (*CHARTS, "word-of-mouth", "purchases", "counts", "segments")
    }
    assert len(lefts) == 1
    for summary in page.locator("summary:visible").all():
        if summary.evaluate("e => e.parentElement.id"):
            summary.click()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.locator("#word-of-mouth svg").bounding_box()["width"] > 200
    values = page.locator("#provenance dl.facts dd")
    assert values.count() > 5 and min(value.bounding_box()["width"] for value in values.all()) > 250


def test_the_sections_follow_the_dark_page(whole, page) -> None:
    whole()
    drawn(page, "retention")
    places = (
        "#retention .mark-line path:first-of-type",
        "#word-of-mouth circle",
        "#purchases .span",
        "#word-of-mouth-title",
    )

    def colours():
        return [
            page.evaluate(f"getComputedStyle(document.querySelector({place!r}))['{what}']")
            for place, what in zip(places, ("stroke", "fill", "stroke", "color"), strict=True)
        ]

    light = colours()
    page.emulate_media(color_scheme="dark")
    assert all(one != other for one, other in zip(light, colours(), strict=True))


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"retention": sampled_parts.early_retention()}, "No member's 14-day window has ended"),
        ({"amounts": sampled_parts.no_amounts()}, "Neither curve looks like"),
        ({"counts": sampled_parts.no_counts()}, "2 of 102 members of B did it"),
        ({"allocation": sampled_parts.allocation(1)}, "The traffic split has not changed yet"),
        (
            {"cascade": {"not_shown": {"code": "nobody", "reason": "No member came through a share yet."}}},
            "No member came",
        ),
    ],
)
def test_an_outcome_takes_the_place_of_a_missing_drawing(app, opened, part, words) -> None:
    stored.with_past(app, sampled_parts.plain_result() | part)
    page = opened()
    assert words in page.inner_text("#answer .sections")
    assert page.complaints == []


TOUCHING = """() => [...document.querySelectorAll('.chart, svg.axis')].flatMap(chart => {
  const texts = [...chart.querySelectorAll('text')].filter(text => text.textContent
    && text.getBoundingClientRect().width && text.getAttribute('opacity') !== '0');
  return texts.flatMap((one, at) => texts.slice(at + 1).filter(other => {
    const a = one.getBoundingClientRect(), b = other.getBoundingClientRect();
    return a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 4 && b.top < a.bottom - 4;
  }).map(other => one.textContent + ' | ' + other.textContent));
})"""
"""Pairs of labels in one chart that cover each other."""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_two_labels_of_a_chart_cover_each_other(whole, page, width, scheme) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    whole()
    for summary in page.locator("#segments summary").all():
        summary.click()
    page.wait_for_function("document.querySelectorAll('.chart:not([data-drawn=done])').length === 0")
    assert page.evaluate(TOUCHING) == []
