"""The sampled parts of a result: their priors are named, they are bounded, and one that fails is an outcome."""

from dataclasses import replace
from decimal import Decimal

import pytest
from babel.support import NullTranslations

from analysis.statistics import AmountStatistics
from experiments import translation
from experiments.analyses.compute import compute
from experiments.analyses.sampled import SAMPLED, fit_all
from tests.experiments.analyses.documents import ORDERED, RATES, answered, inputs, returns, with_history


def test_the_prior_of_every_shown_model_is_in_the_provenance(monkeypatch):
    from analysis.models import hurdle, negative_binomial
    from analysis.models.retention import fit

    exact, law = fit.fit_retention, fit.Tail(alpha=1.0, beta=2.0, daily=0.5)

    def with_a_tail(data, **options):
        fit = exact(data, **options | {"tail": False})
        return replace(fit, variants=tuple(replace(row, tail=law) for row in fit.variants))

    monkeypatch.setattr(fit, "fit_retention", with_a_tail)
    monkeypatch.setattr(hurdle, "fit_hurdle", lambda *_, metric, **__: hurdle.HurdleResult(metric, None))
    shown = negative_binomial.CountResult
    monkeypatch.setattr(negative_binomial, "fit_counts", lambda *_, metric, **__: shown(metric, None))
    money = {key: AmountStatistics.from_values([0] * 500 + [9, 12, 30] * 20, cap=10_000) for key in "ab"}
    result = answered(
        {"click_rate": RATES, "revenue": money, "orders": ORDERED, "half_life": returns({"a": 0.3, "b": 0.4})},
        collected={"adjusted_data": {"click_rate": with_history(0.8)}},
        covariate={"attribute": "history", "days_before": None},
        with_models=True,
    )
    assert {key: prior["name"] for key, prior in result["provenance"]["priors"].items()} == {
        "click_rate": "content", "revenue": "weak_amount", "orders": "weak_count", "lift": "content",
        "retention": "weak_return", "retention_tail": "retention_weak",
        "amounts": "hurdle_weak", "counts": "negative_binomial_weak",
    }  # fmt: skip


def test_only_the_first_counts_are_fitted_and_the_others_have_a_reason(monkeypatch):
    from analysis.models import negative_binomial
    from experiments.analyses.sampled import counts

    calls, data = [], {"click_rate": RATES, "orders": ORDERED, "active_days": ORDERED}

    def fit(statistics, **more):
        calls.append((statistics, more))
        return negative_binomial.CountResult(more["metric"], None)

    monkeypatch.setattr(negative_binomial, "fit_counts", fit)
    assert [entry["not_shown"]["code"] for entry in answered(data)["counts"]] == ["later", "later"] and not calls
    both = answered(data, with_models=True, interval="hdi")["counts"]
    assert [(entry["metric"], entry["not_shown"]) for entry in both] == [("orders", None), ("active_days", None)]
    assert calls[0] == (
        ORDERED, {"control": "a", "direction": "higher", "metric": "orders", "seed": 7, "interval": "hdi"},
    )  # fmt: skip
    monkeypatch.setattr(counts, "MOST_FITTED", 1)
    for sampled in (False, True):
        other = answered(data, with_models=sampled)["counts"][1]
        assert (other["metric"], other["not_shown"]["code"]) == ("active_days", "beyond_the_first")
        assert other["not_shown"]["reason"]["params"] == {"most": 2} and other["variants"] == []
    assert len(calls) == 3


def test_steps_are_reported_in_the_source_language_whatever_language_the_worker_uses(monkeypatch):
    monkeypatch.setattr(translation, "catalogue", lambda _: Shouting())
    steps = []
    with translation.speaking("de"):
        fit_all(inputs({"click_rate": RATES}), lambda _, step: steps.append(step))
    assert steps == [part.progress for part in SAMPLED]
    assert translation.gettext(steps[0]) == steps[0].upper()


class Shouting(NullTranslations):
    """A language that writes English in capitals."""

    def ugettext(self, message: str) -> str:
        return message.upper()


@pytest.mark.slow
def test_the_fit_of_a_count_is_shown_and_repeats_to_the_digit():
    pytest.importorskip("pymc")
    document = inputs({"click_rate": RATES, "orders": ORDERED}, with_models=True)
    first, again = (compute(document, identity="i")[0].to_dict() for _ in range(2))
    (entry,) = first["counts"]
    assert entry["not_shown"] is None and entry == again["counts"][0]
    assert (entry["metric"], entry["seed"], entry["prior"]["name"]) == ("orders", 7, "negative_binomial_weak")
    for row in entry["variants"]:
        own = ORDERED[row["variant"]]
        assert row["never"]["mean"] == pytest.approx(1 - own.positive / own.n, abs=0.02)
        assert row["mean"]["mean"] == pytest.approx(own.total / own.n, rel=0.1)
        assert row["each"]["mean"] == pytest.approx(own.total / own.positive, rel=0.1)
        assert row["alike"] < row["busiest"]["interval"]["low"] < row["busiest"]["interval"]["high"] < 1


def test_a_sampled_model_that_fails_is_an_outcome_with_its_reason(monkeypatch):
    from analysis.errors import not_shown
    from analysis.models import hurdle

    why = not_shown("fit_not_trusted", reasons=())
    monkeypatch.setattr(hurdle, "fit_hurdle", lambda *_, metric, **__: hurdle.HurdleResult(metric, why))
    money = {
        key: AmountStatistics(4000, 300, Decimal(9000), 810_000.0, 1000.0, 3600.0, cap=Decimal(10_000)) for key in "ab"
    }
    result = answered({"click_rate": RATES, "revenue": money}, with_models=True)
    assert result["amounts"][0]["not_shown"]["code"] == "fit_not_trusted"
    assert result["metrics"][1]["not_shown"] is None, "the verdict's figures never rest on it"
