"""The table of codes and words is held against the source."""

import ast
from pathlib import Path

from experiments.catalogue.event_types import EVENT_TYPES, PROPERTIES
from experiments.catalogue.metrics import METRICS
from experiments.definition import targeting
from web.apidocs.codes import CODES, NOT_OVER_HTTP, OPERATORS, words
from web.http.problem import FRAMEWORK

ROOT = Path(__file__).parents[3]
CHECKED_TEXTS = ("id", "unit", "type")  # the fields that required_text is asked about


def codes_of_the_source() -> set[str]:
    """Every ``code="..."`` and ``code = "..."`` of the rooms that answer an app."""
    found = {code for code, *_ in FRAMEWORK.values()} | {"internal"}
    for room in ("experiments", "web"):
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.keyword) and node.arg == "code":
                    found |= texts(node.value)
                elif isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                    for line in node.body:
                        if isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") == "code":
                            found |= texts(line.value)
    return found


def texts(node: ast.expr) -> set[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.JoinedStr):
        ending = node.values[-1].value if isinstance(node.values[-1], ast.Constant) else None
        if ending == "_invalid" and getattr(node.values[0].value, "id", "") != "field":
            return set()
        names = (
            (*CHECKED_TEXTS, *(found.name for found in PROPERTIES.values() if found.high is not None))
            if ending == "_invalid"
            else CHECKED_TEXTS
        )
        return {f"{name}{ending}" for name in names}
    return set()


def test_the_table_has_all_codes_of_the_source_and_no_others():
    listed = [code.code for code in CODES]
    assert len(listed) == len(set(listed))
    source = codes_of_the_source()
    assert source - set(listed) - NOT_OVER_HTTP == set(), "list them in web/apidocs/codes.py"
    assert set(listed) - source == set(), "no longer there"


def test_the_words_of_the_page_are_those_of_the_code():
    assert tuple(OPERATORS) == targeting.OPERATORS
    listed = {heading: dict(rows) for heading, _, rows in words()}
    assert list(listed["event-types"]) == [kind.key for kind in EVENT_TYPES]
    assert list(listed["metrics"]) == [metric.key for metric in METRICS]
    assert all(meaning.strip() for rows in listed.values() for meaning in rows.values())
