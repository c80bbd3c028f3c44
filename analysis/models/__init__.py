"""The registry of posterior models; each has a file.

Each module has ``fit(statistics, prior, rng) -> Posterior | NotShown``, where `statistics` has one statistic for each
variant, in variant order. Models that need PyMC import it inside their fit.
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

#: Each model takes statistics of one kind, `Model.kind`.
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
        The default prior.
    evidence : str or None
        The model without shrinkage whose posterior the verdict uses; None if this model has none.
    """

    name: str
    kind: str
    fit: Fit
    prior: NamedPrior
    evidence: str | None = None


MODELS: tuple[Model, ...] = (
    Model("conversion", "proportion", conversion.fit, priors.CONTENT, evidence="conversion_flat"),
    Model("conversion_flat", "proportion", conversion_flat.fit, priors.FLAT_BETA),
    Model("amount", "amount", amount.fit, priors.WEAK_AMOUNT),
    Model("count", "count", count.fit, priors.WEAK_COUNT),
    Model("hurdle", "amount", hurdle.fit, priors.HURDLE_WEAK, evidence="amount"),
    Model("negative_binomial", "count", negative_binomial.fit, priors.NEGATIVE_BINOMIAL_WEAK, evidence="count"),
    Model("ratio", "ratio", ratio.fit, priors.WEAK_RATIO),
    Model("signed_ratio", "ratio", ratio.fit_signed, priors.WEAK_RATIO),
    Model("adjusted", "adjusted", cuped.fit, priors.WEAK_ADJUSTED),
    Model("net_value", "value", value.fit, priors.WEAK_VALUE),
    Model("roi", "value", value.fit_roi, priors.WEAK_VALUE),
    Model("retention", "retention", fit_retention, priors.WEAK_RETURN),
    Model("k_factor", "cascade", fit_cascade, priors.WORD_OF_MOUTH),
    Model("reach", "cascade", fit_reach, priors.WORD_OF_MOUTH),
)


def for_kind(kind: str) -> Model:
    """Return the default model of a kind of statistic: the first that accepts it."""
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
