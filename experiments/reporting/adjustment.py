"""Variance reduction with a pre-experiment covariate (CUPED): the figures that decide, and a line on what it changed.

The covariate is declared before the test starts, so the verdict rests on the adjusted figures. Page, report and summary
show the same ones, with the unadjusted lifts beside them.
"""

from collections.abc import Sequence
from typing import NamedTuple

from analysis import MetricResult
from analysis.scoring.results import ComparisonResult
from experiments.analyses.scorecards import Adjusted, MetricEntry
from experiments.collect.request import Covariate
from experiments.definition.variant_names import Lettered
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import MINUS, count, decimal, percent, signed_percent
from experiments.reporting.sentences.wording import Wording
from experiments.translation import gettext, ngettext

LEAST = 0.0005
"""A variance that falls by less is shown as falling by 0.0 %."""


class Line(NamedTuple):
    """What the adjustment changed, with an explanation."""

    text: str
    explanation: str


def covariate_name(covariate: Covariate) -> str:
    """Return a covariate in words: an attribute, or the same outcome in the days before."""
    if covariate.days_before:
        return gettext("the {days} days before").format(days=covariate.days_before)
    return (covariate.attribute or "history").replace("_", " ")


def adjustment_line(entry: MetricEntry, measure: Measure, variants: Sequence[Lettered], words: Wording) -> Line | None:
    """Return what the adjustment of a metric changed, or why it was not used; None for a metric without a covariate.

    Parameters
    ----------
    variants
        In order of position, the control among them.
    """
    adjusted = entry.adjusted
    if adjusted is None:
        return None
    covariate = covariate_name(adjusted.covariate)
    if adjusted.not_shown is not None:
        text = gettext("Not adjusted for {covariate}.").format(covariate=covariate)
        return Line(text, words.text(adjusted.not_shown.reason))
    control = next(variant.letter for variant in variants if variant.control)
    unadjusted = _unadjusted(entry.plain, measure, variants)
    if unadjusted:
        template = gettext("Adjusted for {covariate}: variance {variance}. Unadjusted: {unadjusted}.")
    else:
        template = gettext("Adjusted for {covariate}: variance {variance}.")
    text = template.format(covariate=covariate, variance=_variance(adjusted), unadjusted=unadjusted)
    if adjusted.missing:
        missing = ngettext(
            "{members} member without {covariate} counts with 0.",
            "{members} members without {covariate} count with 0.",
            adjusted.missing,
        )
        text = f"{text} {missing.format(members=count(adjusted.missing), covariate=covariate)}"
    return Line(text, _explanation(adjusted, covariate, control))


def _variance(adjusted: Adjusted) -> str:
    """Return the change of the variance, with a minus where it did not change: ``−23.1 %``, ``−0.0 %``."""
    reduction = adjusted.variance_reduction or 0.0
    return signed_percent(-reduction) if reduction > LEAST else f"{MINUS}{percent(0.0)}"


def _unadjusted(plain: MetricResult, measure: Measure, variants: Sequence[Lettered]) -> str:
    rows = {row.variant: row for row in plain.comparisons}
    return ", ".join(
        f"{variant.letter} {text}"
        for variant in variants
        if variant.key in rows and (text := _compared(rows[variant.key], measure))
    )


def _compared(row: ComparisonResult, measure: Measure) -> str:
    lift = row.lift if measure.relative else None
    estimate, write = (lift, signed_percent) if lift else (row.difference, measure.difference)
    if estimate is None:
        return ""
    low, high = write(estimate.interval.low), write(estimate.interval.high)
    return gettext("{mean} ({low} to {high})").format(mean=write(estimate.median), low=low, high=high)


def _explanation(adjusted: Adjusted, covariate: str, control: str) -> str:
    """Return what the adjustment is, how strong the covariate is, and that the verdict rests on it."""
    sentences = [
        gettext(
            "CUPED reduces the variance with what was known of the members before the test ({covariate}), which "
            "narrows the intervals of the lifts over {control}."
        ).format(covariate=covariate, control=control)
    ]
    if adjusted.correlation is not None:
        number = decimal(adjusted.correlation)
        sentences += [gettext("Its correlation with the outcome is {number}.").format(number=number)]
    sentences += [gettext("The figures above are adjusted, and the verdict rests on them.")]
    return " ".join(sentences)
