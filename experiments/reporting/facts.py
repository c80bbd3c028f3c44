"""The figures beside a verdict, written as the metric is written everywhere else: on the page and in the report."""

from collections.abc import Mapping
from typing import NamedTuple

from analysis import MetricResult, VariantResult, Verdict
from analysis.messages import message
from experiments.analyses.scorecards import MetricEntry
from experiments.definition.variant_names import labels
from experiments.reporting import phrases
from experiments.reporting.measures import Measure
from experiments.reporting.sentences.wording import Wording
from experiments.reporting.withheld import NO_FACTS, too_early
from experiments.translation import gettext


class Fact(NamedTuple):
    """A figure with its label; `key` is ``best`` or ``loss``."""

    key: str
    label: str
    value: str


def line(verdict: Verdict, words: Wording) -> str:
    """Return a verdict as one line: ``Ship B “Our team”. Chance that it is best: 97 %.``"""
    headline = words.text(verdict.headline)
    if not verdict.facts or verdict.decision not in ("ship", "keep_running", "not_enough_data"):
        return headline
    label, value = words.text(verdict.facts[0].label), words.text(verdict.facts[0].value)
    if verdict.decision == "ship":
        return gettext("{headline} Chance that it is best: {chance}.").format(headline=headline, chance=value)
    return gettext("{headline} {label}: {value}.").format(headline=headline, label=label, value=value)


def subject(verdict: Verdict, result: MetricResult) -> VariantResult | None:
    """Return the row that the figures are about: the verdict's variant, else the one most probably best."""
    rows = [row for row in result.variants if row.p_best is not None]
    named = next((row for row in rows if row.variant == verdict.variant), None)
    return named or max(rows, key=lambda row: row.p_best or 0.0, default=None)


def facts(verdict: Verdict, entry: MetricEntry, currency: str, names: Mapping[str, str]) -> tuple[Fact, ...]:
    """Return the chance of being best and the loss if wrong; none where there is too little data for them.

    Parameters
    ----------
    entry
        The metric that decides.
    currency
        ISO 4217 code of the experiment's money.
    names
        Names by key, as the plan stores them.
    """
    row = subject(verdict, entry.deciding)
    if row is None or verdict.decision in NO_FACTS or too_early(verdict):
        return ()
    words, measure = Wording(variants=labels(names)), Measure.of(entry, currency)
    lost = words.text(message("verdict.no_loss"))
    if row.loss_if_wrong is not None:
        lost = measure.loss_per(row.loss_if_wrong)
    return (
        Fact("best", words.text(message("verdict.chance_best", variant=row.variant)), phrases.chance(row.p_best)),
        Fact("loss", words.text(message("verdict.loss_if_wrong")), lost),
    )
