"""The first exposure of a unit in a run: one row, the first one wins, and it never changes."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple

# The crawlers and previewers that follow links on social channels say so in one of these words.
CRAWLER_WORDS = (
    "bot", "crawl", "spider", "slurp", "facebookexternalhit", "embedly", "preview", "headless", "python-requests",
    "curl/", "wget", "whatsapp/", "skypeuri", "lighthouse", "pingdom", "monitor", "scrapy", "phantomjs",
)  # fmt: skip


class ExposureRow(NamedTuple):
    """What the table holds; times in microseconds UTC, ``attributes`` as a mapping or as JSON text."""

    project_id: int
    run_id: int
    unit: str
    variant: str
    at_us: int
    received_us: int
    origin: str = "randomised"
    epoch: int = 1
    bot: bool = False
    attributes: Mapping[str, Any] | str | None = None


class Offer(NamedTuple):
    """An exposure on its way into the table.

    ``reported`` is the variant that a client says it has shown: another than the recorded one sets the unit aside.
    So does a first exposure of a unit that is not ``eligible``. ``event_id`` names the event that carries the
    exposure: where that one is a duplicate, the exposure is nothing new either.
    """

    row: ExposureRow
    reported: str | None = None
    eligible: bool = True
    event_id: str | None = None


class Recorded(NamedTuple):
    """The exposure on record; ``new`` where this request brought it."""

    variant: str
    origin: str
    new: bool


def is_bot(attributes: Mapping[str, Any]) -> bool:
    """Whether the attributes say so: ``bot`` is true, or ``user_agent`` is a crawler's."""
    if attributes.get("bot") is True:
        return True
    agent = attributes.get("user_agent")
    if not isinstance(agent, str):
        return False
    agent = agent.lower()
    return any(word in agent for word in CRAWLER_WORDS)


def segment_attributes(attributes: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """JSON text of those attributes that an experiment slices its audience by; nothing else about a unit is kept."""
    if not names or not attributes:
        return None
    kept: dict[str, Any] = {}
    for name in names:
        value = attributes.get(name)
        if type(value) is str and value.isprintable():
            kept[name] = value[:256]
        elif type(value) in (bool, int) or (isinstance(value, float | Decimal) and isfinite(value)):
            kept[name] = float(value) if isinstance(value, Decimal) else value
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")) if kept else None
