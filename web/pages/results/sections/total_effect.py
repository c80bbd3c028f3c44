"""The total effect: what randomised members did themselves, and what came of it in their whole cascade."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.reporting import phrases
from experiments.reporting.measures import Measure, in_100
from experiments.reporting.numbers import NOTHING, count, decimal, plural, signed_percent
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.parts import Number, VariantFacts, by_position, reason_of, shown


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
    result, plan = context.result, context.plan
    return total_effect(
        result.get("total"),
        result["metrics"],
        context.variants,
        context.control,
        plan.currency,
        growing=plan.ended_at is None,
    )


def total_effect(
    found: Mapping[str, Any] | None,
    metrics: Sequence[Mapping[str, Any]],
    variants: Sequence[VariantFacts],
    control: VariantFacts,
    currency: str,
    growing: bool = False,
) -> TotalEffect | None:
    """The section of a result's "total"; None where nobody was brought.

    Parameters
    ----------
    metrics
        The result's "metrics", for the direct figures, the primary one first.
    """
    if not found or not found.get("metrics"):
        return None
    direct = {entry["metric"]: entry for entry in metrics}
    told = {entry["metric"]: entry for entry in found["metrics"]}
    ordered = [told[key] for key in direct if key in told]
    if not ordered:
        return None
    groups = [_group(entry, direct[entry["metric"]], variants, control, currency) for entry in ordered]
    return TotalEffect(plural(int(found["brought"]), "member"), groups[0], tuple(groups[1:]), growing)


def _group(
    entry: Mapping[str, Any],
    direct: Mapping[str, Any],
    variants: Sequence[VariantFacts],
    control: VariantFacts,
    currency: str,
) -> Group:
    measure = Measure.of(dict(direct), currency)
    own = {row["variant"]: row for row in direct["variants"]}
    lifts = {row["variant"]: row for row in entry["comparisons"]}
    rows = tuple(
        Row(
            variant,
            _write(measure, (own.get(variant.key) or {}).get("mean")),
            _total(entry["metric"], measure, variant, row),
            _against(entry["metric"], variant, control, lifts.get(variant.key)),
        )
        for variant, row in by_position(entry["variants"], variants)
    )
    return Group(entry["metric"], measure.name, rows, reason_of(entry))


def _write(measure: Measure, x: float | None) -> str:
    """A share as members in 100, since more than a hundred of a hundred members' cascades can do it."""
    if x is None or measure.kind != "share":
        return measure.value(x)
    return in_100(decimal(100 * x, 1 if 100 * x >= 1 or x == 0 else 2))


def _total(key: str, measure: Measure, variant: VariantFacts, row: Mapping[str, Any]) -> Number:
    if row.get("mean") is None or not row.get("interval"):
        return Number(NOTHING)
    interval = row["interval"]
    bounds = phrases.between(*(_write(measure, interval[side]) for side in ("low", "high")))
    why = (
        f"{_summed(measure, variant, row)} With {explanations.level_of(interval)} probability the true number is"
        f" {bounds} ({explanations.kind_of(interval)})."
    )
    return Number(_write(measure, row["mean"]), why, f"total-{key}-{variant.key}")


def _summed(measure: Measure, variant: VariantFacts, row: Mapping[str, Any]) -> str:
    who = f"{plural(row['n'], 'member')} who met {variant.letter} first-hand and all in their cascades"
    if measure.kind == "share":
        return f"Of the {who}, {count(row['total'])} did it: told for each hundred of the former."
    return f"The {who} came to {measure.total(float(row['total']))} together: told for each of the former."


def _against(key: str, variant: VariantFacts, control: VariantFacts, row: Mapping[str, Any] | None) -> Number:
    lift = shown((row or {}).get("lift"))
    if row is None or lift is None:
        return Number(NOTHING)
    interval = lift["interval"]
    bounds = phrases.between(signed_percent(interval["low"]), signed_percent(interval["high"]))
    why = (
        f"How much more came of {variant.letter} than of {control.letter}, cascades included; with"
        f" {explanations.level_of(interval)} probability the true lift is {bounds}, and {variant.letter} is ahead of"
        f" {control.letter} with {phrases.chance(row['p_beats_control'])}."
    )
    return Number(signed_percent(lift["mean"]), why, f"total-{key}-{variant.key}-lift")
