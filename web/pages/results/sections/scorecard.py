"""The scorecard of the results page: a group of rows per metric, each number with its explanation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from analysis import MetricResult, VariantResult
from analysis.posterior.joint import Estimate
from analysis.scoring.results import ComparisonResult
from experiments.analyses.answer import Curve
from experiments.analyses.scorecards import MetricEntry
from experiments.catalogue.metrics import metric
from experiments.reporting import adjustment, guardrails, lift_notes, phrases
from experiments.reporting.measures import Measure, meaning
from experiments.reporting.numbers import NOTHING, count, percent, signed_percent
from experiments.reporting.sentences.wording import Wording
from experiments.reporting.withheld import no_member_did, none_so_far, none_yet, withheld_note
from experiments.translation import N_, gettext
from web.pages.results import explanations
from web.pages.results.context import Context, Population
from web.pages.results.drawing import Ridge, Scale, common_scale, interval_of, ridge
from web.pages.results.parts import AxisTick, Number, VariantFacts, axis_of
from web.pages.results.sections.net_value import spent_once


@dataclass(frozen=True)
class Row:
    """One variant of one metric."""

    variant: VariantFacts
    mean: Number
    ridge: Ridge | None
    ridge_text: str
    lift: Number
    best: Number
    loss: Number
    raw: tuple[str, ...]
    none_yet: str = ""  # in place of figures that would be the prior alone


RAW_COLUMNS = (
    N_("members"),
    N_("total"),
    N_("raw"),
    N_("estimate"),
    N_("{level} interval"),
    N_("chance to beat {control}"),
    N_("loss if wrong"),
)


@dataclass(frozen=True)
class Group:
    """One metric: its name, role and rows."""

    key: str
    name: str
    hint: str
    tag: str
    tone: str  # decides | good | warn | bad | ""
    rows: tuple[Row, ...]
    axis: tuple[AxisTick, ...]
    note: str
    per: str = ""  # what a value is for, such as "per member"
    remark: str = ""  # below the name, after the note
    adjusted: Number | None = None  # what the adjustment for a covariate changed (CUPED)


@dataclass(frozen=True)
class Role:
    """The part that a metric has in the verdict: it decides, it is a guardrail, or neither.

    Attributes
    ----------
    tag, tone
        What is written beside its name; a guardrail's says whether it holds.
    remark
        Why a guardrail is broken or in doubt.
    judged
        Whether the verdict has judged the guardrail.
    """

    tag: str = ""
    tone: str = ""
    guardrail: bool = False
    remark: str = ""
    judged: bool = False


@dataclass(frozen=True)
class Frame:
    """What the rows of one metric have in common.

    Attributes
    ----------
    control
        The control's letter.
    relative
        Variants are compared in per cent of the control, otherwise by difference.
    """

    measure: Measure
    result: MetricResult
    control: str
    scale: Scale | None
    relative: bool
    guardrail: bool
    words: Wording

    def shown(self, comparison: ComparisonResult) -> Estimate | None:
        """Return the estimate that is shown: the lift or the difference."""
        return comparison.lift if self.relative else comparison.difference

    def written(self, value: float) -> str:
        """Return a lift or a difference as it is written."""
        return signed_percent(value) if self.relative else self.measure.difference(value)


@dataclass(frozen=True)
class Scorecard:
    """The section.

    Attributes
    ----------
    population
        Whose figures it shows; None where there is no choice.
    interval, interval_kind
        The probability that the intervals hold, and a sentence on their kind.
    withheld
        Why chances and losses are left out; empty where they are not.
    """

    groups: tuple[Group, ...]
    raw_columns: tuple[str, ...]
    population: Population | None
    interval: str
    interval_kind: str
    withheld: str


def build(context: Context) -> Scorecard:
    """Return the section, of all members or of those with a full window."""
    interval = next((row.interval for row in context.primary.deciding.variants if row.interval), None)
    return Scorecard(
        groups=_groups(context),
        raw_columns=tuple(
            gettext(column).format(control=context.control.letter, level=explanations.level_of(interval))
            for column in RAW_COLUMNS
        ),
        population=context.population,
        interval=explanations.level_of(interval),
        interval_kind=explanations.explain_kind(interval),
        withheld=withheld_note() if context.withheld else "",
    )


def _groups(context: Context) -> tuple[Group, ...]:
    """Return all groups, the deciding metric first and the guardrails last."""
    answer, plan = context.answer, context.plan
    entries, densities = answer.metrics, context.reading.drawing.get("densities", {})
    if answer.mature is not None and context.population and context.population.mature:
        entries, densities = answer.mature.metrics, {}
    rank = {context.primary.metric: 0} | dict.fromkeys(guardrails.guarded(answer.verdict), 2)
    among = {row.variant: row.n for row in answer.primary.deciding.variants}
    groups = []
    for entry in sorted(guardrails.shown(answer.verdict, entries), key=lambda entry: rank.get(entry.metric, 1)):
        group = _group(context, entry, densities.get(entry.metric, {}))
        spent = spent_once(entry, plan, context.variants, among)
        groups.append(replace(group, remark=f"{group.remark} {spent}".strip()))
    return tuple(groups)


def _role(context: Context, metric: str) -> Role:
    """Return the role of a metric; a guardrail's is about all members, which the verdict judged."""
    verdict, entry = context.answer.verdict, context.answer.entry(metric)
    if metric == context.primary.metric:
        return Role(gettext("decides"), "decides")
    if metric not in guardrails.guarded(verdict) or entry is None:
        return Role()
    tag, tone = guardrails.tag(verdict, metric, context.variants)
    measure = Measure.of(entry, context.plan.currency)
    remark = guardrails.remark(verdict, entry.deciding, measure, context.variants)
    return Role(tag, tone, True, remark, guardrails.judged(verdict, metric))


