"""The verdict in words with the figures that it rests on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.reporting import facts
from experiments.reporting.measures import Measure
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.parts import Number, Part, VariantFacts
from web.pages.results.sections.net_value import worth

TONES = {
    "ship": "burr",
    "keep_running": "burr",
    "no_difference": "calm",
    "not_enough_data": "calm",
    "stop_harm": "bad",
    "untrusted": "bad",
}
NAMED = re.compile(r"(\b[A-Z] “[^”]*”|\b[B-HJ-Z]\b)")
"""A variant in a sentence; A and I alone are words of their own."""


@dataclass(frozen=True)
class VerdictView:
    decision: str
    tone: str
    headline: str
    reason: tuple[Part, ...]
    facts: tuple[tuple[str, Number], ...]


def build(context: Context) -> VerdictView:
    """Return the section."""
    verdict = context.result["verdict"]
    shown = _facts(context)
    if shown and (month := worth(context.result, _about(context), context.control, context.plan)):
        shown = (*shown, month)
    reason = coloured(verdict["reason"], context.variants)
    return VerdictView(verdict["decision"], TONES[verdict["decision"]], verdict["headline"], reason, shown)


def subject_of(
    verdict: Mapping[str, Any], primary: Mapping[str, Any], variants: Sequence[VariantFacts]
) -> VariantFacts:
    """The variant that the page speaks of: the verdict's, else the likeliest best of those that are not the control."""
    others = [variant for variant in variants if not variant.control]
    named = next((variant for variant in others if variant.key == verdict.get("variant")), None)
    chances = {row["variant"]: row.get("p_best") or 0.0 for row in primary["variants"]}
    return named or max(others, key=lambda variant: chances.get(variant.key, 0.0))


def _about(context: Context) -> VariantFacts:
    """Return the variant that the figures are about."""
    row = facts.subject(context.result["verdict"], context.primary)
    return next((one for one in context.variants if row and one.key == row["variant"]), context.subject)


def _facts(context: Context) -> tuple[tuple[str, Number], ...]:
    """Return the figures beside the sentence, each with its explanation."""
    primary, about = context.primary, _about(context)
    row = facts.subject(context.result["verdict"], primary) or {}
    measure = Measure.of(primary, context.plan.currency)
    why = {
        "best": explanations.explain_best(about.letter, measure.name, primary.get("direction") == "lower"),
        "loss": explanations.explain_loss(measure, about.letter, row.get("loss_if_wrong")),
    }
    letters = {variant.key: variant.letter for variant in context.variants}
    found = facts.facts(context.result["verdict"], primary, context.plan.currency, letters)
    return tuple((fact.label, Number(fact.value, why[fact.key], f"fact-{fact.key}")) for fact in found)


def coloured(sentence: str, variants: Sequence[VariantFacts]) -> tuple[Part, ...]:
    """Cut a sentence so that each variant in it, as ``B “Headline”`` or as a bare letter, wears its colour."""
    colours = {variant.letter: variant.colour for variant in variants}
    pieces = NAMED.split(sentence)
    # A split with one group gives text and names in turn.
    return tuple(Part(piece, colours.get(piece[0], "") if at % 2 else "") for at, piece in enumerate(pieces) if piece)
