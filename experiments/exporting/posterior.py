"""Posterior draws as NetCDF that ArviZ reads, whichever of its versions: groups of one file, written by xarray.

The draws come from the posteriors that the stored answer was computed from: the same inputs, models, priors and seed.
Models in closed form are drawn from; sampled ones are fitted again.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from analysis import NamedPrior, NotShown, ProportionStatistics, Statistics, models
from analysis.posterior import Posterior
from experiments.exporting.reading import Stored
from experiments.metrics import METRICS

CHAINS, DRAWS = 4, 1_000
Cells = Mapping[str, Statistics]


def write(stored: Stored, file: Path, *, sampled: bool = True) -> tuple[str, ...]:
    """Write the draws of every metric and return the names of the variables.

    Parameters
    ----------
    sampled : bool
        Whether to fit the models that take a sampler too (segments, word of mouth, amounts): PyMC, seconds.

    The groups: ``posterior`` with a variable a metric (chain, draw, variant), and one a segmented attribute
    (chain, draw, variant, level); ``observed_data`` with members and totals; ``constant_data`` with the sufficient
    statistics behind them. The attributes carry the provenance.
    """
    import xarray as xr

    variables, left_out = _drawn(stored, sampled)
    keys = [variant.key for variant in stored.variants]
    coords: dict[str, Any] = {"chain": np.arange(CHAINS), "draw": np.arange(DRAWS), "variant": keys}
    arrays = {}
    for name, (values, axes, labels) in variables.items():
        coords |= labels
        arrays[name] = (("chain", "draw", *axes), values)
    told = _provenance(stored) | {"not_shown": json.dumps(left_out, ensure_ascii=False)}
    used = {axis for axes, _ in arrays.values() for axis in axes} | {"chain", "draw"}
    groups = {
        "posterior": xr.Dataset(arrays, {axis: coords[axis] for axis in coords if axis in used}, told),
        "observed_data": xr.Dataset(_observed(stored, keys), {"variant": keys}, told),
        "constant_data": _constants(stored, keys).assign_attrs(told),
    }
    mode = "w"
    for group, dataset in groups.items():
        dataset.to_netcdf(file, mode=mode, group=group, engine="h5netcdf")
        mode = "a"
    return tuple(arrays)


Variables = dict[str, tuple[np.ndarray, tuple[str, ...], dict[str, Any]]]


def _drawn(stored: Stored, sampled: bool) -> tuple[Variables, dict[str, str]]:
    """Return the variables with their axes and labels, and why what is missing is missing."""
    found: Variables = {}
    left_out: dict[str, str] = {}
    seed = stored.inputs["seed"]
    entries = {entry["metric"]: entry for entry in stored.result["metrics"]}
    for key, cells in _data(stored).items():
        entry = entries.get(key)
        if entry is None and not sampled:
            left_out[key] = "It takes a sampler, which was not asked for."
            continue
        posterior = _posterior(stored, key, cells, entry)
        if isinstance(posterior, NotShown):
            left_out[key] = posterior.reason
            continue
        rng = np.random.default_rng([seed, crc32(key.encode()), 2])
        place = [posterior.variants.index(variant.key) for variant in stored.variants]
        draws = posterior.draws(CHAINS * DRAWS, rng)[:, place].reshape(CHAINS, DRAWS, -1)
        found[key] = (draws, ("variant",), {})
    if sampled:
        _add_segments(stored, found, left_out)
    return found, left_out


def _data(stored: Stored) -> dict[str, Cells]:
    """Return the sufficient statistics by metric, the variants in order."""
    return {
        key: {variant.key: cells[variant.key] for variant in stored.variants}
        for key, cells in stored.collected.metric_data.items()
        if all(variant.key in cells for variant in stored.variants)
    }


def _posterior(stored: Stored, key: str, cells: Cells, entry: Mapping[str, Any] | None) -> Posterior | NotShown:
    """Return the posterior behind an entry of the scorecard; of a metric without one, its own model's."""
    if entry is None:
        named = {metric.key: metric.model for metric in METRICS}.get(key)
        model = next((model for model in models.MODELS if model.name == named), None)
        if model is None:
            return NotShown("no_model", "Its model gives curves, and no draws of a mean.")
        prior = model.prior
    else:
        if entry["not_shown"]:
            return NotShown(**entry["not_shown"])
        model, prior = models.named(entry["model"]), NamedPrior.from_dict(entry["prior"])
    # The same order of draws as when it was analysed, for models that draw.
    rng = np.random.default_rng([stored.inputs["seed"], crc32(key.encode())])
    return model.fit(_stratified(stored, key, cells), prior, rng)


