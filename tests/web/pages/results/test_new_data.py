"""A running test: its age, the button that analyses now, what counts as newer data, and members as they arrive."""

import re
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from experiments.lifecycle import store, transitions
from experiments.storage.tables import Event, Exposure, Job, Project, utc_now
from tests.web.pages.results import fixtures, stored
from tests.web.pages.results.stored_form import answer_of
from tests.web.pages.results.test_page import PAGE, job, seen, text_of
from web.pages.results import state


@pytest.mark.parametrize(
    ("changes", "newer"),
    [
        ({}, True),
        ({"experiment": stored.KEY}, True),
        ({"experiment": "another-test"}, False),
        ({"unit": "a visitor outside the test"}, False),
        ({"project_id": 2}, False),
    ],
)
def test_only_events_of_this_test_are_newer_data(app, changes, newer) -> None:
    stored.experiment(app)
    result = fixtures.stored_result()
    cut_off = datetime.fromisoformat(result["cut_off"])
    stored.expose(app, 1, at=cut_off - timedelta(minutes=1))
    later = int(cut_off.timestamp() * 1_000_000) + 1
    with stored.services_of(app).database.write() as session:
        session.add(Project(id=2, key="other", name="Other"))
        found = store.get(session, stored.KEY)
        run, answer = store.current_run(session, found), answer_of(result)
        unit = session.exec(select(Exposure.unit)).one()
        assert not state.newer_data(session, found, run, answer, utc_now())
        event = {"project_id": 1, "id": "1", "unit": unit, "type": "click", "at_us": later, "received_us": later}
        session.add(Event(**event | changes))
        session.flush()
        assert state.newer_data(session, found, run, answer, utc_now()) == newer


def test_a_running_test_can_be_analysed_at_any_time_and_shows_the_age_of_its_answer(app, client) -> None:
    stored.experiment(app)
    assert "act-analyse" not in client.get(PAGE).text  # without a member there is nothing to analyse
    stored.analyse(app, at=utc_now() - timedelta(minutes=7))
    page = client.get(PAGE).text
    assert re.search(r"<time datetime=[^>]* data-age>7 minutes ago</time>", page)
    job(app, state="due", requested_by="worker")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
    asked = client.post(f"{PAGE}/analyse", data={"csrf_token": token}, headers={"HX-Request": "true"})
    assert "waiting for the worker" in text_of(asked), "the scheduled job is now the person's"
    assert re.search(r'id="act-analyse"[^>]* disabled', asked.text)
    with stored.services_of(app).database.read() as session:
        assert len(session.exec(select(Job)).all()) == 1
    with stored.services_of(app).database.write() as session:
        transitions.stop(session, store.get(session, stored.KEY), actor="cli")
    ended = client.get(PAGE).text
    assert "act-analyse" not in ended
    assert "data-age" not in ended


def test_a_waiting_page_counts_the_members_of_each_variant_as_they_arrive(app, client) -> None:
    stored.experiment(app)
    stored.expose(app, 4)
    first = client.get(PAGE)
    assert re.findall(r"(\d) members?\b", text_of(first)) == ["4", "2", "1", "1"]
    mark = seen(first)
    assert client.get(f"{PAGE}/answer?seen={mark}", headers={"HX-Request": "true"}).status_code == 204
    stored.expose(app, 1)
    newer = client.get(f"{PAGE}/answer?seen={mark}", headers={"HX-Request": "true"})
    assert re.findall(r"(\d) members?\b", text_of(newer)) == ["5", "3", "1", "1"]
