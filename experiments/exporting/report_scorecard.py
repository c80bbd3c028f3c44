"""The scorecard of a report: a block per metric, with the figures that the verdict rests on, written as on the page."""

from dataclasses import dataclass

from analysis import MetricResult, VariantResult
from analysis.scoring.results import ComparisonResult
from experiments.analyses.scorecards import MetricEntry
from experiments.catalogue.metrics import metric
from experiments.exporting.source import Stored, VariantName
from experiments.reporting import adjustment, guardrails, lift_notes, phrases
from experiments.reporting.measures import Measure, meaning, name_of
from experiments.reporting.numbers import NOTHING, count, signed_percent
from experiments.reporting.withheld import no_member_did, none_so_far, none_yet
from experiments.translation import gettext


@dataclass(frozen=True, slots=True)
class Line:
    """One variant of one metric, in words."""

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
        Whether it decides, or whether the guardrail holds. The tone is a CSS class: decides, good, calm, warn or bad.
    value, compared : str
        Headings of the columns of values and of comparisons.
    chances : bool
        Whether it has chances of beating the control and of being best; a guardrail has none.
    missing : str
        Why there are no figures.
    remark : str
        Why a guardrail is broken or in doubt, or why the lift differs from the ratio of the estimates.
    adjusted, why : str
        What the covariate changed (CUPED), with an explanation.
    """

    name: str
    hint: str
    tag: str
    tone: str
    value: str
    compared: str
    chances: bool
    lines: tuple[Line, ...]
    missing: str = ""
    remark: str = ""
    adjusted: str = ""
    why: str = ""


def blocks(stored: Stored) -> list[Block]:
    """Return the metrics as on the page: the primary first, the guardrails last."""
    verdict = stored.answer.verdict
    rank = {stored.primary: 0} | dict.fromkeys(guardrails.guarded(verdict), 2)
    entries = guardrails.shown(verdict, stored.answer.metrics)
    return [_block(stored, entry) for entry in sorted(entries, key=lambda entry: rank.get(entry.metric, 1))]


def relative(result: MetricResult, measure: Measure) -> bool:
    """Whether a metric is compared by its lift; values that can be below 0 are not."""
    return measure.relative and any(row.lift for row in result.comparisons)


def _block(stored: Stored, entry: MetricEntry) -> Block:
    measure, key, result = Measure.of(entry, stored.currency), entry.metric, entry.deciding
    guarded = key in guardrails.guarded(stored.answer.verdict)
    no_members, not_shown = no_member_did(result), result.not_shown
    words = stored.reading.wording
    history = None if no_members else adjustment.adjustment_line(entry, measure, stored.variants, words)
    tag, tone = (gettext("decides"), "decides") if key == stored.primary else ("", "")
    if guarded:
        tag, tone = guardrails.tag(stored.answer.verdict, key, stored.variants)
    if guarded and no_members:
        tag, tone = none_so_far(), "calm"
    return Block(
        name_of(entry),
        _hint(stored, key),
        tag,
        tone,
        measure.column or gettext("value"),
        gettext("lift") if relative(result, measure) else gettext("difference"),
        not guarded,
        () if no_members or not_shown else tuple(_lines(stored, result, measure)),
        _no_actions(stored, result) if no_members else words.text(not_shown.reason) if not_shown else "",
        _remark(stored, result, measure, guarded) if not no_members else "",
        *(history or ()),
    )


def _hint(stored: Stored, key: str) -> str:
    plan = stored.inputs.plan
    return meaning(metric(key), plan.window_days if plan.dates_known else None, stored.currency)


def _remark(stored: Stored, result: MetricResult, measure: Measure, guarded: bool) -> str:
    if guarded:
        return guardrails.remark(stored.answer.verdict, result, measure, stored.variants)
    return lift_notes.ratio_note(result, measure, stored.variants)


def _no_actions(stored: Stored, result: MetricResult) -> str:
    """Return what replaces figures that would be those of the prior alone."""
    members = {row.variant: row.n for row in result.variants}
    known = [variant for variant in stored.variants if variant.key in members]
    return ", ".join(f"{variant.letter} {none_yet(members[variant.key])}" for variant in known)


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
    return Line(
        variant,
        position,
        count(row.n),
        measure.value(row.mean),
        _interval(measure, row),
        _compared(compared, measure, in_percent),
        NOTHING if row.p_best is None else phrases.chance(row.p_best),
        "" if compared is None or compared.p_beats_control is None else phrases.chance(compared.p_beats_control),
    )


def _interval(measure: Measure, row: VariantResult) -> str:
    if row.interval is None:
        return ""
    low, high = measure.value(row.interval.low), measure.value(row.interval.high)
    return gettext("{low} to {high}").format(low=low, high=high)


def _compared(row: ComparisonResult | None, measure: Measure, in_percent: bool) -> str:
    """Return the lift with its interval, or the difference if a lift means nothing; the control has neither."""
    if row is None:
        return gettext("control")
    estimate = row.lift if in_percent else row.difference
    if estimate is None:
        return NOTHING
    write = signed_percent if in_percent else measure.difference
    template, interval = gettext("{mean} ({low} to {high})"), estimate.interval
    return template.format(mean=write(estimate.median), low=write(interval.low), high=write(interval.high))
