"""Who the events come from, in the health checks of an analysis of events sent over HTTP."""

from uuid import uuid4

import pytest

from analysis import HealthCheck
from analysis.messages import message
from experiments.analyses.run import analyse
from experiments.lifecycle.editing import new_run
from tests.web.api.calls import Api, make_experiment


def send(api: Api, type: str, units: list[str], **fields: object) -> None:
    events = [{"id": uuid4().hex, "unit": unit, "type": type} | fields for unit in units]
    assert api.events(*events)["accepted"] == len(events)


def units(name: str, number: int) -> list[str]:
    return [f"{name}-{place}" for place in range(number)]


def expose(api: Api, members: list[str]) -> None:
    for unit in members:
        api.assign(unit)


def checks(api: Api) -> dict[str, HealthCheck]:
    found = analyse(api.database, "spring", with_models=False).result["health"]
    return {check["check"]: HealthCheck.from_dict(check) for check in found}


def test_ids_that_change_at_sign_in_are_named(api):
    expose(api, units("anon", 20))
    send(api, "purchase", units("customer", 20), value=10, currency="EUR")
    found = checks(api)
    assert (found["unexposed"].status, found["unexposed"].value) == ("warn", 1.0)
    assert found["unexposed"].detail == message("health.unexposed.some", events=20, total=20, share=1.0)
    assert found["silence"].detail == message("health.silence.of_others")


def test_no_event_has_arrived_only_where_none_has(api):
    assert checks(api)["silence"].detail == message("health.silence.never")
    send(api, "scroll", ["someone"])
    assert checks(api)["silence"].detail == message("health.silence.of_others")


def test_an_event_that_names_another_experiment_has_arrived(api):
    make_experiment(api.database, key="autumn")
    api.app.extensions["klette"].get().configuration.forget()
    send(api, "click", ["someone"], experiment="autumn")
    found = checks(api)
    assert found["silence"].detail == message("health.silence.of_others")
    assert "unexposed" not in found


@pytest.mark.parametrize("restricted", ["traffic_buckets", "targeting"])
def test_visitors_outside_a_part_of_the_audience_are_ordinary(api, restricted):
    value = {"traffic_buckets": 1_000, "targeting": {"attribute": "country", "operator": "equals", "value": "DE"}}
    expose(api, units("member", 4))
    api.change(lambda session, experiment: setattr(experiment, restricted, value[restricted]))
    send(api, "click", [*units("member", 4), *units("visitor", 30)])
    check = checks(api)["unexposed"]
    assert (check.status, check.value, check.next_step) == ("ok", 30 / 34, None)
    # An event that names the experiment has no other reason.
    send(api, "click", units("stranger", 1), experiment="spring")
    check = checks(api)["unexposed"]
    assert (check.status, check.next_step) == ("warn", message("health.unexposed.named"))


def test_members_of_earlier_runs_and_views_are_not_called_unexposed(api):
    expose(api, units("member", 9))
    api.change(new_run, weights={"a": 0.3, "b": 0.7}, actor="cli")
    send(api, "click", units("member", 9))
    send(api, "view", units("visitor", 50))
    assert "unexposed" not in checks(api)


def test_other_words_for_events_are_named_with_what_they_probably_mean(api):
    expose(api, units("member", 4))
    for unit, word in zip(units("member", 4), ["unsubscribe", "complaint", "purchse", "clicks"], strict=True):
        send(api, word, [unit])
    send(api, "scroll", units("member", 3))
    check = checks(api)["uncounted"]
    assert (check.status, check.value) == ("warn", 7.0)
    assert list(check.detail.params["types"]) == [
        message("health.uncounted.meant", type="clicks", events=1, meant="click"),
        message("health.uncounted.meant", type="complaint", events=1, meant="negative"),
        message("health.uncounted.meant", type="purchse", events=1, meant="purchase"),
        message("health.uncounted.meant", type="unsubscribe", events=1, meant="negative"),
        message("health.uncounted.type", type="scroll", events=3),
    ]


def test_custom_events_are_reported_without_a_warning(api):
    expose(api, units("member", 2))
    send(api, "click", units("member", 2))
    assert "uncounted" not in checks(api)
    send(api, "scroll", units("member", 2))
    check = checks(api)["uncounted"]
    assert (check.status, check.next_step) == ("ok", None)
    assert list(check.detail.params["types"]) == [message("health.uncounted.type", type="scroll", events=2)]
