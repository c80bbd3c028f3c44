"""Checks of events: arrival, delay, time stamps and currency."""

from __future__ import annotations

from typing import Final

from analysis.errors import AnalysisError
from analysis.health.data import HealthData
from analysis.health.result import HealthCheck, Limits, judge_share, share_of
from analysis.messages import message

#: Hours without an event after which the check fails, or twice the hours of the warning if that is longer.
SILENCE_FAILS_AFTER_HOURS: Final = 48.0


#: Share of the orders in another currency above which no money metric can be trusted.
MOST_FOREIGN: Final = 0.001


def late_events(data: HealthData) -> HealthCheck | None:
    """Check the share of events that arrived more than a day after they happened."""
    if data.totals_only or data.imported:
        return None
    share = share_of("late_events", data.late, data.events)
    return judge_share(
        "late_events",
        share,
        Limits(0.05),
        none=message("health.late_events.none"),
        some=message("health.late_events.some", share=share),
        next_step=message("health.late_events.next_step"),
    )


def clock_skew(data: HealthData) -> HealthCheck | None:
    """Check the share of events that are dated more than a minute ahead of the server's clock."""
    if data.totals_only or data.imported:
        return None
    share = share_of("clock_skew", data.ahead, data.events)
    return judge_share(
        "clock_skew",
        share,
        Limits(0.05),
        none=message("health.clock_skew.none"),
        some=message("health.clock_skew.some", share=share),
        next_step=message("health.clock_skew.next_step"),
    )


def before_exposure(data: HealthData) -> HealthCheck | None:
    """Check the share of events that are dated before their member's exposure and therefore do not count."""
    if data.totals_only or data.imported:
        return None
    return judge_share(
        "before_exposure",
        share_of("before_exposure", data.early, data.early + data.events),
        Limits(0.05),
        none=message("health.before_exposure.none"),
        some=message("health.before_exposure.some", events=data.early, seconds=data.clock_tolerance_seconds),
        next_step=message("health.before_exposure.next_step"),
    )


def bot_events(data: HealthData) -> HealthCheck | None:
    """Check the share of events that bots and scanners made: they do not count."""
    if data.totals_only or not data.set_aside:
        return None
    share = share_of("bot_events", data.set_aside, data.set_aside + data.events)
    return judge_share(
        "bot_events",
        share,
        Limits(0.2),
        none=message("health.bot_events.some", events=data.set_aside, share=share),
        some=message("health.bot_events.some", events=data.set_aside, share=share),
        next_step=message("health.bot_events.next_step"),
    )


def currency(data: HealthData) -> HealthCheck | None:
    """Check the share of orders in another currency, which count as purchases, but not as money.

    Above the limit money metrics are biased wherever the variants' currencies differ; the check fails if the verdict
    or a guardrail uses one of them.
    """
    purchases = data.other_currency
    if purchases < 0:
        raise AnalysisError("bad_request", f"{purchases} purchases in another currency; a count is 0 or more.")
    if data.totals_only or not purchases:
        return None
    # Without the number of orders, such as in older data, the share is unknown and counts as large.
    share = share_of("currency", purchases, max(data.orders, purchases))
    others = ", ".join(sorted(data.currencies, key=lambda code: (-data.currencies[code], code)))
    params = {"purchases": purchases, "others": others, "currency": data.currency, "share": share}
    next_step = message("health.currency.next_step", currency=data.currency)
    if share <= MOST_FOREIGN:
        return HealthCheck("currency", "warn", share, message("health.currency.some", **params), next_step)
    if not data.money_decides:
        return HealthCheck("currency", "warn", share, message("health.currency.beside", **params), next_step)
    return HealthCheck("currency", "fail", share, message("health.currency.decides", **params), next_step)


def unwatched(data: HealthData) -> HealthCheck | None:
    """Report events that a default guardrail would count, in a test without a guardrail for them."""
    if data.unwatched < 0:
        raise AnalysisError("bad_request", f"{data.unwatched} events without a guardrail; a count is 0 or more.")
    if not data.unwatched:
        return None
    detail = message("health.unwatched.some", events=data.unwatched)
    return HealthCheck("unwatched", "warn", float(data.unwatched), detail, message("health.unwatched.next_step"))


def silence(data: HealthData) -> HealthCheck | None:
    """Check that events still arrive while the test runs."""
    if data.totals_only or data.imported or not data.listening:
        return None
    if data.last_event_us is None and data.arrived:
        detail = message("health.silence.of_others")
        return HealthCheck("silence", "warn", None, detail, message("health.silence.expose"))
    if data.last_event_us is None:
        return HealthCheck("silence", "warn", None, message("health.silence.never"), message("health.silence.send_one"))
    hours = (data.now_us - data.last_event_us) / 1_000_000 / 3600
    if hours <= data.silence_hours:
        return HealthCheck("silence", "ok", hours, message("health.silence.arriving", at=data.last_event_us))
    failed = hours > max(SILENCE_FAILS_AFTER_HOURS, 2 * data.silence_hours)
    detail = message("health.silence.since", at=data.last_event_us)
    return HealthCheck("silence", "fail" if failed else "warn", hours, detail, message("health.silence.next_step"))
