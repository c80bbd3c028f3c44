"""Where variants differ more than the prior expects of any: then the prior must not pull them together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from scipy.stats import chi2

from analysis.priors import NamedPrior
from analysis.statistics import ProportionStatistics

#: One test in twenty of those that the prior describes is taken for one that it does not, and loses little by it.
SURPRISE: Final = 0.05
#: The spread that differs from test to test, as the archive's held-out tests ask for it: its median over the spread of
#: one size, and the standard deviation of its logarithm (`learning`, family "varying").
MEDIAN_SHARE: Final = 0.75
VARIES: Final = 0.6


def surprise(prior: NamedPrior, statistics: Mapping[str, ProportionStatistics]) -> float:
    """Return how often variants of one test would differ by so much or more under the prior's spread, 0 to 1.

    The weighted sum of squares of the empirical log-odds (Haldane-Anscombe: half a success and half a failure more)
    round their mean, by chi-square with one degree of freedom less than there are variants.
    """
    did = np.array([cell.successes + 0.5 for cell in statistics.values()])
    did_not = np.array([cell.n - cell.successes + 0.5 for cell in statistics.values()])
    weight = 1 / (1 / did + 1 / did_not + prior["log_odds_sd"] ** 2)
    log_odds = np.log(did / did_not)
    middle = weight @ log_odds / weight.sum()
    return float(chi2.sf(weight @ (log_odds - middle) ** 2, len(did) - 1))


def widened(prior: NamedPrior, statistics: Mapping[str, ProportionStatistics]) -> NamedPrior:
    """Return the prior; where the variants differ more than it expects, the same with a spread that may be larger.

    Parameters
    ----------
    prior : NamedPrior
        With a `log_odds_sd` of one size; any other is returned as it is.
    """
    of_one_size = prior.get("log_odds_sd") is not None and prior.get("log_odds_sd_varies") is None
    if not of_one_size or len(statistics) < 2 or surprise(prior, statistics) >= SURPRISE:
        return prior
    parameters = dict(prior.parameters) | {"log_odds_sd_varies": VARIES}
    parameters["log_odds_sd"] *= MEDIAN_SHARE
    return NamedPrior(
        f"{prior.name}_varied",
        tuple(parameters.items()),
        "These variants differ more than tests before did, so how alike variants are was left to vary from test to "
        f"test here, and they are drawn together less. Else as {prior.name}: {prior.reason}",
    )
