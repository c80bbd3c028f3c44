"""The one place that knows the samplers: data whole and of the right type, models compiled once, draws for ArviZ."""

import logging
import re

import numpy as np
import pytest

from analysis.sampling import engine

pytest.importorskip("pymc")


def normal_mean(groups):
    """Mean of each group of Normal rows with sd 1, rows assigned to their group by an integer index."""
    import pymc as pm

    with pm.Model() as model:
        rows = pm.Data("rows", np.zeros(1))
        group = pm.Data("group", np.zeros(1, dtype="int64"))
        mean = pm.Normal("mean", 0.0, 10.0, shape=groups)
        pm.Potential("likelihood", (-0.5 * (rows - mean[group]) ** 2).sum())
    return model


def fit(rows, group):
    return fit_to({"rows": np.array(rows), "group": np.array(group)})


def fit_to(data):
    return engine.sample(normal_mean, (2,), data, seed=5, draws=500, tune=400, chains=2)


@pytest.fixture(params=["nutpie", "pymc"])
def sampler(request, monkeypatch):
    if request.param == "nutpie":
        pytest.importorskip("nutpie")
    else:
        monkeypatch.setattr(engine, "find_spec", lambda name: None)
    return request.param


def test_the_sampler_is_named_and_the_same_seed_gives_the_same_digits(sampler):
    rows, group = [1.5, 2.5, -1.0], [0, 0, 1]
    found, again = fit(rows, group), fit(rows, group)
    assert re.fullmatch(rf"{sampler} \d+\.\d+\.\d+", found.engine)
    assert np.array_equal(found.values["mean"], again.values["mean"])
    assert found.values["mean"].shape == (2, 500, 2)
    assert found.values["mean"].mean(axis=(0, 1)) == pytest.approx([2.0, -1.0], abs=0.15)


def test_a_compiled_model_takes_data_of_any_length_and_is_compiled_once():
    pytest.importorskip("nutpie")
    fit([1.0, 2.0], [0, 1])
    before = engine._compiled.cache_info()
    many = fit(np.full(400, 3.0), np.arange(400) % 2)
    after = engine._compiled.cache_info()
    assert (after.misses, after.hits) == (before.misses, before.hits + 1)
    assert many.values["mean"].mean() == pytest.approx(3.0, abs=0.02)
    assert many.values["mean"].std() == pytest.approx(200**-0.5, rel=0.15)


def test_models_kept_are_bounded():
    assert engine._compiled.cache_info().maxsize == engine.KEPT_MODELS < 10


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"group": np.array([0.5, 1.0])}, "group was made for whole numbers"),
        ({"rows": np.array([np.nan, 1.0])}, "rows was given a number that is not finite"),
        ({"extra": np.zeros(1)}, "it was given extra, group, rows"),
    ],
)
def test_data_that_would_be_silently_truncated_or_ignored_is_refused(sampler, more, says, caplog):
    with caplog.at_level(logging.CRITICAL), pytest.raises(engine.EngineError, match=says):
        fit_to({"rows": np.array([1.0, 2.0]), "group": np.array([0, 1])} | more)


def test_a_missing_name_never_keeps_the_placeholder(sampler, caplog):
    with caplog.at_level(logging.CRITICAL), pytest.raises(engine.EngineError, match="takes group, rows"):
        engine.sample(normal_mean, (2,), {"rows": np.zeros(1)}, seed=1, draws=10, tune=10, chains=1)


def test_draws_convert_to_arviz_and_survive_netcdf(tmp_path):
    rng = np.random.default_rng(1)
    values = {"mean": rng.normal(size=(2, 50, 3)), "sd": rng.normal(size=(2, 50)), "free": rng.normal(size=(2, 50, 4))}
    draws = engine.Draws(values, 3, "nutpie 0").labelled({"mean": ("variant",)}, {"variant": ["a", "b", "c"]})
    converted = engine.to_arviz(draws)
    path = tmp_path / "posterior.nc"
    converted.to_netcdf(str(path))
    import xarray as xr

    with xr.open_dataset(path, group="posterior") as read:
        assert read["mean"].dims == ("chain", "draw", "variant")
        assert list(read["variant"].values) == ["a", "b", "c"]
        assert np.array_equal(read["mean"].sel(variant="b").values, values["mean"][:, :, 1])
        assert read["free"].dims == ("chain", "draw", "free_dim_0")
        assert read.attrs["inference_library"] == "nutpie 0" and read.attrs["divergences"] == 3


def test_derived_quantities_and_other_names_for_the_axes():
    draws = engine.Draws({"x": np.zeros((1, 4))}, 0, "none").labelled({}, {}, rate=np.ones((1, 4, 2)))
    converted = engine.to_arviz(draws, coords={"variant": ["a", "b"]}, dims={"rate": ("variant",)})
    assert converted["posterior"]["rate"].sel(variant="a").values.tolist() == [[1.0] * 4]
