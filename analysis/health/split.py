"""The check of the traffic split (SRM)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from analysis.errors import AnalysisError
from analysis.health.data import HealthData
from analysis.health.result import HealthCheck
from analysis.health.srm import Epoch, judge
from analysis.messages import Message, message

ALARM: Final = 0.001
"""The check fails below this p."""

WARNING: Final = 0.01
"""The check warns of a possible mismatch below this p."""


def srm(data: HealthData) -> HealthCheck:
    """Check the split of a run against the weights that applied when each member was assigned.

    Fails if the p falls below 0.001 and warns below 0.01. While a test runs it is the p that holds at any number of
    looks; an imported test is analysed once, so the chi-square p decides. A running test also warns if its chi-square
    p alone is below 0.001.

    Raises
    ------
    AnalysisError
        A weight that is not above 0, a variant without a weight, a negative count, no epoch.
    """
    if not data.epochs:
        raise AnalysisError("bad_request", "The split needs an epoch to check; give its counts and weights.")
    if not any(epoch.n for epoch in data.epochs):
        return HealthCheck("srm", "warn", None, message("health.srm.empty"))
    split = judge(data.epochs, None if data.imported else data.fraction)
    p = split.once if data.imported else split.always if split.planned is None else split.planned
    seen, planned = _seen(data), _planned(data.epochs)
    figures = message(
        "health.srm.figures_once" if data.imported else "health.srm.figures_daily",
        once=split.once,
        statistic=split.statistic,
        freedom=split.freedom,
        p=p,
        alarm=ALARM,
        warning=WARNING,
    )
    if p < ALARM or (data.split_failed and not data.imported):
        detail = message("health.srm.wrong", seen=seen, planned=planned)
        return HealthCheck("srm", "fail", p, detail, message("health.srm.next_step"), figures)
    if p < WARNING or split.once < ALARM:
        detail = message("health.srm.possible", seen=seen, planned=planned)
        next_step = message("health.srm.check_source" if data.imported else "health.srm.look_again")
        return HealthCheck("srm", "warn", p, detail, next_step, figures)
    return HealthCheck("srm", "ok", p, message("health.srm.as_planned", seen=seen), None, figures)


def split_of(counts: Mapping[str, int], weights: Mapping[str, float], *, imported: bool = False) -> HealthCheck:
    """Check the members of each variant against constant weights."""
    return srm(HealthData(epochs=(Epoch(counts, weights),), imported=imported))


def _seen(data: HealthData) -> list[Message]:
    """Return the members of each variant, over all epochs."""
    return [message("health.srm.members", members=n, variant=key) for key, n in data.members.items()]


def _planned(epochs: Sequence[Epoch]) -> list[Message]:
    """Return the planned share of each variant, over all epochs."""
    due: dict[str, float] = {}
    for epoch in epochs:
        for key, expected in zip(epoch.weights, epoch.expected, strict=True):
            due[key] = due.get(key, 0.0) + float(expected)
    whole = sum(due.values())
    return [message("health.srm.share", share=n / whole, variant=key) for key, n in due.items()]
