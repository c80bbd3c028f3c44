"""The parts that are still being computed are named, with a duration only where one was measured."""

from datetime import timedelta

import pytest

from experiments.lifecycle import store, transitions
from experiments.storage.tables import Job, utc_now
from tests.web.pages.results import sampled_parts, stored
from tests.web.pages.results.stored_form import answer_of
from web.pages.results import pending, state

LATER = {"not_shown": {"code": "later", "reason": "…"}}


@pytest.fixture
def app(app):
    stored.experiment(app)
    return app


def early():
    parts = {"segments": [LATER | {"segment": "country"}], "amounts": [LATER | {"metric": "revenue"}]}
    parts["counts"] = [LATER | {"metric": "orders"}]
    return sampled_parts.whole_result() | parts | {"retention": LATER, "cascade": None}


def test_the_parts_that_wait_are_named_and_those_that_failed_are_not():
    assert pending.missing_parts(answer_of(early())) == (
        "segments", "retention", "purchases", "actions per member",
    )  # fmt: skip
    failed = {"not_shown": {"code": "fit_failed", "reason": "…"}}
    assert pending.missing_parts(answer_of(sampled_parts.whole_result() | {"cascade": failed})) == ()
    assert pending.missing_parts(None) == ()


@pytest.mark.parametrize(
    ("usual", "waited", "shown"),
    [
        (None, 5, "a minute or two."),
        (19, 5, "about 20 seconds."),
        (19, 200, "longer than last time (20 seconds)."),
        (130, 5, "about 2 minutes."),
    ],
)
def test_the_expected_duration_is_the_usual_one(usual, waited, shown):
    length = None if usual is None else timedelta(seconds=usual)
    words = pending.sentence(("segments",), length, timedelta(seconds=waited))
    assert words.endswith(shown) and ": segments." in words


def status(app, result):
    services = stored.services_of(app)
    with services.database.read() as session:
        found = store.get(session, stored.KEY)
        run = store.current_run(session, found)
        return state.status(session, found, run, result and answer_of(result), services.settings, now=state.now_utc())


def job(app, **values):
    with stored.services_of(app).database.write() as session:
        found = store.get(session, stored.KEY)
        session.add(Job(kind="analyse", experiment_id=found.id, payload={}, requested_by="worker", **values))


def test_missing_sections_are_announced_while_a_scheduled_analysis_computes_them(app):
    job(app, state="done", due_at=utc_now() - timedelta(hours=1), finished_at=utc_now() - timedelta(minutes=59.5))
    job(app, state="running", progress=0.7)
    shown = status(app, early())
    assert (shown.kind, shown.progress) == ("working", 0.7)
    assert ": segments, retention, purchases and actions per member." in shown.sentence
    assert "about 30 seconds" in shown.sentence
    assert status(app, sampled_parts.whole_result()).kind != "working"  # an answer that is whole is not announced


def test_the_stored_step_of_a_running_analysis_is_translated_where_it_is_shown(app, monkeypatch):
    monkeypatch.setattr(state, "gettext", str.upper)
    job(app, state="running", message="Comparing the variants", progress=0.6)
    assert status(app, None).sentence == "COMPARING THE VARIANTS"


def test_where_no_analysis_is_due_the_page_offers_one(app):
    assert status(app, early()).kind == "later"
    stored.analyse(app, early())
    page = stored.logged_in(app).get(f"/experiments/{stored.KEY}").text
    assert 'id="analyse-now"' in page and "The next analysis includes them." in page


def test_a_test_that_has_ended_promises_no_next_analysis(app):
    stored.analyse(app, early())
    with stored.services_of(app).database.write() as session:
        transitions.stop(session, store.get(session, stored.KEY), actor="cli", now=utc_now() - timedelta(days=1))
    page = stored.logged_in(app).get(f"/experiments/{stored.KEY}").text
    assert "The next analysis includes them." not in page
    assert "no further analysis is scheduled" in page and 'id="analyse-now"' in page