def _group(context: Context, entry: MetricEntry, densities: Mapping[str, Curve]) -> Group:
    measure, role, result = Measure.of(entry, context.plan.currency), _role(context, entry.metric), entry.deciding
    hint = _hint(context, entry)
    if no_member_did(result):
        return _without_actions(result, measure, context.variants, role, hint)
    by_variant = {row.variant: row for row in result.variants}
    comparisons = {row.variant: row for row in result.comparisons}
    relative = measure.relative and any(row.lift for row in result.comparisons)
    shown = [row.lift if relative else row.difference for row in result.comparisons]
    scale = common_scale(filter(None, map(interval_of, shown)))
    words = context.reading.wording
    frame = Frame(measure, result, context.control.letter, scale, relative, role.guardrail, words)
    rows = tuple(
        _row(frame, variant, by_variant[variant.key], comparisons.get(variant.key), densities.get(variant.key))
        for variant in context.variants
        if variant.key in by_variant
    )
    axis = axis_of(scale, lambda value: _tick_label(value, measure, relative), 6) if scale else ()
    note = _note(result, relative, measure, words)
    adjusted = adjusted_of(entry, measure, context.variants, words)
    remark = role.remark if role.guardrail else lift_notes.ratio_note(result, measure, context.variants)
    return Group(
        entry.metric, measure.name, hint, role.tag, role.tone, rows, axis, note, measure.column, remark, adjusted
    )


def _without_actions(
    result: MetricResult, measure: Measure, variants: Sequence[VariantFacts], role: Role, hint: str
) -> Group:
    counted = {row.variant: row.n for row in result.variants}
    # A guardrail is about all members: its status stays where only those with a full window have no action.
    tag, tone = (none_so_far(), "calm") if role.guardrail and not role.judged else (role.tag, role.tone)
    nothing = Number(NOTHING)
    rows = tuple(
        Row(
            variant,
            nothing,
            None,
            "",
            nothing,
            nothing,
            nothing,
            (count(counted[variant.key]), measure.total(0), *(NOTHING for _ in RAW_COLUMNS[2:])),
            none_yet(counted[variant.key]),
        )
        for variant in variants
        if variant.key in counted
    )
    return Group(result.metric, measure.name, hint, tag, tone, rows, (), "", measure.column, role.remark)


