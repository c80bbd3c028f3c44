"""What an experiment may be made of: every bad value is refused with its place, its bound and a remedy."""

import json

import pytest

from experiments.catalogue.event_types import meant
from experiments.definition.model import read_definition, read_patch
from experiments.errors import InvalidError
from tests.definitions import definition, with_variant

NAN, INFINITE = float("nan"), float("inf")


def faults(raw: dict) -> dict[str, str]:
    with pytest.raises(InvalidError) as caught:
        read_definition(raw)
    assert caught.value.detail
    return caught.value.fields


def weights(*values: float) -> dict:
    keys = "abcdefghij"
    variants = [{"key": keys[i], "weight": value, "control": i == 0} for i, value in enumerate(values)]
    return definition(variants=variants)


def test_the_defaults_are_those_of_the_contract():
    read = read_definition(definition())
    assert read.primary_metric == "sticky_rate"
    assert read.guardrails == ["negative_rate"]
    assert (read.traffic, read.window_days, read.minimum_members, read.threshold_of_caring) == (1.0, 7, 100, 0.01)
    assert read.targeting is None and read.namespace is None and read.segments == []


@pytest.mark.parametrize(
    ("path", "raw", "words"),
    [
        ("key", definition(key="Spring 1"), "small letters"),
        ("key", definition(key="x" * 65), "1 to 64"),
        ("key", definition(key=""), "1 to 64"),
        ("key", definition(key="spring\n"), "is no key"),
        ("key", definition(key=None), "is no text"),
        ("name", definition(name="   "), "is empty"),
        ("name", definition(name="x" * 121), "at most 120"),
        ("name", definition(name="a\x00b"), "control character"),
        ("name", definition(name="\ud800"), "Unicode"),
        ("name", definition(name="two\nlines"), "one line"),
        ("hypothesis", definition(hypothesis="x" * 2001), "at most 2000"),
        ("variants", definition(variants=[]), "at least 2"),
        ("variants", definition(variants=[{"key": "a", "weight": 1, "control": True}]), "at least 2"),
        ("variants", definition(variants="ab"), "a list"),
        ("variants", weights(0.5, 0.6), "add up to 1.1 (0.5 + 0.6)"),
        ("variants", weights(0.5, 0.4999), "add up to 0.9999"),
        ("variants", with_variant(0, control=False), "none is"),
        ("variants", with_variant(1, control=True), "2 are (a, b)"),
        ("variants.1.key", with_variant(1, key="a"), "already the key of variant A"),
        ("variants.1.weight", with_variant(1, weight=0), "at least 0.0001"),
        ("variants.1.weight", with_variant(1, weight=-1), "at least 0.0001"),
        ("variants.1.weight", with_variant(1, weight=1.5), "at most 1"),
        ("variants.1.weight", with_variant(1, weight=NAN), "nan is not finite"),
        ("variants.1.weight", with_variant(1, weight=INFINITE), "inf is not finite"),
        ("variants.1.weight", with_variant(1, weight=True), "true is no number"),
        ("variants.1.weight", with_variant(1, weight=10**400), "is no number"),
        ("variants.1.weight", with_variant(1, weight=None), "null is no number"),
        ("variants.1.content.headline", with_variant(1, content={"headline": "x" * 301}), "at most 300"),
        ("variants.1.content.nonsense", with_variant(1, content={"nonsense": 1}), "is no field here"),
        ("variants.1.content.custom", with_variant(1, content={"custom": {"a": NAN}}), "JSON cannot carry"),
        ("variants.1.content.custom", with_variant(1, content={"custom": {"a": "x" * 17_000}}), "at most 16,384"),
        ("variants.1.content.custom", with_variant(1, content={"custom": {"a": "\x00"}}), "U+0000"),
        ("variants.1.content.custom", with_variant(1, content={"custom": {"a": "\ud800"}}), "JSON cannot carry"),
        ("variants.1.cost.fixed", with_variant(1, cost={"fixed": -1}), "at least 0"),
        ("variants.1.cost.per_thousand", with_variant(1, cost={"per_thousand": NAN}), "not finite"),
        ("variants.1.cost.fixed", with_variant(1, cost={"fixed": "0.1234567"}), "6 decimal places"),
        ("variants.1.cost.fixed", with_variant(1, cost={"fixed": 1e12}), "at most 1000000000"),
        ("variants.1.cost.currency", with_variant(1, cost={"fixed": 1, "currency": "eur"}), "is no currency"),
        ("variants.1.cost.currency", with_variant(1, cost={"fixed": 1, "currency": "XXX"}), "is no currency"),
        ("variants.1.cost.currency", with_variant(1, cost={"currency": "USD"}) | {"currency": "EUR"}, "to EUR"),
        ("currency", definition(currency="Euro"), "is no currency"),
        ("primary_metric", definition(primary_metric="clicks"), "choose one of"),
        ("metrics.1", definition(metrics=["click_rate", "nonsense"]), "choose one of"),
        ("metrics", definition(metrics=["click_rate", "click_rate"]), "twice"),
        ("guardrails", definition(primary_metric="click_rate", guardrails=["click_rate"]), "primary metric already"),
        ("primary_metric", definition(primary_metric="k_factor"), "no verdict can rest on it"),
        ("guardrails", definition(guardrails=["negative_rate", "half_life"]), "half_life is told, but no verdict"),
        ("traffic", definition(traffic=1.01), "at most 1"),
        ("traffic", definition(traffic=-0.1), "at least 0"),
        ("traffic", definition(traffic=0.00001), "at least 0.0001"),
        ("traffic", definition(traffic=NAN), "not finite"),
        ("namespace.from", definition(namespace={"key": "home", "from": -0.1, "to": 1}), "at least 0"),
        ("namespace.to", definition(namespace={"key": "home", "from": 0.5, "to": 0.5}), "must lie above"),
        ("namespace.key", definition(namespace={"key": "Home!"}), "small letters"),
        ("window_days", definition(window_days=0), "at least 1"),
        ("window_days", definition(window_days=91), "at most 90"),
        ("window_days", definition(window_days=7.5), "whole number"),
        ("segments", definition(segments=["a", "b", "c", "d", "e", "f", "g", "h", "i"]), "at most 8"),
        ("segments.0", definition(segments=["two words"]), "attribute name"),
        ("planned_days", definition(planned_days=0), "at least 1"),
        ("minimum_members", definition(minimum_members=0), "at least 1"),
        (
            "action_values.shre.[key]",
            definition(action_values={"shre": 2}),
            "'shre' is no event type, but nearly share",
        ),
        ("action_values.shre.[key]", definition(action_values={"shre": 2}), "view, click, dwell, share, comment"),
        ("action_values.purchse.[key]", definition(action_values={"purchse": 2}), "leave it out and set margin"),
        ("action_values.Click.[key]", definition(action_values={"Click": 2}), "write click"),
        ("threshold_of_caring", definition(threshold_of_caring=0), "more than 0"),
        ("starts_at", definition(starts_at="2026-11-23T08:00:00"), "no time zone"),
        ("starts_at", definition(starts_at=1_800_000_000), "write it as"),
        ("starts_at", definition(starts_at="soon"), "write it as"),
        ("ends_at", definition(starts_at="2026-11-24T00:00:00Z", ends_at="2026-11-23T00:00:00Z"), "after starts_at"),
        ("starts_at", definition(starts_at="9999-12-31T23:59:59-12:00"), "outside the calendar"),
        (
            "targeting.all.1.in",
            definition(targeting={"all": [{"attribute": "age", "at_least": 18}, {"attribute": "country", "in": []}]}),
            "at least one value",
        ),
        ("colour", definition(colour="red"), "The fields are: key, name"),
    ],
)
def test_a_bad_value_is_refused_at_its_place(path, raw, words):
    found = faults(raw)
    assert path in found, found
    assert words in found[path]


