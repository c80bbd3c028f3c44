"""The map of the house is as `make map` makes it, and what it names exists."""

import re

import pytest

from tests.house.picture import floors, made, reduced
from tests.serving import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_the_map_is_up_to_date() -> None:
    outdated = [
        str(file.relative_to(ROOT)) for file, text in made().items() if not file.exists() or file.read_text() != text
    ]
    assert outdated == [], "run `make map`"


def test_every_room_says_what_it_is_for() -> None:
    rooms = re.findall(r"^\| `([\w/]+)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert rooms and [room for room, text in rooms if not text.endswith(".")] == []


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:analysis|experiments|web|tests)/[\w/]+\.py)`", PAGE))))
def test_a_file_that_the_map_names_exists(path: str) -> None:
    assert (ROOT / path).is_file()


def test_a_room_is_above_what_it_imports_and_a_cycle_shares_a_floor() -> None:
    edges = {"top": {"a", "low"}, "a": {"b"}, "b": {"a", "low"}, "low": set()}
    assert floors({room: frozenset(targets) for room, targets in edges.items()}) == {"top": 2, "a": 1, "b": 1, "low": 0}


def test_an_arrow_that_others_imply_is_left_out() -> None:
    edges = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert reduced({room: frozenset(targets) for room, targets in edges.items()})["a"] == {"b"}
