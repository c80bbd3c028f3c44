"""The draws that are exported are those of the stored answer: their means are its figures to the digit."""

import json
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from analysis.statistics import AmountStatistics, CascadeStatistics, CountStatistics, ProportionStatistics
from experiments.analyses.answer import Answer
from experiments.analyses.plan import Inputs
from experiments.collect.collected import SegmentCells
from experiments.exporting import posterior
from experiments.exporting.source import Stored, VariantName
from experiments.reporting.worded import Reading, wording
from tests.experiments.analyses.documents import RATES, inputs, returns, with_history

VARIANTS = (VariantName("a", "A", "As ever", True), VariantName("b", "B", "Bloom", False))
BROUGHT = {
    "a": CascadeStatistics(7, ((7, 0, 500), (7, 1, 60), (7, 2, 20)), ((7, 1, 60), (7, 2, 40))),
    "b": CascadeStatistics(7, ((7, 0, 480), (7, 1, 90), (7, 2, 20)), ((7, 1, 80), (7, 3, 50))),
}
CELLS = {
    (variant, country, device): (n, round(n * share))
    for variant, tilt in (("a", 0.0), ("b", 0.05))
    for country, n, base in (("DE", 900, 0.1), ("AT", 500, 0.14), ("", 300, 0.12))
    for device, share in (("phone", base + tilt), ("desktop", base + 0.02))
}


def stored_of(given: Inputs, **more) -> Stored:
    from experiments.analyses.compute import compute

    document = json.loads(json.dumps(compute(given, identity="i")[0].to_dict(), allow_nan=False))
    answer = Answer.from_dict(document)
    began = datetime(2026, 9, 21, tzinfo=UTC)
    primary = given.plan.primary
    reading = Reading(answer, wording(answer, given.plan.names))
    return Stored("Test", "", primary, VARIANTS, reading, given, [], began, 14, **more)


def by_attribute(place: int) -> dict:
    cells: dict = {}
    for (variant, *levels), (n, done) in CELLS.items():
        before = cells.get((variant, levels[place]), ProportionStatistics(0, 0))
        cells[variant, levels[place]] = before + ProportionStatistics(n, done)
    return cells


def spending() -> dict[str, AmountStatistics]:
    chance, found = np.random.default_rng(3), {}
    for key, buyers in (("a", 150), ("b", 190)):
        amounts = [round(float(x), 2) for x in chance.lognormal(3.5, 0.6, buyers)]
        found[key] = AmountStatistics.from_values([*amounts, *[0.0] * (2000 - buyers)])
    return found


def came_back() -> dict[str, CountStatistics]:
    chance = np.random.default_rng(9)
    return {
        key: CountStatistics(tuple(Counter(chance.negative_binomial(0.5, 0.5 / (0.5 + mean), 2000).tolist()).items()))
        for key, mean in (("a", 0.5), ("b", 0.7))
    }


@pytest.fixture(scope="module")
def stored():
    """An analysis with every sampled part, its attributes fitted together."""
    whole = by_attribute(0)
    rates = {
        key: sum((cell for (variant, _), cell in whole.items() if variant == key), ProportionStatistics(0, 0))
        for key in "ab"
    }
    data = {
        "click_rate": rates,
        "revenue": spending(),
        "active_days": came_back(),
        "half_life": returns({"a": 0.3, "b": 0.4}),
        "k_factor": BROUGHT,
        "reach": BROUGHT,
    }
    cells = {(key, (country, device)): ProportionStatistics(*cell) for (key, country, device), cell in CELLS.items()}
    collected = {
        "segment_data": {"country": whole, "device": by_attribute(1)},
        "segment_cells": SegmentCells(("country", "device"), cells),
    }
    return stored_of(inputs(data, collected=collected, segments=["country", "device"], with_models=True))


def means(file, name: str) -> dict[str, float]:
    import arviz as az

    drawn = az.from_netcdf(file).posterior[name]
    return {key: float(drawn.sel(variant=key).values.mean()) for key in "ab"}


