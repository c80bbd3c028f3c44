"""Hillstrom's 64,000 customers through collect, compared with figures computed outside the product."""

import csv
import gzip
import json
from decimal import Decimal

import pytest
from sqlalchemy import insert

from experiments.catalogue.metrics import DAY_US, metric
from experiments.collect import collect
from experiments.collect.attribution import Scope
from experiments.collect.engine import source
from experiments.storage.database import Database
from experiments.storage.tables import Event, Exposure
from tests.audience import BEGAN_US, Audience, store_audience, store_experiment

ARMS = {"No E-Mail": "a", "Mens E-Mail": "b", "Womens E-Mail": "c"}


@pytest.mark.slow
def test_hillstroms_counts_and_money_are_exact(sqlite_url, shared_data):
    """Golden values: hillstrom_email of ../shared/data/expected.json (numpy)."""
    expected = json.loads((shared_data / "expected.json").read_text())["hillstrom_email"]["arms"]
    database = Database(sqlite_url)
    with database.write() as session:
        store_experiment(session)
        store_audience(session, Audience())
        with gzip.open(shared_data / "hillstrom_email.csv.gz", "rt") as file:
            exposures, events = _rows_of(csv.DictReader(file))
        session.execute(insert(Exposure), exposures)
        session.execute(insert(Event), events)
    scope = Scope(1, 1, "test", "EUR", 14 * DAY_US, BEGAN_US + 60 * DAY_US, ("a", "b", "c"))
    measured = [metric(key) for key in ("click_rate", "purchase_rate", "revenue", "orders")]
    found = collect(
        source.source(sqlite_url), scope, measured, segments=["channel", "zip_code"], segmented=metric("click_rate")
    )
    for name, key in ARMS.items():
        arm = expected[name]
        clicks, revenue = found.metric_data["click_rate"][key], found.metric_data["revenue"][key]
        assert (clicks.n, clicks.successes) == (arm["n"], arm["visits"])
        assert clicks.mean == pytest.approx(arm["visit_rate"], abs=5e-11)
        assert found.metric_data["purchase_rate"][key].successes == arm["conversions"]
        assert found.metric_data["orders"][key].total == arm["conversions"]
        assert revenue.total == Decimal(str(arm["spend_sum"]))
        assert revenue.capped == 0
        variance = (revenue.total_squares - revenue.n * revenue.mean**2) / (revenue.n - 1)
        assert variance**0.5 == pytest.approx(arm["sd_spend"], rel=1e-9)
    assert {level for _, level in found.segment_data["channel"]} == {"Phone", "Web", "Multichannel"}
    database.close()


def _rows_of(customers) -> tuple[list[dict], list[dict]]:
    exposures, events = [], []
    for row in customers:
        unit = row["customer_no"]
        attributes = {name: row[name] for name in ("channel", "zip_code")}
        exposures.append(
            {
                "project_id": 1,
                "run_id": 1,
                "unit": unit,
                "variant": ARMS[row["segment"]],
                "at_us": BEGAN_US,
                "received_us": BEGAN_US,
                "origin": "randomised",
                "epoch": 1,
                "bot": False,
                "attributes": attributes,
            }
        )
        if row["visit"] == "1":
            events.append(_event(unit, "click", None))
        if Decimal(row["spend"]):
            events.append(_event(unit, "purchase", int(Decimal(row["spend"]) * 1_000_000)))
    return exposures, events


def _event(unit: str, kind: str, value: int | None) -> dict:
    at = BEGAN_US + DAY_US // 2
    currency = "EUR" if kind == "purchase" else None
    names = (
        "project_id",
        "id",
        "unit",
        "type",
        "at_us",
        "received_us",
        "value_micro",
        "currency",
        "experiment",
        "properties",
    )
    values = (1, f"{kind}-{unit}", unit, kind, at, at, value, currency, None, None)
    return dict(zip(names, values, strict=True))
