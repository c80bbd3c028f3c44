"""Events that a default guardrail would count, in an experiment that has no guardrail for them."""

from collections.abc import Sequence

from ibis.backends.sql import SQLBackend

from experiments.collect.attribution import Scope, attributed, randomised
from experiments.collect.engine import source


def unwatched_events(backend: SQLBackend, scope: Scope, types: Sequence[str]) -> int:
    """Return the number of attributed events of the types; without types, nothing is read."""
    if not types:
        return 0
    events = attributed(backend, scope, randomised(backend, scope))
    events = events.filter(events.type.isin(list(types)))
    return int(source.fetch(backend, events.aggregate(n=events.count()))[0][0])
