"""Events that are set aside because no member made them: bots, scanners, and clicks in e-mails that came too fast.

They are stored. An experiment that counts bots counts them too. Most projects have none, which one look at a small
index says; only then do the other queries run.
"""

from typing import Any, NamedTuple

import ibis
from ibis.backends.sql import SQLBackend

from experiments.catalogue.event_flags import BOT, EMAIL_CLICK, SCANNER
from experiments.collect.engine import source
from experiments.storage.tables import Event

INSTANT_US = 1_000_000
"""A click in an e-mail sooner than this after the exposure is a scanner's: nobody reads that fast."""

BURST_US = 2_000_000
"""Clicks on several links of an e-mail within this time are a scanner's, which follows every link."""

BURST_CLICKS = 3
"""So many clicks within `BURST_US` are a scanner's even where the app does not say which link was clicked."""


def bursts(backend: SQLBackend, project_id: int) -> Any:
    """Return the clicks in e-mails (``unit``, ``at_us``) with others of the same unit too close for a person."""
    events = source.table(Event)
    clicks = events.filter(events.project_id == project_id, events.flag == EMAIL_CLICK)
    link = source.attribute(backend, clicks.properties, "link")
    clicks = clicks.select("unit", "at_us", link=link)
    near = ibis.range_window(preceding=BURST_US, following=BURST_US, group_by="unit", order_by="at_us")
    clicks = clicks.mutate(
        first=clicks.link.min().over(near), last=clicks.link.max().over(near), together=clicks.count().over(near)
    )
    several = (clicks.together >= BURST_CLICKS) | (clicks.first != clicks["last"])
    return clicks.filter(several).select("unit", "at_us").distinct()


class Aside(NamedTuple):
    """What is set aside from a project's events.

    Attributes
    ----------
    marked : bool
        Some events are a bot's or a scanner's.
    emails : bool
        Some events are clicks in e-mails.
    bursts : ibis table or None
        The clicks of `bursts`; None without clicks in e-mails.
    """

    marked: bool = False
    emails: bool = False
    bursts: Any = None

    def kept(self, events: Any) -> Any:
        """Return the events that can count, whenever their member was exposed."""
        flag = events.flag.fill_null(0)
        if self.marked:
            events = events.filter(flag.notin([BOT, SCANNER]))
        if self.emails:
            events = events.filter((flag != EMAIL_CLICK) | ~self.in_burst(events.unit, events.at_us))
        return events

    def in_burst(self, unit: Any, at_us: Any) -> Any:
        """Return whether a click in an e-mail is one of a burst."""
        return _click(unit, at_us).isin(_click(self.bursts.unit, self.bursts.at_us))

    def in_time(self, flag: Any, since_exposure_us: Any) -> Any:
        """Return whether an event is not a click in an e-mail that came at once."""
        return (flag.fill_null(0) != EMAIL_CLICK) | (since_exposure_us >= INSTANT_US)


def aside_of(backend: SQLBackend, project_id: int, *, count_bots: bool) -> Aside:
    """Return what is set aside from a project's events; nothing if bots count."""
    if count_bots:
        return Aside()
    events = source.table(Event)
    flags = events.filter(events.project_id == project_id, events.flag.notnull()).select("flag").distinct()
    found = {int(flag) for (flag,) in source.fetch(backend, flags)}
    emails = EMAIL_CLICK in found
    return Aside(bool(found & {BOT, SCANNER}), emails, bursts(backend, project_id) if emails else None)


def _click(unit: Any, at_us: Any) -> Any:
    """Return a click as one text: engines compare a single column with a set."""
    return at_us.cast("string") + ibis.literal(" ") + unit