def test_every_fault_is_told_at_once():
    raw = with_variant(1, weight=2) | {"window_days": 0, "traffic": 3}
    assert set(faults(raw)) == {"variants.1.weight", "window_days", "traffic"}


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
    assert f"variants.0.content.{field}" in faults(with_variant(0, content={field: address}))


@pytest.mark.parametrize(
    "address", ["", "https://shop.example/a?b=c#d", "http://localhost:3000", "/spring", "mailto:a@b.de"]
)
def test_a_safe_link_is_taken(address):
    read = read_definition(with_variant(0, content={"link_url": address}))
    assert read.variants[0].content.link_url == address


@pytest.mark.parametrize("raw", [None, [], "x", 3])
def test_what_is_no_object_is_refused(raw):
    with pytest.raises(InvalidError, match="must be a JSON object"):
        read_definition(raw)


def test_thirds_add_up_to_one():
    assert len(read_definition(weights(1 / 3, 1 / 3, 1 / 3)).variants) == 3
    assert len(read_definition(weights(*[0.1] * 10)).variants) == 10


def test_messages_stay_short_whatever_came():
    with pytest.raises(InvalidError) as caught:
        read_definition(definition(key="x" * 1_000_000, name=["y"] * 100_000))
    assert len(json.dumps(caught.value.fields)) < 2_000


def test_an_edit_refuses_null_where_null_means_nothing():
    with pytest.raises(InvalidError) as caught:
        read_patch({"name": None, "targeting": None, "ends_at": None})
    assert set(caught.value.fields) == {"name"}


def test_an_edit_cannot_change_the_key():
    with pytest.raises(InvalidError) as caught:
        read_patch({"key": "other"})
    assert set(caught.value.fields) == {"key"}


def test_a_key_that_is_the_address_of_a_page_is_refused():
    with pytest.raises(InvalidError) as caught:
        read_definition(definition(key="new"))
    assert "choose another key" in caught.value.fields["key"]


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
def test_a_slip_of_a_known_type_is_told_from_a_name_of_ones_own(name, known):
    assert meant(name) == known


def test_an_action_of_ones_own_may_have_a_worth():
    made = read_definition(definition(action_values={"trial started": 12, "signup": 3}))
    assert made.action_values == {"trial started": 12, "signup": 3}
