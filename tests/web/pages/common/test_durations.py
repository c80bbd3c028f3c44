"""Days of a run are counted in one way on every page."""

from datetime import timedelta

import pytest

from experiments.analyses.run import analyse
from experiments.importing import Source, make_plan, run_import
from experiments.reporting.charts import line_of_today
from tests.web.pages.results import stored
from web.pages.common import durations


@pytest.mark.parametrize(
    ("elapsed", "planned", "text"),
    [
        (timedelta(0), 14, "day 1 of 14"),
        (timedelta(hours=23, minutes=59), 14, "day 1 of 14"),
        (timedelta(days=1), None, "day 2"),
        (timedelta(days=13, hours=23), 14, "day 14 of 14"),
        (timedelta(days=14), 14, "day 15, 14 planned"),
        (timedelta(seconds=-5), 14, "day 1 of 14"),  # a clock that runs ahead of ours
    ],
)
def test_day_one_begins_at_the_launch(elapsed, planned, text):
    assert durations.running(elapsed, planned) == text


def test_an_ended_run_has_its_length():
    assert durations.over(timedelta(minutes=59)) == "ran under an hour"
    assert durations.over(timedelta(hours=1, minutes=10)) == "ran 1 hour"
    assert durations.over(timedelta(days=1)) == "ran 1 day"
    assert durations.over(timedelta(days=13, hours=20)) == "ran 14 days"


def test_the_page_and_the_chart_name_the_same_day():
    elapsed = timedelta(days=14, hours=1)
    line = line_of_today(elapsed.total_seconds() / 86_400, 21)
    assert line == f"today, {durations.running(elapsed, 21)}" == "today, day 15 of 21"


COUNTS = b"variant,members,successes\nold,1000,100\nnew,1010,131\n"
DATES = {"exposed_at": "2026-03-01T00:00:00+00:00", "ended_at": "2026-03-15T00:00:00+00:00"}


@pytest.mark.parametrize("dates", [{}, DATES])
def test_totals_without_dates_have_no_length_start_or_window(sqlite_url, tmp_path, dates):
    app = stored.app_on(sqlite_url, tmp_path)
    database = stored.services_of(app).database
    plan = make_plan(kind="counts", key="spring", metrics=["click_rate"], **dates)
    run_import(database, plan, Source("counts.csv", content=COUNTS), currency="EUR", actor="cli")
    analyse(database, "spring", with_models=False)
    client = stored.logged_in(app)
    listed, page = client.get("/experiments").text, client.get("/experiments/spring").text
    report = client.get("/experiments/spring/report.html").text
    app.extensions["klette"].close()
    assert ("<dt>Window</dt>" in report) == bool(dates)
    definition = page[page.index("<dt>Hypothesis</dt>") :]
    assert ("no dates" in listed, "ran 14 days" in listed) == (not dates, bool(dates))
    assert "ran under an hour" not in listed
    assert ("Imported as totals without dates." in definition) == (not dates)
    assert ("Began on" in definition, "Ended on" in definition) == (bool(dates), bool(dates))
    assert ("within 7 days" in definition, "<dt>Window</dt>" in definition) == (bool(dates), bool(dates))
    assert "Share of members who clicked at least once" in definition
