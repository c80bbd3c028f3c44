"""The words of missing results, notes and priors, each with example parameters."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from analysis.messages import Message, message
from experiments.reporting.sentences.not_shown import NOT_SHOWN
from experiments.reporting.sentences.notes import NOTES
from experiments.reporting.sentences.priors import PRIORS
from experiments.reporting.sentences.template import Plural, Template
from experiments.reporting.sentences.wording import Wording
from tests.snapshots import matches

WORDING = Wording(variants={"a": "A “Pack light”", "b": "B “Travel far”"}, currency="EUR")
MISSED = message("check.range", name=message("check.variance", variant="b"), observed=71.25, low=3.0, high=52.5)
EXAMPLES = {
    "variant": "b", "variants": ("a", "b"), "detail": "One kind is needed.", "prior": "content", "others": "others",
    "reason": message("not_shown.nobody_yet"), "check": MISSED, "name": message("check.variance", variant="b"),
    "reasons": (message("diagnostics.did_not_move"), message("diagnostics.not_finite")), "error": "MemoryError",
    "joined": (message("stratified.joined", steps=("1", "2")),), "steps": 3, "limit": 0.95, "chance": 0.034,
    "share": 0.0123, "most": 2, "cap": 250.0, "expected": 0.031, "observed": 0.012, "low": 3.0, "high": 52.5,
    "rhat": 1.034, "ess": 212.4, "ahead": 12.34, "within": 0.21, "widest": 0.43,
}  # fmt: skip
"""Parameters by name; those that are missing here are numbers of members and the like."""


OTHERS: Mapping[str, Mapping[str, Any]] = {
    "stratified.joined": {"steps": ("1", "2")},
    "not_shown.cut_amounts": {"most": 0.01},
    "diagnostics.rhat": {"limit": 1.01},
    "diagnostics.ess": {"limit": 400.0},
    "prior": {"variants": 9433},
    "families": {"error": 3.2},
}
"""Parameters that mean something else in a message, or in all of a subject."""


def examples(subject: Mapping[str, Template]) -> Iterator[str]:
    for code, template in subject.items():
        params = EXAMPLES | OTHERS.get(code.partition(".")[0], {}) | OTHERS.get(code, {})
        for number in (1, 1204) if isinstance(template, Plural) else (1204,):
            by = {template.by: number} if isinstance(template, Plural) else {}
            yield f"{code}: {WORDING.text(Message(code, Parameters(params | by)))}"


class Parameters(dict[str, Any]):
    """Example parameters, a number for every other name."""

    def __missing__(self, name: str) -> int:
        return 1204


@pytest.mark.parametrize(("name", "subject"), [("not_shown", NOT_SHOWN), ("notes", NOTES), ("priors", PRIORS)])
def test_the_words_of(name: str, subject: Mapping[str, Template]) -> None:
    matches(f"experiments/reporting/sentences/{name}", "\n".join(examples(subject)))
