"""The pages in a real browser: from the set-up link to a running experiment, by mouse and by keyboard."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

PASSWORD = "three plain words"
WHOLE = "https://pictures.example/spring.jpg"
PATHS = (
    "/experiments",
    "/experiments?state=stopped",
    "/experiments/new",
    "/experiments/by-hand",
    "/experiments/by-hand/edit",
    "/experiments/by-hand/launch",
    "/experiments/by-hand/preview/b",
    "/experiments/by-hand/archive",
    "/experiments/spring-headline",
    "/experiments/spring-headline/edit",
    "/experiments/spring-headline/ship",
    "/plan",
    "/import",
    "/keys",
    "/settings",
    "/nothing/here",
)


@pytest.fixture(scope="module")
def admin(live_server, browser):
    """The cookies of the first admin, who came by the set-up link that the first start printed."""
    link = re.search(r"http://\S+/setup/\S+", live_server.printed())[0]
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(link)
    page.get_by_label("Name").fill("Anna")
    page.get_by_label("Email").fill("anna@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url("**/experiments")
    assert page.get_by_role("heading", name="No experiments yet").is_visible()
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def logged_in(browser, admin):
    """Opens pages of the admin; any script error or broken rule of the content policy fails the test."""
    contexts, complaints = [], []

    def opened(**options):
        context = browser.new_context(storage_state=admin, locale="en-GB", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.add_init_script(COMPLAIN)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture(scope="module")
def experiments(live_server, browser, admin):
    """One running experiment and one draft, both written in the editor."""
    context = browser.new_context(storage_state=admin, locale="en-GB")
    page = context.new_page()
    for name in ("Spring headline", "By hand"):
        page.goto(f"{live_server.url}/experiments/new")
        page.get_by_label("Name", exact=False).first.fill(name)
        for at, headline in enumerate(("New season, new colours", "Meet the people who make it")):
            page.locator(f"[id='variants.{at}.content.headline']").fill(headline)
        page.get_by_role("button", name="Save draft").click()
        page.wait_for_url("**/experiments/*")
    page.goto(f"{live_server.url}/experiments/spring-headline/launch")
    page.get_by_role("button", name="Launch experiment").click()
    page.wait_for_url("**/experiments/spring-headline")
    context.close()


def test_create_with_previews_variants_and_a_rule_then_launch(live_server, logged_in):
    page = logged_in()
    page.goto(f"{live_server.url}/experiments/new")
    page.locator("#name").fill("Große Frühlings-Aktion!")
    assert page.locator("#key").input_value() == "grosse-fruhlings-aktion"
    page.locator("[id='variants.0.content.headline']").fill("New season, new colours")
    page.locator("[id='variants.1.content.headline']").fill("Meet the people who make it")
    preview = page.get_by_label("Preview of variant B")
    assert preview.get_by_text("Meet the people who make it").is_visible(), "the preview follows the typing"
    page.get_by_role("button", name="Add variant").click()
    third = page.locator("[id='variants.2.content.headline']")
    expect(third).to_be_focused()
    third.fill("Only this week")
    assert page.locator("[id='variants.1.content.headline']").input_value() == "Meet the people who make it"
    page.locator("[id='variants.2.weight']").fill("40")
    assert "106.67" in page.locator("#weight-total").inner_text()
    page.get_by_role("button", name="Split evenly").click()
    expect(page.locator("[id='variants.2.weight']")).to_have_value("33.33")
    page.get_by_label("Members who match rules").check()
    page.locator("[id='rules.0.attribute']").fill("country")
    page.locator("[id='rules.0.value']").fill("DE, AT")
    page.get_by_text("Members whose country is DE or AT take part.").wait_for()
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_url("**/experiments/grosse-fruhlings-aktion")
    page.get_by_role("link", name="Launch…").click()
    page.get_by_role("button", name="Launch experiment").click()
    page.get_by_role("link", name="Create an API key").wait_for()


def test_a_corrected_fault_takes_its_box_along_and_half_a_picture_is_never_asked_for(live_server, logged_in):
    page = logged_in()
    asked = []
    page.route("https://pictures.example/**", lambda route: (asked.append(route.request.url), route.abort()))
    page.goto(f"{live_server.url}/experiments/new")
    page.locator("#name").fill("Half a picture")
    page.locator("[id='variants.1.content.image_url']").press_sequentially(WHOLE, delay=5)
    page.locator("[id='variants.0.weight']").fill("70,5")
    assert "120.5" in page.locator("#weight-total").inner_text()
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("#errors")).to_contain_text("The weights add up to 120.5")
    page.get_by_role("button", name="Split evenly").click()
    expect(page.locator("[id='variants.0.weight']")).to_have_value("50")
    expect(page.locator("#errors")).to_have_count(0)
    assert set(asked) == {WHOLE}


def test_how_the_answer_is_made_stands_in_calm_disclosures_and_works_by_keyboard(live_server, logged_in):
    page = logged_in()
    page.goto(f"{live_server.url}/experiments/new")
    page.locator("#name").fill("Worth it")
    for at, headline in enumerate(("Old", "New")):
        page.locator(f"[id='variants.{at}.content.headline']").fill(headline)
    page.locator("#shares summary").focus()
    page.keyboard.press("Enter")
    floor = page.locator("[id='allocation.floor']")
    expect(floor).to_be_hidden()
    page.locator("[id='allocation.method']").select_option("thompson")
    expect(floor).to_be_visible()
    floor.fill("60")
    page.locator("#worth summary").click()
    page.locator("[id='worths.0.type']").fill("share")
    page.locator("[id='worths.0.amount']").fill("2,50")
    page.get_by_role("button", name="Add action").click()
    expect(page.locator("[id='worths.1.type']")).to_be_focused()
    expect(page.locator("[id='worths.0.type']")).to_have_value("share")
    expect(floor).to_have_value("60")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("[id='allocation.floor-error']")).to_contain_text("from 1 to 50")
    expect(floor).to_be_visible()
    floor.fill("10")
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_url("**/experiments/worth-it")
    assert "Share €\u202f2.50." in page.locator("dl.words").inner_text()


def test_an_archive_dialog_asks_and_escape_takes_it_back(live_server, logged_in, experiments):
    page = logged_in()
    page.goto(f"{live_server.url}/experiments/by-hand")
    page.get_by_role("button", name="Archive", exact=True).click()
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()
    assert page.url.endswith("/experiments/by-hand")


def test_the_keyboard_alone_creates_a_draft(live_server, logged_in):
    page = logged_in()
    page.goto(f"{live_server.url}/experiments")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.goto(f"{live_server.url}/experiments/new")
    walk_to(page, "name")
    page.keyboard.type("Keys only")
    walk_to(page, "variants.0.content.headline")
    page.keyboard.type("Old")
    walk_to(page, "variants.1.content.headline")
    page.keyboard.type("New")
    page.keyboard.press("Enter")
    page.wait_for_url("**/experiments/keys-only")
    assert page.get_by_role("heading", level=1).inner_text().startswith("Keys only")


def walk_to(page, wanted, most=80):
    """Press Tab until the field has the focus; every stop on the way shows where it is."""
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
                       return {id: e.id, ring: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2} }"""
        )
        assert stop["ring"], f"no focus ring on {stop['id'] or 'an element'}"
        if stop["id"] == wanted:
            return
    raise AssertionError(f"{wanted} is not reached by {most} Tabs")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways_and_each_can_be_read_by_everybody(live_server, logged_in, experiments, width, scheme):
    page = logged_in(viewport={"width": width, "height": 850}, color_scheme=scheme)
    for path in PATHS:
        answer = page.goto(live_server.url + path)
        assert answer.status in (200, 404), path
        faults = page.evaluate(READABLE)
        assert faults == [], (path, faults)


