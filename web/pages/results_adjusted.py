"""What taking the members' history out of the noise has brought, as a line of the page; see `experiments.reporting.adjustment`."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.reporting import adjustment
from web.pages.results.parts import Number, VariantFacts
from web.pages.results_measure import Measure


def adjusted_of(entry: Mapping[str, Any], measure: Measure, variants: Sequence[VariantFacts]) -> Number | None:
    """The line of a metric with an "adjusted" entry, None for one without."""
    found = adjustment.told(entry, measure, variants)
    return None if found is None else Number(*found, f"{entry['metric']}-adjusted")
