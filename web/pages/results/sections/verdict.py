"""The verdict in words with the figures that it rests on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from analysis import MetricResult, Verdict
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
    verdict, text = context.answer.verdict, context.reading.text
    shown = _facts(context)
    if shown and (month := worth(context.answer, _about(context), context.control, context.plan)):
        shown = (*shown, month)
    reason = coloured(text(verdict.reason), context.variants)
    return VerdictView(verdict.decision, TONES[verdict.decision], text(verdict.headline), reason, shown)


def subject_of(verdict: Verdict, primary: MetricResult, variants: Sequence[VariantFacts]) -> VariantFacts:
    """The variant that the page speaks of: the verdict's, else the likeliest best of those that are not the control."""
    others = [variant for variant in variants if not variant.control]
    named = next((variant for variant in others if variant.key == verdict.variant), None)
    chances = {row.variant: row.p_best or 0.0 for row in primary.variants}
    return named or max(others, key=lambda variant: chances.get(variant.key, 0.0))


def _about(context: Context) -> VariantFacts:
    """Return the variant that the figures are about."""
    row = facts.subject(context.answer.verdict, context.primary.deciding)
    return next((one for one in context.variants if row and one.key == row.variant), context.subject)


def _facts(context: Context) -> tuple[tuple[str, Number], ...]:
    """Return the figures beside the sentence, each with its explanation."""
    verdict, primary, about = context.answer.verdict, context.primary, _about(context)
    row = facts.subject(verdict, primary.deciding)
    measure = Measure.of(primary, context.plan.currency)
    why = {
        "best": explanations.explain_best(about.letter, measure.name, primary.plain.direction == "lower"),
        "loss": explanations.explain_loss(measure, about.letter, row.loss_if_wrong if row else None),
    }
    letters = {variant.key: variant.letter for variant in context.variants}
    found = facts.facts(verdict, primary, context.plan.currency, letters)
    return tuple((fact.label, Number(fact.value, why[fact.key], f"fact-{fact.key}")) for fact in found)


def coloured(sentence: str, variants: Sequence[VariantFacts]) -> tuple[Part, ...]:
    """Cut a sentence so that each variant in it, as ``B “Headline”`` or as a bare letter, wears its colour."""
    colours = {variant.letter: variant.colour for variant in variants}
    pieces = NAMED.split(sentence)
    # A split with one group gives text and names in turn.
    return tuple(Part(piece, colours.get(piece[0], "") if at % 2 else "") for at, piece in enumerate(pieces) if piece)
