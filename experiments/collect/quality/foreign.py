"""Orders in another currency than the experiment's; counted only for runs that have some."""

from typing import NamedTuple

from ibis.backends.sql import SQLBackend

from experiments.catalogue.event_types import MONEY_TYPES
from experiments.collect.active import fetched
from experiments.collect.attribution import Scope, attributed, randomised


class Orders(NamedTuple):
    """The attributed purchases in any currency, and those in each other currency by its code."""

    orders: int
    currencies: dict[str, int]


def orders_by_currency(backend: SQLBackend, scope: Scope) -> Orders:
    """Count the orders by currency; one without a currency is in the experiment's."""
    events = attributed(backend, scope, randomised(backend, scope))
    orders = events.filter(events.counts, events.any_type.isin(MONEY_TYPES))
    cells = orders.group_by("currency").aggregate(n=orders.count())
    counts = {row["currency"]: int(row["n"]) for row in fetched(backend, cells)}
    others = {code: n for code, n in counts.items() if code not in (None, scope.currency)}
    return Orders(sum(counts.values()), dict(sorted(others.items())))
