"""Charts: valid Vega-Lite that draws, in the page's colours and in fixed ones."""

import json
import re

import pytest

from analysis import AnalysisError, ProportionStatistics, charts, scorecard

HISTORY = [{"day": d, "variant": v, "p_best": p} for d in (1, 2, 3) for v, p in (("a", 0.3), ("b", 0.7))]
ROWS = [
    {"level": "Germany", "variant": "b", "n": 9120, "lift": 0.19, "low": 0.09, "high": 0.29, "raw_lift": 0.2},
    {"level": "Malta", "variant": "b", "n": 12, "lift": 0.15, "low": -0.2, "high": 0.5, "raw_lift": None},
]


def result():
    return scorecard({"a": ProportionStatistics(900, 90), "b": ProportionStatistics(900, 120)}, control="a")


def all_charts():
    return [
        charts.posterior_over_time(HISTORY, ["a", "b"], planned_days=14),
        charts.posterior_over_time([], ["a", "b"]),
        charts.segment_forest(ROWS, ["a", "b"], labels={"b": "B"}),
        charts.lift_densities(result()),
        charts.lift_densities(result().to_dict()),
    ]


@pytest.mark.parametrize("spec", all_charts())
def test_a_chart_is_plain_json_in_the_pages_own_colours(spec):
    assert json.loads(json.dumps(spec, allow_nan=False)) == spec
    assert spec["$schema"].endswith("/vega-lite/v6.json")
    assert spec["background"] == "transparent" and spec["width"] == "container"
    text = json.dumps(spec)
    assert "var(--v1)" in text and "var(--mute)" in text
    assert not re.search(r"#[0-9a-fA-F]{6}", text)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("spec", all_charts())
def test_a_theme_leaves_no_variable_behind(spec, theme):
    drawn = json.dumps(charts.with_theme(spec, theme))
    assert "var(" not in drawn
    assert (charts.PALETTE_LIGHT if theme == "light" else charts.PALETTE_DARK)[1] in drawn
    assert "var(--v1)" in json.dumps(spec)


def test_a_variant_keeps_its_colour_by_its_position():
    spec = charts.segment_forest(ROWS, ["a", "b"])
    scale = spec["layer"][1]["encoding"]["color"]["scale"]
    assert dict(zip(scale["domain"], scale["range"], strict=True))["b"] == charts.colour(1) == "var(--v1)"
    assert charts.colour(12) == charts.colour(0)


def test_today_is_written_beside_its_line():
    spec = charts.posterior_over_time(HISTORY, ["a", "b"], planned_days=14, today=8.4)
    assert spec["layer"][3]["mark"]["text"] == "today, after 8 of 14 days"


def test_a_run_that_is_over_ends_at_its_end():
    spec = charts.posterior_over_time(HISTORY, ["a", "b"], planned_days=14, today=3.0, over=True)
    assert spec["layer"][3]["mark"]["text"] == "end, after 3 days"
    assert spec["layer"][1]["encoding"]["x"]["scale"]["domain"] == [0, 3.0]
    assert spec["layer"][1]["mark"]["interpolate"] == "linear"


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_twelve_colours_can_be_read_on_paper_and_in_the_dark():
    assert len(set(charts.PALETTE_LIGHT)) == len(set(charts.PALETTE_DARK)) == 12
    for light, dark in zip(charts.PALETTE_LIGHT, charts.PALETTE_DARK, strict=True):
        assert contrast(light, "#ffffff") >= 4.0, light
        assert contrast(dark, "#211e1b") >= 4.5, dark


def test_an_unknown_theme_is_refused():
    with pytest.raises(AnalysisError, match="sepia"):
        charts.with_theme({}, "sepia")
