"""The inline drawings of the results page: places on an axis, its labels, ridges and pictures."""

import pytest

from web.pages.results.drawing import Scale, common_scale, hills, ridge, ticks
from web.pages.results.parts import axis_of


def test_everything_on_an_axis_lies_between_its_ends() -> None:
    scale = common_scale([(0.05, 0.2), (-0.1, 0.12)])
    assert scale.low < -0.1
    assert scale.high > 0.2
    assert 0 < scale.at(0) < 100
    assert scale.at(99) == 100
    assert common_scale([]) is None
    assert common_scale([(0.0, 0.0)]).low < 0 < common_scale([(0.0, 0.0)]).high


@pytest.mark.parametrize("scale", [Scale(-0.15, 0.5), Scale(-3e-5, 1e-4), Scale(-40, 900)])
def test_marks_of_an_axis_are_round_few_and_hold_zero(scale: Scale) -> None:
    marks = ticks(scale)
    assert 0.0 in [mark.value for mark in marks]
    assert 2 <= len(marks) <= 7
    assert all(scale.low <= mark.value <= scale.high for mark in marks)


@pytest.mark.parametrize(
    ("scale", "label", "kept"),
    [
        (Scale(-0.15, 0.5), "{:+.0%}", ["0", "+40%"]),
        (Scale(-110, 90), "{:+.0f} points", ["-50 points"]),  # no room for another one
        (Scale(-90, 30), "{:+.1f}", ["-50.0"]),  # the dotted line marks 0
    ],
)
def test_the_labels_of_a_phone_leave_each_other_room_and_the_farthest_comes_first(scale, label, kept) -> None:
    marks = axis_of(scale, lambda value: label.format(value) if value else "0")
    assert [mark.label for mark in marks if mark.major] == kept


def test_long_labels_are_fewer_where_they_would_touch() -> None:
    def write(value: float) -> str:
        return f"{value:+.0f} points"

    scale = Scale(-220, 60)
    assert len(ticks(scale, 6)) == 5
    assert [mark.label for mark in axis_of(scale, write, 6)] == ["-200 points", "-100 points", "+0 points"]


def test_a_ridge_is_highest_at_its_mode_and_needs_no_density() -> None:
    scale = Scale(-1, 1)
    drawn = ridge({"x": [-0.5, 0.0, 0.5], "y": [0.1, 2.0, 0.1]}, 0.0, -0.5, 0.5, scale)
    assert "500 0.0" in drawn.area
    assert (drawn.low, drawn.mean, drawn.high, drawn.zero) == (25, 50, 75, 50)
    assert ridge(None, 0.0, -0.5, 0.5, scale).area == ""


def test_a_variants_picture_is_the_same_every_time_and_its_own() -> None:
    assert hills("b/Meet the people") == hills("b/Meet the people")
    assert hills("b/Meet the people") != hills("c/Only this week")
