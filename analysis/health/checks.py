"""The registry of health checks, which find reasons not to trust a test.

A new check is a function from `HealthData` to a `HealthCheck` (None if it does not apply), a line here, and its
sentences in ``experiments/reporting/sentences/health.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from analysis.health.data import HealthData
from analysis.health.events import before_exposure, bot_events, clock_skew, currency, late_events, silence, unwatched
from analysis.health.history import aa_history
from analysis.health.members import bots, carry_over, crossing, file_rows, immature, multi_exposed, outside_run
from analysis.health.result import HealthCheck
from analysis.health.split import srm
from analysis.health.traffic import uncounted, unexposed
from analysis.messages import N_


class Check(NamedTuple):
    """A health check.

    Attributes
    ----------
    key : str
        Stable name in the API and in messages.
    run : callable
        Returns the check of a run, or None if it does not apply.
    name : str
        Its name on screen.
    meaning : str
        The problem that it detects, in one sentence.
    note_above : float
        A value above this is reported although nothing is wrong.
    live_only : bool
        Whether it concerns only runs that still receive events from an app: not over, imported or simulated.
    """

    key: str
    run: Callable[[HealthData], HealthCheck | None]
    name: str
    meaning: str
    note_above: float = math.inf
    live_only: bool = False


CHECKS: tuple[Check, ...] = (
    Check("srm", srm, N_("Traffic split"), N_("The groups differ only in what they saw.")),
    Check(
        "multi_exposed",
        multi_exposed,
        N_("Members who saw two variants"),
        N_("Members who saw two variants would blur the difference between them."),
    ),
    Check(
        "file_rows",
        file_rows,
        N_("Rows of the file"),
        N_("Every row of an imported file is used, or set aside for a reason that is counted."),
        note_above=0.0,
    ),
    Check("bots", bots, N_("Bots"), N_("Bots act alike on every variant and would hide a difference.")),
    Check(
        "outside_run",
        outside_run,
        N_("Exposures outside the run"),
        N_("An exposure before the start or after the end makes no member of the run."),
        note_above=0.0,
    ),
    Check(
        "carry_over",
        carry_over,
        N_("Members of an earlier run"),
        N_("A member who saw another variant in an earlier run makes the variants look more alike."),
        note_above=0.0,
    ),
    Check(
        "bot_events",
        bot_events,
        N_("Events of bots"),
        N_("Link previews and mail scanners click like members and would inflate every variant."),
        note_above=0.0,
    ),
    Check(
        "crossing",
        crossing,
        N_("Crossing between variants"),
        N_("A member who sees another variant through a share makes the variants look more alike."),
    ),
    Check(
        "immature",
        immature,
        N_("Members within their window"),
        N_("Members whose window is open can still act, so their figures can only grow."),
        note_above=0.25,
    ),
    Check(
        "late_events",
        late_events,
        N_("Late events"),
        N_("Late events make the newest days look weaker than they are."),
    ),
    Check("clock_skew", clock_skew, N_("Clocks"), N_("Wrong clocks put actions before the exposure they belong to.")),
    Check(
        "before_exposure",
        before_exposure,
        N_("Events before the exposure"),
        N_("What happened before a member saw the content can't be its effect."),
    ),
    Check(
        "unexposed",
        unexposed,
        N_("Events of others"),
        N_("Visitors who never reached the experiment act as well; their events aren't counted."),
        note_above=0.0,
    ),
    Check(
        "uncounted",
        uncounted,
        N_("Uncounted events"),
        N_("Events of these types change no figure of this experiment."),
        note_above=0.0,
    ),
    Check(
        "currency",
        currency,
        N_("Other currencies"),
        N_("Amounts in another currency can't be added to the experiment's own."),
    ),
    Check(
        "unwatched",
        unwatched,
        N_("Guardrails left out"),
        N_("A variant that draws complaints should not win unnoticed."),
    ),
    Check(
        "aa_history",
        aa_history,
        N_("A/A experiments"),
        N_("Experiments whose variants are the same should end without a winner."),
    ),
    Check(
        "silence",
        silence,
        N_("Silence"),
        N_("An app that stops logging looks like members who stop acting."),
        live_only=True,
    ),
)
"""Every health check, in the order in which they are reported."""


BY_KEY: Mapping[str, Check] = {check.key: check for check in CHECKS}


def is_note(check: HealthCheck) -> bool:
    """Return whether the value of a check is reported although nothing is wrong."""
    return check.status == "ok" and check.value is not None and check.value > BY_KEY[check.check].note_above


def check_health(data: HealthData) -> list[HealthCheck]:
    """Return every check that applies to a run."""
    results = (check.run(data) for check in CHECKS)
    return [result for result in results if result is not None]
