"""How a metric stood at the end of each past day, from one pass, for the curve over time."""

from typing import Any

import ibis
from ibis.backends.sql import SQLBackend

from experiments.member_rows import Scope, attributed, matches_metric, randomised
from experiments.metrics import DAY_US, Metric
from experiments.rows import fetch


def first_successes(
    backend: SQLBackend, scope: Scope, metric: Metric, begun_us: int
) -> list[tuple[str, int, int | None, int]]:
    """Members by variant, day they came and day of their first success (null: none), for a share of members.

    A day is the number of the first whole day since `begun_us` at whose end it had happened.
    """
    joined = attributed(backend, scope, randomised(backend, scope), how="left")
    succeeded = ibis.ifelse(matches_metric(joined, metric), joined.event_us, None).min()
    members = joined.group_by(joined.unit).aggregate(
        variant=joined.variant.max(), exposed_us=joined.exposed_us.max(), succeeded_us=succeeded
    )
    came, succeeded = (_whole_days(members[name] - begun_us) for name in ("exposed_us", "succeeded_us"))
    days = members.select("variant", came=came, succeeded=succeeded)
    cells = days.group_by(["variant", "came", "succeeded"]).aggregate(n=days.count())
    return [
        (variant, int(came) // DAY_US, None if succeeded is None else int(succeeded) // DAY_US, int(n))
        for variant, came, succeeded, n in fetch(backend, cells)
    ]


def _whole_days(since: Any) -> Any:
    """Microseconds rounded up to the end of their day, as whole-number arithmetic."""
    padded = since + (DAY_US - 1)
    return padded - padded % DAY_US
