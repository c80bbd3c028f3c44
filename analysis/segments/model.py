"""The PyMC model of segmented rates, and the rates of each level from its draws.

logit(rate) = rate + variant + Σ_s segment_s + Σ_s variant × segment_s, over the observed combinations of levels.
Segments and interactions are partially pooled, each attribute with its own scale; only the interaction is non-centred,
which mixes best; both sum to 0 over an attribute's levels, so that they are identified beside the rate and the variant.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, logit

from analysis.errors import NotShown, not_shown
from analysis.priors import NamedPrior
from analysis.sampling import engine
from analysis.sampling.diagnostics import Diagnostics, diagnose
from analysis.sampling.fitting import not_trusted
from analysis.segments.cells import CellTable

#: Draws whose cells are in memory at once.
BLOCK = 500


def build(variants: int, *levels: int) -> Any:
    """Return the model for given numbers of variants (control first) and levels of each attribute, without data."""
    import pymc as pm

    with pm.Model() as model:
        n = pm.Data("n", np.ones((variants, 1)))
        successes = pm.Data("successes", np.zeros((variants, 1)))
        index = pm.Data("index", np.zeros((len(levels), 1), dtype="int64"))
        pooled = pm.Data("pooled", np.array(0.0))
        sds = pm.Data("sds", np.ones(4))
        rate = pm.Normal("rate", pooled, sds[0])
        variant = pm.Normal("variant", 0.0, sds[1], shape=variants - 1)
        base, moved = rate, variant[:, None]
        for place, count in enumerate(levels):
            # Bounded away from 0, where the segments' scale would form a funnel; the interaction's may be 0.
            segment_sd = pm.LogNormal(f"segment_sd_{place}", pm.math.log(sds[2]), 0.7)
            segment = pm.ZeroSumNormal(f"segment_{place}", sigma=segment_sd, shape=count)
            interaction_sd = pm.HalfNormal(f"interaction_sd_{place}", sds[3])
            offset = pm.ZeroSumNormal(f"offset_{place}", sigma=1.0, n_zerosum_axes=1, shape=(variants - 1, count))
            base = base + segment[index[place]]
            moved = moved + interaction_sd * offset[:, index[place]]
        eta = pm.math.concatenate([base[None, :], base[None, :] + moved], axis=0)
        # The binomial likelihood without its constant, on floats, so that one compiled model takes any counts.
        pm.Potential("likelihood", (successes * eta - n * pm.math.log1pexp(eta)).sum())
    return model


def data_of(table: CellTable, prior: NamedPrior) -> dict[str, np.ndarray]:
    """Return the model's `pm.Data`; the pooled rate must be between 0 and 1."""
    return {
        "n": table.n,
        "successes": table.successes,
        "index": table.index,
        "pooled": logit(table.successes.sum() / table.n.sum()),
        "sds": np.array([prior[p] for p in ("rate_sd", "variant_sd", "segment_sd", "interaction_sd")]),
    }


def sample(
    table: CellTable, prior: NamedPrior, *, seed: int, draws: int, tune: int, chains: int
) -> tuple[engine.Draws, Diagnostics] | NotShown:
    """Draw, and diagnose the parameters together with every derived rate.

    Returns
    -------
    draws with `rate_s` of shape (chains, draws, variants, levels) for each attribute s and `overall` of shape (chains,
    draws, variants), all post-stratified; and the diagnostics. NotShown if the fit or its diagnostics
    failed.
    """
    # The second attempt with smaller steps is for few levels with few members, where the pooling forms a funnel.
    for accept, longer in ((0.95, 1), (0.995, 2)):
        try:
            sampled = engine.sample(
                build,
                table.shape,
                data_of(table, prior),
                seed=seed,
                draws=draws * longer,
                tune=tune * longer,
                chains=chains,
                accept=accept,
            )
        except engine.EngineError as error:
            return not_shown("fit_failed", error=str(error))
        shown = _post_stratified(sampled, table)
        diagnostics = diagnose(dict(sampled.values) | shown, sampled.divergences)
        if diagnostics.passed:
            return _labelled(sampled, table, shown), diagnostics
    return not_trusted(diagnostics)


def _post_stratified(sampled: engine.Draws, table: CellTable) -> dict[str, np.ndarray]:
    """Return rates by level: the mean over the combinations with the level, weighted by their members."""
    weights = np.concatenate(
        [*(_weights(table, place) for place in range(len(table.attributes))), table.audience[None]]
    )
    flat = {name: value.reshape(-1, *value.shape[2:]) for name, value in sampled.values.items()}
    size = len(flat["rate"])
    rates = np.concatenate([_rates(flat, table, slice(at, at + BLOCK)) @ weights.T for at in range(0, size, BLOCK)])
    rates = rates.reshape(*sampled.values["rate"].shape, *rates.shape[1:])
    ends = np.cumsum([len(own) for own in table.levels])
    parts = np.split(rates, ends, axis=-1)
    return {f"rate_{place}": part for place, part in enumerate(parts[:-1])} | {"overall": parts[-1][..., 0]}


def _weights(table: CellTable, place: int) -> np.ndarray:
    """Return the weight of each combination in each level of an attribute: (levels, combinations), rows sum to 1."""
    belongs = table.members_of(place)
    weighed = belongs * table.audience
    # A level without members has the rate that the model expects.
    weighed = np.where(weighed.sum(axis=1, keepdims=True) > 0, weighed, belongs)
    weights: np.ndarray = weighed / weighed.sum(axis=1, keepdims=True)
    return weights


def _rates(flat: dict[str, np.ndarray], table: CellTable, rows: slice) -> np.ndarray:
    """Return the rate of each cell: (draws, variants, combinations)."""
    base = flat["rate"][rows, None]
    moved = flat["variant"][rows, :, None]
    for place, index in enumerate(table.index):
        base = base + flat[f"segment_{place}"][rows][:, index]
        scale = flat[f"interaction_sd_{place}"][rows, None, None]
        moved = moved + scale * flat[f"offset_{place}"][rows][:, :, index]
    rates: np.ndarray = expit(np.concatenate([base[:, None, :], base[:, None, :] + moved], axis=1))
    return rates


def _plain(attribute: str) -> str:
    """Return a name without slashes, which would open a group in NetCDF."""
    return attribute.replace("/", "_")


def rate_of(attribute: str) -> str:
    """Return the variable of the draws that has the rates by an attribute's levels."""
    return f"rate_{_plain(attribute)}"


def _labelled(sampled: engine.Draws, table: CellTable, shown: dict[str, np.ndarray]) -> engine.Draws:
    """Name parameters and axes by their attributes, for readers of the export."""
    values: dict[str, np.ndarray] = {}
    dims: dict[str, tuple[str, ...]] = {"variant_effect": ("treatment",), "overall": ("variant",)}
    coords: dict[str, tuple[str, ...]] = {"variant": table.variants, "treatment": table.variants[1:]}
    for name, value in (dict(sampled.values) | shown).items():
        head, _, place = name.rpartition("_")
        if not place.isdigit():
            values["variant_effect" if name == "variant" else name] = value
            continue
        # "by_", since an attribute may be called variant.
        plain = _plain(table.attributes[int(place)])
        values[f"{head}_{plain}"] = value
        first: tuple[str, ...] | None = {"segment": (), "offset": ("treatment",), "rate": ("variant",)}.get(head)
        if first is not None:
            dims[f"{head}_{plain}"] = (*first, f"by_{plain}")
            coords[f"by_{plain}"] = table.levels[int(place)]
    return engine.Draws(values, sampled.divergences, sampled.engine, dims, coords)
