"""The editor: what was typed is kept, and every error is beside its field."""

import json
import re
from html import unescape

from experiments.definition.model import ExperimentPatch
from experiments.lifecycle import editing, store, transitions
from tests.snapshots import matches
from tests.web.pages.client import draft_form
from tests.web.pages.editor.forms import create, document, errors_of, fields_of
from tests.web.pages.rendered import lines_of


def test_a_draft_is_stored_as_it_was_typed_and_its_key_is_made_from_its_name(pages):
    assert create(pages).location == "/experiments/spring-headline"
    made = document(pages)
    assert made["state"] == "draft"
    assert made["variants"][1]["content"] == {"headline": "Meet the people who make it"}
    assert [variant["control"] for variant in made["variants"]] == [True, False]
    assert (made["metrics"], made["segments"]) == (["click_rate", "revenue"], ["country", "device"])
    assert made["created_by"] == "page:marketer@example.com"


def test_saving_an_unchanged_form_keeps_every_field_of_a_draft(pages):
    create(
        pages,
        **{
            "audience": "rules",
            "match": "all",
            "rules.0.attribute": "country",
            "rules.0.operator": "in",
            "rules.0.value": 'DE, "5", 5',
            "rules.1.attribute": "beta",
            "rules.1.operator": "exists",
            "rules.1.value": "true",
            "starts_at": "2031-07-01T09:30",
            "variants.0.cost.fixed": "120",
            "variants.0.cost.per_thousand": "4.50",
            "variants.0.content.custom": '{"colour": "green"}',
            "variants.0.weight": "33.34",
            "variants.1.weight": "66.66",
            "namespace.key": "homepage",
            "namespace.to": "50",
            "traffic": "12.5",
            "allocation.method": "thompson",
            "allocation.floor": "7.5",
            "allocation.every_hours": "12",
            "covariate.kind": "days_before",
            "covariate.days_before": "28",
            "worths.0.type": "share",
            "worths.0.amount": "2,50",
            "worths.1.type": "trial started",
            "worths.1.amount": "12",
            "margin": "35",
            "prior": "sceptical",
            "interval": "hdi",
        },
    )
    before = document(pages)
    assert before["allocation"] == {"method": "thompson", "floor": 0.075, "every_hours": 12}
    assert before["covariate"] == {"attribute": None, "days_before": 28}
    assert (before["action_values"], before["margin"]) == ({"share": 2.5, "trial started": 12.0}, 0.35)
    assert (before["prior"], before["interval"]) == ("sceptical", "hdi")
    assert before["targeting"] == {
        "all": [{"attribute": "country", "in": ["DE", "5", 5]}, {"attribute": "beta", "exists": True}]
    }
    assert before["starts_at"] == "2031-07-01T07:30:00Z", "typed in Berlin's summer, stored in UTC"
    page = pages.get("/experiments/spring-headline/edit").text
    form = fields_of(page) | {"do": "save"}
    assert pages.post("/experiments/spring-headline/edit", form, page="/experiments/new").status_code == 302
    after = document(pages)
    assert {**after, "revision": 0} == {**before, "revision": 0}


