"""Charts: valid Vega-Lite that draws, in the page's colours and in fixed ones."""

import json
import math
import re
from pathlib import Path

import pytest

from analysis import AnalysisError, ProportionStatistics, charts, scorecard

HISTORY = [{"day": d, "variant": v, "p_best": p} for d in (1, 2, 3) for v, p in (("a", 0.3), ("b", 0.7))]
ROWS = [
    {"level": "Germany", "variant": "b", "n": 9120, "lift": 0.19, "low": 0.09, "high": 0.29, "raw_lift": 0.2},
    {"level": "Malta", "variant": "b", "n": 12, "lift": 0.15, "low": -0.2, "high": 0.5, "raw_lift": None},
]
RETENTION = [
    {"variant": v, "day": d, "mean": h / d, "low": h / d - 0.01, "high": h / d + 0.01, "raw": None}
    for v, h in (("a", 0.1), ("b", 0.102))
    for d in range(1, 7)
]
EPOCHS = [{"day": 0, "weights": {"a": 0.5, "b": 0.5}}, {"day": 2, "weights": {"a": 0.1, "b": 0.9}}]


def result():
    return scorecard({"a": ProportionStatistics(900, 90), "b": ProportionStatistics(900, 120)}, control="a")


def all_charts():
    return [
        charts.posterior_over_time(HISTORY, ["a", "b"], planned_days=14),
        charts.posterior_over_time([], ["a", "b"]),
        charts.segment_forest(ROWS, ["a", "b"], labels={"b": "B"}),
        charts.lift_densities(result()),
        charts.lift_densities(result().to_dict()),
        charts.retention_curves(RETENTION, ["a", "b"], ends={"b": "B 3.9 d"}, labels={"a": "A", "b": "B"}),
        charts.retention_curves([], ["a", "b"]),
        charts.allocation_shares(EPOCHS, ["a", "b"], today=4.0),
        charts.allocation_shares([], ["a", "b"], today=4.0),
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


def test_today_is_labelled_at_its_line():
    spec = charts.posterior_over_time(HISTORY, ["a", "b"], planned_days=14, today=8.4, now_label="today, day 9")
    assert said_above(spec) == "today, day 9"


def said_above(spec):
    """The label of the dotted line, above the plot, where no line can cross it."""
    label = next(layer for layer in spec["layer"] if "text" in layer["mark"])
    assert label["encoding"]["y"]["value"] < 0 and spec["padding"]["top"] >= 20
    return label["mark"]["text"]


@pytest.mark.parametrize(
    ("end", "marks"),
    [
        (0.4, [0]),
        (1.3, [0, 1]),
        (14.0, list(range(0, 15, 2))),
        (21, list(range(0, 22, 3))),
        (300, list(range(0, 300, 56))),
    ],
)
def test_an_axis_of_days_has_whole_marks_and_few_enough_for_a_phone(end, marks):
    history = [row | {"day": end * row["day"] / 3} for row in HISTORY]
    for spec in (
        charts.posterior_over_time(history, ["a", "b"], today=max(end, 1.0)),
        charts.allocation_shares(EPOCHS[:1], ["a", "b"], today=max(end, 1.0)),
    ):
        axis = next(layer["encoding"]["x"]["axis"] for layer in spec["layer"] if "axis" in layer["encoding"]["x"])
        assert axis["values"] == (marks if end >= 1 else [0, 1])
        assert axis["format"] == "d"


def test_labels_are_measured_in_the_font_that_they_are_drawn_in():
    sheet = (Path(__file__).resolve().parents[3] / "web" / "static" / "common" / "base.css").read_text()
    font = re.search(r"--pico-font-family: (.*?);", sheet)[1]
    assert all(spec["config"]["font"] == font for spec in all_charts())


def test_a_run_that_is_over_ends_at_its_end():
    spec = charts.posterior_over_time(HISTORY, ["a", "b"], planned_days=14, today=3.0, over=True)
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


def test_the_colours_are_those_of_the_page():
    sheet = (Path(__file__).resolve().parents[3] / "web" / "static" / "common" / "base.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)[:2]
    for palette, scheme in ((charts.PALETTE_LIGHT, light), (charts.PALETTE_DARK, dark)):
        known = dict(re.findall(r"--(v\d+): (#[0-9a-f]{6})", scheme))
        assert palette == tuple(known[f"v{i}"] for i in range(12))


def test_the_names_at_the_ends_of_the_curves_do_not_overlap():
    spec = charts.retention_curves(RETENTION, ["a", "b"], ends={"b": "B 3.9 d"})
    names = spec["layer"][-1]["data"]["values"]
    assert [row["end"] for row in names] == ["A", "B 3.9 d"]
    top = max(row["high"] for row in RETENTION)
    assert names[1]["label_at"] - names[0]["label_at"] >= 0.085 * top - 1e-9
    assert spec["layer"][0]["encoding"]["x"]["axis"]["values"] == [1, 3, 6]
    assert spec["padding"]["right"] > 40


def test_curves_with_equal_ends_are_named_in_their_previous_order():
    rows = [
        {"variant": key, "day": day, "mean": mean, "low": mean, "high": mean, "raw": mean}
        for key, means in (("a", (0.1, 0.0002)), ("b", (0.2, 0.0001)))
        for day, mean in enumerate(means, 1)
    ]
    names = charts.retention_curves(rows, ["a", "b"])["layer"][-1]["data"]["values"]
    assert [row["variant"] for row in names] == ["a", "b"]


def test_the_bands_of_the_shares_fill_the_whole_at_every_step():
    rows = charts.allocation_shares(EPOCHS, ["a", "b"], today=4.0)["data"]["values"]
    by_day = {day: [row for row in rows if row["day"] == day] for day in (0, 2, 4)}
    for bands in by_day.values():
        assert bands[0]["low"] == 0 and bands[-1]["high"] == pytest.approx(1)
        assert bands[0]["high"] == bands[1]["low"]
    assert [row["share"] for row in by_day[4]] == [row["share"] for row in by_day[2]], "the last step goes on to today"


@pytest.mark.parametrize(("size", "depth"), [(1, 0), (2, 1), (64, 5), (12, 11), (3, 9), (5_000, 7)])
def test_a_burr_is_a_tree_of_the_counted_size_and_depth(size, depth):
    drawn = charts.burr(size, depth)
    assert len(drawn.nodes) == min(size, 90) and drawn.whole == (size <= 90)
    assert max(level for *_, level in drawn.nodes) == min(depth, size - 1) == drawn.depth
    for child, parent in enumerate(drawn.parents, 1):
        assert drawn.nodes[child][2] == drawn.nodes[parent][2] + 1
    assert all(math.hypot(x, y) <= 1.001 for x, y, _ in drawn.nodes)
    assert charts.burr(size, depth) == drawn
