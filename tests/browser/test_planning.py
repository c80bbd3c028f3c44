"""The planning page in a real browser: typed, answered in place, drawn, on a phone, in the dark, without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from tests.web.pages.results import stored

pytestmark = pytest.mark.browser

FIVE_WEEKS = "/plan?base=5&members=2000&lift=10&prior=sceptical"


@pytest.fixture
def visited(app, address, browser):
    """Opens pages of somebody who is logged in; what the console says against them fails the test."""
    name, client = app.config["SESSION_COOKIE_NAME"], stored.logged_in(app)
    contexts, complaints = [], []

    def visit(path, **options):
        context = browser.new_context(locale="en-GB", **options)
        context.add_cookies([{"name": name, "value": client.get_cookie(name).value, "url": address}])
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(f"{address}{path}")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not complaints


def drawn(page):
    expect(page.locator("[data-drawn=done]")).to_have_count(3, timeout=30_000)


def test_a_plan_is_typed_answered_in_place_and_used(visited):
    page = visited("/plan")
    page.get_by_label("Baseline").fill("5")
    page.get_by_label("Members per day").fill("2000")
    page.get_by_label("Lift to detect (%)").fill("0")
    page.get_by_role("button", name="Plan test").click()
    expect(page.locator("#lift-error")).to_contain_text("0\u202f% is out of range")
    expect(page.get_by_role("heading", name="Some fields are invalid")).to_be_visible()
    page.get_by_label("Lift to detect (%)").fill("10")
    page.keyboard.press("Enter")
    expect(page.locator("#plan-headline")).to_contain_text("Run it for")
    expect(page).to_have_url(re.compile(r"members=2000"))
    drawn(page)
    assert page.locator("#chances-title").is_visible()
    page.get_by_role("link", name="Use this plan").click()
    expect(page.locator("#planned_days")).to_have_value(re.compile(r"\d+"))


def test_a_figure_explains_itself_by_keyboard_and_escape_hides_it(visited):
    page = visited(FIVE_WEEKS)
    figure = page.locator("dl.facts button").first
    figure.focus()
    explained = page.locator(f"#{figure.get_attribute('aria-describedby')}")
    expect(explained).to_be_visible()
    page.keyboard.press("Escape")
    expect(explained).to_be_hidden()


def test_the_spread_is_asked_for_only_where_an_amount_decides(visited):
    page = visited("/plan")
    expect(page.get_by_label("Standard deviation")).to_be_hidden()
    page.get_by_label("Amount or count per member").check()
    expect(page.get_by_label("Standard deviation")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_all_without_moving_sideways(visited, scheme):
    page = visited(FIVE_WEEKS, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_text("Show as table").first.click()
    assert page.locator("#chances-title ~ details table").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_javascript_it_plans_and_holds_the_curves_as_tables(visited):
    page = visited("/plan", java_script_enabled=False)
    page.get_by_label("Baseline").fill("5")
    page.get_by_label("Members per day").fill("2000")
    page.get_by_role("button", name="Plan test").click()
    expect(page.locator("#plan-headline")).to_contain_text("Run it for")
    page.get_by_role("link", name="Show curves now").click()
    expect(page.locator("#curves table")).to_have_count(3)
