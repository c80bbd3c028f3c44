"""Purchases: a money metric split into the share who buy and what a buyer spends."""

from collections.abc import Callable
from dataclasses import dataclass

from analysis.posterior.joint import Estimate
from experiments.analyses.sampled.amounts import AMOUNTS
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.sampled.results import HurdleResult, HurdleVariant
from experiments.reporting import phrases
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import count, money, percent, plural, signed_percent
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.drawing import Scale, interval_of, spread_scale
from web.pages.results.parts import Number, VariantFacts, by_position, reason_of


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
    return tuple(_part(context, entry) for entry in context.answer.entries(AMOUNTS))


def _part(context: Context, entry: HurdleResult | Unfitted) -> Purchases:
    key = entry.shape["metric"] if isinstance(entry, Unfitted) else entry.metric
    scored = context.answer.entry(key)
    currency = context.plan.currency
    measure = Measure.of(scored, currency) if scored else Measure.known(key, currency)
    if isinstance(entry, Unfitted) or entry.not_shown:
        return Purchases(key, measure.name, (), "", reason_of(entry, context.reading))
    rows = by_position(entry.variants, context.variants)
    if not rows:
        return Purchases(key, measure.name, (), "", "Nobody has bought yet.")
    shares = spread_scale(interval_of(row.share) for _, row in rows)
    amounts = spread_scale(interval_of(row.amount) for _, row in rows)
    family = (entry.family or "").replace("_", "-")
    note = f"What buyers spend follows a {family} curve closely enough for that." if family else ""
    note = " ".join(filter(None, (note, context.reading.text(entry.note))))
    return Purchases(key, measure.name, tuple(_row(key, v, row, measure, shares, amounts) for v, row in rows), note, "")


def _row(
    key: str,
    variant: VariantFacts,
    row: HurdleVariant,
    measure: Measure,
    shares: Scale | None,
    amounts: Scale | None,
) -> Row:
    letter, base = variant.letter, f"purchases-{key}-{variant.key}"
    buyers = f"{plural(row.positive, 'member')} of {count(row.n)} who saw {letter} bought"

    def write(x: float) -> str:
        return money(x, measure.currency, 2) if measure.currency else measure.value(x)

    return Row(
        variant,
        explained(
            row.share, percent, f"{buyers}; with {{level}} probability the true share is {{bounds}}.", f"{base}-share"
        ),
        _drawn(row.share, percent, shares, f"{letter}: share who buy"),
        explained(
            row.amount,
            write,
            f"What each of the {count(row.positive)} buyers of {letter} spends on average; with {{level}}"
            " probability the true mean is {bounds}.",
            f"{base}-amount",
        ),
        _drawn(row.amount, write, amounts, f"{letter}: mean per buyer"),
        explained(
            row.mean,
            write,
            "The share who buy times the mean per buyer; with {level} probability the true value per member is"
            " {bounds}. What decides is the figure of the scorecard, which supposes no curve.",
            f"{base}-mean",
        ),
        _against(row),
    )


def _against(row: HurdleVariant) -> str:
    """What of the lift comes from more buyers, and what from larger amounts."""
    many, much = row.share_lift, row.amount_lift
    if not many or not much:
        return ""
    return f"{signed_percent(many.mean)} who buy, {signed_percent(much.mean)} per buyer"


def explained(estimate: Estimate, write: Callable[[float], str], why: str, identity: str) -> Number:
    """An estimate as `write` puts it; `why` explains it and has places for {level} and {bounds}."""
    interval = estimate.interval
    bounds = phrases.between(write(interval.low), write(interval.high))
    return Number(write(estimate.mean), why.format(level=explanations.level_of(interval), bounds=bounds), identity)


def _drawn(estimate: Estimate, write: Callable[[float], str], scale: Scale | None, what: str) -> Drawn | None:
    if scale is None:
        return None
    low, high = estimate.interval.low, estimate.interval.high
    said = explanations.range_of(write(low), write(high))
    text = f"{what} {write(estimate.mean)}, {explanations.level_of(estimate.interval)} interval {said}"
    return Drawn(scale.at(low), scale.at(high), scale.at(estimate.mean), text)
