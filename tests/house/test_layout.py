"""The layout: how much a folder holds, how files are named, and where a test belongs."""

import ast
import re
from pathlib import Path

import pytest

from tests.house.imports import ROOMS, files, imports, module_name
from tests.house.picture import entries
from tests.serving import ROOT

MOST_ENTRIES = 20
MOST_FILES = 15
MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 40  # without the docstring

# Rooms of tests that no folder of code has: whole-product tests and what measures.
ROOMS_OF_TESTS_ALONE = ("benchmarks", "browser", "docs", "faults", "house", "load", "proofs", "replay")

# The words that a file's name must not hold: participles and verbs that name no idea, and twins beside a module.
POOR_NAMES = re.compile(
    r"(^|_)(more|words|helpers|misc|util|utils|asked|answering|bringing|coming|deeper|guessing|handed|life|met|past|said"
    r"|telling|told|tells)(_|$)"
)

# What still breaks a rule: take a line out once it is gone, add none.
POOR_NAMES_LEFT: set[str] = set()
LONG_FILES_LEFT: set[str] = set()
LONG_FUNCTIONS_LEFT: set[str] = set()
ALIASES_LEFT: dict[str, set[str]] = {}
MISPLACED_TESTS_LEFT: set[str] = set()


def code() -> list[Path]:
    return files(*ROOMS, "tests", "migrations")


def relative(found: list[Path]) -> set[str]:
    return {str(file.relative_to(ROOT)) for file in found}


@pytest.mark.parametrize("room", ROOMS)
def test_the_top_of_a_room_has_few_entries(room: str) -> None:
    assert entries(ROOT / room) <= MOST_ENTRIES


def test_no_folder_holds_too_many_files() -> None:
    folders = {folder for room in (*ROOMS, "tests") for folder in (ROOT / room).rglob("*") if folder.is_dir()}
    left_out = ("node_modules", "vendor", "__pycache__")
    counts = {
        str(folder.relative_to(ROOT)): len([file for file in folder.iterdir() if file.is_file()])
        for folder in folders | {ROOT / "tests"}
        if not set(left_out) & set(folder.parts)
    }
    assert {folder: count for folder, count in counts.items() if count > MOST_FILES} == {}


def test_no_file_is_too_long() -> None:
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in code()}
    assert {name for name, length in lengths.items() if length > MOST_LINES} == LONG_FILES_LEFT


def test_no_function_is_too_long() -> None:
    long = {
        f"{file.relative_to(ROOT)}: {function.name}"
        for file in files(*ROOMS)
        for function in ast.walk(ast.parse(file.read_text()))
        if isinstance(function, ast.FunctionDef) and lines_without_docstring(function) > MOST_LINES_OF_A_FUNCTION
    }
    assert long == LONG_FUNCTIONS_LEFT


def lines_without_docstring(function: ast.FunctionDef) -> int:
    docstring = function.body[0] if ast.get_docstring(function) is not None else None
    return lines_of(function) - (lines_of(docstring) if docstring else 0)


def lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_files_are_named_by_a_noun() -> None:
    found = [file for file in code() if POOR_NAMES.search(file.stem.removeprefix("test_"))]
    assert relative(found) == POOR_NAMES_LEFT


def test_no_module_of_ours_is_imported_under_another_name() -> None:
    modules = {module_name(file) for file in code()}
    aliases: dict[str, set[str]] = {}
    for file in code():
        for found in imports(file.read_text(), module_name(file)):
            if found.alias and found.module in modules:
                aliases.setdefault(str(file.relative_to(ROOT)), set()).add(found.alias)
    assert aliases == ALIASES_LEFT


def test_every_folder_of_tests_mirrors_one_of_the_code() -> None:
    tests = ROOT / "tests"
    found = {file.parent.relative_to(tests) for file in files("tests") if file.parent != tests}
    rooms = {folder for folder in found if folder.parts[0] not in ROOMS_OF_TESTS_ALONE}
    assert [str(folder) for folder in sorted(rooms) if not (ROOT / folder).is_dir()] == []


def test_every_test_is_in_a_room() -> None:
    assert list((ROOT / "tests").glob("test_*.py")) == []


def test_a_test_named_after_a_module_is_in_the_modules_room() -> None:
    """``tests/a/b/test_c.py`` is about ``a/b/c.py``, ``a/b/c/`` or ``a/c/``, unless no module of ``a`` is called c."""
    misplaced = []
    for file in files(*(f"tests/{room}" for room in ROOMS)):
        folder = ROOT / file.parent.relative_to(ROOT / "tests")
        name = file.stem.removeprefix("test_")
        room = ROOT / folder.relative_to(ROOT).parts[0]
        known = [*room.rglob(f"{name}.py"), *(found for found in room.rglob(name) if found.is_dir())]
        here = {folder / f"{name}.py", folder / name, folder.parent / name}
        if file.stem.startswith("test_") and known and not here & set(known):
            misplaced.append(file)
    assert relative(misplaced) == MISPLACED_TESTS_LEFT
