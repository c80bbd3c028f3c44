"""The simulated audience: reproducible, within two weeks, and in agreement with its true values."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from experiments.demo import campaign, world

UNTIL = datetime(2026, 11, 20, 12, tzinfo=UTC)


def audience(count: int, seed: int = 1) -> list[world.Member]:
    return list(world.members("demo", count, seed, until=UNTIL, days=campaign.DAYS, zone="Europe/Berlin"))


def test_the_same_seed_gives_the_same_members_and_events() -> None:
    first, second = audience(200), audience(200)
    assert first == second
    deeds = [world.journey(member, "b", 1, until=UNTIL, currency="EUR") for member in first]
    assert deeds == [world.journey(member, "b", 1, until=UNTIL, currency="EUR") for member in second]
    assert audience(200, seed=2) != first


def test_events_are_within_two_weeks_and_after_the_exposure() -> None:
    begin = UNTIL - timedelta(days=campaign.DAYS)
    for member in audience(3_000):
        assert begin <= member.exposed_at < UNTIL
        for event in world.journey(member, "c", 1, until=UNTIL, currency="EUR"):
            assert member.exposed_at < event["at"] < UNTIL
            assert event["at"] < member.exposed_at + timedelta(days=campaign.WINDOW_DAYS)


def test_exposures_peak_in_the_evening_and_at_the_weekend() -> None:
    from zoneinfo import ZoneInfo

    local = [member.exposed_at.astimezone(ZoneInfo("Europe/Berlin")) for member in audience(8_000)]
    evening = sum(18 <= moment.hour < 22 for moment in local)
    night = sum(1 <= moment.hour < 5 for moment in local)
    assert evening > 8 * night
    weekend = sum(moment.weekday() >= 5 for moment in local) / 2
    weekdays = sum(moment.weekday() < 5 for moment in local) / 5
    assert weekend > 1.05 * weekdays


@pytest.mark.parametrize("variant", sorted(world.VARIANTS))
def test_simulated_rates_agree_with_the_true_values(variant: str) -> None:
    """30,000 members whose week is over; each figure within five standard errors of its expected value."""
    later = UNTIL + timedelta(days=30)
    count = 30_000
    sums = dict.fromkeys(
        ("click_rate", "share_rate", "purchase_rate", "return_rate", "sticky_rate", "negative_rate"), 0
    )
    orders = 0
    amounts: list[float] = []
    moods: list[float] = []
    for member in audience(count, seed=5):
        events = world.journey(member, variant, 5, until=later, currency="EUR")
        types = {event["type"] for event in events}
        back = any(
            event["at"] >= member.exposed_at + timedelta(days=1)
            for event in events
            if event["type"] in ("view", "dwell", "purchase", "share", "comment")
        )
        sums["click_rate"] += "click" in types
        sums["share_rate"] += "share" in types
        sums["purchase_rate"] += "purchase" in types
        sums["negative_rate"] += "negative" in types
        sums["return_rate"] += back
        sums["sticky_rate"] += back or "share" in types or "purchase" in types
        orders += sum(event["type"] == "purchase" for event in events)
        moods += [event["properties"]["sentiment"] for event in events if event["type"] == "mention"]
        amounts.append(sum(event["value"] for event in events if event["type"] == "purchase"))
    truth = world.truth(variant)
    for metric, successes in sums.items():
        expected = truth[metric]
        assert abs(successes / count - expected) < 5 * (expected * (1 - expected) / count) ** 0.5, metric
    assert abs(orders / count - truth["orders"]) < 5 * (2 * truth["orders"] / count) ** 0.5
    mean = sum(amounts) / count
    spread = (sum((amount - mean) ** 2 for amount in amounts) / count) ** 0.5
    assert abs(mean - truth["revenue"]) < 5 * spread / count**0.5
    assert abs(sum(amounts) / orders - truth["order_value"]) < 5 * spread / (count * truth["orders"]) ** 0.5 * 1.5
    assert len(moods) > 100
    assert abs(sum(moods) / len(moods) - world.VARIANTS[variant].liking) < 5 * 0.35 / len(moods) ** 0.5


def test_b_has_better_retention_and_sentiment() -> None:
    later, last = UNTIL + timedelta(days=30), {variant: [] for variant in "abc"}
    for member in audience(9_000, seed=5):
        for variant, days in last.items():
            events = world.journey(member, variant, 5, until=later, currency="EUR")
            back = [(event["at"] - member.exposed_at).days for event in events if event["type"] == "view"]
            days += [max(back)] if back else []
    mean = {variant: sum(days) / len(days) for variant, days in last.items()}
    assert mean["b"] > mean["a"] > mean["c"]
    assert world.VARIANTS["b"].liking > world.VARIANTS["a"].liking > world.VARIANTS["c"].liking


def test_b_has_the_best_sticky_rate_and_c_the_most_complaints() -> None:
    a, b, c = (world.truth(variant) for variant in "abc")
    assert 1.15 < b["sticky_rate"] / a["sticky_rate"] < 1.4
    assert 1.0 < c["purchase_rate"] / a["purchase_rate"] < 1.4
    assert c["negative_rate"] > 1.4 * a["negative_rate"]


def test_effects_differ_by_segment() -> None:
    rng = random.Random(3)
    lifts = set()
    for channel in world.CHANNELS:
        attributes = {"country": rng.choice(list(world.COUNTRIES)), "device": "mobile", "channel": channel}
        chances = {variant: world.probabilities(variant, attributes) for variant in "ab"}
        lifts.add(round(chances["b"]["come_back"] / chances["a"]["come_back"], 3))
    assert len(lifts) > 1
