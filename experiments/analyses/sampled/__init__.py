"""The parts of a result that take a sampled model, a line each. They come later than the scorecard.

A model that fails, or that there is not enough data for, is an outcome with its reason; none of them changes the
verdict. To add one, add a file with its `Part` and a line here.
"""

from collections.abc import Mapping
from typing import Any

from experiments.analyses.plan import Inputs, Plan
from experiments.analyses.sampled.amounts import AMOUNTS
from experiments.analyses.sampled.cascade import CASCADE
from experiments.analyses.sampled.counts import COUNTS
from experiments.analyses.sampled.part import LATER, Entries, Part, Report
from experiments.analyses.sampled.retention import RETENTION
from experiments.analyses.sampled.segments import SEGMENTS
from experiments.translation import gettext

SAMPLED: tuple[Part[Any], ...] = (SEGMENTS, RETENTION, CASCADE, AMOUNTS, COUNTS)
"""In the order in which they are fitted."""

Sampled = Mapping[str, Entries[Any]]
"""The entries of each part by its key."""


def wanted(plan: Plan) -> bool:
    """Whether anything that is measured takes a sampled model."""
    return any(part.subjects(plan) for part in SAMPLED)


def fit_all(inputs: Inputs, report: Report) -> Sampled:
    """Return the entries of every part, or why each is missing."""
    found = {}
    for part in SAMPLED:
        report(part.begins, gettext(part.progress))
        found[part.key] = part.fit(inputs, report)
    return found


def postponed(sampled: Sampled) -> tuple[Part[Any], ...]:
    """Return the parts that a result was given without, and that a fuller one has."""
    return tuple(
        part
        for part in SAMPLED
        if any(entry.not_shown is not None and entry.not_shown.code == LATER.code for entry in sampled[part.key])
    )
