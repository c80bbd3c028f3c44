"""The editor's part on the analysis: action values, costs, and amounts as people type them."""

import re
from decimal import Decimal

import pytest

from experiments.lifecycle import store, transitions
from experiments.reporting.definition import analysis_settings
from tests.web.pages.client import draft_form
from tests.web.pages.editor.forms import create, document, errors_of, fields_of
from web.pages.common.typed_numbers import amount_of, amount_text, number_of

WORTHS = {
    "allocation.method": "top_two",
    "covariate.kind": "attribute",
    "covariate.attribute": "history",
    "worths.0.type": "share",
    "worths.0.amount": "2.50",
    "margin": "35",
    "prior": "content",
    "interval": "hdi",
}


def test_a_form_that_does_not_show_how_the_answer_is_made_leaves_it_as_it_is(pages):
    create(pages, **WORTHS)
    before = document(pages)
    shown = fields_of(pages.get("/experiments/spring-headline/edit").text)
    beginnings = ("allocation", "covariate", "worths", "margin", "prior", "interval")
    old = {name: value for name, value in shown.items() if not name.startswith(beginnings)}
    old |= {"do": "save", "name": "Renamed"}
    assert pages.post("/experiments/spring-headline/edit", old, page="/experiments/new").status_code == 302
    after = document(pages)
    assert after["name"] == "Renamed"
    kept = ("allocation", "covariate", "action_values", "margin", "prior", "interval")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert before["allocation"]["method"] == "top_two" and before["action_values"] == {"share": 2.5}


def test_a_small_change_of_a_running_test_leaves_how_its_answer_is_made(pages):
    create(pages, **WORTHS)
    with pages.database.write() as session:
        transitions.launch(session, store.get(session, "spring-headline"), actor="cli")
    before, edit = document(pages), "/experiments/spring-headline/edit"
    form = fields_of(pages.get(edit).text) | {"name": "Renamed"}
    assert pages.post(edit, form, page=edit).status_code == 302
    after = document(pages)
    assert after["name"] == "Renamed"
    assert all(after[name] == before[name] for name in ("allocation", "covariate", "action_values", "margin", "prior"))


def test_adding_and_removing_actions_keeps_what_was_typed(pages):
    form = draft_form(do="add-worth", **{"worths.0.type": "share", "worths.0.amount": "2"})
    more = fields_of(pages.post("/experiments/new", form, page="/experiments/new").text)
    assert (more["worths.0.type"], more["worths.1.type"]) == ("share", "")
    fewer = pages.post("/experiments/new", more | {"do": "remove-worth.0"}, page="/experiments/new")
    assert "worths.1.type" not in fields_of(fewer.text)


def test_only_metrics_that_a_verdict_can_rest_on_are_offered_as_such(pages):
    page = pages.get("/experiments/new").text
    deciding = re.search(r'<select id="primary_metric".*?</select>', page, re.DOTALL)[0]
    guardrails = re.search(r'<fieldset id="guardrails">.*?</fieldset>', page, re.DOTALL)[0]
    others = re.search(r'<fieldset id="metrics">.*?</fieldset>', page, re.DOTALL)[0]
    for key in ("half_life", "k_factor", "reach", "roi"):
        assert f'value="{key}"' in others
        assert f'value="{key}"' not in deciding and f'value="{key}"' not in guardrails
    refused = pages.post("/experiments/new", draft_form(primary_metric="roi", prior="hope"), page="/experiments/new")
    assert "cannot decide a verdict" in errors_of(refused)["primary_metric"]
    assert "is unknown" in errors_of(refused)["prior"]
    assert 'value="net_value"' in deciding and 'value="sentiment"' in guardrails


def test_the_launch_and_the_definition_name_what_differs_from_the_defaults(pages):
    create(pages, **WORTHS | {"allocation.floor": "5", "allocation.every_hours": "24"})
    labels = re.findall(r"<dt>([^<]+)</dt>", pages.get("/experiments/spring-headline").text)
    assert {"Traffic split", "Values", "Covariate"} <= set(labels)
    launch = pages.get("/experiments/spring-headline/launch").text
    assert "<dt>Traffic split</dt>" in launch and "Members keep the variant they saw." in launch


