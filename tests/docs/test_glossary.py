"""The glossary names what exists: every term's place in the code can be imported."""

import re
from importlib import import_module
from pkgutil import resolve_name

import pytest

from experiments.definition.model import ExperimentDefinition
from experiments.people.accounts import ROLES
from tests.serving import ROOT

PAGE = (ROOT / "docs" / "glossary.md").read_text()
ROWS = re.findall(r"^\| ([^|]+) \| ([^|]+) \| `([\w.]+)` \|$", PAGE, re.MULTILINE)


def test_every_row_names_its_place() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| term")]
    assert len(rows) == len(ROWS) > 50


@pytest.mark.parametrize("place", sorted({place for _, _, place in ROWS}))
def test_a_place_that_the_glossary_names_exists(place: str) -> None:
    import_module(place.split(".")[0])
    resolve_name(place)


def test_no_term_has_two_meanings() -> None:
    terms = [term for names, _, _ in ROWS for term in re.sub(r"\(.*?\)", "", names).split(", ")]
    assert len(terms) == len(set(terms))


def test_roles_and_fields_are_named_as_in_the_code() -> None:
    assert all(role in PAGE for role in ROLES)
    assert {"traffic", "variants", "metrics"} <= ExperimentDefinition.model_fields.keys()