@pytest.mark.slow
def test_what_takes_a_sampler_is_exported_with_the_draws_of_the_answer(stored, tmp_path):
    import arviz as az

    pytest.importorskip("pymc")
    file = tmp_path / "draws.nc"
    posterior.write(stored, file)
    read = az.from_netcdf(file).posterior
    assert json.loads(read.attrs["not_shown"]) == {}
    assert all("every" not in read[name].attrs for name in read.data_vars), "no fit had to run longer"
    cascade = {row["variant"]: row for row in stored.reading.document["cascade"]["variants"]}
    assert means(file, "k_factor") == {key: pytest.approx(row["r"]["mean"], abs=1e-12) for key, row in cascade.items()}
    for key, row in cascade.items():
        assert float(np.median(read.reach.sel(variant=key))) == pytest.approx(row["reach"]["median"], abs=1e-12)
    for row in stored.reading.document["retention"]["variants"]:
        for parameter in ("alpha", "beta", "daily"):
            own = read[f"retention_{parameter}"].sel(variant=row["variant"]).values
            assert float(np.median(own)) == pytest.approx(row["tail"][parameter], abs=1e-12)
    (spent,) = stored.reading.document["amounts"]
    for part, name in (("share", "revenue_buyers"), ("amount", "revenue_a_buyer")):
        expected = {row["variant"]: pytest.approx(row[part]["mean"], rel=1e-12) for row in spent["variants"]}
        assert means(file, name) == expected
    (often,) = stored.reading.document["counts"]
    for part in ("dispersion", "never", "each", "busiest"):
        expected = {row["variant"]: pytest.approx(row[part]["mean"], rel=1e-12) for row in often["variants"]}
        assert means(file, f"active_days_{part}") == expected


@pytest.mark.slow
@pytest.mark.parametrize("joint", [True, False])
def test_segments_are_exported_with_the_draws_of_the_answer_and_put_together_again(stored, joint, tmp_path):
    import arviz as az

    pytest.importorskip("pymc")
    if not joint:
        document = inputs(
            {"click_rate": stored.collected.metric_data["click_rate"]},
            collected={"segment_data": {"country": by_attribute(0)}},
            segments=["country"],
            with_models=True,
        )
        stored = stored_of(document)
    posterior.write(stored, tmp_path / "draws.nc")
    read = az.from_netcdf(tmp_path / "draws.nc").posterior
    assert [entry["joint"] for entry in stored.reading.document["segments"]] == ([True, True] if joint else [False])
    for entry in stored.reading.document["segments"]:
        drawn = read[f"click_rate_by_{entry['segment']}"]
        for row in entry["segment_rows"]:
            own = drawn.sel({"variant": row["variant"], drawn.dims[3]: row["level"]})
            assert float(own.values.mean()) == pytest.approx(row["rate"]["mean"], abs=1e-12)
        whole = read[f"click_rate_by_{entry['segment']}_overall"]
        control = whole.sel(variant="a").values
        assert [row["variant"] for row in entry["overall"]] == ["a", "b"]
        for row in entry["overall"]:
            own = whole.sel(variant=row["variant"]).values
            assert float(own.mean()) == pytest.approx(row["rate"]["mean"], abs=1e-12)
            if row["lift"]:
                assert float((own / control - 1).mean()) == pytest.approx(row["lift"]["mean"], abs=1e-12)


def test_the_half_life_needs_no_sampler_and_has_the_draws_of_the_answer(tmp_path):
    document = inputs({"click_rate": RATES, "half_life": returns({"a": 0.3, "b": 0.4}), "k_factor": BROUGHT})
    stored, file = stored_of(document), tmp_path / "draws.nc"
    assert posterior.write(stored, file, sampled=False) == ("click_rate", "half_life")
    stored_means = {
        row["variant"]: row["half_life"]["mean"] for row in stored.reading.document["retention"]["variants"]
    }
    assert means(file, "half_life") == {key: pytest.approx(mean, abs=1e-12) for key, mean in stored_means.items()}


def test_a_variant_without_a_half_life_is_no_number_and_says_why(tmp_path):
    import arviz as az

    document = inputs({"click_rate": RATES, "half_life": returns({"a": 0.0, "b": 0.4})})
    posterior.write(stored_of(document), tmp_path / "draws.nc", sampled=False)
    drawn = az.from_netcdf(tmp_path / "draws.nc").posterior["half_life"]
    assert np.isnan(drawn.sel(variant="a").values).all() and drawn.sel(variant="b").values.min() > 0
    assert "returned" in drawn.attrs["not_shown_a"]


def test_the_draws_are_the_adjusted_ones_where_the_verdict_rests_on_them(tmp_path):
    import arviz as az

    document = inputs(
        {"click_rate": RATES},
        collected={"adjusted_data": {"click_rate": with_history(0.8)}},
        covariate={"attribute": "history", "days_before": None},
    )
    stored = stored_of(document)
    assert posterior.write(stored, tmp_path / "draws.nc") == ("click_rate", "click_rate_plain")
    read = az.from_netcdf(tmp_path / "draws.nc").posterior
    assert read.click_rate.attrs["adjusted_for"] == "history" and "adjusted_for" not in read.click_rate_plain.attrs
    (entry,) = stored.reading.document["metrics"]
    for result, drawn in ((entry["adjusted"], read.click_rate), (entry, read.click_rate_plain)):
        for row in result["variants"]:
            own = drawn.sel(variant=row["variant"]).values
            assert own.mean() == pytest.approx(row["mean"], abs=5 * row["sd"] / np.sqrt(4000))
            assert own.std() == pytest.approx(row["sd"], rel=0.12)
