"""The number of events of bots and scanners that are set aside, by reason."""

import ibis
from ibis.backends.sql import SQLBackend

from experiments.catalogue.event_flags import BOT, SCANNER
from experiments.collect.attribution import Scope, events_of, randomised
from experiments.collect.engine import source


def set_aside(backend: SQLBackend, scope: Scope) -> dict[str, int]:
    """Return the members' events in their windows that are set aside, by reason, without reasons that have none.

    The reasons are ``bot``, ``scanner``, ``instant_click`` and ``burst_click``; a click has the first that holds.
    """
    aside = scope.aside
    if not (aside.marked or aside.emails):
        return {}
    members, events = randomised(backend, scope), events_of(backend, scope)
    events = events.filter(events.flag.notnull())
    events = events.select("flag", event_unit=events.unit, event_us=events.at_us)
    joined = members.inner_join(
        events,
        [
            members.unit == events.event_unit,
            events.event_us >= members.exposed_us - scope.tolerance_us,
            events.event_us < members.exposed_us + scope.window_us,
        ],
    )
    reasons = [(joined.flag == BOT, ibis.literal("bot")), (joined.flag == SCANNER, ibis.literal("scanner"))]
    if aside.emails:
        instant = ~aside.in_time(joined.flag, joined.event_us - joined.exposed_us)
        reasons += [
            (instant, ibis.literal("instant_click")),
            (aside.in_burst(joined.event_unit, joined.event_us), ibis.literal("burst_click")),
        ]
    counted = joined.select(reason=ibis.cases(*reasons, else_=ibis.null("string")))
    counted = counted.filter(counted.reason.notnull())
    counted = counted.group_by("reason").aggregate(n=counted.count())
    return {str(reason): int(n) for reason, n in sorted(source.fetch(backend, counted))}
