"""The total effect: what randomised members did themselves, and with all the members of their cascades."""

from dataclasses import dataclass

from analysis import VariantResult
from analysis.scoring.results import ComparisonResult
from experiments.analyses.scorecards import MetricEntry
from experiments.reporting import phrases
from experiments.reporting.measures import Measure, in_100
from experiments.reporting.numbers import NOTHING, count, decimal, signed_percent
from experiments.translation import gettext, ngettext
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.parts import Number, VariantFacts, by_position


@dataclass(frozen=True)
class Row:
    """One variant: the members' own figure, that with their cascades, and the lift of the latter over the control."""

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
        How many members came through others.
    growing
        Whether more may come: the run goes on.
    """

    brought: int
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
    return TotalEffect(answer.total.brought, groups[0], tuple(groups[1:]), growing=plan.ended_at is None)


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
    """Return a share as members in 100, since more than a hundred in the cascades of a hundred members can do it."""
    if x is None or measure.kind != "share":
        return measure.value(x)
    return in_100(decimal(100 * x, 1 if 100 * x >= 1 or x == 0 else 2))


def _total(key: str, measure: Measure, variant: VariantFacts, row: VariantResult) -> Number:
    if row.mean is None or row.interval is None:
        return Number(NOTHING)
    interval = row.interval
    bounds = explanations.explain_interval(interval, _write(measure, interval.low), _write(measure, interval.high))
    why = f"{_summed(measure, variant, row)} {bounds}"
    return Number(_write(measure, row.mean), why, f"total-{key}-{variant.key}")


def _summed(measure: Measure, variant: VariantFacts, row: VariantResult) -> str:
    text = ngettext(
        "{total} in all, from {members} member randomised to {letter} and their cascades; shown per randomised member.",
        "{total} in all, from {members} members randomised to {letter} and their cascades; shown per randomised "
        "member.",
        row.n,
    )
    if measure.kind == "share":
        text = ngettext(
            "{total} did it among {members} member randomised to {letter} and their cascades; shown per 100 randomised "
            "members.",
            "{total} did it among {members} members randomised to {letter} and their cascades; shown per 100 "
            "randomised members.",
            row.n,
        )
    total = count(row.total) if measure.kind == "share" else measure.total(float(row.total))
    return text.format(total=total, members=count(row.n), letter=variant.letter)


def _against(key: str, variant: VariantFacts, control: VariantFacts, row: ComparisonResult | None) -> Number:
    lift = None if row is None else row.lift
    if row is None or lift is None:
        return Number(NOTHING)
    interval = lift.interval
    text = gettext("Lift of {letter} over {control}, cascades included. {letter} is better with {chance} probability.")
    text = text.format(letter=variant.letter, control=control.letter, chance=phrases.chance(row.p_beats_control))
    bounds = explanations.explain_interval(interval, signed_percent(interval.low), signed_percent(interval.high))
    return Number(signed_percent(lift.median), f"{text} {bounds}", f"total-{key}-{variant.key}-lift")
