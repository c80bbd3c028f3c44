"""Definitions: every invalid value is refused with its path, bound and remedy."""

import json

import pytest

from experiments.catalogue.event_types import meant
from experiments.definition.model import read_definition, read_patch
from experiments.errors import InvalidError
from tests.definitions import definition, with_variant
from tests.snapshots import matches

NAN, INFINITE = float("nan"), float("inf")


def errors(raw: dict) -> dict[str, str]:
    with pytest.raises(InvalidError) as caught:
        read_definition(raw)
    assert caught.value.detail
    return caught.value.fields


def weights(*values: float) -> dict:
    keys = "abcdefghij"
    variants = [{"key": keys[i], "weight": value, "control": i == 0} for i, value in enumerate(values)]
    return definition(variants=variants)


def test_the_defaults_match_the_contract():
    read = read_definition(definition())
    assert read.primary_metric == "sticky_rate"
    assert read.guardrails == ["negative_rate"]
    assert (read.traffic, read.window_days, read.minimum_members, read.threshold_of_caring) == (1.0, 7, 100, 0.01)
    assert read.targeting is None and read.namespace is None and read.segments == []


INVALID = [
    ("key", definition(key="Spring 1")),
    ("key", definition(key="x" * 65)),
    ("key", definition(key="")),
    ("key", definition(key="spring\n")),
    ("key", definition(key=None)),
    ("name", definition(name="   ")),
    ("name", definition(name="x" * 121)),
    ("name", definition(name="a\x00b")),
    ("name", definition(name="\ud800")),
    ("name", definition(name="two\nlines")),
    ("hypothesis", definition(hypothesis="x" * 2001)),
    ("variants", definition(variants=[])),
    ("variants", definition(variants=[{"key": "a", "weight": 1, "control": True}])),
    ("variants", definition(variants="ab")),
    ("variants", weights(0.5, 0.6)),
    ("variants", weights(0.5, 0.4999)),
    ("variants", with_variant(0, control=False)),
    ("variants", with_variant(1, control=True)),
    ("variants.1.key", with_variant(1, key="a")),
    ("variants.1.weight", with_variant(1, weight=0)),
    ("variants.1.weight", with_variant(1, weight=-1)),
    ("variants.1.weight", with_variant(1, weight=1.5)),
    ("variants.1.weight", with_variant(1, weight=NAN)),
    ("variants.1.weight", with_variant(1, weight=INFINITE)),
    ("variants.1.weight", with_variant(1, weight=True)),
    ("variants.1.weight", with_variant(1, weight=10**400)),
    ("variants.1.weight", with_variant(1, weight=None)),
    ("variants.1.content.headline", with_variant(1, content={"headline": "x" * 301})),
    ("variants.1.content.nonsense", with_variant(1, content={"nonsense": 1})),
    ("variants.1.content.custom", with_variant(1, content={"custom": {"a": NAN}})),
    ("variants.1.content.custom", with_variant(1, content={"custom": {"a": "x" * 17_000}})),
    ("variants.1.content.custom", with_variant(1, content={"custom": {"a": "\x00"}})),
    ("variants.1.content.custom", with_variant(1, content={"custom": {"a": "\ud800"}})),
    ("variants.1.cost.fixed", with_variant(1, cost={"fixed": -1})),
    ("variants.1.cost.per_thousand", with_variant(1, cost={"per_thousand": NAN})),
    ("variants.1.cost.fixed", with_variant(1, cost={"fixed": "0.1234567"})),
    ("variants.1.cost.fixed", with_variant(1, cost={"fixed": 1e12})),
    ("variants.1.cost.currency", with_variant(1, cost={"fixed": 1, "currency": "euro"})),
    ("variants.1.cost.currency", with_variant(1, cost={"fixed": 1, "currency": "XXX"})),
    ("variants.1.cost.currency", with_variant(1, cost={"currency": "USD"}) | {"currency": "EUR"}),
    ("currency", definition(currency="Euro")),
    ("primary_metric", definition(primary_metric="clicks")),
    ("metrics.1", definition(metrics=["click_rate", "nonsense"])),
    ("metrics", definition(metrics=["click_rate", "click_rate"])),
    ("guardrails", definition(primary_metric="click_rate", guardrails=["click_rate"])),
    ("primary_metric", definition(primary_metric="k_factor")),
    ("guardrails", definition(guardrails=["negative_rate", "half_life"])),
    ("traffic", definition(traffic=1.01)),
    ("traffic", definition(traffic=-0.1)),
    ("traffic", definition(traffic=0.00001)),
    ("traffic", definition(traffic=NAN)),
    ("namespace.from", definition(namespace={"key": "home", "from": -0.1, "to": 1})),
    ("namespace.to", definition(namespace={"key": "home", "from": 0.5, "to": 0.5})),
    ("namespace.key", definition(namespace={"key": "Home!"})),
    ("window_days", definition(window_days=0)),
    ("window_days", definition(window_days=91)),
    ("window_days", definition(window_days=7.5)),
    ("segments", definition(segments=["a", "b", "c", "d", "e", "f", "g", "h", "i"])),
    ("segments.0", definition(segments=["two words"])),
    ("planned_days", definition(planned_days=0)),
    ("minimum_members", definition(minimum_members=0)),
    ("action_values.shre.[key]", definition(action_values={"shre": 2})),
    ("action_values.purchse.[key]", definition(action_values={"purchse": 2})),
    ("action_values.Click.[key]", definition(action_values={"Click": 2})),
    ("threshold_of_caring", definition(threshold_of_caring=0)),
    ("starts_at", definition(starts_at="2026-11-23T08:00:00")),
    ("starts_at", definition(starts_at=1_800_000_000)),
    ("starts_at", definition(starts_at="soon")),
    ("ends_at", definition(starts_at="2026-11-24T00:00:00Z", ends_at="2026-11-23T00:00:00Z")),
    ("starts_at", definition(starts_at="9999-12-31T23:59:59-12:00")),
    (
        "targeting.all.1.in",
        definition(targeting={"all": [{"attribute": "age", "at_least": 18}, {"attribute": "country", "in": []}]}),
    ),
    ("colour", definition(colour="red")),
]


