"""The simulated audience: its attributes, its times of exposure, and its behaviour by variant.

Pure and seeded: the same seed gives the same members. The true values are known (`truth`), so that an analysis can be
compared with them.
"""

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

COUNTRIES = {"DE": 0.44, "AT": 0.16, "CH": 0.12, "FR": 0.12, "NL": 0.16}
DEVICES = {"mobile": 0.64, "desktop": 0.28, "tablet": 0.08}
CHANNELS = {"instagram": 0.38, "newsletter": 0.27, "facebook": 0.21, "shop": 0.14}
ATTRIBUTES = {"country": COUNTRIES, "device": DEVICES, "channel": CHANNELS}

# Relative visits by hour of the day, with a peak in the evening, and by day of the week from Monday.
_HOURS = (1, 1, 1, 1, 1, 2, 4, 7, 8, 6, 5, 5, 8, 7, 5, 5, 5, 6, 8, 11, 13, 12, 7, 3)
_WEEKDAYS = (0.95, 0.9, 0.95, 1.05, 1.0, 1.15, 1.25)
_FADING = 0.96  # daily decline of a campaign's audience
_RETURN_DAYS = 6  # returns are 1 to 6 days later, within the window of 7
_POSTS = 0.6  # share of responses that are posts; the others are comments
_TWICE = 0.12  # share of buyers with a second order


@dataclass(frozen=True)
class Rates:
    """Probabilities of an average member's actions within a week; ``basket`` is the mean order value.

    ``dwell`` is the median dwell time after a click in seconds. Each further day of a return is ``lasting`` times as
    likely as the previous one; ``liking`` is the mean sentiment of posts, -0.4 to 0.4.
    """

    click: float
    come_back: float
    share: float
    buy: float
    basket: float
    complain: float
    respond: float
    dwell: float
    lasting: float
    liking: float


VARIANTS: dict[str, Rates] = {
    "a": Rates(0.118, 0.082, 0.020, 0.030, 58.0, 0.005, 0.017, 21.0, 0.58, 0.25),
    "b": Rates(0.131, 0.098, 0.028, 0.037, 59.0, 0.004, 0.029, 34.0, 0.80, 0.40),
    "c": Rates(0.139, 0.080, 0.021, 0.037, 49.0, 0.0072, 0.020, 18.0, 0.50, 0.05),
}

# Factors by attribute, for every variant.
_HABITS: dict[tuple[str, str], dict[str, float]] = {
    ("channel", "newsletter"): {"click": 1.25, "come_back": 1.2, "buy": 1.5},
    ("channel", "instagram"): {"share": 1.4, "respond": 1.3, "buy": 0.75},
    ("channel", "shop"): {"come_back": 1.4, "buy": 1.6},
    ("device", "desktop"): {"buy": 1.25, "share": 0.7},
    ("country", "CH"): {"buy": 1.15},
    ("country", "FR"): {"click": 0.9, "come_back": 0.85},
}
# Factors by variant and attribute.
_TASTES: dict[tuple[str, str, str], dict[str, float]] = {
    ("b", "channel", "instagram"): {"come_back": 1.16, "share": 1.3},
    ("b", "channel", "newsletter"): {"come_back": 0.9},
    ("b", "country", "AT"): {"come_back": 1.1},
    ("c", "channel", "shop"): {"buy": 1.2},
    ("c", "channel", "newsletter"): {"complain": 1.3},
}


@dataclass(frozen=True)
class Member:
    """A simulated member; ``number`` seeds its behaviour."""

    number: int
    unit: str
    attributes: Mapping[str, str]
    exposed_at: datetime


def members(key: str, count: int, seed: int, *, until: datetime, days: float, zone: str) -> Iterator[Member]:
    """Yield the members, in no particular order.

    Parameters
    ----------
    key
        The experiment's key; it is part of the units, so that two examples never share a member.
    count
        Number of members.
    seed
        The same seed gives the same members.
    until, days
        Exposures are within this many days before ``until``.
    zone
        IANA name of the time zone of days and evenings.
    """
    rng = random.Random(f"{seed} audience")
    hours = [until - timedelta(hours=number + 1) for number in range(round(days * 24))]
    weights = [_rhythm(hour.astimezone(ZoneInfo(zone)), (until - hour) / timedelta(days=1), days) for hour in hours]
    starts = rng.choices(hours, weights, k=count)
    for number, start in enumerate(starts):
        attributes = {name: rng.choices(list(levels), list(levels.values()))[0] for name, levels in ATTRIBUTES.items()}
        exposed_at = start + timedelta(seconds=rng.uniform(0, 3600))
        yield Member(number, f"{key}-{number + 1:05d}", attributes, exposed_at)


def journey(member: Member, variant: str, seed: int, *, until: datetime, currency: str) -> list[dict[str, Any]]:
    """Return a member's events after the exposure, oldest first, without id and experiment.

    Only events before ``until`` are returned.
    """
    rng = random.Random(f"{seed} {member.number} {variant}")
    chances = probabilities(variant, member.attributes)
    events = [
        *_reading(rng, member, chances["click"], VARIANTS[variant].dwell),
        *_returns(rng, member, chances["come_back"], VARIANTS[variant].lasting),
        *_word_of_mouth(rng, member, chances, VARIANTS[variant].liking),
        *_buying(rng, member, chances["buy"], VARIANTS[variant].basket, currency),
    ]
    return sorted((event for event in events if event["at"] < until), key=lambda event: event["at"])


