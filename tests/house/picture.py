"""The map of the house: ``docs/architecture.svg`` and the tables of ``docs/architecture.md``, made from the imports.

``make map`` runs it; ``tests/house/test_map.py`` fails where the committed map is not what the code gives.

A room is a folder or file directly in ``analysis/``, ``experiments/`` or ``web/`` (``web/pages/`` is opened). It is
drawn above the rooms of its part that it imports. An arrow that two others already imply is left out.
"""

import ast
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tests.house.imports import ROOMS, Graph, cycles, files, project_graph
from tests.serving import ROOT

PICTURE = ROOT / "docs" / "architecture.svg"
PAGE = ROOT / "docs" / "architecture.md"
OPENED = ("web.pages",)

_WIDTH, _MARGIN, _HEIGHT, _GAP, _BAND_TITLE = 1120, 24, 30, 44, 34
_CHARACTER = 7.3  # pixels of a letter at the size of the labels
_INK, _PAPER, _LINE = "#1c2430", "#ffffff", "#8a94a3"
_BANDS = {"web": "#e8f0fb", "experiments": "#eaf5ec", "analysis": "#fbf1e3"}
_ABOUT = {
    "web": "HTTP only: API, pages, OpenAPI",
    "experiments": "the domain and its storage",
    "analysis": "pure statistics, usable alone",
}


def room_of(module: str) -> str:
    """Return the room that a module lies in: ``web.pages.results`` for ``web.pages.results.sections.verdict``."""
    parts = module.split(".")
    depth = 3 if ".".join(parts[:2]) in OPENED else 2
    return ".".join(parts[:depth])


def room_graph(edges: Graph) -> Graph:
    """Return which rooms each room imports, itself left out."""
    found: dict[str, set[str]] = {}
    for module, targets in edges.items():
        found.setdefault(room_of(module), set()).update(room_of(target) for target in targets)
    return {room: frozenset(targets - {room}) for room, targets in found.items()}


def floors(edges: Graph) -> dict[str, int]:
    """Return the floor of each node: 0 where it imports none of the others; nodes of a cycle share one."""
    together = {node: frozenset(cycle) for cycle in cycles(edges) for node in cycle}
    known: dict[str, int] = {}

    def floor(node: str) -> int:
        if node not in known:
            here = together.get(node, frozenset({node}))
            below = frozenset().union(*(edges[member] for member in here)) - here
            found = 1 + max((floor(target) for target in below), default=-1)
            known.update(dict.fromkeys(here, found))
        return known[node]

    for node in edges:
        floor(node)
    return known


def reduced(edges: Graph) -> Graph:
    """Return the graph without the arrows that a path of others implies (transitive reduction)."""
    below = {node: _reached(edges, node) for node in edges}
    return {
        node: frozenset(target for target in targets if not any(target in below[other] for other in targets - {target}))
        for node, targets in edges.items()
    }


def _reached(edges: Graph, node: str) -> frozenset[str]:
    found: set[str] = set()
    waiting = list(edges[node])
    while waiting:
        target = waiting.pop()
        if target not in found:
            found.add(target)
            waiting.extend(edges[target])
    return frozenset(found)


def part(edges: Graph, name: str) -> Graph:
    """Return the rooms of one top-level folder and the arrows between them, without the folder's own ``__init__``."""
    rooms = {room for room in edges if room.startswith(name + ".") and room not in OPENED}
    return {room: frozenset(edges[room] & rooms) for room in sorted(rooms)}


# The picture ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float
    label: str

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def draw(edges: Graph) -> str:
    """Return the picture of the rooms as an SVG document."""
    rooms = room_graph(edges)
    parts: list[str] = []
    top = float(_MARGIN)
    for name in reversed(ROOMS):
        drawn, height = _band(name, part(rooms, name), top)
        parts.append(drawn)
        top += height + _MARGIN
    title = "The rooms of web, experiments and analysis, each above the rooms that it imports"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top:.0f}" role="img" aria-label="{title}"\n'
        f'     font-family="system-ui, sans-serif" font-size="13">\n'
        f"<title>{title}</title>\n"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{_LINE}"/></marker></defs>\n'
        f'<rect width="{_WIDTH}" height="{top:.0f}" fill="{_PAPER}"/>\n' + "".join(parts) + "</svg>\n"
    )


def _band(name: str, edges: Graph, top: float) -> tuple[str, float]:
    rows = _rows(edges)
    height = _BAND_TITLE + len(rows) * _HEIGHT + (len(rows) - 1) * _GAP + _MARGIN
    boxes: dict[str, _Box] = {}
    for number, row in enumerate(rows):
        boxes |= _placed(row, top + _BAND_TITLE + number * (_HEIGHT + _GAP))
    lines = sorted((room, target) for room, targets in reduced(edges).items() for target in targets)
    arrows = [_arrow(boxes[room], boxes[target]) for room, target in lines]
    shapes = [_shape(box) for _, box in sorted(boxes.items())]
    title = f'<tspan font-weight="700">{name}/</tspan> {escape(_ABOUT[name])}'
    return (
        f'<rect x="8" y="{top:.0f}" width="{_WIDTH - 16}" height="{height}" rx="10" fill="{_BANDS[name]}"/>\n'
        f'<text x="{_MARGIN}" y="{top + 22:.0f}" font-size="15" fill="{_INK}">{title}</text>\n'
        + "".join(arrows)
        + "".join(shapes)
    ), height


