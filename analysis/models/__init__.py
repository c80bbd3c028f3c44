"""Posterior models: one file each, one small interface, one visible tuple.

Each module has ``fit(statistics, prior, rng) -> Posterior | NotShown``, where `statistics` is one statistic a
variant in variant order. `segmented`, which takes cells, is used by its own name. What needs PyMC imports it inside its
fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis import priors
from analysis.errors import AnalysisError, NotShown
from analysis.models import (
    amount,
    conversion,
    conversion_flat,
    count,
    cuped,
    hurdle,
    negative_binomial,
    ratio,
    value,
)
from analysis.models.cascade.fit import fit as fit_cascade
from analysis.models.cascade.fit import fit_reach
from analysis.models.retention.fit import fit as fit_retention
from analysis.posterior.joint import Posterior
from analysis.priors import NamedPrior

#: Each takes statistics of its own kind: `Model.kind` says which.
Fit = Callable[[Mapping[str, Any], NamedPrior, np.random.Generator | None], Posterior | NotShown]


@dataclass(frozen=True, slots=True)
class Model:
    """A line of the registry.

    Attributes
    ----------
    name : str
    kind : str
        Kind of statistic it takes.
    fit : callable
        ``fit(statistics, prior, rng)``.
    prior : NamedPrior
        Its default.
    sentence : str
        What it is, for the provenance.
    evidence : str or None
        The model whose posterior is before any prior draws variants together, for the verdict; None = its own is.
    """

    name: str
    kind: str
    fit: Fit
    prior: NamedPrior
    sentence: str
    evidence: str | None = None


MODELS: tuple[Model, ...] = (
    Model(
        "conversion",
        "proportion",
        conversion.fit,
        priors.CONTENT,
        "Binomial with partially pooled log-odds, so that the chance of being best of many is honest; deterministic "
        "quadrature.",
        evidence="conversion_flat",
    ),
    Model(
        "conversion_flat",
        "proportion",
        conversion_flat.fit,
        priors.FLAT_BETA,
        "Binomial with independent Beta priors; closed form and quadrature.",
    ),
    Model(
        "amount",
        "amount",
        amount.fit,
        priors.WEAK_AMOUNT,
        "Mean per member by its moments (central limit theorem), amounts cut at the declared cap.",
    ),
    Model(
        "count",
        "count",
        count.fit,
        priors.WEAK_COUNT,
        "Mean count per member by the moments of its exact histogram (central limit theorem).",
    ),
    Model(
        "hurdle",
        "amount",
        hurdle.fit,
        priors.HURDLE_WEAK,
        "How many buy times how much a buyer spends, log-normal or gamma behind a predictive check; sampled by NUTS.",
        evidence="amount",
    ),
    Model(
        "negative_binomial",
        "count",
        negative_binomial.fit,
        priors.NEGATIVE_BINOMIAL_WEAK,
        "Negative binomial with a mean and a dispersion a variant, behind a predictive check; sampled by NUTS.",
        evidence="count",
    ),
    Model(
        "ratio",
        "ratio",
        ratio.fit,
        priors.WEAK_RATIO,
        "One sum over another, both varying from member to member (Fieller, to the second order).",
    ),
    Model(
        "signed_ratio",
        "ratio",
        ratio.fit_signed,
        priors.WEAK_RATIO,
        "One sum of either sign over another (Fieller, to the second order); differences only.",
    ),
    Model(
        "adjusted",
        "adjusted",
        cuped.fit,
        priors.WEAK_ADJUSTED,
        "Mean per member adjusted for a pre-experiment covariate (CUPED), by its moments.",
    ),
    Model(
        "net_value",
        "value",
        value.fit,
        priors.WEAK_VALUE,
        "Weighted outcomes less the cost, per member, by sums and cross-products (central limit theorem).",
    ),
    Model(
        "roi",
        "value",
        value.fit_roi,
        priors.WEAK_VALUE,
        "Weighted outcomes less the cost, over the cost; differences only.",
    ),
    Model(
        "retention",
        "retention",
        fit_retention,
        priors.WEAK_RETURN,
        "Half-life of members whose whole window is over, from independent Beta hazards by day; closed form.",
    ),
    Model(
        "k_factor",
        "cascade",
        fit_cascade,
        priors.WORD_OF_MOUTH,
        "Members brought by a member: negative binomial, the young counted for what can have happened by now (PyMC).",
    ),
    Model(
        "reach",
        "cascade",
        fit_reach,
        priors.WORD_OF_MOUTH,
        "Members that one exposure comes to, 1/(1 - R) by its median, where R is clearly below 1; the fit of k_factor.",
    ),
)


def for_kind(kind: str) -> Model:
    """Return the default model of a kind of statistic: the first that takes it."""
    for model in MODELS:
        if model.kind == kind:
            return model
    raise AnalysisError("unknown_model", f"No model takes {kind!r}; kinds are {', '.join(m.kind for m in MODELS)}.")


def named(name: str) -> Model:
    """Return the model of that name."""
    for model in MODELS:
        if model.name == name:
            return model
    raise AnalysisError("unknown_model", f"There is no model {name!r}; there are {', '.join(m.name for m in MODELS)}.")
