"""The answer in words with the figures that it rests on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.reporting import phrases
from experiments.reporting.ended import verdict_over
from experiments.reporting.measures import Measure
from experiments.reporting.withheld import NO_FACTS, too_early
from web.pages.results import words
from web.pages.results.context import Context
from web.pages.results.parts import Number, Part, Plan, VariantFacts
from web.pages.results.sections.net_value import worth

TONES = {
    "ship": "burr",
    "keep_running": "burr",
    "no_difference": "calm",
    "not_enough_data": "calm",
    "stop_harm": "bad",
    "untrusted": "bad",
}
HEADLINES = {
    "keep_running": "Keep running.",
    "no_difference": "No difference worth having.",
    "stop_harm": "Stop: it does harm.",
    "not_enough_data": "Not enough data yet.",
    "untrusted": "Do not trust these numbers yet.",
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
    return verdict_of(context.result, context.variants, context.primary, context.plan, failed=context.failed)


def subject_of(
    verdict: Mapping[str, Any], primary: Mapping[str, Any], variants: Sequence[VariantFacts]
) -> VariantFacts:
    """The variant that the page speaks of: the verdict's, else the likeliest best of those that are not the control."""
    others = [variant for variant in variants if not variant.control]
    named = next((variant for variant in others if variant.key == verdict.get("variant")), None)
    chances = {row["variant"]: row.get("p_best") or 0.0 for row in primary["variants"]}
    return named or max(others, key=lambda variant: chances.get(variant.key, 0.0))


def verdict_of(
    result: Mapping[str, Any],
    variants: Sequence[VariantFacts],
    primary: Mapping[str, Any],
    plan: Plan,
    *,
    failed: bool,
) -> VerdictView:
    verdict = verdict_over(result["verdict"]) if plan.ended_at else result["verdict"]
    decision = verdict["decision"]
    headline = verdict.get("headline") or result.get("headline") or _headline(verdict, variants)
    told = _told_of(verdict, primary, variants)
    facts = _facts(primary, told, plan)
    if facts and (month := worth(result, told, next(one for one in variants if one.control), plan)):
        facts = (*facts, month)
    if failed and decision != "untrusted":
        decision, headline = "untrusted", HEADLINES["untrusted"]
    if decision in NO_FACTS or too_early(verdict):
        facts = ()
    return VerdictView(decision, TONES[decision], headline, coloured(verdict["reason"], variants), facts)


def _headline(verdict: Mapping[str, Any], variants: Sequence[VariantFacts]) -> str:
    if verdict["decision"] == "ship":
        letter = next((v.letter for v in variants if v.key == verdict.get("variant")), "it")
        return f"Ship {letter}."
    return HEADLINES[verdict["decision"]]


def _told_of(verdict: Mapping[str, Any], primary: Mapping[str, Any], variants: Sequence[VariantFacts]) -> VariantFacts:
    """Whom the figures beside the sentence are about: the verdict's variant, else the likeliest best of all."""
    chances = {row["variant"]: row.get("p_best") or 0.0 for row in primary["variants"]}
    named = next((variant for variant in variants if variant.key == verdict.get("variant")), None)
    return named or max(variants, key=lambda variant: chances.get(variant.key, 0.0))


def _facts(primary: Mapping[str, Any], subject: VariantFacts, plan: Plan) -> tuple[tuple[str, Number], ...]:
    """The figures beside the sentence, written as the scorecard writes them."""
    row = next((row for row in primary["variants"] if row["variant"] == subject.key), None)
    if row is None or row.get("p_best") is None:
        return ()
    measure = Measure.of(primary, plan.currency)
    best = words.explain_best(subject.letter, measure.name, primary.get("direction") == "lower")
    lost = row.get("loss_if_wrong")
    loss = words.explain_loss(measure, subject.letter, lost)
    return (
        (f"Chance that {subject.letter} is best", Number(phrases.chance(row["p_best"]), best, "fact-best")),
        (
            f"If we ship {subject.letter} and are wrong, we lose",
            Number("next to nothing" if lost is None else measure.loss(lost) + measure.members, loss, "fact-loss"),
        ),
    )


def coloured(sentence: str, variants: Sequence[VariantFacts]) -> tuple[Part, ...]:
    """Cut a sentence so that each variant in it, as ``B “Headline”`` or as a bare letter, wears its colour."""
    colours = {variant.letter: variant.colour for variant in variants}
    pieces = NAMED.split(sentence)
    # A split with one group gives text and names in turn.
    return tuple(Part(piece, colours.get(piece[0], "") if at % 2 else "") for at, piece in enumerate(pieces) if piece)