def _rows(edges: Graph) -> list[list[str]]:
    """The rooms by floor, the highest first, each row in an order that keeps arrows short."""
    at = floors(edges)
    rows = [sorted(room for room in edges if at[room] == floor) for floor in range(max(at.values()), -1, -1)]
    users = {room: [user for user in sorted(edges) if room in edges[user]] for room in edges}
    for _ in range(6):
        for neighbours, order in ((users, rows), (edges, rows[::-1])):
            place = {room: (number + 0.5) / len(row) for row in rows for number, room in enumerate(row)}
            for row in order:
                row.sort(key=lambda room: (_centre(neighbours[room], place, place[room]), room))
                place |= {room: (number + 0.5) / len(row) for number, room in enumerate(row)}
    return rows


def _centre(neighbours: Iterable[str], place: Mapping[str, float], own: float) -> float:
    found = [place[room] for room in neighbours]
    return round(sum(found) / len(found), 6) if found else own


def _placed(row: list[str], y: float) -> dict[str, _Box]:
    labels = [room.split(".")[-1] for room in row]
    widths = [len(label) * _CHARACTER + 24 for label in labels]
    space = (_WIDTH - 2 * _MARGIN - sum(widths)) / len(row)
    x, boxes = _MARGIN + space / 2, {}
    for room, label, width in zip(row, labels, widths, strict=True):
        boxes[room] = _Box(x, y, width, label)
        x += width + space
    return boxes


def _shape(box: _Box) -> str:
    return (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{_HEIGHT}" rx="6" fill="{_PAPER}" '
        f'stroke="{_LINE}"/><text x="{box.middle:.1f}" y="{box.y + 20:.1f}" text-anchor="middle" fill="{_INK}">'
        f"{escape(box.label)}</text>\n"
    )


def _arrow(above: _Box, below: _Box) -> str:
    start, end = above.y + _HEIGHT, below.y
    bend = min(_GAP, (end - start) / 2)
    return (
        f'<path d="M{above.middle:.1f} {start:.1f}C{above.middle:.1f} {start + bend:.1f} {below.middle:.1f} '
        f'{end - bend:.1f} {below.middle:.1f} {end:.1f}" fill="none" stroke="{_LINE}" marker-end="url(#tip)"/>\n'
    )


# The tables -----------------------------------------------------------------------------------------------------


def sentence(room: str) -> str:
    """Return the first line of a room's docstring."""
    path = ROOT / Path(*room.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return (ast.get_docstring(ast.parse(file.read_text())) or "").partition("\n")[0]


def rooms_table(edges: Graph) -> str:
    """Return the rooms of each part in a table: name and what it is for, from its docstring."""
    rooms = room_graph(edges)
    tables = []
    for name in reversed(ROOMS):
        at = floors(part(rooms, name))
        lines = [f"| `{room.replace('.', '/')}` | {sentence(room)} |" for room in sorted(at, key=lambda r: (-at[r], r))]
        tables.append("\n".join([f"| in `{name}/` | what it is for |", "|---|---|", *lines]))
    return "\n\n".join(tables)


def measures(edges: Graph) -> str:
    """Return the measured targets in a table."""
    rooms = room_graph(edges)
    lines = [
        "| measured | `analysis` | `experiments` | `web` | at most |",
        "|---|---|---|---|---|",
        _line("entries at the top", (entries(ROOT / name) for name in ROOMS), "20"),
        _line("files in the fullest folder", (max(map(file_count, folders(name))) for name in ROOMS), "15"),
        _line("floors of rooms", (1 + max(floors(part(rooms, name)).values()) for name in ROOMS), ""),
        _line("arrows between rooms", (sum(map(len, part(rooms, name).values())) for name in ROOMS), ""),
        _line("import cycles between files", (len(_own_cycles(edges, name)) for name in ROOMS), "0"),
        _line("import cycles between rooms", (len(cycles(part(rooms, name))) for name in ROOMS), "0"),
    ]
    return "\n".join(lines)


def _line(name: str, figures: Iterable[int], limit: str) -> str:
    return f"| {name} | {' | '.join(str(figure) for figure in figures)} | {limit} |"


def _own_cycles(edges: Graph, name: str) -> list[list[str]]:
    return [found for found in cycles(edges) if found[0].split(".")[0] == name]


def folders(name: str) -> list[Path]:
    """Return every folder with Python files under a top-level one."""
    return sorted({file.parent for file in files(name)})


def file_count(folder: Path) -> int:
    """Return how many Python files a folder holds."""
    return len(list(folder.glob("*.py")))


def entries(folder: Path) -> int:
    """Return how many Python files and folders with Python files a folder holds directly."""
    inner = [found for found in folder.iterdir() if found.is_dir() and found.name != "node_modules"]
    return file_count(folder) + len([found for found in inner if any(found.rglob("*.py"))])


def filled(page: str, blocks: Mapping[str, str]) -> str:
    """Return a page with what stands between ``<!-- name -->`` and ``<!-- /name -->`` replaced, for each block."""
    for name, text in blocks.items():
        page, times = re.subn(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda mark, text=text: f"{mark[1]}{text}\n{mark[2]}", page,
            flags=re.DOTALL,
        )  # fmt: skip
        assert times == 1, f"{PAGE.name} needs one block {name}"
    return page


def made() -> dict[Path, str]:
    """Return what the map's files must hold."""
    edges = project_graph()
    blocks = {"rooms": rooms_table(edges), "measures": measures(edges)}
    return {PICTURE: draw(edges), PAGE: filled(PAGE.read_text(), blocks)}


if __name__ == "__main__":
    for file, text in made().items():
        file.write_text(text)
        print(f"wrote {file.relative_to(ROOT)}", file=sys.stderr)
