"""The data of a run that the health checks use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from analysis.health.srm import Epoch


class Uncounted(NamedTuple):
    """An event type that no metric, guardrail or value of the test counts.

    Attributes
    ----------
    type : str
    events : int
    meant : str or None
        The type that it is probably another word or a slip for.
    """

    type: str
    events: int
    meant: str | None = None


@dataclass(frozen=True, slots=True)
class HealthData:
    """The inputs of the checks; a check that needs more adds a field with a default.

    Attributes
    ----------
    epochs : tuple of Epoch
        Members and shares of each set of weights, in order.
    imported : bool
        A finished test, analysed once; its times and its logging come from another system.
    totals_only : bool
        Only the members and successes of each variant are known.
    fraction : float or None
        Share of the planned duration that is over, which gives the split test more power; None without a plan.
    split_failed : bool
        The split of this run failed before: its alpha is spent, so the failure stays.
    uneven : bool
        The variants' shares differ, or changed.
    randomised, shared, multi_exposed, bots : int
        Members in the figures, brought through a share link, excluded for seeing two variants, and excluded as bots.
    before_start, after_end : int
        Units exposed only before the start or after the end of the run: no members.
    carried_over, switched : int
        Randomised units that an earlier run exposed, and those of them who saw another variant there.
    new_only : bool
        Members of earlier runs are excluded.
    arrived : bool
        Any event has arrived since the start, of whichever unit.
    admitted : float or None
        Share of the audience that takes part; None where it is not known.
    named, named_unexposed, unnamed, unnamed_unexposed : int
        Events since the start that a metric counts, which name this test or no test, and those of units that were never
        exposed.
    uncounted : tuple of Uncounted
        Event types that nothing counts, the probable mistakes first.
    crossed, immature : int
        Randomised members who saw another variant through a share, and whose window is still open.
    window_days : float
        The attribution window.
    events, late, ahead, early, other_currency : int
        Events that count; events that arrived more than a day late, are dated ahead of the server's clock, or are dated
        before their member's exposure (and do not count); and purchases in another currency than the experiment's.
    unwatched : int
        Events that a default guardrail would count, where no guardrail does.
    file_rows : mapping of str to int or None
        Rows of an imported file: ``read``, ``used``, and set aside by reason (``condition``, ``repeated``,
        ``two_variants``); None for a run that was not imported.
    set_aside : int
        Events of bots and scanners, which do not count.
    orders : int
        Purchases of members within their windows, in any currency.
    currencies : mapping of str to int
        The purchases in another currency, by its code.
    money_decides : bool
        Whether the primary metric or a guardrail adds up money.
    clock_tolerance_seconds : float
        An event dated up to this much before the exposure counts.
    currency : str
        Of the experiment.
    aa_winners : tuple of bool
        For each finished A/A experiment, whether it declared a winner.
    listening : bool
        Events should be arriving now.
    last_event_us, now_us : int or None
        The newest event and the end of the data, in microseconds UTC.
    silence_hours : float
        Hours without an event after which the check warns.
    """

    epochs: tuple[Epoch, ...] = ()
    imported: bool = False
    totals_only: bool = False
    fraction: float | None = None
    split_failed: bool = False
    uneven: bool = False
    randomised: int = 0
    shared: int = 0
    multi_exposed: int = 0
    bots: int = 0
    before_start: int = 0
    after_end: int = 0
    carried_over: int = 0
    switched: int = 0
    new_only: bool = False
    arrived: bool = False
    admitted: float | None = None
    named: int = 0
    named_unexposed: int = 0
    unnamed: int = 0
    unnamed_unexposed: int = 0
    uncounted: tuple[Uncounted, ...] = ()
    crossed: int = 0
    immature: int = 0
    window_days: float = 7
    events: int = 0
    late: int = 0
    ahead: int = 0
    early: int = 0
    other_currency: int = 0
    unwatched: int = 0
    file_rows: Mapping[str, int] | None = None
    set_aside: int = 0
    orders: int = 0
    currencies: Mapping[str, int] = field(default_factory=dict)
    money_decides: bool = False
    clock_tolerance_seconds: float = 0.0
    currency: str = ""
    aa_winners: tuple[bool, ...] = ()
    listening: bool = False
    last_event_us: int | None = None
    now_us: int = 0
    silence_hours: float = 6.0

    @property
    def members(self) -> dict[str, int]:
        """The members of each variant, over all epochs."""
        members: dict[str, int] = {}
        for epoch in self.epochs:
            for key in epoch.weights:
                members[key] = members.get(key, 0) + epoch.counts.get(key, 0)
        return members
