"""Counts: a count metric by how many members have none, and how much the busiest of them have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.reporting.measures import Measure
from experiments.reporting.numbers import count, percent, plural
from web.pages.results.context import Context
from web.pages.results.parts import Number, VariantFacts, by_position, reason_of, shown
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
    return counts(context.result.get("counts"), context.result["metrics"], context.variants)


def counts(
    found: Sequence[Mapping[str, Any]] | None, metrics: Sequence[Mapping[str, Any]], variants: Sequence[VariantFacts]
) -> tuple[Counts, ...]:
    """The section of a result's "counts", one part a count metric; older results have none.

    Parameters
    ----------
    metrics
        The result's "metrics", for the names and the units.
    """
    entries = {entry["metric"]: entry for entry in metrics}
    return tuple(_one(part, entries.get(part["metric"], {"metric": part["metric"]}), variants) for part in found or ())


def _one(part: Mapping[str, Any], entry: Mapping[str, Any], variants: Sequence[VariantFacts]) -> Counts:
    measure, reason = Measure.of(dict(entry)), reason_of(part)
    noun = measure.unit.removesuffix(measure.per) or "times"
    rows = by_position(part.get("variants") or (), variants)
    if not reason and not rows:
        reason = "Nobody has done it yet."
    told = () if reason else tuple(_row(part["metric"], noun, measure, *row) for row in rows)
    return Counts(part["metric"], measure.name, noun, told, reason)


def _row(key: str, noun: str, measure: Measure, variant: VariantFacts, row: Mapping[str, Any]) -> Row:
    base, letter = f"counts-{key}-{variant.key}", variant.letter
    none = row["n"] - row["positive"]
    return Row(
        variant,
        explained(
            shown(row.get("never")),
            percent,
            f"{plural(none, 'member')} of {count(row['n'])} who saw {letter} have no {noun}; with {{level}} probability"
            " the true share is {bounds}.",
            f"{base}-never",
        ),
        explained(
            shown(row.get("each")),
            measure.value,
            f"How many {noun} each of the {count(row['positive'])} members of {letter} who have any has on average;"
            " with {level} probability the true mean is {bounds}.",
            f"{base}-each",
        ),
        _busiest(shown(row.get("busiest")), noun, letter, f"{base}-busiest"),
        _part(row.get("alike")),
        explained(
            shown(row.get("mean")),
            measure.value,
            "With {level} probability the true value per member is {bounds}. What decides is the figure of the"
            " scorecard, which supposes no curve.",
            f"{base}-mean",
        ),
    )


def _busiest(estimate: Mapping[str, Any] | None, noun: str, letter: str, identity: str) -> Number:
    if estimate is not None and estimate["mean"] >= ALL:
        why = f"No more than a tenth of the members who saw {letter} have any {noun}, so a tenth accounts for all."
        return Number("all", why, identity)
    why = (
        f"The tenth of the members of {letter} with the most {noun} accounts for this part of all {noun}; with"
        " {level} probability the true part is {bounds}. It is read off the fitted curve."
    )
    return explained(estimate, _share, why, identity)


def _part(alike: float | None) -> str:
    return "" if alike is None or alike >= ALL else _share(alike)


def _share(part: float) -> str:
    return percent(part, 0)
