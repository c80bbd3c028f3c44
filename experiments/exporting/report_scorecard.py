"""The scorecard of a report: a block a metric, with the figures that the verdict rests on, told as on the page."""

from dataclasses import dataclass

from analysis import MetricResult, VariantResult
from analysis.scoring.results import ComparisonResult
from experiments.analyses.scorecards import MetricEntry
from experiments.exporting.source import Stored, VariantName
from experiments.reporting import adjustment, guardrails, lift_notes, phrases
from experiments.reporting.measures import Measure, name_of
from experiments.reporting.numbers import NOTHING, count, signed_percent
from experiments.reporting.withheld import no_member_did, too_early, without_chances


@dataclass(frozen=True, slots=True)
class Line:
    """One variant of one metric; every field is text."""

    variant: VariantName
    position: int
    members: str
    mean: str
    interval: str
    lift: str
    best: str
    beats: str


@dataclass(frozen=True, slots=True)
class Block:
    """One metric.

    Attributes
    ----------
    tag, tone : str
        Whether it decides, or whether the guardrail holds; the tone is decides, good, calm, warn or bad.
    chances : bool
        Whether it has chances of beating the control and of being best: a guardrail is to hold, not to be won.
    compared : str
        What it is compared by: lift or difference.
    missing : str
        Why there are no figures, where there are none.
    adjusted, why : str
        What the members' history has brought, where a covariate was declared (CUPED), and what that means.
    """

    name: str
    hint: str
    tag: str
    tone: str
    unit: str
    compared: str
    chances: bool
    lines: tuple[Line, ...]
    missing: str = ""
    remark: str = ""
    adjusted: str = ""
    why: str = ""


def blocks(stored: Stored) -> list[Block]:
    """Return the metrics, the deciding one first and the guardrails last, as on the page."""
    rank = {stored.primary: 0} | {key: 2 for key in stored.guardrails if key != stored.primary}
    answer = stored.answer
    entries = map(without_chances, answer.metrics) if too_early(answer.verdict) else answer.metrics
    return [_block(stored, entry) for entry in sorted(entries, key=lambda entry: rank.get(entry.metric, 1))]


def relative(result: MetricResult, measure: Measure) -> bool:
    """Whether a metric is compared in per cent: not where it may be below 0, as on the page."""
    return measure.relative and any(row.lift for row in result.comparisons)


def _block(stored: Stored, entry: MetricEntry) -> Block:
    measure, key, result = Measure.of(entry, stored.currency), entry.metric, entry.deciding
    guarded = key in stored.guardrails and key != stored.primary
    nobody, not_shown = no_member_did(result), result.not_shown
    words = stored.reading.wording
    history = None if nobody else adjustment.adjustment_line(entry, measure, stored.variants, words)
    tag, tone = ("decides", "decides") if key == stored.primary else ("", "")
    if guarded:
        tag, tone = guardrails.tag(stored.answer.verdict, key, stored.variants)
    if guarded and nobody:
        tag, tone = "nothing so far", "calm"
    return Block(
        name_of(entry),
        entry.hint,
        tag,
        tone,
        entry.unit_of_measure,
        "lift" if relative(result, measure) else "difference",
        not guarded,
        () if nobody or not_shown else tuple(_lines(stored, result, measure)),
        _nobody(stored, result) if nobody else words.text(not_shown.reason) if not_shown else "",
        _remark(stored, result, measure, guarded) if not nobody else "",
        *(history or ()),
    )


def _remark(stored: Stored, result: MetricResult, measure: Measure, guarded: bool) -> str:
    """Why a guardrail is in doubt, or why a lift differs from the ratio of the estimates."""
    if guarded:
        return guardrails.doubt(stored.answer.verdict, result, measure, stored.variants)
    return lift_notes.ratio_note(result, measure, stored.variants)


def _nobody(stored: Stored, result: MetricResult) -> str:
    """Return what replaces figures that would be the prior alone: ``Nobody yet: A 0 of 14, B 0 of 12.``"""
    members = {row.variant: row.n for row in result.variants}
    counts = [f"{v.letter} 0 of {count(members[v.key])}" for v in stored.variants if v.key in members]
    return f"Nobody yet: {', '.join(counts)}."


def _lines(stored: Stored, result: MetricResult, measure: Measure) -> list[Line]:
    in_percent = relative(result, measure)
    rows = {row.variant: row for row in result.variants}
    comparisons = {row.variant: row for row in result.comparisons}
    return [
        _line(measure, in_percent, variant, position, rows[variant.key], comparisons.get(variant.key))
        for position, variant in enumerate(stored.variants)
        if variant.key in rows
    ]


def _line(
    measure: Measure,
    in_percent: bool,
    variant: VariantName,
    position: int,
    row: VariantResult,
    compared: ComparisonResult | None,
) -> Line:
    spread = row.interval
    return Line(
        variant,
        position,
        count(row.n),
        measure.value(row.mean),
        _range(measure.value(spread.low), measure.value(spread.high)) if spread else "",
        _compared(compared, measure, in_percent),
        NOTHING if row.p_best is None else phrases.chance(row.p_best),
        "" if compared is None or compared.p_beats_control is None else phrases.chance(compared.p_beats_control),
    )


def _compared(row: ComparisonResult | None, measure: Measure, in_percent: bool) -> str:
    """The lift with its interval; the difference where a lift means nothing; the control has neither."""
    if row is None:
        return "control"
    estimate = row.lift if in_percent else row.difference
    if estimate is None:
        return NOTHING
    write = signed_percent if in_percent else measure.difference
    mean = write(estimate.mean) if in_percent else _more(estimate.mean, measure)
    return f"{mean} ({_range(write(estimate.interval.low), write(estimate.interval.high))})"


def _more(difference: float, measure: Measure) -> str:
    """A difference in words: ``1.40 less`` and never ``−1.40 more``."""
    size = measure.size(abs(difference))
    if size == measure.size(0.0):
        return size
    fewer = "fewer" if measure.kind == "share" else "less"
    return f"{size} {'more' if difference > 0 else fewer}"


def _range(low: str, high: str) -> str:
    return f"{low} to {high}"