@pytest.mark.parametrize(("path", "raw"), INVALID)
def test_an_invalid_value_is_refused_by_its_path(path, raw):
    assert path in errors(raw)


def test_the_messages_of_invalid_values():
    matches("experiments/definition/model", "\n".join(f"{path}: {errors(raw)[path]}" for path, raw in INVALID))


def test_all_errors_are_reported_together():
    raw = with_variant(1, weight=2) | {"window_days": 0, "traffic": 3}
    assert set(errors(raw)) == {"variants.1.weight", "window_days", "traffic"}


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example/x",
        "/\\evil.example",
        "https://",
        "https:///path",
        "http:evil",
        "https://a b.example",
        "spring.html",
        "https://user@",
    ],
)
@pytest.mark.parametrize("field", ["link_url", "image_url"])
def test_an_unsafe_address_is_refused(field, address):
    assert f"variants.0.content.{field}" in errors(with_variant(0, content={field: address}))


@pytest.mark.parametrize(
    "address", ["", "https://shop.example/a?b=c#d", "http://localhost:3000", "/spring", "mailto:a@b.de"]
)
def test_a_safe_link_is_accepted(address):
    read = read_definition(with_variant(0, content={"link_url": address}))
    assert read.variants[0].content.link_url == address


@pytest.mark.parametrize("raw", [None, [], "x", 3])
def test_a_value_that_is_not_an_object_is_refused(raw):
    with pytest.raises(InvalidError, match="JSON object"):
        read_definition(raw)


def test_thirds_add_up_to_one():
    assert len(read_definition(weights(1 / 3, 1 / 3, 1 / 3)).variants) == 3
    assert len(read_definition(weights(*[0.1] * 10)).variants) == 10


def test_messages_stay_short_for_large_input():
    with pytest.raises(InvalidError) as caught:
        read_definition(definition(key="x" * 1_000_000, name=["y"] * 100_000))
    assert len(json.dumps(caught.value.fields)) < 2_000


def test_an_edit_refuses_null_for_fields_that_need_a_value():
    with pytest.raises(InvalidError) as caught:
        read_patch({"name": None, "targeting": None, "ends_at": None})
    assert set(caught.value.fields) == {"name"}


def test_an_edit_cannot_change_the_key():
    with pytest.raises(InvalidError) as caught:
        read_patch({"key": "other"})
    assert set(caught.value.fields) == {"key"}


def test_a_reserved_key_is_refused():
    with pytest.raises(InvalidError) as caught:
        read_definition(definition(key="new"))
    assert list(caught.value.fields) == ["key"]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("purchse", "purchase"),
        ("pruchase", "purchase"),
        ("purchases", "purchase"),
        ("clcik", "click"),
        ("shares", "share"),
        ("View", "view"),
        ("negativ", "negative"),
        ("unsubscribe", "negative"),
        ("bought", "purchase"),
        ("purchase", None),
        ("preview", None),
        ("save", None),
        ("trial started", None),
        ("signup", None),
        ("renew", None),
        ("order", None),
        ("commitment", None),
    ],
)
def test_a_misspelled_event_type_is_recognised_and_a_custom_name_is_not(name, known):
    assert meant(name) == known


def test_a_custom_event_type_can_have_a_value():
    made = read_definition(definition(action_values={"trial started": 12, "signup": 3}))
    assert made.action_values == {"trial started": 12, "signup": 3}


def test_default_guardrails_stay_unless_they_are_emptied_or_the_primary_metric():
    assert read_definition(definition(metrics=["click_rate"])).guardrails == ["negative_rate"]
    assert read_definition(definition(guardrails=[])).guardrails == []
    assert read_definition(definition(primary_metric="negative_rate")).guardrails == []


def test_a_currency_in_lower_case_is_read_as_upper_case():
    assert read_definition(definition(currency="chf")).currency == "CHF"
