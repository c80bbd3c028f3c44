"""The scorecard of the results page: one group of rows a metric, each number with its explanation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from experiments.reporting import adjustment, guardrails, lift_notes, phrases
from experiments.reporting.measures import Measure, in_100
from experiments.reporting.numbers import NOTHING, count, money, percent, signed_percent
from experiments.reporting.withheld import no_member_did, withheld_note, without_chances
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
    nobody: str = ""  # said instead of figures that would be the prior alone


SUMMED = ("share", "money", "seconds", "people", "number")
"""How a metric is written whose value is its total over all members, where a stored result leaves that out."""

RAW_COLUMNS = ("members", "total", "raw", "estimate", "95 % interval", "chance to beat {control}", "loss if wrong")


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
    per: str = ""  # what a value is told for, such as "per member"
    remark: str = ""  # said below the name besides the note
    adjusted: Number | None = None  # the same metric with the members' history taken out of the noise (CUPED)


@dataclass(frozen=True)
class Role:
    """The part that a metric has in the verdict: it decides, it is a guardrail, or neither.

    Attributes
    ----------
    tag, tone
        What is written beside its name; a guardrail's says whether it holds.
    doubt
        Why a guardrail is in doubt.
    """

    tag: str = ""
    tone: str = ""
    guardrail: bool = False
    doubt: str = ""


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
    """Return the section, of all members or of those whose window is over."""
    interval = next((row["interval"] for row in context.primary["variants"] if row.get("interval")), None)
    return Scorecard(
        groups=_groups(context),
        raw_columns=tuple(column.format(control=context.control.letter) for column in RAW_COLUMNS),
        population=context.population,
        interval=explanations.level_of(interval),
        interval_kind=explanations.explain_kind(interval),
        withheld=withheld_note() if context.withheld else "",
    )


def _groups(context: Context) -> tuple[Group, ...]:
    result, drawing, variants, plan = context.result, context.drawing, context.variants, context.plan
    among = {row["variant"]: row["n"] for row in result["metrics"][0]["variants"]}
    if context.population and context.population.mature:
        result = dict(result) | {"metrics": result["mature"]["metrics"]}
        drawing = drawing.get("mature") or {}
    groups = scorecard(
        result,
        drawing,
        variants,
        primary=context.primary["metric"],
        guarded=plan.guardrails,
        currency=plan.currency,
        withheld=context.withheld,
        judged=context.result["metrics"],
    )
    entries = {entry["metric"]: entry for entry in result["metrics"]}
    spent = {key: spent_once(entry, plan, variants, among) for key, entry in entries.items()}
    return tuple(replace(group, remark=f"{group.remark} {spent[group.key]}".strip()) for group in groups)


def scorecard(
    result: Mapping[str, Any],
    drawing: Mapping[str, Any],
    variants: Sequence[VariantFacts],
    *,
    primary: str,
    guarded: Sequence[str],
    currency: str,
    withheld: bool = False,
    judged: Sequence[Mapping[str, Any]] | None = None,
) -> tuple[Group, ...]:
    """All groups, the deciding metric first and the guardrails last.

    Parameters
    ----------
    result, drawing
        A stored analysis: API.md's shape, and ``{"densities": {metric: {variant: {"x", "y"}}}}`` of the lifts.
    variants
        In order of position; the one control included.
    primary, guarded
        Keys of the deciding metric and of the guardrails; any other metric of the result stands between.
    currency
        ISO 4217 code of the experiment's money.
    withheld
        There is too little data for chances and losses: they are left out.
    judged
        The metrics of all members, which the verdict judged; by default those of the result.
    """
    result = without_chances(result) if withheld else result
    definitions = (result.get("provenance") or {}).get("metric_definitions") or {}
    densities = drawing.get("densities") or {}
    rank = {primary: 0} | {key: 2 for key in guarded if key != primary}
    ordered = sorted(result["metrics"], key=lambda entry: rank.get(entry["metric"], 1))
    seen = {entry["metric"]: entry for entry in judged or result["metrics"]}
    return tuple(
        _group(
            dict(entry) | {"cap": (definitions.get(entry["metric"]) or {}).get("cap")},
            densities.get(entry["metric"]) or {},
            variants,
            _role(result["verdict"], seen[entry["metric"]], variants, primary, guarded, currency),
            currency,
        )
        for entry in ordered
    )


def _role(
    verdict: Mapping[str, Any],
    entry: Mapping[str, Any],
    variants: Sequence[VariantFacts],
    primary: str,
    guarded: Sequence[str],
    currency: str,
) -> Role:
    key = entry["metric"]
    if key == primary:
        return Role("decides", "decides")
    if key not in guarded:
        return Role()
    tag, tone = guardrails.tag(verdict, key, variants)
    return Role(tag, tone, True, guardrails.doubt(verdict, entry, Measure.of(entry, currency), variants))


def _group(
    entry: Mapping[str, Any],
    densities: Mapping[str, Any],
    variants: Sequence[VariantFacts],
    role: Role,
    currency: str,
) -> Group:
    measure, key = Measure.of(entry, currency), entry["metric"]
    if no_member_did(entry):
        return _nobody(entry, measure, variants, role)
    by_variant = {row["variant"]: row for row in entry["variants"]}
    comparisons = {row["variant"]: row for row in entry["comparisons"]}
    relative = measure.relative and any(row.get("lift") for row in comparisons.values())
    field = "lift" if relative else "difference"
    scale = common_scale(filter(None, (interval_of(row.get(field)) for row in comparisons.values())))
    control = next(variant for variant in variants if variant.control)
    rows = tuple(
        _row(
            measure,
            entry,
            by_variant[variant.key],
            comparisons.get(variant.key),
            densities.get(variant.key),
            variant,
            control,
            scale,
            field,
            role.guardrail,
        )
        for variant in variants
        if variant.key in by_variant
    )
    axis = axis_of(scale, lambda value: _tick_label(value, measure, relative), 6) if scale else ()
    hint, note = _hint(entry, measure), _note(entry, relative, measure)
    adjusted = adjusted_of(entry, measure, variants)
    remark = role.doubt if role.guardrail else lift_notes.ratio_note(entry, measure, variants)
    return Group(key, measure.name, hint, role.tag, role.tone, rows, axis, note, _per(measure), remark, adjusted)


def _nobody(
    entry: Mapping[str, Any],
    measure: Measure,
    variants: Sequence[VariantFacts],
    role: Role,
) -> Group:
    key, counted = entry["metric"], {row["variant"]: row["n"] for row in entry["variants"]}
    tag, tone = ("nothing so far", "calm") if role.guardrail else (role.tag, role.tone)
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
            f"nobody yet (0 of {count(counted[variant.key])})",
        )
        for variant in variants
        if variant.key in counted
    )
    return Group(key, measure.name, _hint(entry, measure), tag, tone, rows, (), "", _per(measure))


def _per(measure: Measure) -> str:
    return "per member" if measure.kind == "share" else measure.per.strip()


def _row(
    measure: Measure,
    entry: Mapping[str, Any],
    row: Mapping[str, Any],
    comparison: Mapping[str, Any] | None,
    density: Mapping[str, Any] | None,
    variant: VariantFacts,
    control: VariantFacts,
    scale: Scale | None,
    field: str,
    guardrail: bool,
) -> Row:
    key, letter = f"{entry['metric']}-{variant.key}", variant.letter
    estimate = comparison.get(field) if comparison else None
    density = density or ((comparison or {}).get("lift_density") if field == "lift" else None)
    drawn = bounds = None
    if estimate and scale:
        bounds = interval_of(estimate)
        drawn = ridge(density if field == "lift" else None, estimate["mean"], *bounds, scale)
    lift = Number(NOTHING)
    if comparison:
        text = (
            signed_percent(estimate["mean"])
            if estimate and field == "lift"
            else (measure.difference(estimate["mean"]) if estimate else NOTHING)
        )
        lift = Number(text, explanations.explain_lift(measure, letter, control.letter, comparison), f"{key}-lift")
    return Row(
        variant,
        Number(measure.value(row["mean"]), explanations.explain_mean(measure, letter, row), f"{key}-mean"),
        drawn,
        _ridge_text(measure, letter, control.letter, estimate, bounds, field),
        lift,
        *_chances(measure, entry, row, letter, key, guardrail),
        _raw(measure, row, comparison),
    )


def _chances(
    measure: Measure, entry: Mapping[str, Any], row: Mapping[str, Any], letter: str, key: str, guardrail: bool
) -> tuple[Number, Number]:
    """Chance best and loss if wrong; a guardrail is to hold, not to be won, so it has neither."""
    if guardrail or row.get("p_best") is None:
        return Number("" if guardrail else NOTHING), Number("" if guardrail else NOTHING)
    best = explanations.explain_best(letter, measure.name, entry.get("direction") == "lower")
    return (
        Number(phrases.chance(row["p_best"]), best, f"{key}-best"),
        Number(
            measure.loss(row.get("loss_if_wrong")),
            explanations.explain_loss(measure, letter, row.get("loss_if_wrong")),
            f"{key}-loss",
        ),
    )


def _raw(measure: Measure, row: Mapping[str, Any], comparison: Mapping[str, Any] | None) -> tuple[str, ...]:
    raw, spread = row.get("raw_mean"), row.get("interval")
    total = measure.total(row["total"])
    if raw is None and row["n"] and measure.kind in SUMMED:
        raw = row["total"] / row["n"]
    return (
        count(row["n"]),
        total,
        percent(raw, 2) if measure.kind == "share" and raw is not None else measure.value(raw),
        percent(row["mean"], 2) if measure.kind == "share" and row["mean"] is not None else measure.value(row["mean"]),
        explanations.range_of(measure.value(spread["low"]), measure.value(spread["high"])) if spread else NOTHING,
        phrases.chance(comparison["p_beats_control"]) if comparison else NOTHING,
        measure.loss(row.get("loss_if_wrong")),
    )


def _ridge_text(
    measure: Measure,
    letter: str,
    control: str,
    estimate: Mapping[str, Any] | None,
    bounds: tuple[float, float] | None,
    field: str,
) -> str:
    if not estimate or bounds is None:
        return ""
    write = signed_percent if field == "lift" else measure.difference
    what = "Lift" if field == "lift" else "Difference"
    interval = explanations.range_of(write(bounds[0]), write(bounds[1]))
    level = explanations.level_of(estimate["interval"])
    return f"{what} of {letter} over {control}: {write(estimate['mean'])}, {level} interval {interval}"


def _hint(entry: Mapping[str, Any], measure: Measure) -> str:
    hint = str(entry.get("hint") or entry.get("unit_of_measure") or "").rstrip(".")
    if entry.get("cap") and measure.kind == "money":
        hint = hint.replace("cut at the cap", f"cut at {money(float(entry['cap']), measure.currency)}")
    hint = hint if hint[1:2].isupper() else hint[:1].lower() + hint[1:]  # EUR per order stays as it is
    if entry.get("direction") == "lower":
        return f"{hint}; less is better" if hint else "less is better"
    return hint


def _note(entry: Mapping[str, Any], relative: bool, measure: Measure) -> str:
    not_shown = entry.get("not_shown")
    if not_shown:
        return str(not_shown["reason"])
    reasons = [row["lift_not_shown"] for row in entry["comparisons"] if row.get("lift_not_shown")]
    told = [row["interval_not_shown"]["reason"] for row in entry["variants"] if row.get("interval_not_shown")]
    if reasons and not relative and measure.relative:
        unit = " of members in 100" if measure.kind == "share" else measure.per
        told.append(f"Drawn as a difference{unit}, not in per cent. {reasons[0]}")
    return " ".join(told)


def _tick_label(value: float, measure: Measure, relative: bool) -> str:
    if value == 0:
        return "0"
    if relative:
        return signed_percent(value, 0 if abs(value) >= 0.0095 else 1)
    return measure.difference(value).replace(in_100(""), "")


def adjusted_of(entry: Mapping[str, Any], measure: Measure, variants: Sequence[VariantFacts]) -> Number | None:
    """The line of a metric with an "adjusted" entry, None for one without."""
    found = adjustment.adjustment_line(entry, measure, variants)
    return None if found is None else Number(*found, f"{entry['metric']}-adjusted")
