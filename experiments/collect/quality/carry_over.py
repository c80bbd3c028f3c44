"""Members of a run who were exposed in an earlier run of the same experiment."""

from typing import NamedTuple

from ibis.backends.sql import SQLBackend

from experiments.collect.attribution import Scope, earlier_exposures, exposures_of, one_where
from experiments.collect.engine import source


class CarryOver(NamedTuple):
    """The members of earlier runs, and how many of them saw another variant there."""

    members: int = 0
    switched: int = 0


def carry_over(backend: SQLBackend, scope: Scope) -> CarryOver:
    """Count the randomised units of the run that an earlier run exposed, whether or not they are excluded for it."""
    if not scope.earlier_runs:
        return CarryOver()
    earlier = earlier_exposures(scope)
    # A unit may have been in several earlier runs.
    seen = earlier.group_by("unit").aggregate(least=earlier.variant.min(), most=earlier.variant.max())
    exposures = exposures_of(backend, scope)
    exposures = exposures.filter(exposures.origin == "randomised")
    if not scope.count_bots:
        exposures = exposures.filter(~exposures.bot)
    both = exposures.inner_join(seen, "unit")
    switched = one_where((both.least != both.variant) | (both.most != both.variant))
    members, changed = source.fetch(backend, both.aggregate(members=both.count(), switched=switched.sum()))[0]
    return CarryOver(int(members), int(changed or 0))
