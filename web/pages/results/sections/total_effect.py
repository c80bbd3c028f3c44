"""The total effect: what randomised members did themselves, and what came of it in their whole cascade."""

from dataclasses import dataclass

from analysis import VariantResult
from analysis.scoring.results import ComparisonResult
from experiments.analyses.scorecards import MetricEntry
from experiments.reporting import phrases
from experiments.reporting.measures import Measure, in_100
from experiments.reporting.numbers import NOTHING, count, decimal, plural, signed_percent
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.parts import Number, VariantFacts, by_position


@dataclass(frozen=True)
class Row:
    """One variant: its members' own figure, that of their cascades, and what the whole is against the control."""

    variant: VariantFacts
    direct: str
    total: Number
    against: Number


@dataclass(frozen=True)
class Group:
    """One metric; `not_shown` says why there are no figures."""

    key: str
    title: str
    rows: tuple[Row, ...]
    not_shown: str


@dataclass(frozen=True)
class TotalEffect:
    """The section: the metric that decides first, the others behind a click.

    Attributes
    ----------
    brought
        Members who came through others, in words.
    growing
        Whether more may come: the run goes on.
    """

    brought: str
    first: Group
    others: tuple[Group, ...]
    growing: bool = False


def build(context: Context) -> TotalEffect | None:
    """Return the section; None where no member was brought."""
    answer, plan = context.answer, context.plan
    if answer.total is None:
        return None
    whole = {entry.metric: entry for entry in answer.total.metrics}
    both = [(entry, whole[entry.metric]) for entry in answer.metrics if entry.metric in whole]
    if not both:
        return None
    groups = [_group(context, direct, total) for direct, total in both]
    brought = plural(answer.total.brought, "member")
    return TotalEffect(brought, groups[0], tuple(groups[1:]), growing=plan.ended_at is None)


def _group(context: Context, direct: MetricEntry, total: MetricEntry) -> Group:
    measure, key = Measure.of(direct, context.plan.currency), direct.metric
    own = {row.variant: row for row in direct.deciding.variants}
    lifts = {row.variant: row for row in total.plain.comparisons}
    rows = tuple(
        Row(
            variant,
            _write(measure, own[variant.key].mean if variant.key in own else None),
            _total(key, measure, variant, row),
            _against(key, variant, context.control, lifts.get(variant.key)),
        )
        for variant, row in by_position(total.plain.variants, context.variants)
    )
    hidden = total.plain.not_shown
    return Group(key, measure.name, rows, "" if hidden is None else context.reading.text(hidden.reason))


def _write(measure: Measure, x: float | None) -> str:
    """A share as members in 100, since more than a hundred of a hundred members' cascades can do it."""
    if x is None or measure.kind != "share":
        return measure.value(x)
    return in_100(decimal(100 * x, 1 if 100 * x >= 1 or x == 0 else 2))


def _total(key: str, measure: Measure, variant: VariantFacts, row: VariantResult) -> Number:
    if row.mean is None or row.interval is None:
        return Number(NOTHING)
    interval = row.interval
    bounds = phrases.between(_write(measure, interval.low), _write(measure, interval.high))
    why = (
        f"{_summed(measure, variant, row)} With {explanations.level_of(interval)} probability the true number is"
        f" {bounds} ({explanations.kind_of(interval)})."
    )
    return Number(_write(measure, row.mean), why, f"total-{key}-{variant.key}")


def _summed(measure: Measure, variant: VariantFacts, row: VariantResult) -> str:
    who = f"{plural(row.n, 'member')} who met {variant.letter} first-hand and all in their cascades"
    if measure.kind == "share":
        return f"Of the {who}, {count(row.total)} did it: told for each hundred of the former."
    return f"The {who} came to {measure.total(float(row.total))} together: told for each of the former."


def _against(key: str, variant: VariantFacts, control: VariantFacts, row: ComparisonResult | None) -> Number:
    lift = None if row is None else row.lift
    if row is None or lift is None:
        return Number(NOTHING)
    interval = lift.interval
    bounds = phrases.between(signed_percent(interval.low), signed_percent(interval.high))
    why = (
        f"How much more came of {variant.letter} than of {control.letter}, cascades included; with"
        f" {explanations.level_of(interval)} probability the true lift is {bounds}, and {variant.letter} is ahead of"
        f" {control.letter} with {phrases.chance(row.p_beats_control)}."
    )
    return Number(signed_percent(lift.mean), why, f"total-{key}-{variant.key}-lift")
