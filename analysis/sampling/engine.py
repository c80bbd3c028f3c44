"""The samplers, with the differences between PyMC 5 and 6, and with or without nutpie; imported at first use."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np

#: Cached compiled models, least recently used dropped first; each takes about 100 MB and 2 to 20 s to compile again.
KEPT_MODELS = 6
THREADS = 2

log = logging.getLogger(__name__)
BuildModel = Callable[..., Any]
Data = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Draws:
    """The draws of a sampler.

    Attributes
    ----------
    values : mapping of variable to array of shape (chains, draws, ...)
    divergences : int
    engine : str
        Sampler and version, for the provenance.
    dims : mapping of variable to tuple of str
        Names of its axes after (chain, draw), if they have names.
    coords : mapping of axis to sequence of str
        Labels along a named axis, such as the variants' keys.
    """

    values: Mapping[str, np.ndarray]
    divergences: int
    engine: str
    dims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    coords: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def labelled(self, dims: Mapping[str, tuple[str, ...]], coords: Mapping[str, Sequence[Any]], **more: Any) -> Draws:
        """Return the draws with named axes, and with quantities derived from each draw (`more`)."""
        return replace(self, values=dict(self.values) | more, dims=dict(dims), coords=dict(coords))


class EngineError(RuntimeError):
    """The sampler could not start or did not finish."""


def versions() -> dict[str, str]:
    """Return the versions of the sampling packages, for the provenance of an analysis, without importing them."""
    installed = {}
    for name in ("numpy", "scipy", "pymc", "nutpie", "arviz"):
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return installed


def sample(
    build: BuildModel,
    shape: tuple[int, ...],
    data: Data,
    *,
    seed: int,
    draws: int,
    tune: int,
    chains: int,
    accept: float = 0.95,
) -> Draws:
    """Draw from the posterior of ``build(*shape)`` with its `pm.Data` set to `data`.

    Parameters
    ----------
    build : callable
        Builds the PyMC model of a shape, with `pm.Data` of every name in `data`. Module-level, as the key of the cache.
    shape : tuple of int
        Determines the number of parameters.
    data : mapping of name to array
        All of the model's `pm.Data`, and no other names. The length of an axis may differ from the compiled one.
    accept : float
        The sampler's target acceptance; higher = smaller steps, fewer divergences.

    Raises
    ------
    EngineError
        The sampler failed.
    """
    run = _with_nutpie if find_spec("nutpie") is not None else _with_pymc
    try:
        with warnings.catch_warnings():
            # Three warnings that need no action: ArviZ 0.23 on its refactoring, which both supported versions are
            # written for, PyTensor on a missing BLAS, which models of this size do not use, and Numba on the memory
            # order of matrices, which PyTensor silences as well, but only until this block ends.
            warnings.filterwarnings("ignore", category=FutureWarning, message=r"[\s\S]*ArviZ is undergoing")
            warnings.filterwarnings("ignore", category=UserWarning, message="PyTensor could not link to a BLAS")
            warnings.filterwarnings("ignore", message=r"[\s\S]*is faster on contiguous arrays")
            import_arviz()
            return run(build, shape, data, seed, draws, tune, chains, accept)
    except Exception as error:
        log.exception("A fit of %s%s failed.", build.__module__, shape)
        raise EngineError(f"{type(error).__name__}: {error}") from error


def _kinds(model: Any) -> dict[str, np.dtype]:
    """Return the type of each `pm.Data` of a model."""
    return {variable.name: np.dtype(variable.type.dtype) for variable in model.data_vars}


def _as_declared(kinds: Mapping[str, np.dtype], data: Data) -> dict[str, np.ndarray]:
    """Convert each array to the type of its model's data, and refuse a lossy conversion.

    nutpie silently truncates floats if a model was compiled with integers, and keeps the placeholder if a name is
    missing; `pm.set_data` does neither. This makes both equally strict.
    """
    if set(kinds) != set(data):
        raise ValueError(f"The model takes {', '.join(sorted(kinds))}; it was given {', '.join(sorted(data))}.")
    typed = {}
    for name, value in data.items():
        given = np.asarray(value)
        typed[name] = given.astype(kinds[name])
        if kinds[name].kind in "iu" and not np.array_equal(typed[name], given):
            raise ValueError(f"The model's {name} was made for whole numbers; make its pm.Data with floats.")
        if not np.isfinite(typed[name]).all():
            raise ValueError(f"The model's {name} was given a number that is not finite.")
    return typed


@lru_cache(maxsize=KEPT_MODELS)
def _compiled(build: BuildModel, shape: tuple[int, ...]) -> tuple[Any, dict[str, np.dtype]]:
    import nutpie

    model = build(*shape)
    return nutpie.compile_pymc_model(model, backend="numba"), _kinds(model)


def _with_nutpie(
    build: BuildModel, shape: tuple[int, ...], data: Data, seed: int, draws: int, tune: int, chains: int, accept: float
) -> Draws:
    import nutpie

    model, kinds = _compiled(build, shape)
    trace = nutpie.sample(
        model.with_data(**_as_declared(kinds, data)),
        draws=draws,
        tune=tune,
        chains=chains,
        cores=THREADS,
        seed=seed,
        target_accept=accept,
        save_warmup=False,
        progress_bar=False,
    )
    return _draws_of(trace, f"nutpie {version('nutpie')}")


def _with_pymc(
    build: BuildModel, shape: tuple[int, ...], data: Data, seed: int, draws: int, tune: int, chains: int, accept: float
) -> Draws:
    import pymc as pm

    with build(*shape) as model:
        pm.set_data(_as_declared(_kinds(model), data), model=model)
        trace = pm.sample(
            draws=draws,
            tune=tune,
            chains=chains,
            cores=1,
            random_seed=seed,
            target_accept=accept,
            nuts_sampler="pymc",
            progressbar=False,
            compute_convergence_checks=False,
        )
    return _draws_of(trace, f"pymc {version('pymc')}")


def _draws_of(trace: Any, engine: str) -> Draws:
    """Read an InferenceData (ArviZ 0.23) or a DataTree (1.x), which have the same item access."""
    posterior, stats = trace["posterior"], trace["sample_stats"]
    # Names that end in __ are the same parameters on the sampling scale.
    names = [name for name in posterior.data_vars if not str(name).endswith("__")]
    values = {str(name): np.asarray(posterior[name].values) for name in names}
    return Draws(values, int(np.asarray(stats["diverging"].values).sum()), engine)


def to_arviz(
    draws: Draws,
    coords: Mapping[str, Sequence[Any]] | None = None,
    dims: Mapping[str, tuple[str, ...]] | None = None,
) -> Any:
    """Return the draws in ArviZ's format, to plot, compare or write with ``to_netcdf``.

    Parameters
    ----------
    draws : Draws
    coords, dims : mapping, optional
        Instead of those of the draws.

    Returns
    -------
    InferenceData (ArviZ 0.23) or DataTree (ArviZ 1.x), with a group `posterior`; with the sampler in its attributes.
    """
    import xarray as xr

    named = dict(draws.dims if dims is None else dims)
    along = dict(draws.coords if coords is None else coords)
    variables = {}
    for name, value in draws.values.items():
        axes = named.get(name, tuple(f"{name}_dim_{i}" for i in range(value.ndim - 2)))
        variables[name] = (("chain", "draw", *axes), value)
    used = {axis for axes, _ in variables.values() for axis in axes}
    attributes = {"inference_library": draws.engine, "divergences": draws.divergences}
    posterior = xr.Dataset(
        variables, coords={axis: list(labels) for axis, labels in along.items() if axis in used}, attrs=attributes
    )
    posterior = posterior.assign_coords({axis: np.arange(posterior.sizes[axis]) for axis in ("chain", "draw")})
    return _container(posterior)


def import_arviz() -> Any:
    """Return ArviZ, which PyMC imports as well.

    ArviZ 0.23 writes a file at its first import of a day. If two processes do so at the same moment, one of them fails
    to find the file; a second import succeeds.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, message=r"[\s\S]*ArviZ is undergoing")
        try:
            import arviz
        except FileNotFoundError:
            import arviz
    return arviz


def _container(posterior: Any) -> Any:
    arviz = import_arviz()
    # Not hasattr: 1.x returns a DataTree with a warning.
    if "InferenceData" in vars(arviz):
        return arviz.InferenceData(posterior=posterior)
    import xarray as xr

    return xr.DataTree.from_dict({"posterior": posterior})