INVALID = (
    ({"name": " "}, "name"),
    ({"key": "Not a key!"}, "key"),
    ({"variants.1.weight": "many"}, "variants.1.weight"),
    ({"variants.1.weight": "-5"}, "variants.1.weight"),
    ({"variants.1.content.image_url": "javascript:alert(1)"}, "variants.1.content.image_url"),
    ({"variants.1.content.custom": "{"}, "variants.1.content.custom"),
    ({"variants.1.key": "a"}, "variants.1.key"),
    ({"variants.1.content.image_url": "kitten.jpg"}, "variants.1.content.image_url"),
    ({"traffic": "101"}, "traffic"),
    ({"window_days": "91"}, "window_days"),
    ({"planned_days": "soon"}, "planned_days"),
    ({"starts_at": "tomorrow"}, "starts_at"),
    ({"currency": "XYZ"}, "currency"),
    ({"allocation.method": "top_two", "allocation.floor": "60"}, "allocation.floor"),
    ({"allocation.method": "thompson", "allocation.floor": "x"}, "allocation.floor"),
    ({"allocation.method": "thompson", "allocation.every_hours": "200"}, "allocation.every_hours"),
    ({"covariate.kind": "attribute"}, "covariate.attribute"),
    ({"covariate.kind": "days_before"}, "covariate.days_before"),
    ({"covariate.kind": "days_before", "covariate.days_before": "91"}, "covariate.days_before"),
    ({"worths.0.type": "purchase", "worths.0.amount": "2"}, "worths.0.type"),
    ({"worths.0.type": "purchse", "worths.0.amount": "2"}, "worths.0.type"),
    ({"worths.0.type": "share", "worths.0.amount": "some"}, "worths.0.amount"),
    ({"worths.0.type": "share", "worths.0.amount": "-2"}, "worths.0.amount"),
    ({"worths.0.type": "", "worths.0.amount": "2"}, "worths.0.type"),
    ({"margin": "130"}, "margin"),
    ({"guardrails": ["sticky_rate"]}, "guardrails"),
    ({"audience": "json", "targeting": '{"attribute": "age"}'}, "targeting"),
    (
        {"audience": "rules", "rules.0.attribute": "age", "rules.0.operator": "at_least", "rules.0.value": "old"},
        "rules.0.value",
    ),
)
"""A change of the form, and the field that it makes invalid."""


def test_an_error_is_beside_its_field_and_the_form_keeps_what_was_typed(pages):
    messages = []
    for change, field in INVALID:
        form = draft_form(hypothesis="A <long> thought", **change)
        answer = pages.post("/experiments/new", form, page="/experiments/new")
        assert answer.status_code == 422, change
        assert f'href="#{field}"' in answer.text, "the list at the top leads to the field"
        kept = fields_of(answer.text)
        assert kept["hypothesis"] == "A <long> thought"
        assert {name: kept[name] for name in change} == change
        messages.append(f"{field}: {errors_of(answer)[field]}")
    unbalanced = pages.post("/experiments/new", draft_form(**{"variants.1.weight": "40"}), page="/experiments/new")
    messages.append(re.search(r'id="variants-error">([^<]*)', unbalanced.text)[1])
    matches("web/pages/editor/errors", "\n".join(messages))


def test_german_errors_have_german_quotation_marks_and_the_labels_of_their_fields(german):
    together = draft_form(
        **{
            "key": "N K",
            "prior": "zzz",
            "interval": "zzz",
            "allocation.method": "zzz",
            "variants.1.content.link_url": "javascript:x",
            "audience": "json",
            "targeting": '{"all": [{"attribute": "age", "in": []}]}',
        }
    )
    page = german.post("/experiments/new", together, page="/experiments/new")
    found = errors_of(page)
    assert {"key", "prior", "interval", "variants.1.content.link_url", "targeting"} <= found.keys()
    listed = re.findall(r'<li><a href="#([^"]+)">([^<]+)</a></li>', page.text)
    assert found.keys() <= dict(listed).keys()
    for path, sentence in listed:
        text = unescape(sentence)
        assert "'" not in text and " or " not in text, text
        assert text[0].isupper() and not text.startswith(path), text
    assert "„all.0.in“" in unescape(found["targeting"]) and "targeting" not in found["targeting"]


def test_the_editor_of_a_draft_and_of_a_running_experiment(pages):
    read = [pages.get("/experiments/new").text]
    create(pages, audience="rules", **{"rules.0.attribute": "country", "rules.0.operator": "in", "rules.0.value": "DE"})
    edit = "/experiments/spring-headline/edit"
    read.append(pages.get(edit).text)
    with pages.database.write() as session:
        transitions.launch(session, store.get(session, "spring-headline"), actor="cli")
    read.append(pages.get(edit).text)
    matches("web/pages/editor/editor", "\n\n".join(map(lines_of, read)))


