"""Counts: a count metric as the share of members with none, the others' average, and the share of the busiest."""

from dataclasses import dataclass

from analysis.posterior.joint import Estimate
from experiments.analyses.sampled.counts import COUNTS
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.sampled.results import CountResult, CountVariant
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import count, percent
from experiments.translation import gettext, ngettext
from web.pages.results.context import Context
from web.pages.results.parts import Number, VariantFacts, by_position, reason_of
from web.pages.results.sections.purchases import explained

ALL = 0.9995
"""From this share on, the busiest tenth is shown as accounting for all of it."""


@dataclass(frozen=True)
class Row:
    """One variant.

    Attributes
    ----------
    never, each
        The share of members with none, and the average of the others.
    busiest
        The share of the total that the busiest tenth of members accounts for.
    alike
        The same share if all members were alike; empty where it has no meaning.
    mean
        Per member, by the fitted distribution.
    """

    variant: VariantFacts
    never: Number
    each: Number
    busiest: Number
    alike: str
    mean: Number


@dataclass(frozen=True)
class Counts:
    """One count metric; `not_shown` says why it has no rows."""

    key: str
    title: str
    rows: tuple[Row, ...]
    not_shown: str


def build(context: Context) -> tuple[Counts, ...]:
    """Return a part for each count metric that was fitted; none where the result has none."""
    return tuple(_one(context, entry) for entry in context.answer.entries(COUNTS))


def _one(context: Context, entry: CountResult | Unfitted) -> Counts:
    key = entry.shape["metric"] if isinstance(entry, Unfitted) else entry.metric
    scored = context.answer.entry(key)
    measure = Measure.of(scored) if scored else Measure.known(key)
    if isinstance(entry, Unfitted) or entry.not_shown:
        return Counts(key, measure.name, (), reason_of(entry, context.reading))
    rows = by_position(entry.variants, context.variants)
    reason = "" if rows else gettext("No member has done it yet.")
    return Counts(key, measure.name, tuple(_row(key, measure, *row) for row in rows), reason)


def _row(key: str, measure: Measure, variant: VariantFacts, row: CountVariant) -> Row:
    base, letter = f"counts-{key}-{variant.key}", variant.letter
    none = row.n - row.positive
    never = ngettext(
        "{none} of the {members} members who saw {letter} has none.",
        "{none} of the {members} members who saw {letter} have none.",
        none,
    ).format(none=count(none), members=count(row.n), letter=letter)
    each = ngettext(
        "Average of the {members} member who saw {letter} and has any.",
        "Average of the {members} members who saw {letter} and have any.",
        row.positive,
    ).format(members=count(row.positive), letter=letter)
    mean = gettext("Average per member. The scorecard assumes no distribution, so it decides.")
    return Row(
        variant,
        explained(row.never, percent, never, f"{base}-never"),
        explained(row.each, measure.value, each, f"{base}-each"),
        _busiest(row.busiest, letter, f"{base}-busiest"),
        _part(row.alike),
        explained(row.mean, measure.value, mean, f"{base}-mean"),
    )


def _busiest(estimate: Estimate, letter: str, identity: str) -> Number:
    if estimate.mean >= ALL:
        why = gettext("No more than a tenth of the members who saw {letter} have any, so a tenth accounts for all.")
        return Number(gettext("all"), why.format(letter=letter), identity)
    why = gettext(
        "Share of the total that the busiest tenth of the members who saw {letter} accounts for, by the fitted "
        "distribution."
    )
    return explained(estimate, _share, why.format(letter=letter), identity)


def _part(alike: float) -> str:
    return "" if alike >= ALL else _share(alike)


def _share(part: float) -> str:
    return percent(part, 0)
