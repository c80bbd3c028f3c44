"""Every message that the code makes has a sentence, every sentence is used, and both know the same parameters."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from analysis import errors
from experiments.reporting.sentences import SENTENCES, SUBJECTS
from experiments.reporting.sentences.template import Plural, Template
from experiments.reporting.sentences.wording import WAYS, Wording

ROOT = Path(__file__).parents[3]
MAKERS = {"message": "", "Message": "", "not_shown": "not_shown."}
"""The functions that make a message, with what each puts before the code."""


def modules() -> Iterator[ast.Module]:
    for room in ("analysis", "experiments"):
        for file in sorted((ROOT / room).rglob("*.py")):
            if "sentences" not in file.parts and file.name not in ("messages.py", "errors.py"):
                yield ast.parse(file.read_text(), str(file))


def made() -> dict[str, list[set[str] | None]]:
    """Codes made in the code, each with the parameters of every call; None where they are not written out."""
    found: dict[str, list[set[str] | None]] = defaultdict(list)
    for module in modules():
        for call in ast.walk(module):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id not in MAKERS:
                continue
            for code in texts(call.args[0]) if call.args else ():
                open_ended = len(call.args) > 1 or any(keyword.arg is None for keyword in call.keywords)
                given = None if open_ended else {str(keyword.arg) for keyword in call.keywords}
                found[MAKERS[call.func.id] + code].append(given)
    return found


def texts(code: ast.expr) -> list[str]:
    """The codes that an argument may be: a text, or either branch of a choice."""
    if isinstance(code, ast.Constant):
        return [code.value]
    return [*texts(code.body), *texts(code.orelse)] if isinstance(code, ast.IfExp) else []


def written() -> set[str]:
    """All texts written in the code, for codes that are held in a variable or a table."""
    return {
        part.value
        for module in modules()
        for part in ast.walk(module)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def forms(template: Template) -> tuple[str, ...]:
    return (template.one, template.many) if isinstance(template, Plural) else (template,)


def fields(template: Template) -> set[str]:
    names = {name for form in forms(template) for _, name, _, _ in Formatter().parse(form) if name}
    return names | ({template.by} if isinstance(template, Plural) else set())


def test_every_message_has_a_sentence_with_its_parameters() -> None:
    faults = []
    for code, calls in made().items():
        if code not in SENTENCES:
            faults.append(f"{code} has no sentence")
            continue
        for given in calls:
            if given is not None and not fields(SENTENCES[code]) <= given:
                faults.append(f"{code} lacks {', '.join(sorted(fields(SENTENCES[code]) - given))}")
    assert not faults, "\n".join(faults)


def test_every_sentence_is_used() -> None:
    texts = {prefix + text for text in written() for prefix in (*MAKERS.values(), "left_out.")}
    assert set(SENTENCES) <= texts | {"not_shown.of_variant", *(f"not_shown.refused.{code}" for code in errors.CODES)}


@pytest.mark.parametrize("code", errors.CODES)
def test_every_refusal_has_a_sentence_without_the_errors_own_words(code: str) -> None:
    missing = errors.refused(errors.AnalysisError(code, "AmountStatistics.total is -1."))
    assert (missing.code, missing.reason.code) == (code, f"not_shown.refused.{code}")
    assert "AmountStatistics" not in Wording().text(missing.reason)


def test_no_code_is_declared_twice() -> None:
    assert sum(map(len, SUBJECTS)) == len(SENTENCES)


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_uses_known_ways_only(code: str) -> None:
    for form in forms(SENTENCES[code]):
        for _, name, way, _ in Formatter().parse(form):
            if name and way:
                assert way in WAYS or way.startswith("."), f"{code}: {way}"


def test_a_sentence_without_a_template_is_refused() -> None:
    from analysis.messages import message

    with pytest.raises(LookupError, match="nowhere"):
        Wording().text(message("nowhere"))
