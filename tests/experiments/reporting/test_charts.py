"""The texts of charts: the line of today, and translated titles."""

import pytest

from experiments.reporting import charts
from experiments.reporting.charts import line_of_today, translated


@pytest.mark.parametrize(
    ("today", "planned", "over", "text"),
    [
        (8.4, 14, False, "today, day 9 of 14"),  # day 1 begins at the launch: after eight whole days it is day 9
        (16.2, 14, False, "today, day 17"),
        (16.2, None, False, "today, day 17"),
        (None, 14, False, "last analysis"),
        (3.0, 14, True, "end, after 3 days"),
        (0.2, 14, True, "end"),
    ],
)
def test_the_line_of_today_names_the_day(today, planned, over, text):
    assert line_of_today(today, planned, over=over) == text


def test_titles_and_the_description_are_translated_and_data_are_not(monkeypatch):
    monkeypatch.setattr(charts, "gettext", str.upper)
    spec = {"description": "a", "data": {"values": [{"name": "b"}]}, "layer": [{"encoding": {"x": {"title": "c"}}}]}
    assert translated(spec) == {
        "description": "A",
        "data": {"values": [{"name": "b"}]},
        "layer": [{"encoding": {"x": {"title": "C"}}}],
    }