def test_a_copy_is_a_new_draft_with_the_same_content_and_another_key(pages):
    create(pages, planned_days="21", ends_at="2031-01-01T10:00")
    form = fields_of(pages.get("/experiments/new?copy=spring-headline").text) | {"do": "save"}
    assert form["ends_at"] == ""
    assert pages.post("/experiments/new", form, page="/experiments/new").location == "/experiments/spring-headline-copy"
    copy, original = document(pages, "spring-headline-copy"), document(pages)
    assert (copy["state"], copy["planned_days"], copy["variants"]) == ("draft", 21, original["variants"])


def test_all_errors_are_shown_at_once_in_the_units_of_the_form(pages):
    create(pages)
    wrong = {
        "key": "spring-headline",
        "variants.0.weight": "60",
        "variants.1.key": "a",
        "variants.1.content.link_url": "example.org/c",
        "variants.0.cost.fixed": "1,250",
        "guardrails": ["sticky_rate"],
        "starts_at": "2026-12-10T09:00",
        "ends_at": "2026-12-01T09:00",
        "window_days": "91",
    }
    shown = errors_of(pages.post("/experiments/new", draft_form(**wrong), page="/experiments/new"))
    assert shown.keys() == {name for name in wrong if name not in ("variants.0.weight", "starts_at")}
    matches("web/pages/editor/all_errors", "\n".join(f"{name}: {message}" for name, message in shown.items()))


def test_a_key_that_is_taken_is_an_error_of_its_field(pages):
    create(pages)
    answer = pages.post("/experiments/new", draft_form(), page="/experiments/new")
    assert answer.status_code == 422
    assert "is taken" in errors_of(answer)["key"]


def test_thirds_are_shown_with_four_decimals_and_saving_them_unchanged_changes_nothing(pages):
    third = {"variants.2.key": "c", "variants.2.content.headline": "Only this week"}
    create(pages, **third, **{f"variants.{at}.weight": "33.3333" for at in range(3)})
    assert [variant["weight"] for variant in document(pages)["variants"]] == [1 / 3] * 3
    edit = "/experiments/spring-headline/edit"
    form = fields_of(pages.get(edit).text)
    assert [form[f"variants.{at}.weight"] for at in range(3)] == ["33.3333"] * 3
    assert pages.post(edit, form | {"do": "save"}, page=edit).status_code == 302
    with pages.database.write() as session:
        transitions.launch(session, store.get(session, "spring-headline"), actor="cli")
    live = fields_of(pages.get(edit).text)
    assert live["variants.0.weight"] == "33.3333"
    assert pages.post(edit, live | {"name": "Thirds"}, page=edit).status_code == 302
    after = document(pages)
    assert (after["name"], after["runs"]) == ("Thirds", 1), "the same weights begin no new run"
    assert [variant["weight"] for variant in after["variants"]] == [1 / 3] * 3
    form = draft_form(**third, **{f"variants.{at}.weight": "33.33" for at in range(3)})
    refused = pages.post("/experiments/new", form, page="/experiments/new")
    assert 'id="variants-error"' in refused.text and "99.99" in refused.text


def test_adding_and_removing_variants_without_scripts_keeps_what_was_typed(pages):
    form = draft_form(do="add-variant", **{"variants.1.content.body": "Eleven dyers"})
    more = fields_of(pages.post("/experiments/new", form, page="/experiments/new").text)
    assert [more[f"variants.{at}.weight"] for at in range(3)] == ["33.34", "33.33", "33.33"]
    assert more["variants.2.key"] == "c"
    assert more["variants.1.content.body"] == "Eleven dyers"
    fewer = fields_of(
        pages.post("/experiments/new", more | {"do": "remove-variant.0", "control": "1"}, page="/experiments/new").text
    )
    assert [fewer[f"variants.{at}.key"] for at in range(2)] == ["b", "c"]
    assert fewer["control"] == "0", "the control stays the same variant"
    assert "variants.2.key" not in fewer


