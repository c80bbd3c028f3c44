"""The texts of the code as `make messages` extracts them, and those of a catalogue."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po

from experiments.translation import FOLDER
from tests.serving import ROOT

Text = tuple[str, str | tuple[str, ...]]
"""The context of a text, empty for most, and the text; with its plural where it has one."""


@cache
def extracted() -> frozenset[Text]:
    """Return the texts of the code, with the mapping and the keywords of the Makefile."""
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile[makefile.index("pybabel --quiet extract") : makefile.index("--output-file build/messages.pot .")]
    options = recipe.replace("\\\n", " ").replace("pyproject.toml", str(ROOT / "pyproject.toml")).split()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "messages.pot"
        CommandLineInterface().run([*options, "--output-file", str(file), str(ROOT)])
        with file.open("rb") as lines:
            return texts(read_po(lines))


def german() -> Catalog:
    """Return the German catalogue as it is stored."""
    with (FOLDER / "de" / "LC_MESSAGES" / "messages.po").open("rb") as lines:
        return read_po(lines, locale="de")


def texts(entries: Catalog | list[Message]) -> frozenset[Text]:
    """Return the texts of a catalogue, without its header."""
    return frozenset((entry.context or "", entry.id) for entry in entries if entry.id)
