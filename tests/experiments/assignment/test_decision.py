"""Decisions: precedence, reasons and stability, from the arguments alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.assignment.bucketing import bucket
from experiments.assignment.configuration import LiveExperiment, LiveVariant
from experiments.assignment.decision import REASONS, Decision, decide
from experiments.assignment.exposure import Recorded

NOW = 1_764_000_000_000_000
VARIANTS = (LiveVariant("a", {"headline": "A"}), LiveVariant("b", {"headline": "B"}))
LIVE = LiveExperiment(
    id=1, project_id=1, key="spring", state="running", currency="EUR", variants=VARIANTS, run_id=7,
    run_number=1, seed="seed",
    edges=(5000, 10_000), traffic_seed="traffic", variant_of={held.key: held for held in VARIANTS},
)  # fmt: skip
UNITS = [f"u-{number}" for number in range(3000)]


def german(attributes):
    return attributes.get("country") == "DE"


def key(decision: Decision) -> str | None:
    return decision.variant.key if decision.variant else None


def given_out(live: LiveExperiment, **more) -> dict[str, str | None]:
    return {unit: key(decide(live, unit, {}, NOW, **more)) for unit in UNITS}


def test_the_hash_decides_for_an_admitted_member():
    for unit in UNITS[:100]:
        decision = decide(LIVE, unit, {}, NOW)
        assert (key(decision), decision.reason, decision.origin) == (
            "a" if bucket("seed", unit) < 5000 else "b", "SPLIT", "randomised",
        )  # fmt: skip


def test_raising_traffic_never_moves_a_member():
    before = given_out(replace(LIVE, traffic_buckets=1000))
    for share in (1001, 2500, 7000, 10_000):
        after = given_out(replace(LIVE, traffic_buckets=share))
        assert all(after[unit] == variant for unit, variant in before.items() if variant)
        assert sum(map(bool, after.values())) >= sum(map(bool, before.values()))
        before = after
    assert all(before.values())


def test_traffic_and_variant_are_independent():
    admitted = given_out(replace(LIVE, traffic_buckets=5000))
    members = [variant for variant in admitted.values() if variant]
    assert 0.44 < members.count("a") / len(members) < 0.56


NAMED = replace(LIVE, namespace_key="home", namespace_seed="space", namespace_from=0, namespace_to=4000)
OTHER = replace(NAMED, id=2, key="other", seed="seed two", namespace_from=4000, namespace_to=10_000, holdout_from=9000)


def test_a_namespace_assigns_each_member_to_one_experiment_or_the_holdout():
    here, there = given_out(replace(NAMED, holdout_from=9000)), given_out(OTHER)
    assert not any(here[unit] and there[unit] for unit in UNITS)
    reasons = {decide(OTHER, unit, {}, NOW).reason for unit in UNITS}
    assert reasons == {"SPLIT", "NAMESPACE", "HOLDOUT"}
    held = [unit for unit in UNITS if bucket("space", unit) >= 9000]
    assert held and all(here[unit] is None and there[unit] is None for unit in held)


OUTSIDE = [
    ("DISABLED", replace(LIVE, state="draft", run_id=None, edges=())),
    ("DISABLED", replace(LIVE, state="paused")),
    ("DISABLED", replace(LIVE, state="stopped")),
    ("DISABLED", replace(LIVE, state="archived")),
    ("DISABLED", replace(LIVE, state="unreadable")),
    ("DISABLED", replace(LIVE, state="scheduled", starts_us=NOW + 1)),
    ("DISABLED", replace(LIVE, ends_us=NOW)),
    ("TARGETING", replace(LIVE, matches=german)),
    ("TRAFFIC", replace(LIVE, traffic_buckets=0)),
    ("NAMESPACE", replace(LIVE, namespace_key="n", namespace_to=0)),
    ("HOLDOUT", replace(LIVE, namespace_key="n", holdout_from=0)),
]


@pytest.mark.parametrize(("reason", "live"), OUTSIDE, ids=[f"{reason} {n}" for n, (reason, _) in enumerate(OUTSIDE)])
def test_an_excluded_member_gets_no_variant_and_the_reason(reason, live):
    assert decide(live, "u", {}, NOW) == Decision(None, reason)
    assert reason in REASONS


def test_the_first_reason_in_the_published_order_is_given():
    live = replace(
        LIVE, state="paused", matches=german, namespace_key="n", namespace_to=0, holdout_from=0, traffic_buckets=0
    )
    reasons = [decide(live, "u", {}, NOW).reason]
    for change in (
        {"state": "running"},
        {"matches": None},
        {"namespace_to": 10_000},
        {"holdout_from": 10_000},
        {"traffic_buckets": 10_000},
    ):
        live = replace(live, **change)
        reasons.append(decide(live, "u", {}, NOW).reason)
    assert reasons == ["DISABLED", "TARGETING", "NAMESPACE", "HOLDOUT", "TRAFFIC", "SPLIT"]


KEPT = [live for reason, live in OUTSIDE if reason != "DISABLED" or live.state == "paused"]


@pytest.mark.parametrize("live", KEPT, ids=lambda live: f"{live.state} {live.traffic_buckets}")
@pytest.mark.parametrize("variant", ["a", "b"])
def test_a_recorded_exposure_wins_over_eligibility_and_hash(live, variant):
    decision = decide(live, "u", {}, NOW, recorded=Recorded(variant, "randomised", False))
    assert (key(decision), decision.reason, decision.origin) == (variant, "SPLIT", "randomised")


@pytest.mark.parametrize("change", [{"state": "stopped"}, {"state": "archived"}, {"ends_us": NOW}])
def test_an_experiment_that_is_over_assigns_no_member(change):
    decision = decide(replace(LIVE, **change), "u", {}, NOW, recorded=Recorded("a", "randomised", False))
    assert decision == Decision(None, "DISABLED")


def test_a_shipped_variant_is_for_all_members():
    live = replace(LIVE, state="stopped", shipped_variant="b", matches=german, traffic_buckets=0)
    assert set(given_out(live).values()) == {"b"}
    assert decide(live, "u", {}, NOW, recorded=Recorded("a", "randomised", False)) == Decision(VARIANTS[1], "SHIPPED")
    assert decide(replace(live, state="archived"), "u", {}, NOW) == Decision(VARIANTS[1], "SHIPPED")


def test_a_preview_takes_precedence():
    for _, live in OUTSIDE:
        assert decide(live, "u", {}, NOW, recorded=Recorded("a", "randomised", False), preview="b") == Decision(
            VARIANTS[1], "PREVIEW", "preview"
        )
    assert decide(LIVE, "u", {}, NOW, preview="gone").reason == "SPLIT"


def test_a_schedule_is_exact_to_the_microsecond():
    live = replace(LIVE, starts_us=NOW, ends_us=NOW + 10, state="scheduled")
    reasons = [decide(live, "u", {}, NOW + step).reason for step in (-1, 0, 9, 10)]
    assert reasons == ["DISABLED", "SPLIT", "SPLIT", "DISABLED"]


@given(st.text(min_size=1, max_size=60), st.dictionaries(st.text(max_size=5), st.integers()))
def test_a_decision_depends_on_its_arguments_only(unit, attributes):
    assert decide(LIVE, unit, attributes, NOW) == decide(LIVE, unit, {}, NOW + 86_400_000_000)
