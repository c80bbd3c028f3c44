"""The parts of a result that need a sampled model, a line each; they are added after the scorecard.

A model that fails, or has too few data, is an outcome with a reason; no part changes the verdict. To add a part, add a
file with its `Part` and a line here.
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

SAMPLED: tuple[Part[Any], ...] = (SEGMENTS, RETENTION, CASCADE, AMOUNTS, COUNTS)
"""The parts in the order of fitting."""

Sampled = Mapping[str, Entries[Any]]
"""The entries of each part by its key."""


def wanted(plan: Plan) -> bool:
    """Return whether the plan needs any sampled model."""
    return any(part.subjects(plan) for part in SAMPLED)


def fit_all(inputs: Inputs, report: Report) -> Sampled:
    """Return the entries of every part; a missing one has its reason."""
    entries = {}
    for part in SAMPLED:
        report(part.begins, part.progress)
        entries[part.key] = part.fit(inputs, report)
    return entries


def postponed(sampled: Sampled) -> tuple[Part[Any], ...]:
    """Return the parts that are missing in an early result and follow in the complete one."""
    return tuple(
        part
        for part in SAMPLED
        if any(entry.not_shown is not None and entry.not_shown.code == LATER.code for entry in sampled[part.key])
    )
