"""Orders in another currency are counted by currency, and add nothing to money metrics."""

from experiments.catalogue.metrics import DAY_US, METRICS
from experiments.collect import collect
from experiments.collect.attribution import Scope
from experiments.collect.engine import source
from experiments.storage.tables import Event
from tests.audience import CUT_OFF_US, WINDOW_DAYS, make_audience, store_audience, store_experiment

SCOPE = Scope(1, 1, "test", "EUR", WINDOW_DAYS * DAY_US, CUT_OFF_US, ("a", "b", "c"))


def test_orders_in_other_currencies_are_counted_by_currency_and_are_no_money(database):
    audience = make_audience(3)
    audience.events = [row for row in audience.events if row["type"] != "purchase"]
    members = [row for row in audience.exposures if row["run_id"] == 1 and row["origin"] == "randomised"]
    with database.write() as session:
        store_experiment(session)
        store_audience(session, audience)
        for number, row in enumerate(members):
            currency = ("EUR", "CHF", None, "USD", "CHF")[number % 5]
            times = {"at_us": row["at_us"] + 1, "received_us": row["at_us"] + 1}
            what = {"type": "purchase", "value_micro": 5_000_000, "currency": currency}
            session.add(Event(project_id=1, id=f"order-{number}", unit=row["unit"], **times, **what))
    found = collect(source.source(database.url), SCOPE, METRICS)
    quality = found.quality
    assert set(quality.currencies) == {"CHF", "USD"}
    assert sum(quality.currencies.values()) == quality.other_currency
    orders = sum(cell.total for cell in found.metric_data["orders"].values())
    revenue = sum(cell.total for cell in found.metric_data["revenue"].values())
    assert quality.orders == orders
    assert revenue == 5 * (quality.orders - quality.other_currency)
