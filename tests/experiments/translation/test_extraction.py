"""`make messages` finds the texts of every kind of source."""

import subprocess
import sys

from babel.messages.pofile import read_po

from experiments.catalogue.event_types import EVENT_TYPES
from experiments.catalogue.metrics import METRICS
from tests.serving import ROOT


def test_texts_of_code_declarations_templates_and_plurals_are_found(tmp_path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile[makefile.index("pybabel --quiet extract") : makefile.index("--output-file build/messages.pot .")]
    options = recipe.replace("\\\n", " ").split()[2:]
    file = tmp_path / "messages.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", *options, "--output-file", str(file), "."]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    with file.open("rb") as lines:
        texts = {message.id for message in read_po(lines)}
    assert {metric.name for metric in METRICS} | {kind.name for kind in EVENT_TYPES} <= texts
    assert "between {low} and {high}" in texts, "a call of gettext"
    assert ("{number} day", "{number} days") in texts, "a call of ngettext"
    assert "Skip to content" in texts, "a template"
