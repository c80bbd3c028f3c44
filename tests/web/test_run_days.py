"""Days of a run are counted in one way on every page."""

from datetime import timedelta

import pytest

from analysis import charts
from web.pages import run_days


@pytest.mark.parametrize(
    ("elapsed", "planned", "told"),
    [
        (timedelta(0), 14, "day 1 of 14"),
        (timedelta(hours=23, minutes=59), 14, "day 1 of 14"),
        (timedelta(days=1), None, "day 2"),
        (timedelta(days=13, hours=23), 14, "day 14 of 14"),
        (timedelta(days=14), 14, "day 15, 14 were planned"),
        (timedelta(seconds=-5), 14, "day 1 of 14"),  # a clock that runs ahead of ours
    ],
)
def test_day_one_begins_at_the_launch(elapsed, planned, told):
    assert run_days.running(elapsed, planned) == told


def test_what_is_over_is_told_by_its_length():
    assert run_days.over(timedelta(minutes=59)) == "ran under an hour"
    assert run_days.over(timedelta(hours=1, minutes=10)) == "ran 1 hour"
    assert run_days.over(timedelta(days=1)) == "ran 1 day"
    assert run_days.over(timedelta(days=13, hours=20)) == "ran 14 days"


def test_the_page_and_the_chart_name_the_same_day():
    elapsed = timedelta(days=14, hours=1)
    rows = [{"day": day, "variant": "a", "p_best": 1.0} for day in (1.0, 14.0)]
    spec = charts.posterior_over_time(rows, ["a"], planned_days=21, today=elapsed.total_seconds() / 86_400)
    above = next(layer["mark"]["text"] for layer in spec["layer"] if "text" in layer["mark"])
    assert above == f"today, {run_days.running(elapsed, 21)}" == "today, day 15 of 21"
