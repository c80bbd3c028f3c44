"""Orders in another currency than the experiment's, sent over HTTP: they never give a confident verdict."""

from datetime import timedelta

import pytest

from experiments.analyses.run import analyse
from experiments.storage.tables import utc_now
from tests.web.api.calls import DEFINITION, Api, make_key
from tests.web.api.test_outside_exposures import iso

MEMBERS = 2000


def sold(api: Api, foreign: str, **fields: object) -> dict:
    """Return the results of a test whose variants sell alike; a third of B's orders are in `foreign`."""
    server = make_key(api.database, "server")
    definition = DEFINITION | {"key": "shop", "currency": "EUR", "metrics": ["revenue", "purchase_rate"]} | fields
    assert api.post("/api/v1/experiments", definition, key=server).status_code == 201
    assert api.post("/api/v1/experiments/shop/launch", {}, key=server).status_code == 200
    api.app.extensions["klette"].get().configuration.forget()
    chosen = [api.assign(f"c{n}", experiments=["shop"])["shop"]["variant"] for n in range(MEMBERS)]
    at = utc_now()
    orders = [
        {"id": f"o{n}", "unit": f"c{n}", "type": "purchase", "value": 50, "at": iso(at), "currency": currency}
        for n in range(0, MEMBERS, 3)
        for currency in [foreign if chosen[n] == "b" and n % 9 == 0 else "EUR"]
    ]
    answer = api.post("/api/v1/events", {"events": orders}, key=server).json
    assert (answer["accepted"], answer["rejected"]) == (len(orders), [])
    cut_off = round((at + timedelta(minutes=1)).timestamp() * 1e6)
    analyse(api.database, "shop", cut_off_us=cut_off, with_models=False)
    results = api.client.get("/api/v1/experiments/shop/results", headers={"Authorization": f"Bearer {server}"})
    found = sum(order["currency"] not in ("EUR", "eur") for order in orders)
    return results.json | {"foreign": found, "orders": len(orders)}


def currency_check(answer: dict) -> dict | None:
    return next((check for check in answer["health"] if check["check"] == "currency"), None)


@pytest.mark.parametrize(
    "rests_on",
    [{"primary_metric": "revenue"}, {"primary_metric": "purchase_rate", "guardrails": ["revenue"]}],
    ids=["primary", "guardrail"],
)
@pytest.mark.parametrize("foreign", ["CHF", "chf"])
def test_a_verdict_on_money_is_untrusted_where_a_thirds_of_bs_orders_are_in_francs(api, foreign, rests_on):
    answer = sold(api, foreign, **rests_on)
    check = currency_check(answer)
    assert answer["foreign"] > 50
    assert answer["verdict"]["decision"] == "untrusted"
    assert (check["status"], check["value"]) == ("fail", answer["foreign"] / answer["orders"])
    assert "CHF" in check["detail"] and str(answer["foreign"]) in check["detail"]


def test_the_same_orders_only_warn_where_no_money_decides(api):
    answer = sold(api, "CHF", primary_metric="purchase_rate", guardrails=[])
    assert currency_check(answer)["status"] == "warn"
    assert answer["verdict"]["decision"] not in ("untrusted", "stop_harm")


def test_the_experiments_currency_in_lower_case_is_not_another_one(api):
    answer = sold(api, "eur", primary_metric="revenue")
    assert currency_check(answer) is None
    assert answer["verdict"]["decision"] != "untrusted"
    totals = [row["total"] for entry in answer["metrics"] if entry["metric"] == "revenue" for row in entry["variants"]]
    assert sum(totals) == 50 * answer["orders"]