def test_the_audience_is_described_while_it_is_typed(pages):
    form = {
        "audience": "rules",
        "rules.0.attribute": "country",
        "rules.0.operator": "in",
        "rules.0.value": "DE, AT",
    }
    complete = pages.post("/audience-sentence", form).text
    incomplete = pages.post("/audience-sentence", form | {"rules.0.value": ""}).text
    assert "country is DE or AT" in complete and "country" not in incomplete


def test_a_rule_too_deep_for_rows_opens_as_json(pages):
    rule = {"not": {"any": [{"attribute": "age", "less_than": 18}, {"attribute": "country", "equals": "DE"}]}}
    create(pages, audience="json", targeting=json.dumps(rule))
    kept = fields_of(pages.get("/experiments/spring-headline/edit").text)
    assert kept["audience"] == "json"
    assert json.loads(kept["targeting"]) == rule


def test_an_edit_of_an_older_revision_is_refused_and_kept_on_screen(pages):
    create(pages)
    form = fields_of(pages.get("/experiments/spring-headline/edit").text) | {"do": "save"}
    with pages.database.write() as session:
        change = ExperimentPatch(name="Renamed meanwhile")
        editing.patch(session, store.get(session, "spring-headline"), change, actor="cli")
    answer = pages.post("/experiments/spring-headline/edit", form | {"name": "Mine"}, page="/experiments/new")
    assert answer.status_code == 422
    assert "was changed in the meantime" in answer.text
    assert fields_of(answer.text)["name"] == "Mine"
    assert document(pages)["name"] == "Renamed meanwhile"


def test_once_it_runs_only_what_may_change_is_offered(pages):
    create(pages, traffic="50")
    with pages.database.write() as session:
        transitions.launch(session, store.get(session, "spring-headline"), actor="cli")
    edit = "/experiments/spring-headline/edit"
    form = fields_of(pages.get(edit).text)
    assert "variants.0.content.headline" not in form
    lower = pages.post(edit, form | {"traffic": "20"}, page=edit)
    assert lower.status_code == 422
    assert errors_of(lower).keys() == {"traffic"}
    both = errors_of(pages.post(edit, form | {"traffic": "20", "ends_at": "2020-01-01T10:00"}, page=edit))
    assert both.keys() == {"traffic", "ends_at"}
    assert "1 Jan 2020, 10:00" in both["ends_at"]
    assert document(pages)["traffic"] == 0.5
    moved = form | {"variants.0.weight": "30", "variants.1.weight": "70", "traffic": "80"}
    unasked = pages.post(edit, moved, page=edit)
    assert unasked.status_code == 422
    assert errors_of(unasked).keys() == {"new_run"}
    assert "New run: " in unasked.text and "new_run: " not in unasked.text
    matches("web/pages/editor/running_errors", "\n".join([*both.values(), errors_of(unasked)["new_run"]]))
    assert pages.post(edit, moved | {"new_run": "yes"}, page=edit).status_code == 302
    after = document(pages)
    assert (after["traffic"], after["runs"], after["variants"][1]["weight"]) == (0.8, 2, 0.7)


def test_a_link_inside_the_form_opens_a_tab_of_its_own_so_that_nothing_typed_is_lost(pages):
    form = re.search(r'<form[^>]*class="editor".*?</form>', pages.get("/experiments/new").text, re.DOTALL)[0]
    leaving = re.findall(r'<a (?!class="button")[^>]*href="/[^>]*>.*?</a>', form, re.DOTALL)
    assert any('href="/plan"' in link for link in leaving)
    for link in leaving:
        assert 'target="_blank" rel="noopener"' in link and "opens in a new tab" in link
