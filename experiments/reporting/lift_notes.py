"""Why a lift differs from the ratio of the two estimates beside it: the same sentence in the report as on the page.

A lift is the posterior median of variant over control. Where the estimates are shrunk or skewed, it may lie apart from
the ratio of the posterior means.
"""

from collections.abc import Sequence

from analysis import MetricResult
from experiments.definition.variant_names import Lettered
from experiments.reporting import phrases
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import listed
from experiments.translation import gettext

APART, OF_THE_LIFT = 0.02, 0.1
"""A ratio is noted where it differs by both: that much of the control, and that much of the lift itself."""


def ratio_note(result: MetricResult, measure: Measure, variants: Sequence[Lettered]) -> str:
    """Return the ratio of the estimates for the variants whose lift differs from it, in a sentence; "" for none."""
    if not measure.relative:
        return ""
    means = {row.variant: row.mean for row in result.variants if row.mean is not None}
    lifts = {row.variant: (row.lift.median, row.control) for row in result.comparisons if row.lift is not None}
    ratios = []
    for variant in variants:
        lift, control = lifts.get(variant.key, (0.0, ""))
        if control not in means or variant.key not in means or means[control] <= 0:
            continue
        ratio = means[variant.key] / means[control] - 1
        if abs(lift - ratio) > max(APART, OF_THE_LIFT * abs(lift)):
            ratios.append(f"{variant.letter} {phrases.lift(ratio)}")
    if not ratios:
        return ""
    return gettext(
        "The ratio of the two estimates is {ratios}. The lift shown is the posterior median, which differs where the "
        "estimates are this uncertain."
    ).format(ratios=listed(ratios))
