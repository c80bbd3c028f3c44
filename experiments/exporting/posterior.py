"""Posterior draws as NetCDF for any version of ArviZ: the groups of one file, written by xarray.

The draws come from the posteriors that the stored answer was computed from: the same inputs, models, priors and seed.
Closed-form models are drawn from; sampled ones are fitted again, which gives the stored answer's draws (`sampled`).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from analysis import MetricResult, NotShown, Statistics, models
from analysis.errors import not_shown
from analysis.posterior.joint import Posterior
from experiments.analyses.sampled.draws import CHAINS, DRAWS, Drawn
from experiments.analyses.scorecards import MetricEntry
from experiments.exporting.sampled import sampled_draws
from experiments.exporting.source import Stored
from experiments.reporting.adjustment import covariate_name

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
        missing = {f"not_shown_{key}": stored.reading.text(why.reason) for key, why in drawn.missing.items()}
        arrays[name] = (("chain", "draw", *drawn.axes), drawn.values, {**drawn.attributes, **missing})
    reasons = {name: stored.reading.text(why.reason) for name, why in left_out.items()}
    attributes = _provenance(stored) | {"not_shown": json.dumps(reasons, ensure_ascii=False)}
    used = {axis for axes, *_ in arrays.values() for axis in axes} | {"chain", "draw"}
    groups = {
        "posterior": xr.Dataset(arrays, {axis: coords[axis] for axis in coords if axis in used}, attributes),
        "observed_data": xr.Dataset(_observed(stored, keys), {"variant": keys}, attributes),
        "constant_data": _constants(stored, keys).assign_attrs(attributes),
    }
    mode = "w"
    for group, dataset in groups.items():
        dataset.to_netcdf(file, mode=mode, group=group, engine="h5netcdf")
        mode = "a"
    return tuple(arrays)


def _drawn(stored: Stored, with_models: bool) -> tuple[dict[str, Drawn], dict[str, NotShown]]:
    """Return the variables, and the reason of each missing one."""
    found: dict[str, Drawn] = {}
    left_out: dict[str, NotShown] = {}
    data = _data(stored)
    for key, cells in data.items():
        entry = stored.answer.entry(key)
        if entry is not None:
            _add_metric(stored, cells, entry, found, left_out)
    for name, drawn in sampled_draws(stored, models=with_models):
        if isinstance(drawn, NotShown):
            left_out[name] = drawn
        else:
            found[name] = drawn
    missing = [key for key in data if key not in found and key not in left_out]
    return found, left_out | dict.fromkeys(missing, not_shown("curves_only"))


def _add_metric(
    stored: Stored, cells: Cells, entry: MetricEntry, found: dict[str, Drawn], left_out: dict[str, NotShown]
) -> None:
    """Draw a metric of the scorecard: the adjusted figures if the verdict rests on them, and the plain ones."""
    key = entry.metric
    adjusted = entry.adjusted
    if entry.covariate is not None and adjusted is not None and adjusted.prior is not None:
        model = models.named(adjusted.model)
        attributes = {"adjusted_for": covariate_name(entry.covariate), "model": model.name}
        # Seeded as it was analysed, like the plain one.
        fit = model.fit(stored.collected.adjusted_data[key], adjusted.prior, _generator(stored, key))
        if not isinstance(fit, NotShown):
            found[key] = Drawn(_draws(stored, key, fit), attributes=attributes)
    name = f"{key}_plain" if key in found else key
    posterior = entry.plain.not_shown or _posterior(stored, cells, entry.plain)
    if isinstance(posterior, NotShown):
        left_out[name] = posterior
    else:
        found[name] = Drawn(_draws(stored, key, posterior), attributes={"model": entry.plain.model})


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


def _posterior(stored: Stored, cells: Cells, result: MetricResult) -> Posterior | NotShown:
    """Return the plain posterior behind an entry of the scorecard."""
    model = models.named(result.model)
    return model.fit(_stratified(stored, result.metric, cells), result.prior, _generator(stored, result.metric))


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
    """Return the provenance of the numbers as text attributes."""
    heading, provenance = stored.answer.heading, stored.reading.document["provenance"]
    return {
        "experiment": heading.experiment,
        "run": str(heading.run),
        "analysis": heading.analysis,
        "cut_off": heading.cut_off,
        "created_at": heading.created_at,
        "inference_library": "klette",
        "seed": str(stored.inputs.seed),
        "models": json.dumps({entry.metric: entry.plain.model for entry in stored.answer.metrics}),
        **{name: json.dumps(provenance[name], ensure_ascii=False) for name in ("priors", "versions")},
        "metric_definitions": json.dumps(provenance["metric_definitions"], ensure_ascii=False),
    }
