"""The samplers, and all that differs between PyMC 5 and 6, with or without nutpie; imported on first use only."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np

#: Compiled models kept; each holds about 100 MB.
KEPT_MODELS = 4
THREADS = 2

log = logging.getLogger(__name__)
BuildModel = Callable[..., Any]
Data = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Draws:
    """What a sampler gave.

    Attributes
    ----------
    values : mapping of variable to array of shape (chains, draws, ...)
    divergences : int
    engine : str
        Sampler and version, for the provenance.
    """

    values: Mapping[str, np.ndarray]
    divergences: int
    engine: str


class EngineError(RuntimeError):
    """The sampler could not start or did not finish."""


def versions() -> dict[str, str]:
    """Return the versions of what computes here, for the provenance of an analysis, without importing any of it."""
    found = {}
    for name in ("numpy", "scipy", "pymc", "nutpie", "arviz"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


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
        Makes the PyMC model of a shape, with float `pm.Data` of every name in `data`. Module-level: it keys the cache.
    shape : tuple of int
    data : mapping of name to array
        Floats: nutpie cuts floats silently where a model was compiled with ints.

    accept : float
        The sampler's target acceptance; higher = smaller steps, fewer divergences.

    Raises
    ------
    EngineError
        Whatever went wrong inside the sampler.
    """
    run = _with_nutpie if find_spec("nutpie") is not None else _with_pymc
    floats = {name: np.asarray(value, float) for name, value in data.items()}
    try:
        with warnings.catch_warnings():
            # Two announcements at import that nobody need act on: ArviZ 0.23 on its refactoring, which both versions
            # here are written for, and PyTensor on a missing BLAS, which models of this size do not use.
            warnings.filterwarnings("ignore", category=FutureWarning, message=r"[\s\S]*ArviZ is undergoing")
            warnings.filterwarnings("ignore", category=UserWarning, message="PyTensor could not link to a BLAS")
            return run(build, shape, floats, seed, draws, tune, chains, accept)
    except Exception as error:
        log.exception("A fit of %s%s failed.", build.__module__, shape)
        raise EngineError(f"{type(error).__name__}: {error}") from error


@lru_cache(maxsize=KEPT_MODELS)
def _compiled(build: BuildModel, shape: tuple[int, ...]) -> Any:
    import nutpie

    return nutpie.compile_pymc_model(build(*shape), backend="numba")


def _with_nutpie(
    build: BuildModel, shape: tuple[int, ...], data: Data, seed: int, draws: int, tune: int, chains: int, accept: float
) -> Draws:
    import nutpie

    trace = nutpie.sample(
        _compiled(build, shape).with_data(**data),
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
        pm.set_data(dict(data), model=model)
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
    """Read an InferenceData (ArviZ 0.23) or a DataTree (1.x): both answer to the same item access."""
    posterior, stats = trace["posterior"], trace["sample_stats"]
    values = {str(name): np.asarray(posterior[name].values) for name in posterior.data_vars}
    return Draws(values, int(np.asarray(stats["diverging"].values).sum()), engine)
