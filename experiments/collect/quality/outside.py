"""Exposures before the start or after the end of a run, which make no members."""

from ibis.backends.sql import SQLBackend

from experiments.collect.attribution import Scope, known_exposures
from experiments.collect.engine import source
from experiments.storage.tables import OutsideExposure

REASONS = {"before": "before_start", "after": "after_end"}
"""The reason of an exclusion, by the side of the run."""


def outside_run(backend: SQLBackend, scope: Scope) -> dict[str, int]:
    """Return the number of units exposed only outside the run, by the reason; without the reasons that have none."""
    known = known_exposures(backend, scope)
    rows = source.table(OutsideExposure)
    rows = rows.filter(rows.run_id == scope.run_id, rows.at_us <= scope.cut_off_us)
    if scope.by_arrival:
        rows = rows.filter(rows.received_us <= scope.cut_off_us)
    rows = rows.filter(~rows.unit.isin(known.unit))
    counted = {
        REASONS[side]: int(n) for side, n in source.fetch(backend, rows.group_by("side").aggregate(n=rows.count()))
    }
    if scope.ended_us is not None:
        # Reported before the end by an app whose clock was ahead.
        late = known.filter(known.at_us >= scope.ended_us, ~known.bot)
        ahead = int(source.fetch(backend, late.aggregate(n=late.count()))[0][0])
        if ahead:
            counted["after_end"] = counted.get("after_end", 0) + ahead
    return {reason: counted[reason] for reason in REASONS.values() if reason in counted}