def probabilities(variant: str, attributes: Mapping[str, str]) -> dict[str, float]:
    """Return the probability of each behaviour for a member with these attributes who sees a variant."""
    rates = VARIANTS[variant]
    chances = {name: getattr(rates, name) for name in ("click", "come_back", "share", "buy", "complain", "respond")}
    for name, level in attributes.items():
        for factors in (_HABITS.get((name, level), {}), _TASTES.get((variant, name, level), {})):
            for behaviour, factor in factors.items():
                chances[behaviour] *= factor
    return chances


def truth(variant: str) -> dict[str, float]:
    """Return the true value of each metric of a variant, by key, for members with a completed week."""
    total: dict[str, float] = {}
    for levels in itertools.product(*(shares.items() for shares in ATTRIBUTES.values())):
        share = math.prod(part for _, part in levels)
        attributes = dict(zip(ATTRIBUTES, (level for level, _ in levels), strict=True))
        chances = probabilities(variant, attributes)
        passive = (1 - chances["come_back"]) * (1 - chances["share"]) * (1 - chances["buy"])
        orders = chances["buy"] * (1 + _TWICE)
        for metric, value in (
            ("click_rate", chances["click"]),
            ("return_rate", chances["come_back"]),
            ("share_rate", chances["share"]),
            ("purchase_rate", chances["buy"]),
            ("negative_rate", chances["complain"]),
            ("sticky_rate", 1 - passive),
            ("orders", orders),
            ("order_value", VARIANTS[variant].basket),
            ("revenue", orders * VARIANTS[variant].basket),
        ):
            total[metric] = total.get(metric, 0.0) + share * value
    return total


def _rhythm(local: datetime, age_days: float, days: float) -> float:
    return _HOURS[local.hour] * _WEEKDAYS[local.weekday()] * math.pow(_FADING, days - age_days)


def _event(type_: str, at: datetime, **more: Any) -> dict[str, Any]:
    return {"type": type_, "at": at, **more}


def _reading(rng: random.Random, member: Member, chance: float, median_seconds: float) -> Iterator[dict[str, Any]]:
    if rng.random() >= chance:
        return
    clicked = member.exposed_at + timedelta(seconds=2 + rng.expovariate(1 / 18))
    seconds = min(1_800.0, rng.lognormvariate(math.log(median_seconds), 0.8))
    yield _event("click", clicked)
    yield _event("dwell", clicked + timedelta(seconds=seconds), value=round(seconds, 1))


def _returns(rng: random.Random, member: Member, chance: float, lasting: float) -> Iterator[dict[str, Any]]:
    if rng.random() >= chance:
        return
    days = range(1, _RETURN_DAYS + 1)
    day = rng.choices(days, [lasting**number for number in days])[0]
    at = member.exposed_at + timedelta(days=day, minutes=rng.uniform(5, 300))
    yield _event("view", at)
    if rng.random() < 0.3:
        yield _event("dwell", at + timedelta(seconds=40), value=round(rng.uniform(8, 38), 1))
    if rng.random() < 0.25:
        yield _event("view", at + timedelta(hours=rng.uniform(2, 20)))


def _word_of_mouth(
    rng: random.Random, member: Member, chances: Mapping[str, float], liking: float
) -> Iterator[dict[str, Any]]:
    def soon(minutes: float) -> datetime:
        return member.exposed_at + timedelta(minutes=1 + rng.expovariate(1 / minutes))

    if rng.random() < chances["share"]:
        channel = rng.choices(("whatsapp", "instagram", "copy"), (5, 3, 2))[0]
        yield _event("share", min(soon(30), member.exposed_at + timedelta(hours=20)), properties={"channel": channel})
    if rng.random() < chances["respond"]:
        if rng.random() >= _POSTS:
            yield _event("comment", min(soon(60), member.exposed_at + timedelta(hours=20)))
        else:
            sentiment = round(min(1.0, max(-1.0, rng.uniform(liking - 0.6, liking + 0.6))), 2)
            post = {"reach": round(rng.lognormvariate(5.2, 1.0)), "sentiment": sentiment}
            yield _event("mention", min(soon(240), member.exposed_at + timedelta(days=2)), properties=post)
    if rng.random() < chances["complain"]:
        kind = rng.choices(("hide", "unsubscribe", "report"), (6, 3, 1))[0]
        yield _event("negative", min(soon(10), member.exposed_at + timedelta(hours=20)), properties={"kind": kind})


def _buying(
    rng: random.Random, member: Member, chance: float, mean_basket: float, currency: str
) -> Iterator[dict[str, Any]]:
    if rng.random() >= chance:
        return
    hours = min(23.0, 0.2 + rng.expovariate(1 / 5))  # within the first day, so that a purchase is not a return
    spread = 0.55
    for number in range(2 if rng.random() < _TWICE else 1):
        # The mean of a log-normal is exp(mu + spread² / 2), so that the mean basket is `mean_basket`.
        amount = rng.lognormvariate(math.log(mean_basket) - spread**2 / 2, spread)
        at = member.exposed_at + timedelta(hours=hours, minutes=12 * number)
        yield _event("purchase", at, value=round(amount, 2), currency=currency)
