"""The verdict in words, with the figures behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis import MetricResult, Verdict
from analysis.messages import Message
from experiments.reporting import facts
from experiments.reporting.measures import Measure
from experiments.reporting.sentences.wording import Wording
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
BEGIN, END = "\ue000", "\ue001"
"""Private characters around the name of a variant in a sentence, to find it in any language."""


@dataclass(frozen=True)
class VerdictView:
    """The section: the verdict with its reason in pieces, and the figures beside it with their labels."""

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
    reason = coloured(verdict.reason, context.reading.wording, context.variants)
    return VerdictView(verdict.decision, TONES[verdict.decision], text(verdict.headline), reason, shown)


def subject_of(verdict: Verdict, primary: MetricResult, variants: Sequence[VariantFacts]) -> VariantFacts:
    """Return the variant that the page is about: the verdict's, else the new one most likely to be best."""
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
    shown = facts.facts(verdict, primary, context.plan.currency, letters)
    return tuple((fact.label, Number(fact.value, why[fact.key], f"fact-{fact.key}")) for fact in shown)


def coloured(reason: Message | str, words: Wording, variants: Sequence[VariantFacts]) -> tuple[Part, ...]:
    """Return a sentence in pieces, so that each variant in it, by its name or its letter, has its colour."""
    colours = {variant.letter: variant.colour for variant in variants}
    marked = replace(words, variants={key: f"{BEGIN}{called}{END}" for key, called in words.variants.items()})
    first, *pieces = marked.text(reason).split(BEGIN)
    parts = [Part(first)]
    for piece in pieces:
        # A letter alone is cut off its name, and with it the mark at its end.
        name, rest = piece.split(END) if END in piece else (piece[:1], piece[1:])
        parts += [Part(name, colours.get(piece[:1], "")), Part(rest)]
    return tuple(part for part in parts if part.text)