def test_costs_are_named_wherever_the_definition_is(pages):
    create(pages, **{"variants.0.cost.per_thousand": "20", "variants.1.cost.fixed": "1500"})
    costs = "<dt>Costs</dt><dd>A € 20 per 1,000 members; B € 1,500 once.</dd>"
    launch = "/experiments/spring-headline/launch"
    for path in ("/experiments/spring-headline", launch):
        assert costs in pages.get(path).text.replace("\u202f", " ")
    pages.post(launch, page=launch)
    assert costs in pages.get("/experiments/spring-headline").text.replace("\u202f", " ")


@pytest.mark.parametrize(
    ("costs", "metrics", "text"),
    [
        (({"fixed": 1500.0, "per_thousand": 25.0}, None), [], "A € 1,500 once and € 25 per 1,000 members; B nothing."),
        (({"fixed": 0.0, "per_thousand": 4.5}, {"fixed": 0.0, "per_thousand": 0.125}), [],
         "A € 4.50 per 1,000 members; B € 0.125 per 1,000 members."),
        ((None, {"fixed": 0.0, "per_thousand": 0.0}), [], ""),
        ((None, None), ["roi"], "No variant has a cost."),
    ],
)  # fmt: skip
def test_costs_are_shown_as_they_were_typed(costs, metrics, text):
    document = {"primary_metric": "sticky_rate", "metrics": metrics, "guardrails": [], "currency": "EUR"}
    document["variants"] = [{"cost": cost} for cost in costs]
    assert analysis_settings.costs(document).replace("\u202f", " ") == text


@pytest.mark.parametrize("typed", ["120.50", "120,50", " 120,5 "])
def test_amounts_are_read_with_a_point_or_a_comma(pages, typed):
    create(pages, **{"variants.0.cost.fixed": typed, "variants.0.weight": "33,5", "variants.1.weight": "66.5"})
    assert document(pages)["variants"][0]["cost"]["fixed"] == 120.5


@pytest.mark.parametrize("typed", ["1.250,50", "1,250.50", "1,250,000", "12,34,5", "1e999", "nan"])
def test_an_amount_that_would_have_to_be_guessed_is_refused(typed):
    number, fault = number_of(typed)
    assert number is None
    assert fault


@pytest.mark.parametrize(
    ("typed", "readings"),
    [
        ("1.500", ("1500", "1.50")),
        ("1,500", ("1500", "1.50")),
        ("12.345", ("12345", "12.345", "12.3450")),
    ],
)
def test_three_digits_after_a_mark_may_be_thousands_in_every_field_of_money(pages, typed, readings):
    form = draft_form(**{"variants.1.cost.fixed": typed, "worths.0.type": "share", "worths.0.amount": typed})
    shown = errors_of(pages.post("/experiments/new", form, page="/experiments/new"))
    assert shown.keys() == {"variants.1.cost.fixed", "worths.0.amount"}
    for message in shown.values():
        assert set(re.findall(r"\d[\d.]*\d", message.replace(f"“{typed}”", ""))) == set(readings)


@pytest.mark.parametrize("typed", ["0.125", "1500", "1.50", "1.5000", "1500.125", "0,125"])
def test_an_amount_that_can_be_read_in_one_way_is_read(typed):
    assert amount_of(typed, "an amount") == (number_of(typed)[0], "")
    assert amount_of(amount_text("1.125"), "an amount")[0] == Decimal("1.125"), "what is stored can be saved again"


def test_a_percentage_with_three_decimals_stays_one(pages):
    create(pages, **{"variants.0.weight": "33.125", "variants.1.weight": "66.875", "traffic": "12.125"})
    assert document(pages)["variants"][0]["weight"] == 0.33125
