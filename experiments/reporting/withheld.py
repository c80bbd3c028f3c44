"""Figures that are left out: chances while there is too little data, and all of a metric that no member did."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from analysis import MetricResult, VariantResult, Verdict
from analysis.scoring.results import ComparisonResult
from experiments.analyses.scorecards import MetricEntry
from experiments.catalogue.metrics import metric
from experiments.reporting.numbers import count
from experiments.translation import gettext

COUNTED = ("proportion", "amount", "count", "ratio")
"""Kinds whose total is 0 where no member acted, unless the metric's values are signed."""

NO_FACTS = ("untrusted",)
"""Decisions beside which no figure is shown."""


def withheld_note() -> str:
    """Return the sentence shown where chances and losses are left out."""
    return gettext("Chances and losses are shown once there is enough data.")


def none_so_far() -> str:
    """Return the tag of a guardrail that no member has acted on."""
    return gettext("none so far")


def none_yet(members: int) -> str:
    """Return what replaces the figures of a variant, which would be those of the prior alone."""
    return gettext("none yet (0 of {members})").format(members=count(members))


def too_early(verdict: Verdict) -> bool:
    """Whether there is too little data for chances and losses: they would be the prior's, near one half."""
    return verdict.decision == "not_enough_data" and not verdict.variant


def without_chances(entry: MetricEntry) -> MetricEntry:
    """Return a metric without chances and losses."""
    adjusted = entry.adjusted
    if adjusted is not None:
        adjusted = replace(adjusted, **_without(adjusted.variants, adjusted.comparisons))
    return replace(
        entry, plain=replace(entry.plain, **_without(entry.plain.variants, entry.plain.comparisons)), adjusted=adjusted
    )


def _without(variants: Sequence[VariantResult], comparisons: Sequence[ComparisonResult]) -> dict[str, Any]:
    return {
        "variants": tuple(replace(row, p_best=None, expected_loss=None) for row in variants),
        "comparisons": tuple(replace(row, p_beats_control=None) for row in comparisons),
    }


def no_member_did(result: MetricResult) -> bool:
    """Whether no member of any variant did what the metric counts, so that there are no figures to show."""
    if result.kind not in COUNTED or metric(result.metric).signed:
        return False
    return all(row.n for row in result.variants) and not any(row.total for row in result.variants)
