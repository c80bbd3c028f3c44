"""Charts drawn without a browser: the same definition, its colours still the page's, and no address in it."""

import xml.etree.ElementTree as ET

import pytest

from analysis import AnalysisError
from analysis.charts import posterior_over_time, with_theme
from analysis.charts.svg import drawn

DAYS = [
    {"day": day, "variant": v, "p_best": 0.5 + s * 0.05 * day} for day in (1, 2, 3) for v, s in (("a", -1), ("b", 1))
]
SPEC = posterior_over_time(DAYS, ["a", "b"], planned_days=7)


def test_several_charts_are_drawn_at_once_in_the_page_s_colours():
    first, second = drawn([SPEC, with_theme(SPEC, "dark")], width=480)
    assert ET.fromstring(first).get("width") == "480"
    assert "var(--v1)" in first and "var(--" not in second
    assert "whole days since the launch" in first
    assert "http" not in first


def test_no_charts_give_no_drawings():
    assert drawn([]) == []


def test_a_definition_that_cannot_be_drawn_is_refused():
    with pytest.raises(AnalysisError, match="could not be drawn"):
        drawn([{"mark": "no such mark"}])
