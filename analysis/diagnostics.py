"""Whether draws may be believed: R-hat, effective sample size, divergences. A fit that fails them is not shown.

Rank-normalised split R-hat and bulk/tail ESS after Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), written for
many parameters at once; the tests hold them against ArviZ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import ndtri
from scipy.stats import rankdata

RHAT_LIMIT = 1.01
ESS_LIMIT = 400.0
DIVERGENT_SHARE_LIMIT = 0.001


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """The gate of a sampled fit.

    Attributes
    ----------
    passed : bool
    rhat_max : float
        Largest R-hat of all parameters; at most 1.01 passes.
    ess_min : float
        Smallest of all bulk and tail effective sample sizes; at least 400 passes.
    divergences : int
        Divergent transitions; at most one in a thousand passes.
    reasons : tuple of str
        Why it did not pass, in plain sentences; empty when it did.
    """

    passed: bool
    rhat_max: float
    ess_min: float
    divergences: int
    reasons: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"reasons": list(self.reasons)}


def _split(draws: np.ndarray) -> np.ndarray:
    """Cut each chain in two: (chains, draws, parameters) to (2 chains, draws // 2, parameters)."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]], axis=0)


def _z_scale(chains: np.ndarray) -> np.ndarray:
    """Replace values by the Normal scores of their ranks, over all chains together."""
    flat = chains.reshape(-1, chains.shape[-1])
    ranks = rankdata(flat, axis=0)
    return ndtri((ranks - 0.375) / (len(flat) + 0.25)).reshape(chains.shape)


def _rhat(chains: np.ndarray) -> np.ndarray:
    n = chains.shape[1]
    between = n * chains.mean(axis=1).var(axis=0, ddof=1)
    within = chains.var(axis=1, ddof=1).mean(axis=0)
    return np.sqrt((between / within + n - 1) / n)


def rhat(draws: np.ndarray) -> np.ndarray:
    """Return the rank-normalised split R-hat of each parameter; `draws` has shape (chains, draws, parameters)."""
    chains = _split(np.asarray(draws, float))
    folded = np.abs(chains - np.median(chains, axis=(0, 1)))
    return np.maximum(_rhat(_z_scale(chains)), _rhat(_z_scale(folded)))


def _ess(chains: np.ndarray) -> np.ndarray:
    """Return the effective sample size of split chains by Geyer's initial monotone sequence."""
    m, n, parameters = chains.shape
    centred = chains - chains.mean(axis=1, keepdims=True)
    length = next_fast_len(2 * n)
    spectrum = rfft(centred, length, axis=1)
    autocovariance = irfft(spectrum * spectrum.conj(), length, axis=1)[:, :n] / n
    within = autocovariance[:, 0].mean(axis=0) * n / (n - 1)
    total = within * (n - 1) / n + (chains.mean(axis=1).var(axis=0, ddof=1) if m > 1 else 0.0)
    rho = 1 - (within - autocovariance.mean(axis=0)) / total
    rho[0] = 1.0
    out = np.empty(parameters)
    for p in range(parameters):
        out[p] = m * n / _geyer(rho[:, p], m * n)
    return out


def _geyer(rho: np.ndarray, draws: int) -> float:
    """Return the integrated autocorrelation time from autocorrelations that start at lag 0."""
    pairs = rho[: len(rho) // 2 * 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs < 0)
    stop = int(negative[0]) if len(negative) else len(pairs)
    monotone = np.minimum.accumulate(pairs[:stop])
    tau = -1 + 2 * monotone.sum()
    # The first odd one out, where positive, improves the estimate for antithetic chains.
    if 2 * stop < len(rho) and rho[2 * stop] > 0:
        tau += rho[2 * stop]
    return max(tau, 1 / np.log10(draws))


def ess(draws: np.ndarray) -> np.ndarray:
    """Return the smaller of bulk and tail effective sample size of each parameter.

    Parameters
    ----------
    draws : array of shape (chains, draws, parameters)
    """
    values = np.asarray(draws, float)
    bulk = _ess(_z_scale(_split(values)))
    low, high = np.quantile(values, [0.05, 0.95], axis=(0, 1))
    tails = [_ess(_split((values <= q).astype(float))) for q in (low, high)]
    return np.minimum(bulk, np.minimum(*tails))


def diagnose(draws: Mapping[str, np.ndarray], divergences: int) -> Diagnostics:
    """Judge a fit.

    Parameters
    ----------
    draws : mapping of name to array of shape (chains, draws, ...)
        Everything that will be shown or that shapes what will be.
    divergences : int
        Divergent transitions after warm-up.
    """
    flat = np.concatenate([d.reshape(d.shape[0], d.shape[1], -1) for d in draws.values()], axis=2)
    if not np.isfinite(flat).all():
        return Diagnostics(False, float("inf"), 0.0, divergences, ("Some draws are not finite numbers.",))
    moving = flat[:, :, flat.std(axis=(0, 1)) > 0]
    if moving.shape[2] == 0:
        return Diagnostics(False, float("inf"), 0.0, divergences, ("The sampler did not move.",))
    worst, fewest = float(np.nan_to_num(rhat(moving), nan=np.inf).max()), float(np.nan_to_num(ess(moving)).min())
    size = flat.shape[0] * flat.shape[1]
    reasons = []
    if worst > RHAT_LIMIT:
        reasons.append(f"The chains disagree (R-hat {worst:.3f}, at most {RHAT_LIMIT} is trusted).")
    if fewest < ESS_LIMIT:
        reasons.append(f"Too few independent draws (ESS {fewest:.0f}, at least {ESS_LIMIT:.0f} are needed).")
    if divergences > DIVERGENT_SHARE_LIMIT * size:
        reasons.append(f"The sampler lost its way {divergences} times in {size} draws.")
    return Diagnostics(not reasons, worst, fewest, divergences, tuple(reasons))
