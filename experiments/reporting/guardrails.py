"""Whether a guardrail holds, in words: the verdict's own statuses, written alike on page, report, terminal and list."""

from collections.abc import Mapping, Sequence

from analysis import MetricResult, VariantResult, Verdict
from analysis.stopping.rules import GuardrailStatus
from experiments.analyses.answer import Answer
from experiments.definition.variant_names import Lettered
from experiments.reporting import phrases
from experiments.reporting.measures import Measure, noun
from experiments.reporting.numbers import listed, percent
from experiments.reporting.withheld import too_early
from experiments.translation import gettext


def statuses(verdict: Verdict, metric: str) -> dict[str, GuardrailStatus]:
    """Return the statuses of one guardrail, by variant."""
    return {row.variant: row for row in verdict.guardrails if row.metric == metric}


def tag(verdict: Verdict, metric: str, variants: Sequence[Lettered]) -> tuple[str, str]:
    """Return whether a guardrail holds, and for which variants not, with its tone: good, calm, warn or bad."""
    letters = {variant.key: variant.letter for variant in variants}
    found = statuses(verdict, metric)
    broken, doubted = (_with(found, status, letters) for status in ("broken", "in_doubt"))
    if broken and doubted:
        text = gettext("guardrail broken by {broken}, in doubt for {doubted}")
        return text.format(broken=broken, doubted=doubted), "bad"
    if broken:
        return gettext("guardrail broken by {variants}").format(variants=broken), "bad"
    if doubted:
        return gettext("guardrail in doubt for {variants}").format(variants=doubted), "warn"
    if any(row.status == "held" for row in found.values()):
        return gettext("guardrail holds"), "good"
    if too_early(verdict):
        return gettext("too little data"), "calm"
    return gettext("guardrail not known yet"), "warn"


def doubt(verdict: Verdict, result: MetricResult, measure: Measure, variants: Sequence[Lettered]) -> str:
    """Return why a guardrail is in doubt, a sentence a variant, with the figures that the doubt rests on.

    Parameters
    ----------
    result
        The guardrail's figures of all members: those that the verdict judged.
    """
    found, rows = statuses(verdict, result.metric), {row.variant: row for row in result.variants}
    control = next(variant for variant in variants if variant.control)
    text = gettext("Probably lower with {variant} ({chance}): {value} against {control} as counted.")
    if result.direction == "lower":
        text = gettext("Probably higher with {variant} ({chance}): {value} against {control} as counted.")
    sentences = [
        text.format(
            variant=variant.letter,
            chance=phrases.chance(found[variant.key].p_worse),
            value=_counted(measure, rows[variant.key]),
            control=_counted(measure, rows[control.key]),
        )
        for variant in variants
        if variant.key in found and found[variant.key].status == "in_doubt"
    ]
    return " ".join((*sentences, gettext("Not certain enough to stop it."))) if sentences else ""


def lines(answer: Answer) -> list[str]:
    """Return a line for each guardrail that does not hold, with variants by their keys, for a terminal."""
    texts = {
        "broken": gettext("Guardrail {metric} is broken by {variant}."),
        "in_doubt": gettext("Guardrail {metric} is in doubt for {variant}."),
    }
    return [
        texts[row.status].format(metric=noun(row.metric), variant=row.variant)
        for row in answer.verdict.guardrails
        if row.status in texts
    ]


def _with(found: Mapping[str, GuardrailStatus], status: str, letters: Mapping[str, str]) -> str:
    return listed([letter for key, letter in letters.items() if key in found and found[key].status == status])


def _counted(measure: Measure, row: VariantResult) -> str:
    """Return a value before any prior, which a doubt rests on; two digits for a share, as they are small."""
    seen = row.mean if row.raw_mean is None else row.raw_mean
    return percent(seen, 2) if measure.kind == "share" and seen is not None else measure.value(seen)
