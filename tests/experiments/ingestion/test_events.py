"""Events: validation, error codes, and the exposures that they report."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.assignment.bucketing import bucket, pick
from experiments.assignment.configuration import LiveExperiment, LiveVariant, ProjectConfiguration
from experiments.assignment.exposure import is_bot, segment_attributes
from experiments.catalogue.currencies import CURRENCIES
from experiments.catalogue.event_types import EVENT_TYPES
from experiments.errors import InvalidError
from experiments.ingestion.events import bulk_insert, check_event, check_events
from experiments.ingestion.fields import EventLimits, to_micro

NOW = 1_764_000_000_000_000  # 2025-11-24T16:00:00Z
LIMITS = EventLimits(30 * 86_400_000_000, 300_000_000, "EUR")
VARIANTS = (LiveVariant("a", {}), LiveVariant("b", {}))
LIVE = LiveExperiment(
    id=1, project_id=1, key="spring", state="running", currency="CHF", variants=VARIANTS, run_id=7,
    run_number=1, seed="s",
    edges=(5000, 10_000), traffic_seed="t", segments=("country",), variant_of={held.key: held for held in VARIANTS},
)  # fmt: skip
DRAFT = LiveExperiment(id=2, project_id=1, key="draft", state="draft", currency="EUR")
OLD = LiveExperiment(
    id=3, project_id=1, key="old", state="archived", currency="EUR", run_id=9, run_number=1, seed="o", edges=(10_000,)
)
CONFIGURATION = ProjectConfiguration(1, {"spring": LIVE, "draft": DRAFT, "old": OLD})


def check(**fields):
    raw = {"id": "1", "unit": "u", "type": "click"} | fields
    raw = {name: value for name, value in raw.items() if value is not ...}
    return check_event(raw, now_us=NOW, limits=LIMITS, configuration=CONFIGURATION)


def test_an_event_without_a_time_gets_the_time_of_arrival():
    row = check()
    assert (row.id, row.unit, row.type, row.at_us, row.received_us) == ("1", "u", "click", NOW, NOW)
    assert set(row[6:]) == {None}


def test_a_purchase_is_exact_and_in_the_experiments_currency():
    row = check(
        type="purchase", value=Decimal("49.90"), experiment="spring", properties={"sku": "Ä1", "net": Decimal("41.93")}
    )
    assert (row.value_micro, row.currency, row.experiment) == (49_900_000, "CHF", "spring")
    assert json.loads(row.properties) == {"sku": "Ä1", "net": 41.93}
    assert check(type="purchase", value=3).currency == "EUR"


@pytest.mark.parametrize(
    "written",
    [
        "2025-11-24T15:59:59.5Z",
        "2025-11-24T16:59:59.500000+01:00",
        "2025-11-24 15:59:59.5+00:00",
        "2025-11-24t15:59:59.5z",
    ],
)
def test_times_are_read_in_every_zone(written):
    assert check(at=written).at_us == NOW - 500_000


@pytest.mark.parametrize("written", ["2025-11-24T15:58:60Z", "2025-11-24t16:58:60.0+01:00"])
def test_a_leap_second_is_the_first_of_the_next_minute(written):
    assert check(at=written).at_us == NOW - 60_000_000


LONG = "x" * 257
BAD = [
    ("field_unknown", {"timestamp": "2025-11-24T15:00:00Z"}, "properties"),
    ("id_missing", {"id": ...}, "reuse it"),
    ("id_missing", {"id": ""}, "UUID"),
    ("id_invalid", {"id": 7}, "quotes"),
    ("id_too_long", {"id": "x" * 129}, "129 characters, at most 128"),
    ("unit_missing", {"unit": ...}, "unit is missing"),
    ("unit_missing", {"unit": "  "}, "blank"),
    ("unit_too_long", {"unit": LONG}, "257 characters, at most 256"),
    ("unit_invalid", {"unit": 12}, "quotes"),
    ("unit_invalid", {"unit": "a\x00b"}, "control character"),
    ("unit_invalid", {"unit": "a\ud800"}, "half of a character"),
    ("unit_placeholder", {"unit": "undefined"}, "before the identifier is known"),
    ("unit_placeholder", {"unit": " NULL "}, "missing value"),
    ("unit_placeholder", {"unit": "NaN"}, "missing value"),
    ("unit_placeholder", {"unit": "[object Object]"}, "missing value"),
    ("unit_invalid", {"unit": "u-1\u200b"}, "invisible character"),
    ("unit_invalid", {"unit": "\ufeffu-1"}, "invisible character"),
    ("type_missing", {"type": None}, "click"),
    ("type_too_long", {"type": "x" * 65}, "at most 64"),
    ("time_invalid", {"at": "yesterday"}, "2026-11-23T08:00:00Z"),
    ("time_invalid", {"at": 1764000000}, "1764000000"),
    ("time_invalid", {"at": "٢٠٢٥-١١-٢٤T١٥:٠٠:٠٠Z"}, "2026-11-23T08:00:00Z"),
    ("value_invalid", {"type": "purchase", "value": "1_000"}, "not a number"),
    ("value_invalid", {"type": "purchase", "value": "١٢"}, "not a number"),
    ("time_without_zone", {"at": "2025-11-24T15:00:00"}, "no time zone"),
    ("time_in_future", {"at": "2025-11-24T16:05:01Z"}, "301 seconds ahead of the server's clock, the maximum is 300"),
    ("time_too_old", {"at": "2025-10-24T16:00:00Z"}, "31.0 days ago, the maximum is 30 days"),
    ("value_missing", {"type": "purchase"}, "amount paid"),
    ("value_missing", {"type": "dwell"}, "seconds"),
    ("value_negative", {"type": "purchase", "value": Decimal("-0.01")}, "the least is 0"),
    ("value_invalid", {"type": "purchase", "value": True}, "true is not a number"),
    ("value_invalid", {"type": "purchase", "value": "cheap"}, "'cheap' is not a number"),
    ("value_invalid", {"type": "purchase", "value": "NaN"}, "not a number"),
    ("value_invalid", {"type": "purchase", "value": [1]}, "not a number"),
    ("value_too_fine", {"type": "purchase", "value": Decimal("0.0000001")}, "more than 6 decimals"),
    ("value_out_of_range", {"type": "purchase", "value": 1_000_000_001}, "beyond ±1,000,000,000"),
    ("value_out_of_range", {"type": "dwell", "value": -1}, "0 to 604,800"),
    ("value_out_of_range", {"type": "dwell", "value": 604_801}, "604,800"),
    ("value_out_of_range", {"type": "review", "value": 0}, "1 to 5"),
    ("value_out_of_range", {"type": "review", "value": Decimal("5.5")}, "1 to 5"),
    ("value_unexpected", {"type": "exposure", "experiment": "spring", "value": 1}, "omit it"),
    ("type_misspelt", {"type": "Purchase", "value": 1}, "Send 'purchase'"),
    ("sentiment_invalid", {"type": "mention", "properties": {"sentiment": Decimal("1.01")}}, "from -1 to 1"),
    ("sentiment_invalid", {"type": "mention", "properties": {"sentiment": "good"}}, "a number"),
    ("reach_invalid", {"type": "mention", "properties": {"reach": -1}}, "from 0"),
    ("currency_invalid", {"type": "purchase", "value": 1, "currency": "euro"}, "ISO 4217"),
    ("currency_invalid", {"type": "purchase", "value": 1, "currency": "XXQ"}, "not an ISO 4217 code"),
    ("currency_invalid", {"type": "purchase", "value": 1, "currency": 978}, "EUR"),
    ("currency_wrong", {"type": "purchase", "value": 1, "currency": "EUR", "experiment": "spring"}, "uses CHF"),
    ("experiment_unknown", {"experiment": "autumn"}, "'autumn'"),
    ("experiment_unknown", {"experiment": ["spring"]}, "check the key"),
    ("experiment_missing", {"type": "exposure"}, "has no experiment"),
    ("experiment_not_launched", {"type": "exposure", "experiment": "draft"}, "launch it first"),
    ("properties_invalid", {"properties": [1]}, "JSON object"),
    ("properties_invalid", {"properties": {"a": "\x00"}}, "NUL"),
    ("properties_invalid", {"properties": {"a": "\ud800"}}, "cannot be stored"),
    ("properties_invalid", {"properties": {"a": Decimal("1e999")}}, "cannot be stored"),
    ("properties_too_large", {"properties": {"a": "ä" * 20_000}}, "the maximum is 32,768"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "fields", "words"), BAD, ids=[f"{code} {n}" for n, (code, *_) in enumerate(BAD)])
def test_an_invalid_event_is_refused_with_its_code_and_bound(code, fields, words):
    with pytest.raises(InvalidError) as refused:
        check(**fields)
    assert refused.value.code == code
    assert words in refused.value.detail
    refused.value.detail.encode()  # the response is UTF-8


def test_a_backslash_that_only_looks_like_nul_is_kept():
    assert json.loads(check(properties={"a": "\\u0000"}).properties) == {"a": "\\u0000"}


def test_an_invalid_event_does_not_affect_the_others():
    good = {"id": "1", "unit": "u", "type": "click"}
    raws = [good, "no event", {"id": "2", "unit": "", "type": "x"}, {"id": "3", "unit": "u", "type": "own name"}]
    checked = check_events(raws, now_us=NOW, limits=LIMITS, configuration=CONFIGURATION)
    assert [row.id for row in checked.rows] == ["1", "3"]
    assert [(entry["index"], entry["code"]) for entry in checked.rejected] == [
        (1, "not_an_object"),
        (2, "unit_missing"),
    ]


def test_an_unexpected_error_of_an_event_does_not_affect_the_others(monkeypatch, caplog):
    def stumble(row, properties, live):
        raise IndexError("tuple index out of range")

    monkeypatch.setattr("experiments.ingestion.events._offer", stumble)
    raws = [
        {"id": "1", "unit": "u", "type": "click"},
        {"id": "2", "unit": "u", "type": "exposure", "experiment": "spring"},
        {"id": "3", "unit": "u", "type": "click", "experiment": "old"},
    ]
    checked = check_events(raws, now_us=NOW, limits=LIMITS, configuration=CONFIGURATION)
    assert [row.id for row in checked.rows] == ["1", "3"]
    assert [(entry["index"], entry["code"]) for entry in checked.rejected] == [(1, "internal")]
    assert "Send this event again" in checked.rejected[0]["detail"] and "IndexError" in caplog.text


def exposure(properties):
    raw = {"id": "1", "unit": "u", "type": "exposure", "experiment": "spring", "properties": properties}
    return check_events([raw, raw], now_us=NOW, limits=LIMITS, configuration=CONFIGURATION)


def test_an_exposure_event_offers_the_variant_that_the_server_would_assign():
    assigned = VARIANTS[pick(LIVE.edges, bucket("s", "u"))].key
    (offer,) = exposure(
        {"variant": "b", "attributes": {"country": "DE", "secret": 1}}
    ).offers  # once, though it came twice
    assert (offer.row.run_id, offer.row.variant, offer.reported, offer.eligible) == (7, assigned, "b", True)
    assert offer.row.attributes == '{"country":"DE"}'
    assert exposure({}).offers[0].reported is None


def test_an_exposure_to_an_unknown_variant_is_rejected():
    checked = exposure({"variant": "z"})
    assert checked.rows == [] and checked.offers == []
    assert {entry["code"] for entry in checked.rejected} == {"variant_unknown"}
    assert "a, b" in checked.rejected[0]["detail"]


def test_crawlers_are_recognised():
    assert is_bot({"bot": True})
    assert is_bot({"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"})
    assert is_bot({"user_agent": "facebookexternalhit/1.1"})
    assert not is_bot({"bot": "yes", "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"})


def test_only_plain_values_of_segments_are_stored():
    kept = segment_attributes(
        {"a": "x", "b": [1], "c": 1.5, "d": True, "e": float("nan"), "f": None}, ("a", "b", "c", "d", "e", "f")
    )
    assert json.loads(kept) == {"a": "x", "c": 1.5, "d": True}


@given(st.decimals(-1_000_000_000, 1_000_000_000, places=6))
def test_money_is_exact_to_six_decimals(amount):
    assert Decimal(to_micro(amount)).scaleb(-6) == amount
    assert to_micro(str(amount)) == to_micro(amount)


@given(st.integers(-(10**9), 10**9), st.floats(allow_nan=True, allow_infinity=True))
def test_numbers_are_exact_or_refused(whole, fraction):
    assert to_micro(whole) == whole * 1_000_000
    try:
        micro = to_micro(fraction)
    except InvalidError:
        return
    assert Decimal(micro).scaleb(-6) == Decimal(repr(fraction))


def test_every_event_type_is_described():
    assert all(kind.description.endswith(".") and kind.name and kind.value.meaning for kind in EVENT_TYPES)
    assert len({kind.key for kind in EVENT_TYPES}) == len(EVENT_TYPES)
    assert bulk_insert(None, []) == 0  # type: ignore[arg-type]


@given(st.sampled_from(sorted(CURRENCIES)), st.lists(st.booleans(), min_size=3, max_size=3))
def test_the_case_of_a_currency_makes_no_difference(code, capitals):
    written = "".join(letter if capital else letter.lower() for letter, capital in zip(code, capitals, strict=True))
    assert check(type="purchase", value=5, currency=written) == check(type="purchase", value=5, currency=code)
