"""A copy of the code to which recipes are applied."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.serving import ROOT


class House:
    """A copy of the code to which the recipes add a file, and a line in a visible tuple."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("node_modules", "__pycache__", "vendor")
        for name in ("analysis", "experiments", "web", "docs", "migrations", ".ci"):
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", folder)
        (folder / "web" / "static" / "vendor").symlink_to(ROOT / "web" / "static" / "vendor")
        (folder / "tests").symlink_to(ROOT / "tests")

    def write(self, path: str, text: str) -> None:
        """Add a file."""
        file = self.folder / path
        assert not file.exists(), f"{path} is there already; choose another name for the toy"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def add_line(self, path: str, registry: str, line: str, imported: str = "") -> None:
        """Add a line at the end of a tuple or mapping, and its import above."""
        file = self.folder / path
        source = file.read_text()
        lines = source.splitlines()
        found = next(node for node in ast.parse(source).body if registry in _targets(node))
        assert found.end_lineno and lines[found.end_lineno - 1] in (")", "}"), f"{registry} is no list of lines"
        lines.insert(found.end_lineno - 1, line)
        if imported:
            lines.insert(found.lineno - 1, imported)
        file.write_text("\n".join(lines) + "\n")

    def add_to_line(self, path: str, registry: str, name: str, imported: str) -> None:
        """Add a name to a tuple that is written in one line."""
        file = self.folder / path
        lines = file.read_text().splitlines()
        place = next(number for number, line in enumerate(lines) if line.startswith(f"{registry}:"))
        lines[place] = f"{lines[place].removesuffix(')')}, {name})"
        lines.insert(place, imported)
        file.write_text("\n".join(lines) + "\n")

    def add_field(self, path: str, owner: str, line: str) -> None:
        """Add a field at the end of those of a class."""
        file = self.folder / path
        source = file.read_text()
        lines = source.splitlines()
        found = next(node for node in ast.parse(source).body if getattr(node, "name", "") == owner)
        fields = [node for node in found.body if isinstance(node, ast.AnnAssign)]  # type: ignore[attr-defined]
        lines.insert(fields[-1].end_lineno or 0, line)
        file.write_text("\n".join(lines) + "\n")

    def append(self, path: str, line: str) -> None:
        """Add a line at the end of a file."""
        with (self.folder / path).open("a") as file:
            file.write(f"{line}\n")

    def run(self, *command: str) -> str:
        """Run Python in the copy and return what it printed."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KLETTE_")}
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=environment | {"PYTHONPATH": str(self.folder), "KLETTE_DATA_DIR": str(self.folder / "var")},
            capture_output=True,
            text=True,
            timeout=250,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def _targets(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.AnnAssign):
        return [getattr(node.target, "id", "")]
    return [getattr(target, "id", "") for target in node.targets] if isinstance(node, ast.Assign) else []
