"""Guardrails as every reader shows them: value, lift, status and the bound that was passed, without chances.

Page, report and terminal take the metrics from `shown` and the words from here.
"""

from collections.abc import Iterable, Mapping, Sequence

from analysis import MetricResult, VariantResult, Verdict
from analysis.stopping.rules import GuardrailStatus
from experiments.analyses.answer import Answer
from experiments.analyses.scorecards import MetricEntry
from experiments.definition.variant_names import Lettered, letter
from experiments.reporting import phrases
from experiments.reporting.measures import Measure, name_of, noun
from experiments.reporting.numbers import count, decimal, listed, percent
from experiments.reporting.withheld import too_early, without_chances
from experiments.reporting.worded import Reading
from experiments.translation import N_, gettext

_PROOFS = {
    (False, False): N_("Proven lower with {variant}: {z} standard errors below {control}, past the bound of {bound}."),
    (True, False): N_("Proven higher with {variant}: {z} standard errors above {control}, past the bound of {bound}."),
    (False, True): N_(
        "Proven lower with {variant} on day {day}: {z} standard errors below {control}, past the bound of {bound}."
    ),
    (True, True): N_(
        "Proven higher with {variant} on day {day}: {z} standard errors above {control}, past the bound of {bound}."
    ),
}
"""By whether the variant is higher, and whether an earlier look proved it."""


def guarded(verdict: Verdict) -> frozenset[str]:
    """Return the keys of the guardrails."""
    return frozenset(row.metric for row in verdict.guardrails)


def shown(verdict: Verdict, entries: Iterable[MetricEntry]) -> tuple[MetricEntry, ...]:
    """Return metrics with the chances and losses that readers may show.

    A guardrail has none, since it is judged by its status; no metric has any while there is too little data.
    """
    early, kept = too_early(verdict), guarded(verdict)
    return tuple(without_chances(entry) if early or entry.metric in kept else entry for entry in entries)


def statuses(verdict: Verdict, metric: str) -> dict[str, GuardrailStatus]:
    """Return the statuses of one guardrail, by variant."""
    return {row.variant: row for row in verdict.guardrails if row.metric == metric}


def judged(verdict: Verdict, metric: str) -> bool:
    """Whether the verdict has judged a guardrail for any variant."""
    return any(row.status != "unknown" for row in statuses(verdict, metric).values())


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
    if verdict.decision == "untrusted":
        return gettext("not judged"), "calm"
    return gettext("guardrail not known yet"), "warn"


def remark(verdict: Verdict, result: MetricResult, measure: Measure, variants: Sequence[Lettered]) -> str:
    """Return why a guardrail is broken or in doubt, one sentence per variant; empty if it holds.

    Parameters
    ----------
    result
        The guardrail's figures of all members: those that the verdict judged.
    """
    found = statuses(verdict, result.metric)
    control = next(variant for variant in variants if variant.control)
    broken, doubted = (
        [variant for variant in variants if variant.key in found and found[variant.key].status == status]
        for status in ("broken", "in_doubt")
    )
    proofs = [_proof(found[variant.key], variant, control, result) for variant in broken]
    doubts = [_doubt(found[variant.key], variant, control, result, measure) for variant in doubted]
    return " ".join([*proofs, *doubts])


def _proof(status: GuardrailStatus, variant: Lettered, control: Lettered, result: MetricResult) -> str:
    """Return the figures of the look that proved the harm, which may be an earlier one."""
    higher, earlier = result.direction == "lower", status.proven_on_day is not None
    z, bound = decimal(abs(status.z or 0.0)), decimal(status.bound)
    text = gettext(_PROOFS[higher, earlier])
    day = count(status.proven_on_day or 0)
    return text.format(variant=variant.letter, control=control.letter, z=z, bound=bound, day=day)


def _doubt(
    status: GuardrailStatus, variant: Lettered, control: Lettered, result: MetricResult, measure: Measure
) -> str:
    rows = {row.variant: row for row in result.variants}
    text = gettext("Probably lower with {variant} ({chance}): {value} against {control} as counted.")
    if result.direction == "lower":
        text = gettext("Probably higher with {variant} ({chance}): {value} against {control} as counted.")
    return text.format(
        variant=variant.letter,
        chance=phrases.chance(status.p_worse),
        value=_counted(measure, rows[variant.key]),
        control=_counted(measure, rows[control.key]),
    )


def notes(answer: Answer, variant: str) -> tuple[str, ...]:
    """Return a note for each guardrail that a variant breaks or puts in doubt, for a list of its properties."""
    texts = {"broken": gettext("guardrail “{metric}” broken"), "in_doubt": gettext("guardrail “{metric}” in doubt")}
    return tuple(
        texts[row.status].format(metric=name_of(entry))
        for row in answer.verdict.guardrails
        if row.variant == variant and row.status in texts and (entry := answer.entry(row.metric))
    )


def lines(reading: Reading) -> list[str]:
    """Return a line for each guardrail that does not hold, for a terminal."""
    letters = {key: letter(position) for position, key in enumerate(reading.wording.variants)}
    texts = {
        "broken": gettext("Guardrail {metric} is broken by {variant}."),
        "in_doubt": gettext("Guardrail {metric} is in doubt for {variant}."),
    }
    return [
        texts[row.status].format(metric=noun(row.metric), variant=letters.get(row.variant, row.variant))
        for row in reading.answer.verdict.guardrails
        if row.status in texts
    ]


def _with(found: Mapping[str, GuardrailStatus], status: str, letters: Mapping[str, str]) -> str:
    return listed([letter for key, letter in letters.items() if key in found and found[key].status == status])


def _counted(measure: Measure, row: VariantResult) -> str:
    """Return a value before any prior, which a doubt rests on; two digits for a share, as they are small."""
    seen = row.mean if row.raw_mean is None else row.raw_mean
    return percent(seen, 2) if measure.kind == "share" and seen is not None else measure.value(seen)