def _row(
    frame: Frame,
    variant: VariantFacts,
    row: VariantResult,
    comparison: ComparisonResult | None,
    density: Curve | None,
) -> Row:
    measure, key, letter = frame.measure, f"{frame.result.metric}-{variant.key}", variant.letter
    estimate = None if comparison is None else frame.shown(comparison)
    drawn = None
    if estimate and frame.scale:
        bounds = estimate.interval.low, estimate.interval.high
        drawn = ridge(density if frame.relative else None, estimate.median, *bounds, frame.scale)
    lift = Number(NOTHING)
    if comparison:
        why = explanations.explain_lift(measure, letter, frame.control, comparison, frame.words)
        lift = Number(frame.written(estimate.median) if estimate else NOTHING, why, f"{key}-lift")
    return Row(
        variant,
        Number(measure.value(row.mean), explanations.explain_mean(measure, letter, row, frame.words), f"{key}-mean"),
        drawn,
        _ridge_text(frame, letter, estimate),
        lift,
        *_chances(frame, row, letter, key),
        _raw(measure, row, comparison),
    )


def _chances(frame: Frame, row: VariantResult, letter: str, key: str) -> tuple[Number, Number]:
    """Chance best and loss if wrong; a guardrail is to hold, not to be won, so it has neither."""
    if frame.guardrail or row.p_best is None:
        nothing = Number("" if frame.guardrail else NOTHING)
        return nothing, nothing
    measure = frame.measure
    best = explanations.explain_best(letter, measure.name, frame.result.direction == "lower")
    loss = explanations.explain_loss(measure, letter, row.loss_if_wrong)
    return (
        Number(phrases.chance(row.p_best), best, f"{key}-best"),
        Number(measure.loss(row.loss_if_wrong), loss, f"{key}-loss"),
    )


def _raw(measure: Measure, row: VariantResult, comparison: ComparisonResult | None) -> tuple[str, ...]:
    spread = row.interval
    return (
        count(row.n),
        measure.total(row.total),
        _two_digits(measure, row.raw_mean),
        _two_digits(measure, row.mean),
        explanations.range_of(measure.value(spread.low), measure.value(spread.high)) if spread else NOTHING,
        phrases.chance(comparison.p_beats_control) if comparison else NOTHING,
        measure.loss(row.loss_if_wrong),
    )


def _two_digits(measure: Measure, value: float | None) -> str:
    """Return a value, a share with two digits, so that it can be checked against the counts."""
    return percent(value, 2) if measure.kind == "share" and value is not None else measure.value(value)


def _ridge_text(frame: Frame, letter: str, estimate: Estimate | None) -> str:
    if estimate is None or frame.scale is None:
        return ""
    text = gettext("Difference between {letter} and {control}: {interval}")
    if frame.relative:
        text = gettext("Lift of {letter} over {control}: {interval}")
    return text.format(letter=letter, control=frame.control, interval=explanations.spoken(estimate, frame.written))


def _hint(context: Context, entry: MetricEntry) -> str:
    """Return what the metric counts."""
    return meaning(metric(entry.metric), context.plan.window, context.plan.currency)


def _note(result: MetricResult, relative: bool, measure: Measure, words: Wording) -> str:
    if result.not_shown is not None:
        return words.text(result.not_shown.reason)
    hidden = [row.lift_not_shown for row in result.comparisons if row.lift_not_shown]
    notes = [words.text(row.interval_not_shown.reason) for row in result.variants if row.interval_not_shown]
    if hidden and not relative and measure.relative:
        notes += [gettext("Shown as a difference, not as a percentage."), words.text(hidden[0])]
    return " ".join(notes)


def _tick_label(value: float, measure: Measure, relative: bool) -> str:
    if value == 0:
        return "0"
    if relative:
        return signed_percent(value, 0 if abs(value) >= 0.0095 else 1)
    return measure.tick(value)


def adjusted_of(
    entry: MetricEntry, measure: Measure, variants: Sequence[VariantFacts], words: Wording
) -> Number | None:
    """Return the line of a metric with a covariate; None for one without."""
    found = adjustment.adjustment_line(entry, measure, variants, words)
    return None if found is None else Number(*found, f"{entry.metric}-adjusted")
