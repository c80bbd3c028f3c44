"""Captures are compared to the digit: a changed, missing or added figure is found."""

import json

import pytest

from tests.replay.same_figures import compare


@pytest.fixture
def captures(tmp_path):
    def write(before, after):
        files = tmp_path / "before.json", tmp_path / "after.json"
        for file, document in zip(files, (before, after), strict=True):
            file.write_text(json.dumps({"document": document}))
        return files

    return write


def test_equal_figures_are_the_same_whatever_the_words(captures):
    assert compare(*captures({"mean": 0.1, "words": "a"}, {"mean": 0.1, "words": "b"}), {})


@pytest.mark.parametrize(
    "after", [{"mean": 0.10000000000000002}, {"mean": None}, {"mean": True}, {}, {"mean": 0.1, "n": 1}]
)
def test_a_changed_missing_or_added_figure_is_found(captures, after):
    assert not compare(*captures({"mean": 0.1}, after), {})


def test_renamed_and_added_names_are_accepted_when_given(captures):
    files = captures({"staying": 1}, {"retention": 1, "params": {"p": 0.5}})
    assert compare(*files, {"staying": "retention"}, added={"params"})
    assert not compare(*files, {"staying": "retention"})


def test_a_name_may_be_renamed_below_one_parent_alone(captures):
    files = captures({"staying": 1, "priors": {"staying": 2}}, {"curve": 1, "priors": {"tail": 2}})
    assert compare(*files, {"staying": "curve", "priors.staying": "tail"})
