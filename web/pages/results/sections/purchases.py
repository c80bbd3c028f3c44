"""Purchases: a money metric split into the share of buyers and the amount per buyer."""

from collections.abc import Callable
from dataclasses import dataclass

from analysis.posterior.joint import Estimate
from experiments.analyses.sampled.amounts import AMOUNTS
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.sampled.results import HurdleResult, HurdleVariant
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import count, money, percent, signed_percent
from experiments.translation import N_, gettext, ngettext
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.drawing import Scale, interval_of, spread_scale
from web.pages.results.parts import Number, VariantFacts, by_position, reason_of

FAMILIES = {
    "log_normal": N_("The amounts follow a log-normal distribution."),
    "gamma": N_("The amounts follow a gamma distribution."),
}


@dataclass(frozen=True)
class Drawn:
    """An interval with its centre, in per cent of the drawing's width."""

    low: float
    high: float
    mean: float
    text: str


@dataclass(frozen=True)
class Row:
    """One variant: the share of buyers, the amount per buyer, and the value per member that follows."""

    variant: VariantFacts
    share: Number
    share_drawn: Drawn | None
    amount: Number
    amount_drawn: Drawn | None
    mean: Number
    against: str = ""


@dataclass(frozen=True)
class Purchases:
    """One money metric; `not_shown` says why it is not split."""

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
        return Purchases(key, measure.name, (), "", gettext("No member has bought yet."))
    shares = spread_scale(interval_of(row.share) for _, row in rows)
    amounts = spread_scale(interval_of(row.amount) for _, row in rows)
    family = gettext(FAMILIES.get(entry.family or "", ""))
    note = " ".join(filter(None, (family, context.reading.text(entry.note))))
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
    bought = ngettext(
        "{buyers} of the {members} members who saw {letter} bought.",
        "{buyers} of the {members} members who saw {letter} bought.",
        row.positive,
    ).format(buyers=count(row.positive), members=count(row.n), letter=letter)
    spend = ngettext(
        "Average amount of the {buyers} buyer who saw {letter}.",
        "Average amount of the {buyers} buyers who saw {letter}.",
        row.positive,
    ).format(buyers=count(row.positive), letter=letter)
    together = gettext("Share of buyers times amount per buyer. The scorecard assumes no distribution, so it decides.")

    def write(x: float) -> str:
        return money(x, measure.currency, 2) if measure.currency else measure.value(x)

    return Row(
        variant,
        explained(row.share, percent, bought, f"{base}-share"),
        _drawn(row.share, percent, shares, gettext("{letter}, members who buy: {interval}"), letter),
        explained(row.amount, write, spend, f"{base}-amount"),
        _drawn(row.amount, write, amounts, gettext("{letter}, mean per buyer: {interval}"), letter),
        explained(row.mean, write, together, f"{base}-mean"),
        _against(row),
    )


def _against(row: HurdleVariant) -> str:
    """Return how much of the lift comes from more buyers, and how much from larger amounts."""
    many, much = row.share_lift, row.amount_lift
    if not many or not much:
        return ""
    text = gettext("{share} who buy, {amount} per buyer")
    return text.format(share=signed_percent(many.median), amount=signed_percent(much.median))


def explained(estimate: Estimate, write: Callable[[float], str], why: str, identity: str) -> Number:
    """Return an estimate as `write` puts it, explained by `why` and by its interval."""
    interval = estimate.interval
    bounds = explanations.explain_interval(interval, write(interval.low), write(interval.high))
    return Number(write(estimate.median), f"{why} {bounds}", identity)


def _drawn(
    estimate: Estimate, write: Callable[[float], str], scale: Scale | None, label: str, letter: str
) -> Drawn | None:
    if scale is None:
        return None
    interval = estimate.interval
    text = label.format(letter=letter, interval=explanations.spoken(estimate, write))
    return Drawn(scale.at(interval.low), scale.at(interval.high), scale.at(estimate.median), text)
