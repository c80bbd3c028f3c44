"""The check of finished A/A tests, which should end without a winner."""

from __future__ import annotations

from typing import Final

from scipy.stats import binom

from analysis.health.data import HealthData
from analysis.health.result import HealthCheck, Status
from analysis.messages import message

#: The share of A/A experiments that may declare a winner: the alpha of the rules.
ALLOWED: Final = 0.05
#: Probabilities of at least so many winners below which the check warns and fails.
DOUBT, ALARM = 0.05, 0.001


def aa_history(data: HealthData) -> HealthCheck | None:
    """Check how many finished A/A experiments declared a winner, although their variants were the same.

    Returns
    -------
    HealthCheck with the probability of at least so many winners as its value; None without any A/A experiment.
    """
    if data.totals_only or not data.aa_winners:
        return None
    tests, winners = len(data.aa_winners), sum(data.aa_winners)
    p = float(binom.sf(winners - 1, tests, ALLOWED))
    status: Status = "fail" if p < ALARM else "warn" if p < DOUBT else "ok"
    code = "health.aa_history.expected" if status == "ok" else "health.aa_history.too_many"
    return HealthCheck(
        "aa_history",
        status,
        p,
        message(code, winners=winners, tests=tests, allowed=ALLOWED),
        None if status == "ok" else message("health.aa_history.next_step"),
        message("health.aa_history.figures", p=p),
    )
