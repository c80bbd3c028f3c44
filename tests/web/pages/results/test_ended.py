"""Tests that have ended: runs that another followed, tests that have just ended, what shipping means."""

import re

import pytest

from analysis import Verdict
from experiments.lifecycle import editing, store, transitions
from experiments.reporting.worded import WAITING, after_the_end
from tests.web.pages.results import fixtures, stored
from tests.web.pages.results.test_page import PAGE, text_of


def test_a_run_that_another_followed_is_shown_as_ended_and_offers_nothing(app, client) -> None:
    stored.experiment(app, days=0.2)
    stored.analyse(app, fixtures.stored_result(scale=0.008))
    assert "Not enough data yet" in text_of(client.get(PAGE))
    with stored.services_of(app).database.write() as session:
        editing.new_run(session, store.get(session, stored.KEY), {"a": 0.5, "b": 0.25, "c": 0.25}, actor="cli")
    body = client.get(f"{PAGE}?run=1").get_data(as_text=True)
    assert "run 1, ended</span>" in body and "state-running" not in body
    assert not re.search(r'id="(act|ask)-|id="decide', body)
    assert "Not enough data." in body and " yet" not in re.search(r'id="verdict".*?</section>', body, re.DOTALL)[0]
    assert "act-stop" in client.get(PAGE).get_data(as_text=True)


@pytest.mark.parametrize("way", ["stop", "ship"])
def test_a_test_that_has_just_ended_shows_no_text_about_waiting(app, client, way) -> None:
    stored.experiment(app)
    stored.analyse(app)
    assert "Keep running, about" in text_of(client.get(PAGE)) + text_of(client.get("/experiments"))
    with stored.services_of(app).database.write() as session:
        arguments = ("b", "So sure") if way == "ship" else ()
        getattr(transitions, way)(session, store.get(session, stored.KEY), *arguments, actor="cli")
    for path in (PAGE, "/experiments"):
        words = text_of(client.get(path))
        assert not re.search(r"Keep running|more days?\b|At this pace|not proven yet", words)


@pytest.mark.parametrize(
    ("scale", "headline"),
    [(0.008, "verdict.not_enough"), (0.3, "verdict.ended_undecided"), (1.0, "verdict.ended_undecided")],
)
def test_a_verdict_of_a_running_test_waits_no_more_once_it_is_over(scale: float, headline: str) -> None:
    running = Verdict.from_dict(fixtures.stored_result(scale=scale)["verdict"])
    assert running.decision in ("keep_running", "not_enough_data")
    over = after_the_end(running)
    assert (over.decision, over.variant, over.more_days) == ("not_enough_data", running.variant, None)
    assert over.headline.code == headline
    codes = [part.code for part in over.reasons]
    assert codes and not WAITING & set(codes)
    assert codes == [part.code for part in running.reasons][: len(codes)]


def test_a_verdict_that_does_not_wait_is_left_as_it_is() -> None:
    verdict = Verdict.from_dict(fixtures.stored_result()["verdict"] | {"decision": "ship"})
    assert after_the_end(verdict) == verdict


def test_shipping_names_the_members_outside_the_audience(app, client) -> None:
    words = "This includes members outside the audience of this test."
    stored.experiment(app, targeting={"attribute": "country", "in": ["DE"]})
    stored.analyse(app)
    assert words in text_of(client.get(PAGE)) and words in text_of(client.get(f"{PAGE}/ship"))


def test_a_test_without_an_audience_has_no_members_outside(app, client) -> None:
    stored.experiment(app)
    stored.analyse(app)
    for path in (PAGE, f"{PAGE}/ship"):
        assert "outside the audience" not in text_of(client.get(path))
