"""The key of a metric is written once, on its line of METRICS; other code asks the catalogue."""

import ast
from collections.abc import Iterator, Mapping

from experiments.catalogue.metrics import METRICS
from tests.serving import ROOT

KEYS = frozenset(found.key for found in METRICS)
ROOMS = ("experiments", "web")
CATALOGUE = "experiments/catalogue/metrics.py"
ALLOWED: Mapping[str, tuple[frozenset[str], str]] = {
    "experiments/catalogue/event_types.py": (
        frozenset({"dwell", "reach", "revenue", "sentiment"}),
        "an event type, properties of events and words in a file's header",
    ),
    "experiments/collect/cells.py": (frozenset({"revenue"}), "a column of the query: the sum of purchases"),
    "experiments/collect/request.py": (frozenset({"revenue"}), "an outcome of a value: the sum of purchases"),
    "experiments/demo/campaign.py": (KEYS, "the definition of the example experiment"),
    "experiments/demo/world.py": (KEYS, "the truths that the example's members are simulated from"),
    "experiments/importing/columns.py": (frozenset({"revenue"}), "words in a file's header"),
    "web/api/events.py": (frozenset({"reach", "sentiment"}), "properties of the example event"),
    "web/api/schemas/experiments.py": (KEYS, "the definition of the example experiment"),
}
"""Files with texts that equal a metric's key, with these texts and their meaning there."""


def literals() -> Iterator[tuple[str, int, str]]:
    """Yield file, line and text of every string that equals the key of a metric."""
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            path = file.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Constant) and node.value in KEYS and path != CATALOGUE:
                    yield path, node.lineno, node.value


def test_no_other_file_names_a_metric_by_its_key() -> None:
    nothing: tuple[frozenset[str], str] = (frozenset(), "")
    found = [f"{path}:{line}: {text}" for path, line, text in literals() if text not in ALLOWED.get(path, nothing)[0]]
    assert not found, "declare what is special about the metric on its line of METRICS"


def test_every_exception_is_still_needed() -> None:
    seen: dict[str, set[str]] = {}
    for path, _, text in literals():
        seen.setdefault(path, set()).add(text)
    assert seen.keys() == ALLOWED.keys()
    assert all(keys == KEYS or keys == seen[path] for path, (keys, _) in ALLOWED.items())
