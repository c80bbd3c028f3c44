"""The walls: web -> experiments -> analysis, never back; no cycle of imports between files or between rooms."""

import subprocess
import sys

import pytest

from tests.house.imports import ROOMS, cycles, files, graph, imports, module_name, project_graph
from tests.house.picture import part, room_graph
from tests.serving import ROOT

FORBIDDEN = {
    "analysis": ("flask", "sqlmodel", "sqlalchemy", "ibis", "experiments", "web"),
    "experiments": ("flask", "web"),
    "web": ("pymc", "nutpie", "arviz", "pytensor", "numba", "analysis.models", "analysis.segments"),
}
HEAVY = ("pymc", "arviz", "nutpie", "pytensor", "numba")

# Files and rooms that still form a cycle: take a line out once it is gone, add none.
FILES_IN_A_CYCLE: list[list[str]] = []
ROOMS_IN_A_CYCLE: list[list[str]] = []


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_imports_through_its_walls(room: str) -> None:
    crossings = []
    for file in files(room):
        module = module_name(file)
        for found in imports(file.read_text(), module if file.name == "__init__.py" else module.rpartition(".")[0]):
            walls = [wall for wall in FORBIDDEN[room] if found.module == wall or found.module.startswith(wall + ".")]
            if walls:
                crossings.append(f"{file.relative_to(ROOT)}:{found.line} imports {found.module}")
    assert crossings == []


def test_no_files_import_each_other_in_a_cycle() -> None:
    assert cycles(project_graph()) == FILES_IN_A_CYCLE


@pytest.mark.parametrize("room", ROOMS)
def test_no_rooms_import_each_other_in_a_cycle(room: str) -> None:
    known = [cycle for cycle in ROOMS_IN_A_CYCLE if cycle[0].startswith(room + ".")]
    assert cycles(part(room_graph(project_graph()), room)) == known


def test_an_import_is_seen_in_every_form() -> None:
    source = """
import web.pages
from web import api
def later():
    from ..web import x
    from . import y
    import_module("web.http").problem
COMMANDS = (("serve", "experiments.commands.serve"),)
"""
    assert {found.module for found in imports(source, "experiments.commands")} == {
        "web.pages",
        "web.api",
        "experiments.web.x",
        "experiments.commands.y",
        "web.http",
        "experiments.commands.serve",
    }


def test_a_name_that_another_process_runs_is_no_import() -> None:
    assert list(imports('command = ["-m", "experiments.commands.cli"]')) == []


def test_an_imported_module_is_an_edge_to_it_and_an_imported_name_to_its_package() -> None:
    sources = {"web": "", "web.api": "BLUEPRINTS = ()", "web.api.keys": "", "web.x": ""}
    sources["web.x"] = "from web.api import BLUEPRINTS"
    assert graph(sources)["web.x"] == {"web.api"}
    sources["web.x"] = "from web.api import keys"
    assert graph(sources)["web.x"] == {"web.api.keys"}


def test_cycles_are_found_and_a_chain_is_none() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": {"e"}, "f": set()}
    assert cycles({node: frozenset(targets) for node, targets in edges.items()}) == [["a", "b", "c"]]


def test_a_web_process_never_loads_the_samplers(tmp_path) -> None:
    program = (
        "import sys, wsgi\n"
        "client = wsgi.app.test_client() if hasattr(wsgi.app, 'test_client') else None\n"
        "paths = ('/healthz', '/readyz', '/login', '/experiments', '/openapi.json')\n"
        "for path in paths if client else (): client.get(path)\n"
        f"print(*[name for name in {HEAVY} if name in sys.modules])\n"
    )
    url = f"sqlite:///{tmp_path / 'klette.sqlite'}"
    environment = {"PATH": "/usr/bin:/bin", "KLETTE_DATA_DIR": str(tmp_path), "KLETTE_DATABASE_URL": url}
    migrated = subprocess.run(
        [sys.executable, "-m", "experiments.commands.cli", "migrate"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert migrated.returncode == 0, migrated.stderr
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split() == []
