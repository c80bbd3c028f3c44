"""Prior-data conflict: if variants differ more than the prior expects, its spread is widened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from scipy.stats import chi2

from analysis.messages import message
from analysis.pooling.grid import TAU_BOUNDS
from analysis.priors import NamedPrior
from analysis.statistics import ProportionStatistics

#: Significance of a conflict; one in twenty tests that fit the prior is also widened, at little cost.
CONFLICT: Final = 0.05
#: The spread that replaces one in conflict with the data: the standard deviation of its logarithm, twice that of the
#: Upworthy tests, and its median as a multiple of the constant spread.
VARIES, MEDIAN_SHARE = 1.0, 0.8
_NODES = 9


def conflict_p_value(prior: NamedPrior, statistics: Mapping[str, ProportionStatistics]) -> float:
    """Return the p-value of the observed differences between variants under the prior's spread.

    The weighted sum of squares of the empirical log-odds (Haldane-Anscombe: half a success and half a failure more)
    around their mean, by chi-square with one degree of freedom less than there are variants; averaged over a spread
    that varies between tests.
    """
    did = np.array([cell.successes + 0.5 for cell in statistics.values()])
    did_not = np.array([cell.n - cell.successes + 0.5 for cell in statistics.values()])
    log_odds = np.log(did / did_not)
    score, share = np.polynomial.hermite_e.hermegauss(_NODES)
    taus = prior["log_odds_sd"] * np.exp((prior.get("log_odds_sd_varies") or 0.0) * score)
    weight = 1 / (1 / did + 1 / did_not + taus[:, None] ** 2)
    middle = weight @ log_odds / weight.sum(axis=1)
    squares = (weight * (log_odds - middle[:, None]) ** 2).sum(axis=1)
    return float(chi2.sf(squares, len(did) - 1) @ share / share.sum())


def widened(prior: NamedPrior, statistics: Mapping[str, ProportionStatistics]) -> NamedPrior:
    """Return the prior, with a spread that may be larger if the variants differ more than it expects.

    Parameters
    ----------
    prior : NamedPrior
        With a `log_odds_sd`; others are returned unchanged, as is one whose spread already varies as much.
    """
    varies = prior.get("log_odds_sd_varies")
    known = prior.get("log_odds_sd") is not None and (varies is None or varies < VARIES)
    if not known or len(statistics) < 2 or conflict_p_value(prior, statistics) >= CONFLICT:
        return prior
    parameters = dict(prior.parameters) | {"log_odds_sd_varies": VARIES}
    if varies is None:
        parameters["log_odds_sd"] = max(MEDIAN_SHARE * prior["log_odds_sd"], TAU_BOUNDS[0])
    return NamedPrior(
        f"{prior.name}_varied",
        tuple(parameters.items()),
        message("prior.widened", prior=prior.name, reason=prior.reason),
    )
