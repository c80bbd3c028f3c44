"""The warnings of the events call."""

from uuid import uuid4

import pytest

from experiments.lifecycle.editing import new_run
from experiments.lifecycle.transitions import stop
from tests.web.api.calls import make_experiment


def event(**fields):
    return {"id": str(uuid4()), "unit": "u", "type": "click"} | fields


def warned(answer):
    return [(entry["index"], entry["code"]) for entry in answer["warnings"]]


def test_words_that_nothing_counts_get_the_one_they_probably_mean(api):
    words = {"unsubscribe": "negative", "complaint": "negative", "purchse": "purchase", "clicks": "click"}
    answer = api.events(event(), *(event(type=word) for word in words))
    assert answer["accepted"] == 5
    assert warned(answer) == [(place, "type_counted_by_nothing") for place in (1, 2, 3, 4)]
    for entry, meant in zip(answer["warnings"], words.values(), strict=True):
        assert repr(meant) in entry["detail"]


def test_an_event_that_names_an_experiment_its_unit_never_saw_gets_a_warning(api):
    api.assign("member")
    answer = api.events(
        event(unit="member", experiment="spring"),
        event(unit="stranger", experiment="spring"),
        event(unit="stranger"),
        event(unit="member", type="scroll", experiment="spring"),
        event(unit="stranger", type="scroll", experiment="spring"),
    )
    assert warned(answer) == [
        (1, "unit_not_exposed"),
        (3, "type_counted_by_nothing"),
        (4, "type_counted_by_nothing"),
        (4, "unit_not_exposed"),
    ]
    assert answer["accepted"] == 5 and "stranger" in answer["warnings"][0]["detail"]


def test_an_exposure_of_the_same_call_or_of_an_earlier_run_is_one(api):
    api.assign("old")
    api.change(new_run, weights={"a": 0.3, "b": 0.7}, actor="cli")
    answer = api.events(
        event(unit="new", experiment="spring"),
        event(unit="new", type="exposure", experiment="spring"),
        event(unit="old", experiment="spring"),
    )
    assert (answer["accepted"], answer["warnings"]) == (3, [])


def test_an_exposure_after_the_end_is_none(api):
    api.change(stop, actor="cli")
    answer = api.events(event(type="exposure", experiment="spring"), event(experiment="spring"))
    assert warned(answer) == [(1, "unit_not_exposed")]


def test_a_draft_has_exposed_no_unit(api):
    make_experiment(api.database, launched=False, key="draft")
    api.app.extensions["klette"].get().configuration.forget()
    assert warned(api.events(event(experiment="draft"))) == [(0, "unit_not_exposed")]


@pytest.mark.parametrize("type", ["click", "view", "share", "comment", "negative", "scroll", "add_to_cart", "preview"])
def test_ordinary_traffic_never_warns_and_is_not_looked_up(api, type, monkeypatch):
    def look_up(keys):
        raise AssertionError("ordinary traffic was looked up")

    monkeypatch.setattr(api.app.extensions["klette"].get().writer, "recorded", look_up)
    assert api.events(event(type=type))["warnings"] == []


def test_rejected_events_get_no_warning(api):
    answer = api.events("x", event(unit=""), event(experiment="nope"), event(type=7), {"type": "unsubscribe"})
    assert (len(answer["rejected"]), answer["warnings"]) == (5, [])