COMPLAIN = """
document.addEventListener("securitypolicyviolation", e => { throw new Error("CSP: " + e.violatedDirective) });
"""
READABLE = """() => {
  const faults = [], root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) faults.push(`wider than the screen: ${root.scrollWidth}`);
  if (root.lang !== "en") faults.push("no language");
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  if (document.querySelectorAll("main").length !== 1) faults.push("not one main");
  if (!document.title.trim()) faults.push("no title");
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) faults.push(`id twice: ${id}`);
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!field.labels.length && !field.ariaLabel) faults.push(`no label: ${field.name}`);
  for (const button of document.querySelectorAll("button, a[href], summary"))
    if (!(button.ariaLabel || button.textContent).trim()) faults.push(`no name: ${button.outerHTML.slice(0, 60)}`);
  for (const image of document.querySelectorAll("img:not([alt])")) faults.push(`no alt: ${image.src}`);
  for (const told of document.querySelectorAll("[aria-describedby]"))
    for (const id of told.getAttribute("aria-describedby").split(" "))
      if (id && !document.getElementById(id)) faults.push(`describes nothing: ${id}`);
  // What a chart sets on its own drawing, by script, is none of ours.
  if (document.querySelector("main [style]:not(svg, svg *, .vega-embed)")) faults.push("a style attribute");
  return faults;
}"""
