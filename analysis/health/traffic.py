"""Checks of the events around a test: of units that were never exposed, and of types that nothing counts."""

from __future__ import annotations

from typing import Final

from scipy.stats import binom

from analysis.health.data import HealthData, Uncounted
from analysis.health.result import HealthCheck, Status, share_of
from analysis.messages import Message, message

#: Share of the events that name the test above which the check warns.
NAMED_WARNS: Final = 0.05
#: Where the whole audience takes part, this share of its events, or less, may come from members by chance alone.
EXPECTED: Final = 0.8
#: Probability of so few events of members above which they are put down to chance.
DOUBT: Final = 0.01
#: The most types that are named.
MOST_TYPES: Final = 5


def unexposed(data: HealthData) -> HealthCheck | None:
    """Check the share of outcomes that came from units that were never exposed: ids that change, missing exposures.

    An event that names the test has no other reason. One that names none may come from a visitor who never reached the
    test, so it is only a warning where the audience's share that takes part is known and members have too few of them.
    """
    events, others = data.named + data.unnamed, data.named_unexposed + data.unnamed_unexposed
    if data.totals_only or data.imported or not others:
        return None
    named = share_of("unexposed", data.named_unexposed, data.named) > NAMED_WARNS
    status: Status = "warn" if named or _too_few_of_members(data) else "ok"
    share = share_of("unexposed", others, events)
    detail = message("health.unexposed.some", events=others, total=events, share=share)
    next_step = message("health.unexposed.named" if named else "health.unexposed.next_step")
    return HealthCheck("unexposed", status, share, detail, None if status == "ok" else next_step)


def _too_few_of_members(data: HealthData) -> bool:
    if data.admitted is None:
        return False
    members = data.unnamed - data.unnamed_unexposed
    return float(binom.cdf(members, data.unnamed, EXPECTED * data.admitted)) < DOUBT


def uncounted(data: HealthData) -> HealthCheck | None:
    """Report event types that nothing counts, and warn of those that are probably other words for a counted one."""
    if data.totals_only or data.imported or not data.uncounted:
        return None
    shown, rest = data.uncounted[:MOST_TYPES], data.uncounted[MOST_TYPES:]
    meant = any(found.meant for found in data.uncounted)
    types = [_type(found) for found in shown]
    if rest:
        types.append(message("health.uncounted.others", types=len(rest)))
    return HealthCheck(
        "uncounted",
        "warn" if meant else "ok",
        float(sum(found.events for found in data.uncounted)),
        message("health.uncounted.some", types=types),
        message("health.uncounted.next_step") if meant else None,
    )


def _type(found: Uncounted) -> Message:
    if found.meant is None:
        return message("health.uncounted.type", type=found.type, events=found.events)
    return message("health.uncounted.meant", type=found.type, events=found.events, meant=found.meant)
