"""Posterior draws as NetCDF that ArviZ reads, whichever of its versions: groups of one file, written by xarray.

The draws come from the posteriors that the stored answer was computed from: the same inputs, models, priors and seed.
Models in closed form are drawn from; sampled ones are fitted again and give the stored answer's own draws (`sampled`).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from analysis import NamedPrior, NotShown, Statistics, models
from analysis.errors import not_shown
from analysis.posterior.joint import Posterior
from experiments.exporting.sampled import CHAINS, DRAWS, Drawn, sampled
from experiments.exporting.source import Stored
from experiments.reporting.adjustment import covariate_of

Cells = Mapping[str, Statistics]


def write(stored: Stored, file: Path, *, sampled: bool = True) -> tuple[str, ...]:
    """Write the draws of every metric and return the names of the variables.

    Parameters
    ----------
    sampled : bool
        Whether to fit the models that take a sampler too (segments, word of mouth, amounts, counts): PyMC, seconds.

    The groups: ``posterior`` with a variable a metric (chain, draw, variant), and one a segmented attribute
    (chain, draw, variant, level); ``observed_data`` with members and totals; ``constant_data`` with the sufficient
    statistics behind them. The attributes carry the provenance.
    """
    import xarray as xr

    variables, left_out = _drawn(stored, sampled)
    keys = [variant.key for variant in stored.variants]
    coords: dict[str, Any] = {"chain": np.arange(CHAINS), "draw": np.arange(DRAWS), "variant": keys}
    arrays = {}
    for name, drawn in variables.items():
        coords |= drawn.labels
        arrays[name] = (("chain", "draw", *drawn.axes), drawn.values, drawn.told)
    told = _provenance(stored) | {"not_shown": json.dumps(left_out, ensure_ascii=False)}
    used = {axis for axes, *_ in arrays.values() for axis in axes} | {"chain", "draw"}
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


def _drawn(stored: Stored, with_models: bool) -> tuple[dict[str, Drawn], dict[str, str]]:
    """Return the variables, and why what is missing is missing."""
    found: dict[str, Drawn] = {}
    left_out: dict[str, str] = {}
    data, entries = _data(stored), {entry["metric"]: entry for entry in stored.result["metrics"]}
    for key, cells in data.items():
        if key in entries:
            _add_metric(stored, cells, entries[key], found, left_out)
    for name, drawn in sampled(stored, models=with_models):
        if isinstance(drawn, str):
            left_out[name] = drawn
        else:
            found[name] = drawn
    for key in data:
        if key not in found and key not in left_out:
            left_out[key] = stored.wording.text(not_shown("curves_only").reason)
    return found, left_out


def _add_metric(
    stored: Stored, cells: Cells, entry: Mapping[str, Any], found: dict[str, Drawn], left_out: dict[str, str]
) -> None:
    """Draw a metric of the scorecard: the adjusted figures where the verdict rests on them, the plain ones beside."""
    key, adjusted = entry["metric"], entry.get("adjusted")
    if adjusted and not adjusted["not_shown"]:
        model, told = models.named("adjusted"), {"adjusted_for": covariate_of(adjusted)}
        # Seeded as it was analysed, like the plain one.
        fit = model.fit(stored.collected.adjusted_data[key], model.prior, _generator(stored, key))
        if not isinstance(fit, NotShown):
            found[key] = Drawn(_draws(stored, key, fit), told=told | {"model": model.name})
    name = f"{key}_plain" if key in found else key
    if entry["not_shown"]:
        left_out[name] = entry["not_shown"]["reason"]
        return
    posterior = _posterior(stored, key, cells, entry)
    if isinstance(posterior, NotShown):
        left_out[name] = stored.wording.text(posterior.reason)
    else:
        found[name] = Drawn(_draws(stored, key, posterior), told={"model": entry["model"]})


def _draws(stored: Stored, key: str, posterior: Posterior) -> np.ndarray:
    rng = np.random.default_rng([stored.inputs.seed, crc32(key.encode()), 2])
    place = [posterior.variants.index(variant.key) for variant in stored.variants]
    return posterior.draws(CHAINS * DRAWS, rng)[:, place].reshape(CHAINS, DRAWS, -1)


def _generator(stored: Stored, key: str) -> np.random.Generator:
    return np.random.default_rng([stored.inputs.seed, crc32(key.encode())])


def _data(stored: Stored) -> dict[str, Cells]:
    """Return the sufficient statistics by metric, the variants in order."""
    return {
        key: {variant.key: cells[variant.key] for variant in stored.variants}
        for key, cells in stored.collected.metric_data.items()
        if all(variant.key in cells for variant in stored.variants)
    }


def _posterior(stored: Stored, key: str, cells: Cells, entry: Mapping[str, Any]) -> Posterior | NotShown:
    """Return the plain posterior behind an entry of the scorecard."""
    model, prior = models.named(entry["model"]), NamedPrior.from_dict(entry["prior"])
    return model.fit(_stratified(stored, key, cells), prior, _generator(stored, key))


def _stratified(stored: Stored, key: str, cells: Cells) -> Any:
    """Return the statistics as the models took them: by allocation epoch where the shares moved."""
    strata = stored.collected.strata.get(key)
    if not strata:
        return cells
    from analysis.statistics.stratified import stratify

    return stratify({variant.key: strata[variant.key] for variant in stored.variants}, cells)[0]


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
    told["seed"] = str(stored.inputs.seed)
    told["models"] = json.dumps({entry["metric"]: entry["model"] for entry in result["metrics"]})
    for name in ("priors", "versions", "metric_definitions"):
        told[name] = json.dumps(provenance[name], ensure_ascii=False)
    return told
