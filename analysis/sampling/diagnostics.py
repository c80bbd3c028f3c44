"""Convergence diagnostics: R-hat, effective sample size, divergences, k-hat. A fit that fails them is not shown.

Rank-normalised split R-hat and bulk/tail ESS after Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), written for
many parameters at once; Pareto-smoothed importance weights for weighted draws. The tests compare all of
them with ArviZ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import logsumexp, ndtri
from scipy.stats import rankdata

from analysis.messages import Message, message

RHAT_LIMIT = 1.01
ESS_LIMIT = 400.0
DIVERGENT_SHARE_LIMIT = 0.001
#: Largest Pareto shape at which the error of importance sampling still shrinks at a useful rate.
K_HAT_LIMIT = 0.7


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Whether a sampled fit may be shown.

    Attributes
    ----------
    passed : bool
    rhat_max : float
        Largest R-hat of all parameters; at most 1.01 passes.
    ess_min : float
        Smallest of all bulk and tail effective sample sizes; at least 400 passes.
    divergences : int
        Divergent transitions; at most one in a thousand passes.
    reasons : tuple of Message
        Why it did not pass; empty if it did.
    """

    passed: bool
    rhat_max: float
    ess_min: float
    divergences: int
    reasons: tuple[Message, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"reasons": [reason.to_dict() for reason in self.reasons]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Diagnostics:
        """Read stored diagnostics back; a null R-hat is an infinite one, which JSON cannot hold."""
        rhat = math.inf if data["rhat_max"] is None else data["rhat_max"]
        reasons = tuple(Message.from_dict(reason) for reason in data["reasons"])
        return cls(data["passed"], rhat, data["ess_min"], data["divergences"], reasons)


def _split(draws: np.ndarray) -> np.ndarray:
    """Cut each chain in two: (chains, draws, parameters) to (2 chains, draws // 2, parameters)."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]], axis=0)


def _z_scale(chains: np.ndarray) -> np.ndarray:
    """Replace values by the Normal scores of their ranks, over all chains together."""
    flat = chains.reshape(-1, chains.shape[-1])
    ranks = rankdata(flat, axis=0)
    scores: np.ndarray = ndtri((ranks - 0.375) / (len(flat) + 0.25)).reshape(chains.shape)
    return scores


def _rhat(chains: np.ndarray) -> np.ndarray:
    n = chains.shape[1]
    between = n * chains.mean(axis=1).var(axis=0, ddof=1)
    within = chains.var(axis=1, ddof=1).mean(axis=0)
    rhat: np.ndarray = np.sqrt((between / within + n - 1) / n)
    return rhat


def rhat(draws: np.ndarray) -> np.ndarray:
    """Return the rank-normalised split R-hat of each parameter; `draws` has shape (chains, draws, parameters)."""
    chains = _split(np.asarray(draws, float))
    folded = np.abs(chains - np.median(chains, axis=(0, 1)))
    larger: np.ndarray = np.maximum(_rhat(_z_scale(chains)), _rhat(_z_scale(folded)))
    return larger


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
    # The first term after the truncation, if positive, improves the estimate for antithetic chains.
    if 2 * stop < len(rho) and rho[2 * stop] > 0:
        tau += rho[2 * stop]
    time: float = max(tau, 1 / np.log10(draws))
    return time


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
    smallest: np.ndarray = np.minimum(bulk, np.minimum(*tails))
    return smallest


def diagnose(draws: Mapping[str, np.ndarray], divergences: int) -> Diagnostics:
    """Diagnose a fit.

    Parameters
    ----------
    draws : mapping of name to array of shape (chains, draws, ...)
        All quantities that are shown, or that influence them.
    divergences : int
        Divergent transitions after warm-up.
    """
    flat = np.concatenate([d.reshape(d.shape[0], d.shape[1], -1) for d in draws.values()], axis=2)
    if not np.isfinite(flat).all():
        return Diagnostics(False, float("inf"), 0.0, divergences, (message("diagnostics.not_finite"),))
    # Not by the standard deviation, which is slightly above 0 by rounding for most constants.
    moving = flat[:, :, np.ptp(flat, axis=(0, 1)) > 0]
    if moving.shape[2] == 0:
        return Diagnostics(False, float("inf"), 0.0, divergences, (message("diagnostics.did_not_move"),))
    worst, fewest = float(np.nan_to_num(rhat(moving), nan=np.inf).max()), float(np.nan_to_num(ess(moving)).min())
    size = flat.shape[0] * flat.shape[1]
    reasons = []
    if worst > RHAT_LIMIT:
        reasons.append(message("diagnostics.rhat", rhat=worst, limit=RHAT_LIMIT))
    if fewest < ESS_LIMIT:
        reasons.append(message("diagnostics.ess", ess=fewest, limit=ESS_LIMIT))
    if divergences > DIVERGENT_SHARE_LIMIT * size:
        reasons.append(message("diagnostics.divergences", divergences=divergences, draws=size))
    return Diagnostics(not reasons, worst, fewest, divergences, tuple(reasons))


# Importance sampling -----------------------------------------------------------------------------------------------


def psis(log_ratios: np.ndarray) -> tuple[np.ndarray, float]:
    """Smooth importance weights and measure their reliability (Vehtari, Simpson, Gelman, Yao and Gabry 2024).

    Parameters
    ----------
    log_ratios : array of shape (draws,)
        log target density − log proposal density, up to a constant.

    Returns
    -------
    log_weights : array of shape (draws,)
        Their exponentials sum to 1; the largest are replaced by the expected order statistics of the fitted tail.
    k_hat : float
        Shape of the generalised Pareto tail; at most `K_HAT_LIMIT` is reliable. Infinite without a tail to fit:
        fewer than 5 draws above the rest.

    Notes
    -----
    A non-finite value in `log_ratios` returns (unchanged, infinity): the proposal misses the target.
    """
    given = np.asarray(log_ratios, float)
    if not len(given) or not np.isfinite(given).all():
        return given, float("inf")
    weights = given - given.max()
    order = np.argsort(weights, kind="stable")
    tail = order[len(given) - int(np.ceil(min(0.2 * len(given), 3 * np.sqrt(len(given))))) :]
    cut = max(weights[order[-len(tail) - 1]], np.log(np.finfo(float).tiny)) if len(tail) < len(given) else -np.inf
    tail = tail[weights[tail] > cut]
    if len(tail) < 5:
        k = float("inf") if np.ptp(weights) > 0 else 0.0
    else:
        k, scale = _pareto_fit(np.exp(weights[tail]) - np.exp(cut))
        if np.isfinite(k):
            at = (np.arange(len(tail)) + 0.5) / len(tail)
            excess = scale * np.expm1(-k * np.log1p(-at)) / k if abs(k) > 1e-12 else -scale * np.log1p(-at)
            weights[tail] = np.minimum(np.log(excess + np.exp(cut)), 0.0)
    return weights - logsumexp(weights), k


def _pareto_fit(excesses: np.ndarray) -> tuple[float, float]:
    """Return shape and scale of a generalised Pareto distribution; `excesses` ascending, above 0.

    Zhang and Stephens (2009), *A new and efficient estimation method for the generalized Pareto distribution*, with the
    weak pull of the shape towards 0.5 (worth 10 draws) that PSIS adds.
    """
    n = len(excesses)
    points = 30 + int(np.sqrt(n))
    inverse = 1 - np.sqrt(points / (np.arange(1, points + 1) - 0.5))
    inverse = inverse / (3 * excesses[int(n / 4 + 0.5) - 1]) + 1 / excesses[-1]
    shapes = np.log1p(-inverse[:, None] * excesses).mean(axis=1)
    likelihood = n * (np.log(-inverse / shapes) - shapes - 1)
    best = float(np.exp(likelihood - logsumexp(likelihood)) @ inverse)
    shape = float(np.log1p(-best * excesses).mean())
    return (n * shape + 10 * 0.5) / (n + 10), -shape / best
