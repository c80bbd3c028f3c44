"""Purchases: a money metric split into the share who buy and what a buyer spends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.reporting import phrases
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import count, money, percent, plural, signed_percent
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.drawing import Scale, interval_of, spread_scale
from web.pages.results.parts import Number, VariantFacts, by_position, reason_of, shown


@dataclass(frozen=True)
class Drawn:
    """An interval with its centre, in per cent of the drawing's width."""

    low: float
    high: float
    mean: float
    text: str


@dataclass(frozen=True)
class Row:
    """One variant: how many buy, how much each of them spends, and what that makes per member."""

    variant: VariantFacts
    share: Number
    share_drawn: Drawn | None
    amount: Number
    amount_drawn: Drawn | None
    mean: Number
    against: str = ""


@dataclass(frozen=True)
class Purchases:
    """One money metric; `not_shown` says why the split cannot be trusted."""

    key: str
    title: str
    rows: tuple[Row, ...]
    note: str
    not_shown: str


def build(context: Context) -> tuple[Purchases, ...]:
    """Return a part for each money metric that was split; none where the result has none."""
    result = context.result
    return purchases(result.get("amounts"), result["metrics"], context.variants, context.plan.currency)


def purchases(
    found: Sequence[Mapping[str, Any]] | None,
    metrics: Sequence[Mapping[str, Any]],
    variants: Sequence[VariantFacts],
    currency: str,
) -> tuple[Purchases, ...]:
    """The section of a result's "amounts", one part a money metric.

    Parameters
    ----------
    metrics
        The result's "metrics", for the names and the currency.
    """
    entries = {entry["metric"]: entry for entry in metrics}
    return tuple(
        _one(part, entries.get(part["metric"], {"metric": part["metric"]}), variants, currency) for part in found or ()
    )


def _one(
    part: Mapping[str, Any], entry: Mapping[str, Any], variants: Sequence[VariantFacts], currency: str
) -> Purchases:
    measure = Measure.of(dict(entry), currency)
    key, reason = part["metric"], reason_of(part)
    rows = by_position(part.get("variants") or (), variants)
    if not reason and not rows:
        reason = "Nobody has bought yet."
    if reason:
        return Purchases(key, measure.name, (), "", reason)
    shares = spread_scale(interval_of(shown(row.get("share"))) for _, row in rows)
    amounts = spread_scale(interval_of(shown(row.get("amount"))) for _, row in rows)
    family = str(part.get("family") or "").replace("_", "-")
    note = f"What buyers spend follows a {family} curve closely enough for that." if family else ""
    note = " ".join(filter(None, (note, str(part.get("note") or ""))))
    return Purchases(key, measure.name, tuple(_row(key, v, row, measure, shares, amounts) for v, row in rows), note, "")


def _row(
    key: str,
    variant: VariantFacts,
    row: Mapping[str, Any],
    measure: Measure,
    shares: Scale | None,
    amounts: Scale | None,
) -> Row:
    letter, base = variant.letter, f"purchases-{key}-{variant.key}"
    buyers = f"{plural(row['positive'], 'member')} of {count(row['n'])} who saw {letter} bought"

    def write(x: float) -> str:
        return money(x, measure.currency, 2) if measure.currency else measure.value(x)

    share, amount, mean = (shown(row.get(name)) for name in ("share", "amount", "mean"))
    return Row(
        variant,
        explained(
            share, percent, f"{buyers}; with {{level}} probability the true share is {{bounds}}.", f"{base}-share"
        ),
        _drawn(share, percent, shares, f"{letter}: share who buy"),
        explained(
            amount,
            write,
            f"What each of the {count(row['positive'])} buyers of {letter} spends on average; with {{level}}"
            " probability the true mean is {bounds}.",
            f"{base}-amount",
        ),
        _drawn(amount, write, amounts, f"{letter}: mean per buyer"),
        explained(
            mean,
            write,
            "The share who buy times the mean per buyer; with {level} probability the true value per member is"
            " {bounds}. What decides is the figure of the scorecard, which supposes no curve.",
            f"{base}-mean",
        ),
        _against(row),
    )


def _against(row: Mapping[str, Any]) -> str:
    """What of the lift comes from more buyers, and what from larger amounts."""
    many, much = shown(row.get("share_lift")), shown(row.get("amount_lift"))
    if not many or not much:
        return ""
    return f"{signed_percent(many['mean'])} who buy, {signed_percent(much['mean'])} per buyer"


def explained(estimate: Mapping[str, Any] | None, write: Any, why: str, identity: str) -> Number:
    """An estimate as `write` puts it; `why` explains it and has places for {level} and {bounds}."""
    if estimate is None:
        return Number("–")
    interval = estimate["interval"]
    bounds = phrases.between(write(interval["low"]), write(interval["high"]))
    return Number(write(estimate["mean"]), why.format(level=explanations.level_of(interval), bounds=bounds), identity)


def _drawn(estimate: Mapping[str, Any] | None, write: Any, scale: Scale | None, what: str) -> Drawn | None:
    if estimate is None or scale is None:
        return None
    interval = estimate["interval"]
    low, high = interval["low"], interval["high"]
    said = explanations.range_of(write(low), write(high))
    text = f"{what} {write(estimate['mean'])}, {explanations.level_of(interval)} interval {said}"
    return Drawn(scale.at(low), scale.at(high), scale.at(estimate["mean"]), text)
