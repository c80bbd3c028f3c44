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
    cuped_rates,
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
from analysis.statistics import Statistics, ValueStatistics

#: Returns the metric as observed, per member or for each unit of cost; None if the sums do not determine it.
Observed = Callable[[Statistics], float | None]
#: Each model takes statistics of one kind, `Model.kind`.
Fit = Callable[[Mapping[str, Any], NamedPrior, np.random.Generator | None], Posterior | NotShown]


def mean(cell: Statistics) -> float | None:
    """Return the observed mean per member."""
    return cell.mean


def _return_on_cost(cell: Statistics) -> float | None:
    return cell.return_on_cost if isinstance(cell, ValueStatistics) else cell.mean


def _needs_more_than_sums(cell: Statistics) -> None:
    """Return no observed value: a half-life and reach are estimates."""


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
    signed : bool
        Whether its metric can be negative, so that variants are compared by difference only.
    observed : callable
        Returns the metric from the sums alone.
    """

    name: str
    kind: str
    fit: Fit
    prior: NamedPrior
    evidence: str | None = None
    signed: bool = False
    observed: Observed = mean


MODELS: tuple[Model, ...] = (
    Model("conversion", "proportion", conversion.fit, priors.CONTENT, evidence="conversion_flat"),
    Model("conversion_flat", "proportion", conversion_flat.fit, priors.FLAT_BETA),
    Model("amount", "amount", amount.fit, priors.WEAK_AMOUNT),
    Model("count", "count", count.fit, priors.WEAK_COUNT),
    Model("hurdle", "amount", hurdle.fit, priors.HURDLE_WEAK, evidence="amount"),
    Model("negative_binomial", "count", negative_binomial.fit, priors.NEGATIVE_BINOMIAL_WEAK, evidence="count"),
    Model("ratio", "ratio", ratio.fit, priors.WEAK_RATIO),
    Model("signed_ratio", "ratio", ratio.fit_signed, priors.WEAK_RATIO, signed=True),
    Model("adjusted", "adjusted", cuped.fit, priors.WEAK_ADJUSTED),
    Model("adjusted_rate", "adjusted", cuped_rates.fit, priors.CONTENT, evidence="adjusted"),
    Model("net_value", "value", value.fit, priors.WEAK_VALUE, signed=True),
    Model("roi", "value", value.fit_roi, priors.WEAK_VALUE, signed=True, observed=_return_on_cost),
    Model("retention", "retention", fit_retention, priors.WEAK_RETURN, observed=_needs_more_than_sums),
    Model("k_factor", "cascade", fit_cascade, priors.WORD_OF_MOUTH),
    Model("reach", "cascade", fit_reach, priors.WORD_OF_MOUTH, observed=_needs_more_than_sums),
)

SIGNED = frozenset(model.name for model in MODELS if model.signed)
OBSERVED: Mapping[str, Observed] = {model.name: model.observed for model in MODELS}


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
