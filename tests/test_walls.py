"""The walls of the house: web -> experiments -> analysis, never back; and nothing in it that belongs elsewhere."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import ROOT

FORBIDDEN = {
    "analysis": ("flask", "sqlmodel", "sqlalchemy", "ibis", "experiments", "web"),
    "experiments": ("flask", "web"),
    "web": ("pymc", "nutpie", "arviz", "pytensor", "numba", "analysis.models"),
}
HEAVY = ("pymc", "arviz", "nutpie", "pytensor", "numba")


def imports(source: str, package: str = "") -> Iterator[str]:
    """Every module that `source` imports, wherever in the file; `package` resolves relative imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def crossings(room: str) -> list[str]:
    """The imports that a room must not make, each with its file."""
    found = []
    for file in sorted((ROOT / room).rglob("*.py")):
        if "node_modules" in file.parts:
            continue
        package = ".".join(file.relative_to(ROOT).parent.parts)
        for module in imports(file.read_text(), package):
            if any(module == wall or module.startswith(wall + ".") for wall in FORBIDDEN[room]):
                found.append(f"{file.relative_to(ROOT)} imports {module}")
    return found


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_room_reaches_through_its_walls(room):
    assert list((ROOT / room).rglob("*.py")), f"{room}/ holds no code"
    assert crossings(room) == []


def test_a_crossing_is_seen_in_every_form_of_import():
    source = "import web.pages\nfrom web import api\ndef f():\n    from ..web import x\n    from . import y\n"
    assert set(imports(source, "experiments.commands")) == {
        "web.pages",
        "web",
        "web.api",
        "experiments.web",
        "experiments.web.x",
        "experiments.commands",
        "experiments.commands.y",
    }


def test_a_web_process_never_loads_the_samplers(tmp_path):
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


# What is committed ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode != 0:
        pytest.skip("this is no git checkout, so nothing is tracked")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


# Written in pieces, so that this file does not hold what it looks for.
REGISTRIES = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "deb.deb" + "ian.org")
MACHINE = re.compile(r"(?<![\w.~])/(work/(main|shared)|ro" + r"ot|opt/(pypi|wheels)|tmp/k)(/|\b)")


def test_no_tracked_file_names_a_registry_or_a_path_of_one_machine(tracked):
    found = []
    for file in tracked:
        text = file.read_bytes().decode("utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if any(host in line for host in REGISTRIES) or MACHINE.search(line):
                found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert found == []


def test_no_third_party_file_is_tracked(tracked):
    names = [str(file.relative_to(ROOT)) for file in tracked]
    assert [name for name in names if "node_modules/" in name or name.startswith("web/static/vendor/")] == []


def test_the_lock_files_hold_hashes_and_no_address():
    for name in ("requirements.txt", "requirements-test.txt", "requirements-uv.txt"):
        lines = (ROOT / name).read_text().splitlines()
        pins = [line for line in lines if "==" in line]
        assert pins and all(line.endswith("\\") for line in pins), f"{name}: a pin without hashes"
        assert not [line for line in lines if "://" in line or line.startswith("--index")], name
    lock = (ROOT / "web" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"integrity"' in lock
