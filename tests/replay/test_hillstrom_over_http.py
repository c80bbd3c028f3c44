"""Real customers replayed against the running product: what its results say is what was sent, exactly.

Replay by rejection (Li, Chu, Langford and Wang 2011, "Unbiased offline evaluation"): each customer of the Hillstrom
e-mail test asks for a variant; where Klette's choice is the e-mail that this customer really got, the customer is
exposed and their real outcomes are logged. About a third are, and they are a random third.
"""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice

import httpx
import pytest

from tests.load.client import drive, request_bytes

CUSTOMERS = 64_000
VARIANTS = {"No E-Mail": "none", "Mens E-Mail": "mens", "Womens E-Mail": "womens"}
_BATCH = 500


def definition() -> dict:
    shares = {"none": 0.3329, "mens": 0.3329, "womens": 0.3342}
    return {
        "key": "hillstrom-replay",
        "name": "Hillstrom replayed",
        "variants": [
            {"key": key, "name": name, "control": key == "none", "weight": shares[key], "content": {"headline": name}}
            for name, key in VARIANTS.items()
        ],
        "primary_metric": "click_rate",
        "metrics": ["click_rate", "purchase_rate", "revenue", "orders"],
        "guardrails": [],
        "currency": "USD",
        "window_days": 14,
    }


@pytest.fixture(scope="module")
def customers(shared_data) -> list[dict[str, str]]:
    with gzip.open(shared_data / "hillstrom_email.csv.gz", "rt", newline="") as file:
        return list(islice(csv.DictReader(file), CUSTOMERS))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_count_in_the_results_equals_what_was_sent(live_server, customers: list[dict[str, str]]) -> None:
    key = live_server.klette("key", "create", "--kind", "server", "--name", "replay").stdout.strip()
    headers = {"Authorization": f"Bearer {key}"}
    limits = httpx.Limits(max_connections=16, max_keepalive_connections=16)
    with httpx.Client(base_url=live_server.url, headers=headers, limits=limits, timeout=30, trust_env=False) as api:
        _until_known(api)
        assert api.post("/api/v1/experiments", json=definition()).status_code == 201
        assert api.post("/api/v1/experiments/hillstrom-replay/launch").status_code == 200
        _until_assigned(api)
        chosen = _assign(live_server, key, customers)
        hits = [
            (customer, variant)
            for customer, variant in zip(customers, chosen, strict=True)
            if variant == VARIANTS[customer["segment"]]
        ]
        sent = _log(api, hits)
        made = live_server.klette("analyse", "hillstrom-replay", "--no-segments")
        assert made.returncode == 0, made.stderr
        result = api.get("/api/v1/experiments/hillstrom-replay/results").json()

    assert abs(len(hits) / len(customers) - 1 / 3) < 0.01
    assert result["units"]["randomised"] == len(hits)
    assert result["units"]["excluded"] == {"multi_exposed": 0, "bots": 0}
    assert next(check for check in result["health"] if check["check"] == "srm")["status"] == "ok"
    found = {
        (metric["metric"], row["variant"]): (row["n"], row["total"])
        for metric in result["metrics"]
        for row in metric["variants"]
    }
    for variant in VARIANTS.values():
        members = sent["members", variant]
        assert found["click_rate", variant] == (members, sent["clicked", variant])
        assert found["purchase_rate", variant] == (members, sent["bought", variant])
        assert found["orders", variant] == (members, sent["bought", variant])
        n, total = found["revenue", variant]
        assert (n, Decimal(str(total))) == (members, Decimal(sent["cents", variant]) / 100)


def _until_known(api: httpx.Client) -> None:
    # A key made on the command line is noticed within a second, by every process.
    _until(lambda: api.get("/api/v1/experiments").status_code == 200)


def _until_assigned(api: httpx.Client) -> None:
    _until(lambda: _variant_of(api, "nobody") is not None)


def _until(holds) -> None:  # type: ignore[no-untyped-def]
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    streak = 0
    while streak < 20:
        streak = streak + 1 if holds() else 0
        assert datetime.now(UTC) < deadline, "the server does not notice within 10 seconds"


def _variant_of(api: httpx.Client, unit: str) -> str | None:
    body = {"unit": unit, "experiments": ["hillstrom-replay"], "expose": False}
    answer = api.post("/api/v1/assign", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["assignments"].get("hillstrom-replay", {}).get("variant")


def _assign(live_server, key: str, customers: list[dict[str, str]]) -> list[str | None]:  # type: ignore[no-untyped-def]
    """The variant of each customer, asked for over many connections at once."""
    address = ("127.0.0.1", live_server.port)
    chosen: list[str | None] = [None] * len(customers)

    def requests() -> Iterator[tuple[object, bytes]]:
        for place, customer in enumerate(customers):
            body = {"unit": customer["customer_no"], "experiments": ["hillstrom-replay"], "expose": False}
            yield (
                place,
                request_bytes(
                    "POST",
                    "/api/v1/assign",
                    f"127.0.0.1:{live_server.port}",
                    json.dumps(body).encode(),
                    {"Authorization": f"Bearer {key}"},
                ),
            )

    def keep(place: object, status: int, body: bytes) -> None:
        assert status == 200, body
        chosen[place] = json.loads(body)["assignments"]["hillstrom-replay"]["variant"]  # type: ignore[call-overload]

    outcome = drive(address, requests(), seconds=400, connections=32, on_answer=keep)
    assert (outcome.answered, outcome.broken) == (len(customers), 0)
    return chosen


def _log(api: httpx.Client, hits: list[tuple[dict[str, str], str]]) -> Counter:
    """Log exposures and real outcomes; what was sent, by kind and variant."""
    sent: Counter = Counter()
    exposed_at = datetime.now(UTC)  # after the launch: an exposure before it makes no member
    events = []
    for customer, variant in hits:
        number = customer["customer_no"]
        sent["members", variant] += 1
        exposure = {"type": "exposure", "experiment": "hillstrom-replay", "properties": {"variant": variant}}
        events.append(exposure | {"id": f"{number}:0", "unit": number, "at": _rfc(exposed_at)})
        if customer["visit"] == "1":
            sent["clicked", variant] += 1
            events.append({"type": "click", "id": f"{number}:1", "unit": number, "at": _rfc(exposed_at)})
        if Decimal(customer["spend"]) > 0:
            assert customer["conversion"] == "1"
            sent["bought", variant] += 1
            sent["cents", variant] += int(Decimal(customer["spend"]) * 100)
            money = {"type": "purchase", "value": float(customer["spend"]), "currency": "USD"}
            later = _rfc(exposed_at + timedelta(seconds=1))
            events.append(money | {"id": f"{number}:2", "unit": number, "at": later})
    for begin in range(0, len(events), _BATCH):
        batch = events[begin : begin + _BATCH]
        answer = api.post("/api/v1/events", json={"events": batch}).json()
        assert answer == {"accepted": len(batch), "duplicates": 0, "rejected": [], "warnings": []}
    # The same calls again, as after a lost answer: nothing is counted twice.
    again = api.post("/api/v1/events", json={"events": events[:_BATCH]}).json()
    assert again == {"accepted": 0, "duplicates": _BATCH, "rejected": [], "warnings": []}
    return sent


def _rfc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
