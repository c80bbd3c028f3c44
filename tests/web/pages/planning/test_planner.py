"""The planning page: the plan and its figures, errors beside their fields, and the way into the editor."""

import html
import json
import re

import pytest

from experiments.analyses import plan_figures
from tests.snapshots import matches
from tests.web.pages.rendered import lines_of
from tests.web.pages.results import fixtures
from tests.web.pages.results.stored import KEY, analyse, experiment, logged_in


def text_of(answer):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text)))


FIGURE = re.compile(r"[-+\d.,% ]+")
FIVE_WEEKS = "/plan?base=5&members=2000&lift=10&prior=sceptical"


def test_the_page_answers_before_anything_is_typed(client):
    answer = client.get("/plan")
    assert answer.status_code == 200
    assert 'class="card verdict plan-verdict"' in answer.text
    words = f"{lines_of(answer.text)}\n\n{lines_of(client.get('/plan/curves').text)}"
    matches("web/pages/planning/planner", "\n".join(line for line in words.split("\n") if not FIGURE.fullmatch(line)))


def test_the_navigation_names_it_after_the_experiments(client):
    assert re.search(r'href="/experiments"[^>]*>Experiments</a>\s*<a href="/plan"', client.get("/experiments").text)


def test_a_plan_is_a_sentence_its_figures_and_the_editor_link(client):
    answer = client.get(FIVE_WEEKS)
    text = text_of(answer)
    assert "Run it for about 5 weeks. With 2,000 members a day on 2 variants" in text
    assert "70,000" in text and "Ends with a verdict" in text
    assert "If lifts follow the prior “sceptical” A shipped variant is announced" in text
    assert "Allow 7 days more" in text


def test_a_notice_appears_if_the_learned_prior_was_requested_but_does_not_exist(client):
    asked = "/plan?base=5&members=20000&lift=10&prior="
    assert "No prior has been learned" in text_of(client.get(f"{asked}learned"))
    assert "No prior has been learned" not in text_of(client.get(f"{asked}content"))


def field(page, name):
    """Return the value of a field of the editor."""
    return html.unescape(re.search(rf'id="{name}"[^>]*value="([^"]*)"', page.text)[1])


def editor_link(answer):
    return html.unescape(re.search(r'href="(/experiments/new\?[^"]*)"', answer.text)[1])


def test_the_editor_opens_with_the_values_of_the_plan(client):
    asked = "/plan?base=5&members=4000&lift=20&variants=3&split=50,25,25&caring=2&minimum=400&window=10&prior=sceptical"
    editor = client.get(editor_link(client.get(asked)))
    assert field(editor, "planned_days") in ("14", "21", "28")
    assert [field(editor, f"variants.{at}.weight") for at in range(3)] == ["50", "25", "25"]
    assert (field(editor, "minimum_members"), field(editor, "threshold_of_caring")) == ("400", "2")
    assert field(editor, "window_days") == "10"
    assert re.search(r'<option value="sceptical" selected', editor.text)
    shown = text_of(editor).replace("\u202f", " ")
    assert "Copied from your plan: " in shown and "5 % in the control and 4,000 members a day" in shown
    assert "Choose the metric" in shown


def test_values_out_of_range_are_ignored_by_the_editor(client):
    editor = client.get(
        "/experiments/new?planned_days=9999&variants=99&minimum_members=x&prior=none&primary_metric=reach"
    )
    plain = client.get("/experiments/new")
    for name in ("planned_days", "minimum_members", "window_days", "variants.0.weight"):
        assert field(editor, name) == field(plain, name)
    assert "Copied from your plan" not in editor.text
    assert 'href="/plan"' in plain.text


def test_the_power_shown_is_never_below_the_one_requested(client):
    """The plan is chosen by the simulation that is shown, not by a coarser one."""
    for members in (900, 1000, 1100, 1300):
        text = text_of(client.get(f"/plan?base=5&members={members}&lift=10&prior=sceptical"))
        assert int(re.search(r"found and shipped in (\d+) of 100", text)[1]) >= 80


def test_a_plan_shorter_than_the_window_is_warned_of_and_never_chosen(client):
    busy = "/plan?base=20&members=90000&lift=10&window=14"
    text = text_of(client.get(busy))
    assert "Run it for about 2 weeks." in text
    assert "but a member's actions count for 14 days" in text
    short = text_of(client.get(f"{busy}&days=7"))
    assert "Shorter than the window: 1 week." in short and "Run it" not in short
    assert "a window of 14 days" in short


def test_an_analyst_can_plan_but_not_create_an_experiment(app):
    reader = logged_in(app, "analyst")
    answer = reader.get(FIVE_WEEKS)
    assert answer.status_code == 200 and "Use this plan" not in answer.text


def test_the_curves_load_after_the_plan_each_with_its_table(client):
    page = client.get(FIVE_WEEKS).text
    address = html.unescape(re.search(r'hx-get="(/plan/curves[^"]*)"', page)[1])
    curves = client.get(address)
    specs = [
        json.loads(block)
        for block in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', curves.text, re.S)
    ]
    assert [spec["description"].split(",")[0] for spec in specs] == [
        "Chance of finding a lift",
        "Smallest lift that is found",
        "How tests end",
    ]
    assert curves.text.count("<table") == 3
    assert "+20\u202f%" in curves.text


