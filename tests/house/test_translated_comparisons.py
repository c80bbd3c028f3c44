"""No rule compares translated text: it would hold in one language and fail in another."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = tuple(file for room in ("analysis", "experiments", "web") for file in sorted((ROOT / room).rglob("*.py")))
TRANSLATING = frozenset({"gettext", "ngettext", "pgettext"})


def compared_texts(source: str) -> Iterator[int]:
    """Yield the lines of comparisons with a translated text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(_translates(side) for side in (node.left, *node.comparators)):
            yield node.lineno


def _translates(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TRANSLATING


def test_no_file_compares_translated_text():
    found = [f"{file.relative_to(ROOT)}:{line}" for file in FILES for line in compared_texts(file.read_text())]
    assert found == []


@pytest.mark.parametrize("line", ['a == gettext("x")', 'gettext("x") != a', 'a in ngettext("x", "y", 2)'])
def test_a_comparison_is_found(line):
    assert list(compared_texts(line)) == [1]
    assert list(compared_texts('a == "x" and gettext("x")')) == []
