"""The distributions of a buyer's amount that `hurdle` chooses from, on sufficient statistics.

Each has a PyMC model for a number of variants, the mean amount implied by its draws, and predictive checks on the sums
that its likelihood does not use. Variants are centred on a common level by a prior of fixed width, which stabilises a
variant with few buyers and avoids a funnel for the sampler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import digamma, gammainc, gammaincc, gammainccinv, gammaincinv, ndtr, polygamma

from analysis.messages import Message
from analysis.priors import NamedPrior
from analysis.sampling.predictive import Check, Quantile, check, replicated_sums, thinned
from analysis.statistics import AmountStatistics

Flat = Mapping[str, np.ndarray]
LOG_NORMAL_DATA = ("n", "positive", "log_mean_seen", "log_spread_seen", "centre", "sds")
GAMMA_DATA = ("n", "positive", "log_mean_seen", "total", "centre", "sds")
#: The functions summed in `AmountStatistics`: x, x², log x, (log x)².
SUMMED = (np.asarray, np.square, np.log, lambda x: np.log(x) ** 2)
#: Minimum amount; smaller ones are raised to it to keep the logarithm finite.
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Family:
    """A line of `FAMILIES`.

    Attributes
    ----------
    name : str
    build : callable
        ``build(variants)`` returns the PyMC model.
    data : tuple of str
        The entries of `data_of` that it uses, sufficient statistics among them.
    by_variant : tuple of str
        Its parameters with one value for each variant, besides `share`.
    mean : callable
        ``mean(draws, cap)``: mean amount of a buyer, amounts cut at `cap`; arrays of shape (draws, variants).
    quantile : callable
        ``quantile(draws, v)``: from standard Normal scores to amounts of variant v, as `replicated_sums` takes it.
    checks : tuple of (message code, function)
        Sums that the likelihood does not use, relative to the values implied by those it does: 1 if they agree. The
        function takes means of `SUMMED` and returns the ratio, elementwise. Such a ratio distinguishes two price points
        from a log-normal; the plain sum, which varies with the parameters, does not.
    """

    name: str
    build: Callable[[int], Any]
    data: tuple[str, ...]
    by_variant: tuple[str, ...]
    mean: Callable[[Flat, float | None], np.ndarray]
    quantile: Callable[[Flat, int], Callable[[np.ndarray], np.ndarray]]
    checks: tuple[tuple[str, Callable[..., np.ndarray]], ...]

    def check(
        self, draws: Flat, data: Mapping[str, AmountStatistics], cap: float | None, rng: np.random.Generator
    ) -> tuple[Check, ...]:
        """Compare the observed amounts with amounts replicated from the draws.

        Parameters
        ----------
        draws : mapping of name to array of shape (draws, variants)
        cap : float or None
            Replicated amounts are cut there, as the observed ones were.
        """
        few = {name: thinned(draws[name]) for name in self.by_variant}
        limit = np.inf if cap is None else cap
        results = []
        for v, (variant, own) in enumerate(data.items()):
            means = replicated_sums(_cut(self.quantile(few, v), limit), SUMMED, own.positive, rng) / own.positive
            seen = np.array([float(own.total), own.total_squares, own.log_total, own.log_total_squares]) / own.positive
            for code, ratio in self.checks:
                results.append(
                    check(
                        Message(code, {"variant": variant}),
                        float(ratio(*seen)),
                        ratio(*means),
                        checks=len(data) * len(self.checks),
                    )
                )
        return tuple(results)


def data_of(statistics: Iterable[AmountStatistics], prior: NamedPrior) -> dict[str, np.ndarray]:
    """Return the `pm.Data` of all families; each takes its own.

    Sums of squares are centred on each variant's mean, since with a billion buyers they would be lost in rounding.
    """
    own = tuple(statistics)
    n, positive, total = (np.array([float(getattr(s, name)) for s in own]) for name in ("n", "positive", "total"))
    log_mean = np.array([s.log_total / s.positive for s in own])
    log_spread = np.array([max(s.log_total_squares - s.log_total**2 / s.positive, 0.0) for s in own])
    return {
        "n": n,
        "positive": positive,
        "total": total,
        "log_mean_seen": log_mean,
        "log_spread_seen": log_spread,
        "centre": np.array(float(positive @ log_mean / positive.sum())),
        "sds": np.array([prior[name] for name in ("level_sd", "variant_sd", "shape_sd", "shape_variant_sd")]),
    }


def _buying(variants: int, names: tuple[str, ...]) -> tuple[Any, ...]:
    """Declare the data and the share of buyers: binomial with a flat prior, exact on the two counts."""
    import pymc as pm
    import pytensor.tensor as pt

    data = {name: pm.Data(name, np.ones(variants)) for name in names if name not in ("centre", "sds")}
    centre, sds = pm.Data("centre", np.array(0.0)), pm.Data("sds", np.ones(4))
    share = pm.Beta("share", 1.0, 1.0, shape=variants)
    bought = data["positive"] * pt.log(share) + (data["n"] - data["positive"]) * pt.log1p(-share)
    pm.Potential("buying", bought.sum())
    level = pm.Normal("level", centre, sds[0])
    shape_level = pm.Normal("shape_level", 0.0, sds[2])
    return data, level, shape_level, sds


# Log-normal --------------------------------------------------------------------------------------------------------


def build_log_normal(variants: int) -> Any:
    """Return the log-normal model; its likelihood is that of the rows, with all constants."""
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model() as model:
        data, level, shape_level, sds = _buying(variants, LOG_NORMAL_DATA)
        log_mean = pm.Normal("log_mean", level, sds[1], shape=variants)
        log_sd = pm.LogNormal("log_sd", shape_level, sds[3], shape=variants)
        positive, seen = data["positive"], data["log_mean_seen"]
        squares = data["log_spread_seen"] + positive * (seen - log_mean) ** 2
        rows = -positive * (pt.log(log_sd) + 0.5 * np.log(2 * np.pi) + seen) - squares / (2 * log_sd**2)
        pm.Potential("amounts", rows.sum())
    return model


def _log_normal_mean(draws: Flat, cap: float | None) -> np.ndarray:
    mean, sd = draws["log_mean"], draws["log_sd"]
    free = np.exp(mean + sd**2 / 2)
    if cap is None:
        return free
    at = (np.log(cap) - mean) / sd
    limited: np.ndarray = free * ndtr(at - sd) + cap * ndtr(-at)
    return limited


def _log_normal_quantile(draws: Flat, v: int) -> Callable[[np.ndarray], np.ndarray]:
    mean, sd = draws["log_mean"][:, v, None], draws["log_sd"][:, v, None]
    return lambda z: np.exp(mean + sd * z)


# Gamma -------------------------------------------------------------------------------------------------------------


def build_gamma(variants: int) -> Any:
    """Return the model of gamma amounts, by the logarithms of their mean and shape, with all constants."""
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model() as model:
        data, level, shape_level, sds = _buying(variants, GAMMA_DATA)
        log_amount = pm.Normal("log_amount", level, sds[1], shape=variants)
        log_shape = pm.Normal("log_shape", shape_level, sds[3], shape=variants)
        shape, positive, logs = pt.exp(log_shape), data["positive"], data["positive"] * data["log_mean_seen"]
        rows = positive * (shape * (log_shape - log_amount) - pt.gammaln(shape)) + (shape - 1) * logs
        rows = rows - shape * data["total"] / pt.exp(log_amount)
        pm.Potential("amounts", rows.sum())
    return model


def _gamma_mean(draws: Flat, cap: float | None) -> np.ndarray:
    mean, shape = np.exp(draws["log_amount"]), np.exp(draws["log_shape"])
    if cap is None:
        return mean
    at = cap * shape / mean
    limited: np.ndarray = mean * gammainc(shape + 1, at) + cap * gammaincc(shape, at)
    return limited


def _gamma_quantile(draws: Flat, v: int) -> Callable[[np.ndarray], np.ndarray]:
    mean, shape = np.exp(draws["log_amount"][:, v, None]), np.exp(draws["log_shape"][:, v, None])

    def quantile(z: np.ndarray) -> np.ndarray:
        scores, shapes = np.broadcast_arrays(z, shape)
        out, upper = np.empty(scores.shape), scores > 0
        out[upper] = gammainccinv(shapes[upper], ndtr(-scores[upper]))
        out[~upper] = gammaincinv(shapes[~upper], ndtr(scores[~upper]))
        return np.maximum(out * (mean / shape), TINY)

    return quantile


def _cut(free: Quantile, limit: float) -> Quantile:
    return lambda z: np.minimum(free(z), limit)


def _shape_of(mean: np.ndarray, log_mean: np.ndarray) -> np.ndarray:
    """Return the most likely shape of a gamma distribution, by two Newton steps from a close start (Minka 2002)."""
    gap = np.maximum(np.log(mean) - log_mean, TINY)
    shape: np.ndarray = (3 - gap + np.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    for _ in range(2):
        shape = 1 / (1 / shape + (np.log(shape) - digamma(shape) - gap) / (shape - shape**2 * polygamma(1, shape)))
    return shape


def _log_normal_mean_ratio(x: Any, xx: Any, log: Any, loglog: Any) -> Any:
    return x / np.exp(log + (loglog - log**2) / 2)


def _log_normal_square_ratio(x: Any, xx: Any, log: Any, loglog: Any) -> Any:
    return xx / np.exp(2 * log + 2 * (loglog - log**2))


def _gamma_spread_ratio(x: Any, xx: Any, log: Any, loglog: Any) -> Any:
    return (loglog - log**2) / polygamma(1, _shape_of(x, log))


def _gamma_square_ratio(x: Any, xx: Any, log: Any, loglog: Any) -> Any:
    return xx / (x**2 * (1 + 1 / _shape_of(x, log)))


FAMILIES: tuple[Family, ...] = (
    Family(
        "log_normal",
        build_log_normal,
        LOG_NORMAL_DATA,
        ("log_mean", "log_sd"),
        _log_normal_mean,
        _log_normal_quantile,
        (
            ("check.log_normal_mean", _log_normal_mean_ratio),
            ("check.log_normal_square", _log_normal_square_ratio),
        ),
    ),
    Family(
        "gamma",
        build_gamma,
        GAMMA_DATA,
        ("log_amount", "log_shape"),
        _gamma_mean,
        _gamma_quantile,
        (
            ("check.gamma_spread", _gamma_spread_ratio),
            ("check.gamma_square", _gamma_square_ratio),
        ),
    ),
)
