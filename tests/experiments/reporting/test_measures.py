"""Every metric has a name inside a sentence and a sentence on what it counts, with and without a window."""

import pytest

from experiments.catalogue.metrics import METRICS, Metric
from experiments.reporting.measures import hint, noun
from tests.snapshots import matches


def test_words_of_every_metric():
    matches(
        "experiments/reporting/measures",
        "\n".join(f"{found.name} ({noun(found.key)}): {hint(found, 7, 'EUR')}" for found in METRICS),
    )


def test_words_of_totals_without_dates():
    undated = [found for found in METRICS if found.kind == "proportion"]
    matches(
        "experiments/reporting/undated_measures",
        "\n".join(f"{found.name}: {hint(found, None, 'EUR')}" for found in undated),
    )


@pytest.mark.parametrize("found", METRICS, ids=lambda found: found.key)
def test_a_metric_has_the_words_that_its_uses_need(found: Metric):
    assert found.name and found.hint and found.noun
    assert bool(found.undated_hint) == (found.kind == "proportion")  # imported totals are rates of members
    assert bool(found.superlative) == found.decides


def test_the_cap_follows_the_currency():
    revenue = next(found for found in METRICS if found.key == "revenue")
    assert "¥" in hint(revenue, 7, "JPY") and "1,000,000" in hint(revenue, 7, "JPY")
    assert revenue.hint_in("JPY", 7).endswith("capped at 1,000,000 JPY.")