def _stratified(stored: Stored, key: str, cells: Cells) -> Any:
    """Return the statistics as the models took them: by allocation epoch where the shares moved."""
    strata = stored.collected.strata.get(key)
    if not strata:
        return cells
    from analysis.stratification import stratify

    return stratify({variant.key: strata[variant.key] for variant in stored.variants}, cells)[0]


def _add_segments(stored: Stored, found: Variables, left_out: dict[str, str]) -> None:
    """Fit the segments again, with the seed of the stored answer, and add the rates of each attribute's levels."""
    from analysis.models.segment_model import rate_of

    jointly: Any = None
    for entry in stored.result.get("segments") or ():
        name = entry["segment"]
        variable = f"{stored.primary}_by_{name.replace('/', '_')}"
        if entry.get("not_shown"):
            left_out[variable] = entry["not_shown"]["reason"]
            continue
        if entry.get("joint"):
            jointly = jointly or _fitted(stored, *_joint_cells(stored))
        told = jointly if entry.get("joint") else _fitted(stored, *_own_cells(stored, name))
        if isinstance(told, NotShown) or name not in told.draws:
            left_out[variable] = told.reason if isinstance(told, NotShown) else "Its fit may not be believed."
            continue
        draws = told.draws[name]
        axis = draws.dims[rate_of(name)][-1]
        order = [draws.coords["variant"].index(variant.key) for variant in stored.variants]
        rates = draws.values[rate_of(name)][:, :, order]
        # A fit that had to run longer has more draws: every so many of them are kept.
        kept = rates[:CHAINS, :: max(1, rates.shape[1] // DRAWS)][:, :DRAWS]
        found[variable] = (kept, ("variant", axis), {axis: list(draws.coords[axis])})


def _joint_cells(stored: Stored) -> tuple[dict[Any, Any], list[str]]:
    cells = stored.collected.segment_cells or {"attributes": [], "cells": []}
    return (
        {(variant, tuple(levels)): ProportionStatistics(n, done) for variant, levels, n, done in cells["cells"]},
        list(cells["attributes"]),
    )


def _own_cells(stored: Stored, name: str) -> tuple[dict[Any, Any], list[str]]:
    cells = stored.collected.segment_data[name]
    return {(variant, (level,)): cell for (variant, level), cell in cells.items()}, [name]


def _fitted(stored: Stored, cells: dict[Any, Any], attributes: list[str]) -> Any:
    """Return the joint fit of those attributes, or why there is none."""
    from analysis.models import segmented

    control = next(variant.key for variant in stored.variants if variant.control)
    return segmented.fit_segments(cells, control=control, attributes=attributes, seed=stored.inputs["seed"])


def _observed(stored: Stored, keys: Sequence[str]) -> dict[str, Any]:
    observed: dict[str, Any] = {}
    for key, cells in _data(stored).items():
        observed[f"{key}_n"] = ("variant", np.array([cells[v].n for v in keys], dtype=np.int64))
        observed[f"{key}_total"] = ("variant", np.array([float(cells[v].total) for v in keys]))
    return observed


def _constants(stored: Stored, keys: Sequence[str]) -> Any:
    """Return the sufficient statistics as they are stored, as JSON by metric and variant: exact and complete."""
    import xarray as xr

    texts = {
        f"{key}_statistics": ("variant", [json.dumps(cells[v].to_dict()) for v in keys])
        for key, cells in _data(stored).items()
    }
    return xr.Dataset(texts, {"variant": list(keys)})


def _provenance(stored: Stored) -> dict[str, str]:
    """Return what the numbers rest on, as attributes of plain text."""
    result, provenance = stored.result, stored.result["provenance"]
    told = {name: str(result[name]) for name in ("experiment", "run", "analysis", "cut_off")}
    told["created_at"] = str(result["created_at"])
    told["inference_library"] = "klette"
    told["seed"] = str(stored.inputs["seed"])
    told["models"] = json.dumps({entry["metric"]: entry["model"] for entry in result["metrics"]})
    for name in ("priors", "versions", "metric_definitions"):
        told[name] = json.dumps(provenance[name], ensure_ascii=False)
    return told
