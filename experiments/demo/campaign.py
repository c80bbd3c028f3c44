"""The example's content: a spring campaign with three headlines."""

from typing import Any
from urllib.parse import urlsplit

KEY = "spring-headline"
DAYS = 14.0
PLANNED_DAYS = 21
WINDOW_DAYS = 7
MEMBERS = 10_500
SEED = 7

METRICS = (
    "click_rate",
    "share_rate",
    "purchase_rate",
    "response_rate",
    "revenue",
    "order_value",
    "sentiment",
    "earned_reach",
    "half_life",
    "net_value",
    "roi",
)
ACTION_VALUES = {"share": "1.80", "comment": "0.60", "mention": "4.00"}
"""Value of an action to the shop, in its currency."""
MARGIN = 0.38

_SHOP = "https://shop.example/spring"

VARIANTS: tuple[dict[str, Any], ...] = (
    {
        "key": "a",
        "name": "New season, new colours",
        "control": True,
        "weight": 1 / 3,
        "content": {
            "headline": "New season, new colours",
            "body": "Sage, clay and sky: the spring collection is here, in soft linen and organic cotton.",
            "image": "colours",
            "cta": "See the collection",
        },
        "cost": {"fixed": "0", "per_thousand": "240"},
    },
    {
        "key": "b",
        "name": "Meet the people who make it",
        "weight": 1 / 3,
        "content": {
            "headline": "Meet the people who make it",
            "body": "Ines cuts, Marek sews, Aylin dyes. Three workshops, forty hands, and a name in every collar.",
            "image": "people",
            "cta": "Visit the workshops",
        },
        "cost": {"fixed": "380", "per_thousand": "240"},
    },
    {
        "key": "c",
        "name": "Only this week: 20 % off",
        "weight": 1 / 3,
        "content": {
            "headline": "Only this week: 20 % off",
            "body": "Everything from the spring collection, until Sunday midnight. When it is gone, it is gone.",
            "image": "offer",
            "cta": "Save 20 % now",
        },
        "cost": {"fixed": "60", "per_thousand": "240"},
    },
)


def definition(key: str, *, address: str, currency: str) -> dict[str, Any]:
    """Return the definition for ``POST /api/v1/experiments``.

    Parameters
    ----------
    key
        Its key; a trailing number is added to the name.
    address
        Public address of this installation, which serves the images; only its path is used, so that any port works.
    currency
        ISO 4217 code of costs and purchases.
    """
    number = key.removeprefix(KEY).strip("-")
    return {
        "key": key,
        "name": " ".join(filter(None, ("Spring headline", number))),
        "hypothesis": "Showing who makes the clothes gives people a reason to come back and to share it with others; "
        "a discount sells once.",
        "variants": [_variant(variant, address, currency) for variant in VARIANTS],
        "primary_metric": "sticky_rate",
        "metrics": list(METRICS),
        "guardrails": ["negative_rate"],
        "window_days": WINDOW_DAYS,
        "planned_days": PLANNED_DAYS,
        "segments": ["country", "channel"],
        "currency": currency,
        "action_values": ACTION_VALUES,
        "margin": MARGIN,
    }


def _variant(variant: dict[str, Any], address: str, currency: str) -> dict[str, Any]:
    folder = urlsplit(address).path.rstrip("/") + "/static/demo"
    content = dict(variant["content"])
    image = content.pop("image")
    return variant | {
        "content": content
        | {"image_url": f"{folder}/{image}.svg", "link_url": f"{_SHOP}?from=klette-{variant['key']}"},
        "cost": variant["cost"] | {"currency": currency},
    }
