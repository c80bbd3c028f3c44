"""The first exposure of a unit in a run: one row, the first one wins, and it never changes."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple

from sqlmodel import Session

from experiments.ingestion import postgres, sqlite

# The crawlers and previewers that follow links on social channels say so in one of these words.
CRAWLER_WORDS = (
    "bot", "crawl", "spider", "slurp", "facebookexternalhit", "embedly", "preview", "headless", "python-requests",
    "curl/", "wget", "whatsapp/", "skypeuri", "lighthouse", "pingdom", "monitor", "scrapy", "phantomjs",
)  # fmt: skip


class ExposureRow(NamedTuple):
    """What the table holds; times in microseconds UTC, ``attributes`` as a mapping or as JSON text."""

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
    """The exposure that stands in the table; ``new`` where this very request brought it."""

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


def bulk_insert(session: Session, rows: Sequence[ExposureRow]) -> int:
    """Insert many exposures inside the caller's transaction; those that exist stay as they are.

    Returns
    -------
    int
        How many were new.
    """
    session.flush()
    raw = session.connection().connection.driver_connection
    engine = sqlite if session.get_bind().dialect.name == "sqlite" else postgres
    first = {(row.run_id, row.unit): row for row in reversed(rows)}
    return sum(recorded[2] for recorded in engine.insert_exposures(raw, [first[key] for key in sorted(first)]).values())


class KnownExposures:
    """The exposures this process has met last: they never change, so no other process can make this wrong.

    Parameters
    ----------
    size
        Between this many and twice as many are held.
    """

    def __init__(self, size: int = 50_000) -> None:
        self._size = size
        # Two generations: the old one is dropped whole when the young one is full. No lock, no list to reorder.
        self._young: dict[tuple[int, str], tuple[str, str]] = {}
        self._old: dict[tuple[int, str], tuple[str, str]] = {}

    def get(self, run_id: int, unit: str) -> Recorded | None:
        """The exposure, where it is known."""
        key = (run_id, unit)
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is None:
                return None
            self._young[key] = found
        return Recorded(found[0], found[1], False)

    def put(self, run_id: int, unit: str, variant: str, origin: str) -> None:
        """Remember a committed exposure."""
        if len(self._young) >= self._size:
            self._old = self._young
            self._young = {}
        self._young[(run_id, unit)] = (variant, origin)
