"""The imports of the project's own modules, computed from their syntax trees.

Every import counts, wherever it is: at the top, inside a function, under ``TYPE_CHECKING``. In a file that imports by
name (``import_module``), every text that is a dotted name of ours counts too, so that a tuple of
``"experiments.commands.serve"`` is seen. What another process runs (``-m experiments.cli``) is no import.
``from package import module`` is an edge to the module; ``from package import name`` one to the package's
``__init__``. That Python runs the ``__init__`` of every package above a module is not counted.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.serving import ROOT

ROOMS = ("analysis", "experiments", "web")
_BY_NAME = ("import_module", "__import__", "find_spec")

Graph = Mapping[str, frozenset[str]]
"""The modules that each module imports, by dotted name."""


@dataclass(frozen=True, slots=True)
class Import:
    """One import as it is written.

    Attributes
    ----------
    module : str
        Dotted name, with the imported name at its end where there is one: ``web.pages`` or ``web.pages.BLUEPRINTS``.
    alias : str
        The name behind ``as``; empty without.
    line : int
    dynamic : bool
        Whether the module is named by a string that is no import statement.
    """

    module: str
    alias: str
    line: int
    dynamic: bool = False


def files(*rooms: str) -> list[Path]:
    """Return the Python files of some top-level folders, in order."""
    found = (file for room in rooms for file in (ROOT / room).rglob("*.py"))
    return sorted(file for file in found if "node_modules" not in file.parts)


def module_name(file: Path) -> str:
    """Return the dotted name of a file; of a package's ``__init__.py`` it is the package."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str, package: str = "") -> Iterator[Import]:
    """Yield every import of a source; `package` resolves relative ones and ``f"{__name__}.x"``."""
    nodes = list(ast.walk(ast.parse(source)))
    calls = [node for node in nodes if isinstance(node, ast.Call) and _name(node.func) in _BY_NAME]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, alias.asname or "", node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from _from(node, package)
        elif calls and isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_dotted(node.value):
            yield Import(node.value, "", node.lineno, dynamic=True)
    for call in calls:
        named = [one.value for one in call.args[:1] if isinstance(one, ast.Constant)]
        yield from (Import(str(name), "", call.lineno, dynamic=True) for name in named)


def _from(node: ast.ImportFrom, package: str) -> Iterator[Import]:
    levels = package.split(".")
    base = levels[: len(levels) - node.level + 1] if node.level else []
    module = ".".join([*base, *([node.module] if node.module else [])])
    yield from (Import(f"{module}.{alias.name}", alias.asname or "", node.lineno) for alias in node.names)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_dotted(text: str) -> bool:
    """Whether a text can be a module of ours, such as ``experiments.commands.serve``."""
    parts = text.split(".")
    return parts[0] in ROOMS and len(parts) > 1 and all(part.isidentifier() for part in parts)


def graph(sources: Mapping[str, str], packages: Iterable[str] = ()) -> Graph:
    """Return who imports whom among the modules of `sources` (dotted name to source text).

    Parameters
    ----------
    sources
        The text of each module.
    packages
        Those among them that are packages: their relative imports begin at themselves.
    """
    own = set(packages)
    edges: dict[str, frozenset[str]] = {}
    for module, source in sources.items():
        package = module if module in own else module.rpartition(".")[0]
        named = (_module_of(found.module, sources) for found in imports(source, package))
        edges[module] = frozenset(target for target in named if target and target != module)
    return edges


def _module_of(name: str, sources: Mapping[str, str]) -> str:
    """The module that a dotted name lies in: itself, or the one that holds the name; empty for a foreign one."""
    while name and name not in sources:
        name = name.rpartition(".")[0]
    return name


def project_graph(*rooms: str) -> Graph:
    """Return the graph of the project as it is on disk."""
    found = files(*(rooms or ROOMS))
    packages = [module_name(file) for file in found if file.name == "__init__.py"]
    return graph({module_name(file): file.read_text() for file in found}, packages)


def cycles(edges: Graph) -> list[list[str]]:
    """Return the strongly connected components of more than one member, each sorted (Tarjan, 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    components: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(edges.get(node, ())):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                components.append(sorted(component))

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return sorted(components)
