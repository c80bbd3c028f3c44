"""Variance reduction with a pre-experiment covariate (CUPED): the figures that decide, and a line on what it changed.

The covariate is declared before the test starts, so the verdict rests on the adjusted figures. Page, report and summary
show the same ones, with the unadjusted lifts beside them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.collect.request import Covariate
from experiments.definition.variant_names import Lettered
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import MINUS, decimal, percent, signed_percent
from experiments.translation import gettext

LEAST = 0.0005
"""A variance that falls by less is shown as falling by 0.0 %."""


class Line(NamedTuple):
    """What the adjustment changed, with an explanation."""

    text: str
    explanation: str


def deciding(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result with the adjusted figures in the place of the unadjusted ones, which "plain" keeps."""
    return dict(result) | {"metrics": [_deciding(entry) for entry in result["metrics"]]}


def _deciding(entry: Mapping[str, Any]) -> dict[str, Any]:
    adjusted = entry.get("adjusted")
    if not adjusted or _reason(adjusted) or not adjusted.get("variants") or "plain" in entry:
        return dict(entry)
    plain = {name: entry[name] for name in ("variants", "comparisons")}
    return dict(entry) | {name: adjusted[name] for name in plain} | {"plain": plain}


def covariate_of(adjusted: Mapping[str, Any]) -> str:
    """Return the name of the covariate of an "adjusted" entry."""
    return covariate_name(Covariate(**adjusted["covariate"]))


def covariate_name(covariate: Covariate) -> str:
    """Return a covariate in words: an attribute, or the same outcome in the days before."""
    if covariate.days_before:
        return gettext("the {days} days before").format(days=covariate.days_before)
    return (covariate.attribute or "history").replace("_", " ")


def adjustment_line(entry: Mapping[str, Any], measure: Measure, variants: Sequence[Lettered]) -> Line | None:
    """Return what the adjustment of a metric changed, or why it was not used; None for a metric without a covariate.

    Parameters
    ----------
    variants
        In order of position, the control among them.
    """
    adjusted = entry.get("adjusted")
    if not adjusted:
        return None
    covariate = covariate_of(adjusted)
    if reason := _reason(adjusted):
        return Line(gettext("Not adjusted for {covariate}.").format(covariate=covariate), reason)
    control = next(variant.letter for variant in variants if variant.control)
    unadjusted = _unadjusted(entry, measure, variants)
    if unadjusted:
        template = gettext("Adjusted for {covariate}: variance {variance}. Unadjusted: {unadjusted}.")
    else:
        template = gettext("Adjusted for {covariate}: variance {variance}.")
    text = template.format(covariate=covariate, variance=_variance(adjusted), unadjusted=unadjusted)
    return Line(text, _explanation(adjusted, covariate, control, swapped="plain" in entry))


def _reason(adjusted: Mapping[str, Any]) -> str:
    return str((adjusted.get("not_shown") or {}).get("reason") or "")


def _variance(adjusted: Mapping[str, Any]) -> str:
    """Return the change of the variance, with a minus where it did not change: ``−23.1 %``, ``−0.0 %``."""
    reduction = float(adjusted["variance_reduction"] or 0.0)
    return signed_percent(-reduction) if reduction > LEAST else f"{MINUS}{percent(0.0)}"


def _unadjusted(entry: Mapping[str, Any], measure: Measure, variants: Sequence[Lettered]) -> str:
    rows = {row["variant"]: row for row in (entry.get("plain") or {}).get("comparisons") or ()}
    return ", ".join(
        f"{variant.letter} {text}"
        for variant in variants
        if variant.key in rows and (text := _compared(rows[variant.key], measure))
    )


def _compared(row: Mapping[str, Any], measure: Measure) -> str:
    lift = _shown(row.get("lift")) if measure.relative else None
    estimate, write = (lift, signed_percent) if lift else (_shown(row.get("difference")), measure.difference)
    if not estimate:
        return ""
    low, high = (write(estimate["interval"][side]) for side in ("low", "high"))
    return gettext("{mean} ({low} to {high})").format(mean=write(estimate["mean"]), low=low, high=high)


def _shown(estimate: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return estimate if estimate and estimate.get("mean") is not None else None


def _explanation(adjusted: Mapping[str, Any], covariate: str, control: str, *, swapped: bool) -> str:
    """Return what the adjustment is, how strong the covariate is, and which figures the verdict rests on."""
    sentences = [
        gettext(
            "CUPED reduces the variance with what was known of the members before the test ({covariate}), which "
            "narrows the intervals of the lifts over {control}."
        ).format(covariate=covariate, control=control)
    ]
    if adjusted.get("correlation") is not None:
        correlation = decimal(adjusted["correlation"])
        sentences += [gettext("Its correlation with the outcome is {number}.").format(number=correlation)]
    if swapped:
        sentences += [gettext("The figures above are adjusted, and the verdict rests on them.")]
    return " ".join(sentences)
