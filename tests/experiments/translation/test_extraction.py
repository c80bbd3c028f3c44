"""`make messages` finds the texts of every kind of source."""

import ast

from experiments.catalogue.event_types import EVENT_TYPES
from experiments.catalogue.metrics import METRICS
from experiments.commands.cli import COMMANDS
from tests.experiments.translation.texts import extracted
from tests.serving import ROOT

MARKS = ("N_", "gettext", "ngettext", "pgettext", "plural")


def test_texts_of_code_declarations_templates_and_plurals_are_found() -> None:
    texts = {text for _, text in extracted()}
    declared = {metric.name for metric in METRICS} | {kind.name for kind in EVENT_TYPES}
    assert declared | {command.summary for command in COMMANDS} <= texts
    assert "between {low} and {high}" in texts, "a call of gettext"
    assert ("{number} day", "{number} days") in texts, "a call of ngettext"
    assert ("of an action", "Value") in extracted(), "a call of pgettext"
    assert "Skip to content" in texts, "a template"


def test_no_marked_text_is_inside_an_f_string() -> None:
    """Python before 3.12 reads an f-string as one token, so Babel misses the calls inside."""
    hidden = [
        f"{file.relative_to(ROOT)}:{call.lineno} {ast.unparse(call)}"
        for room in ("analysis", "experiments", "web")
        for file in sorted((ROOT / room).rglob("*.py"))
        if "node_modules" not in file.parts
        for text in ast.walk(ast.parse(file.read_text()))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in MARKS
        if any(isinstance(argument, ast.Constant) for argument in call.args)
    ]
    assert not hidden, f"Assign these to a name before the f-string: {hidden}"
