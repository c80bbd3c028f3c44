"""The results page in a real browser, under its own Content-Security-Policy."""

import pytest

from tests.web.pages.results import fixtures, stored

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}


def overflow(page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


def colour_of(page, selector: str, what: str) -> str:
    return page.evaluate(f"getComputedStyle(document.querySelector({selector!r}))[{what!r}]")


def test_ridges_and_both_charts_are_drawn_without_a_complaint(app, opened) -> None:
    stored.with_past(app)
    page = opened()
    assert page.locator("svg.ridge").count() == 10
    ridge = page.locator("svg.ridge").first.bounding_box()
    assert ridge["height"] == 36
    assert ridge["width"] > 300
    page.wait_for_selector("#over-time .chart[data-drawn=done]")
    assert page.locator("#over-time .chart svg path").count() >= 3
    page.click("#all-country summary")
    page.wait_for_selector("#all-country .chart[data-drawn=done]")
    assert page.locator("#all-country .chart svg path").count() >= 10
    assert page.complaints == []


def test_a_chart_keeps_its_place_before_it_is_drawn(app, opened) -> None:
    stored.with_past(app)
    page = opened()
    before = page.locator("#over-time .chart").bounding_box()["height"]
    page.wait_for_selector("#over-time .chart[data-drawn=done]")
    assert page.locator("#over-time .chart").bounding_box()["height"] == before


def test_the_keyboard_reaches_a_number_and_its_explanation(app, opened) -> None:
    stored.analyse(app)
    page = opened()
    page.focus("#n-sticky_rate-b-mean")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "n-sticky_rate-b-lift"
    explanation = page.locator("#why")
    assert explanation.is_visible()
    assert "above A" in explanation.inner_text()
    box = explanation.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280
    page.keyboard.press("Escape")
    assert not explanation.is_visible()


def test_an_explanation_moves_nothing(app, opened) -> None:
    stored.analyse(app)
    page = opened()
    page.locator("#n-share_rate-b-lift").scroll_into_view_if_needed()
    before = page.locator("#n-share_rate-b-lift").bounding_box()
    page.hover("#n-share_rate-b-lift")
    assert page.locator("#why").is_visible()
    assert page.locator("#n-share_rate-b-lift").bounding_box() == before


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_phone_never_scrolls_sideways_and_its_tables_stay_readable(app, opened, page) -> None:
    page.set_viewport_size(PHONE)
    stored.with_past(app)
    opened()
    assert overflow(page) <= 0
    for summary in page.locator("summary:visible").all():
        if summary.evaluate("e => e.parentElement.id"):
            summary.click()
    page.wait_for_timeout(300)
    assert overflow(page) <= 0
    assert page.locator("svg.ridge").first.bounding_box()["width"] >= 80
    assert page.evaluate("getComputedStyle(document.querySelector('.axis text')).fontSize") == "11px"
    assert page.evaluate("getComputedStyle(document.querySelector('.score tbody tr')).display") == "table-row"


def test_the_drawings_follow_the_dark_page(app, opened, page) -> None:
    stored.with_past(app)
    opened()
    page.wait_for_selector("#over-time .chart[data-drawn=done]")
    line = "#over-time .chart .mark-line path"
    light = (colour_of(page, ".ridge .dot", "fill"), colour_of(page, line, "stroke"), colour_of(page, "body", "color"))
    page.emulate_media(color_scheme="dark")
    dark = (colour_of(page, ".ridge .dot", "fill"), colour_of(page, line, "stroke"), colour_of(page, "body", "color"))
    assert all(one != other for one, other in zip(light, dark, strict=True))
    assert all(colour.startswith("rgb") for colour in dark)


def test_a_newer_result_appears_and_keeps_scroll_focus_and_open_tables(app, opened, page) -> None:
    stored.analyse(app, identity="1")
    stored.expose(app)
    with stored.services_of(app).database.write() as session:
        from experiments.jobs import queue
        from experiments.lifecycle.store import get

        queue.enqueue(session, "analyse", experiment=get(session, stored.KEY), requested_by="page:x@example.org")
    opened()
    assert "waiting for the worker" in page.inner_text("#status")
    page.click("#raw summary")
    page.focus("#n-purchase_rate-b-mean")
    top = page.evaluate("scrollY")
    with stored.services_of(app).database.write() as session:
        found = queue.get(session, 1)
        found.state = "done"
        session.add(found)
    stored.analyse(app, fixtures.stored_result(scale=0.5), identity="2")
    page.wait_for_selector("#n-purchase_rate-b-mean[data-why*='3,547']", timeout=15_000)
    assert page.evaluate("document.activeElement.id") == "n-purchase_rate-b-mean"
    assert page.evaluate("document.querySelector('#raw').open")
    # The line about the analysis went away above it; the browser's scroll anchoring may follow that, no farther.
    assert abs(page.evaluate("scrollY") - top) < 120
    assert "10,65" in page.inner_text("#head")
    assert page.complaints == []


def test_the_decision_is_made_in_a_dialog_and_recorded(app, opened, page) -> None:
    stored.analyse(app)
    opened()
    page.click("#act-decide")
    dialog = page.locator("#decide")
    assert dialog.is_visible()
    dialog.get_by_text("Meet the people who make it").click()
    dialog.locator("textarea").fill("It carries further.")
    dialog.get_by_role("button", name="Ship variant").click()
    page.wait_for_url("**/experiments/spring-headline")
    assert "shipped B" in page.inner_text("#head").replace("\n", " ")
    assert "It carries further." in page.inner_text("#answer")


def test_a_picture_that_does_not_load_leaves_the_pattern(app, opened, page) -> None:
    from experiments.lifecycle import store

    with stored.services_of(app).database.write() as session:
        for variant in store.variants_of(session, store.get(session, stored.KEY)):
            good = variant.key == "a"
            url = "/static/common/burr.svg" if good else "/static/no-such-picture.png"
            variant.content = variant.content | {"image_url": url}
            session.add(variant)
    stored.analyse(app)
    opened()
    for picture in page.locator(".picture").all():
        picture.scroll_into_view_if_needed()
    page.wait_for_selector(".picture img.loaded")
    page.wait_for_selector(".picture.v1 img", state="detached")
    page.wait_for_selector(".picture.v2 img", state="detached")
    assert page.locator(".picture svg").count() == 3