def test_without_javascript_the_curves_are_a_link_away(client):
    page = client.get(FIVE_WEEKS).text
    address = html.unescape(re.search(r'<a href="([^"]*curves=yes[^"]*)"', page)[1])
    assert client.get(address).text.count("<table") == 3


INVALID = (
    ("base=0", "base"),
    ("base=abc", "base"),
    ("members=1.000,5.2", "members"),
    ("members=9999999999999", "members"),
    ("measure=amount&base=1.500&sd=2", "base"),
    ("members=0", "members"),
    ("variants=1", "variants"),
    ("variants=2.5", "variants"),
    ("lift=0", "lift"),
    ("base=60&lift=80", "lift"),
    ("better=fewer&lift=100", "lift"),
    ("power=100", "power"),
    ("days=400", "days"),
    ("split=50,30", "split"),
    ("split=50,25,25", "split"),
    ("split=a,b", "split"),
    ("measure=amount", "sd"),
    ("variants=3&split=50/50", "split"),
)
"""A query of the form, and the field that it makes invalid."""


def test_an_error_is_beside_its_field_and_the_form_keeps_what_was_typed(client):
    messages = []
    for query, field in INVALID:
        answer = client.get(f"/plan?{query}")
        assert answer.status_code == 422, query
        message = html.unescape(re.search(rf'id="{field}-error">([^<]*)<', answer.text)[1])
        assert "plan-verdict" not in answer.text, "no plan of an invalid form"
        for name, value in (pair.split("=") for pair in query.split("&")):
            if name not in ("measure", "better"):
                assert re.search(rf'id="{name}"[^>]*value="{re.escape(value)}"', answer.text)
        messages.append(f"{query}: {message}".replace("\u202f", " "))
    matches("web/pages/planning/errors", "\n".join(messages))


@pytest.mark.parametrize("members", ["2,000", "2.000", "2 000", "2\u202f000"])
def test_what_is_counted_may_have_marks_between_its_thousands(client, members):
    plain, marked = (client.get(f"/plan?base=3&members={number}").text for number in ("2000", members))
    assert re.search(r"Run it for [^<]*", plain)[0] == re.search(r"Run it for [^<]*", marked)[0]


def test_all_errors_are_shown_at_once_also_by_htmx(client):
    answer = client.get("/plan?base=0&members=0&lift=x", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert {"base-error", "members-error", "lift-error"} <= set(re.findall(r'id="([a-z]+-error)"', answer.text))


def test_given_days_an_uneven_split_and_fewer_is_better_are_planned(client):
    short = text_of(client.get("/plan?base=5&members=2000&lift=10&days=10&prior=sceptical"))
    assert "Too short: 10 days." in short and "takes 5 weeks" in short
    split = client.get("/plan?base=5&members=2000&lift=20&variants=3&split=50,25,25")
    assert "on 3 variants" in text_of(split) and split.status_code == 200
    assert client.get("/plan?base=5&members=5000&lift=20&better=fewer").status_code == 200


def test_an_amount_is_planned_with_its_spread(client):
    answer = client.get("/plan?measure=amount&base=12&sd=40&members=5000&lift=10")
    assert answer.status_code == 200 and "Run it for" in text_of(answer)


def test_an_unreachable_plan_suggests_what_would_help(client):
    text = text_of(client.get("/plan?base=5&members=100&lift=5&prior=sceptical"))
    assert "Not within a year." in text and "Look for a larger lift" in text and "Use this plan" not in text


def test_an_experiment_s_figures_are_copied_into_the_form(app, client):
    experiment(app)
    result = fixtures.result()
    result["answer"] = {"members_per_day": 2700.4}
    analyse(app, result)
    with app.extensions["klette"].get().database.read() as session:
        found = plan_figures.figures(session, KEY)
    answer = client.get(f"/plan?like={KEY}&do=copy&base=99&members=1")
    assert answer.status_code == 302
    page = client.get(answer.location)
    assert re.search(r'id="members"[^>]*value="2700"', page.text)
    assert re.search(rf'id="base"[^>]*value="{float(f"{100 * found.mean:.4g}"):.10g}"', page.text)
    assert re.search(r'id="variants"[^>]*value="3"', page.text)
    assert re.search(r'id="window"[^>]*value="7"', page.text)
    # metric, split and members of that experiment go on into the editor with the plan
    assert "primary_metric=sticky_rate" in editor_link(client.get(f"{answer.location}&lift=40&prior=content"))
    linked = client.get(f"/plan?like={KEY}")
    assert "Figures from “Spring headline” (sticky members)." in text_of(linked)
    assert "Allow 7 days more" in text_of(linked)


def test_an_experiment_that_was_never_analysed_is_refused_beside_the_choice(app, client):
    experiment(app)
    answer = client.get(f"/plan?like={KEY}")
    assert answer.status_code == 422
    assert f"{KEY} has no analysis yet" in text_of(answer)
    assert client.get("/plan?like=nobody").status_code == 404


def test_planning_requires_an_account(app):
    assert "/login" in app.test_client().get("/plan").location
