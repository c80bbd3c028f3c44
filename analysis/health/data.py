"""What the health checks know about a run."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.health.srm import Epoch


@dataclass(frozen=True, slots=True)
class HealthData:
    """Everything that a check may look at; a check that needs more adds a field with a default.

    Attributes
    ----------
    epochs : tuple of Epoch
        Members and shares of each set of weights, in order.
    imported : bool
        A finished test, analysed once: its times and its logging are those of another system.
    totals_only : bool
        Only the members and successes of each variant are known.
    fraction : float or None
        Share of the planned duration that is over, which makes the test of the split sharper; None without a plan.
    split_failed : bool
        The split of this run failed before: its error is spent, so the failure stays.
    uneven : bool
        The variants' shares differ, or changed.
    randomised, shared, multi_exposed, bots : int
        Members in the figures, brought by a share, excluded for seeing two variants, and excluded as bots.
    crossed, immature : int
        Randomised members who saw another variant through a share, and whose window is still open.
    window_days : float
        The attribution window.
    events, late, ahead, early, other_currency : int
        Events that count; those that arrived a day late, are dated ahead of our clock, are dated before their member's
        exposure (and do not count), and purchases in a currency that is not the experiment's.
    clock_tolerance_seconds : float
        So much before the exposure an event may be dated and count.
    currency : str
        Of the experiment.
    aa_winners : tuple of bool
        For each finished A/A experiment, whether it declared a winner.
    listening : bool
        Events should be arriving now.
    last_event_us, now_us : int or None
        The newest event and the end of the data, in microseconds UTC.
    silence_hours : float
        Without an event for so long, the check warns.
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
    crossed: int = 0
    immature: int = 0
    window_days: float = 7
    events: int = 0
    late: int = 0
    ahead: int = 0
    early: int = 0
    other_currency: int = 0
    clock_tolerance_seconds: float = 0.0
    currency: str = ""
    aa_winners: tuple[bool, ...] = ()
    listening: bool = False
    last_event_us: int | None = None
    now_us: int = 0
    silence_hours: float = 6.0
