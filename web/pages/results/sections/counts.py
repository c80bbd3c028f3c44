"""Counts: a count metric by how many members have none, and how much the busiest of them have."""

from dataclasses import dataclass

from analysis.posterior.joint import Estimate
from experiments.analyses.sampled.counts import COUNTS
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.sampled.results import CountResult, CountVariant
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import count, percent, plural
from web.pages.results.context import Context
from web.pages.results.parts import Number, VariantFacts, by_position, reason_of
from web.pages.results.sections.purchases import explained

ALL = 0.9995
"""From this part on the busiest tenth account for all of it, as it is written."""


@dataclass(frozen=True)
class Row:
    """One variant.

    Attributes
    ----------
    never, each
        Members with none, and how many each of the others has.
    busiest
        The busiest tenth's part of them all.
    alike
        The same part if luck alone made the difference; empty where it says nothing.
    mean
        Per member, by the fitted law.
    """

    variant: VariantFacts
    never: Number
    each: Number
    busiest: Number
    alike: str
    mean: Number


@dataclass(frozen=True)
class Counts:
    """One count metric; `noun` is what is counted, `not_shown` says why nothing is told of it."""

    key: str
    title: str
    noun: str
    rows: tuple[Row, ...]
    not_shown: str


def build(context: Context) -> tuple[Counts, ...]:
    """Return a part for each count metric that was fitted; none where the result has none."""
    return tuple(_one(context, entry) for entry in context.answer.entries(COUNTS))


def _one(context: Context, entry: CountResult | Unfitted) -> Counts:
    key = entry.shape["metric"] if isinstance(entry, Unfitted) else entry.metric
    scored = context.answer.entry(key)
    measure = Measure.of(scored) if scored else Measure.known(key)
    noun = measure.unit.removesuffix(measure.per) or "times"
    if isinstance(entry, Unfitted) or entry.not_shown:
        return Counts(key, measure.name, noun, (), reason_of(entry, context.reading))
    rows = by_position(entry.variants, context.variants)
    reason = "" if rows else "Nobody has done it yet."
    return Counts(key, measure.name, noun, tuple(_row(key, noun, measure, *row) for row in rows), reason)


def _row(key: str, noun: str, measure: Measure, variant: VariantFacts, row: CountVariant) -> Row:
    base, letter = f"counts-{key}-{variant.key}", variant.letter
    none = row.n - row.positive
    return Row(
        variant,
        explained(
            row.never,
            percent,
            f"{plural(none, 'member')} of {count(row.n)} who saw {letter} have no {noun}; with {{level}} probability"
            " the true share is {bounds}.",
            f"{base}-never",
        ),
        explained(
            row.each,
            measure.value,
            f"How many {noun} each of the {count(row.positive)} members of {letter} who have any has on average;"
            " with {level} probability the true mean is {bounds}.",
            f"{base}-each",
        ),
        _busiest(row.busiest, noun, letter, f"{base}-busiest"),
        _part(row.alike),
        explained(
            row.mean,
            measure.value,
            "With {level} probability the true value per member is {bounds}. What decides is the figure of the"
            " scorecard, which supposes no curve.",
            f"{base}-mean",
        ),
    )


def _busiest(estimate: Estimate, noun: str, letter: str, identity: str) -> Number:
    if estimate.mean >= ALL:
        why = f"No more than a tenth of the members who saw {letter} have any {noun}, so a tenth accounts for all."
        return Number("all", why, identity)
    why = (
        f"The tenth of the members of {letter} with the most {noun} accounts for this part of all {noun}; with"
        " {level} probability the true part is {bounds}. It is read off the fitted curve."
    )
    return explained(estimate, _share, why, identity)


def _part(alike: float) -> str:
    return "" if alike >= ALL else _share(alike)


def _share(part: float) -> str:
    return percent(part, 0)
