"""Make the example: create it, then send its audience through the HTTP API with what they do."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from experiments.demo import backdating, campaign, world
from experiments.demo.api import Api
from experiments.errors import InvalidError
from experiments.lifecycle import store
from experiments.people import api_keys
from experiments.settings import Settings
from experiments.storage import audit
from experiments.storage.database import Database

Report = Callable[[float, str], None]
MOST_MEMBERS = 1_000_000
_THREADS = 8
_BATCH = 500
_ASSIGNING, _LOGGING = 0.6, 0.4


@dataclass(frozen=True)
class Made:
    """The example that is there now.

    Attributes
    ----------
    members, events
        How many went through the API in this call; 0 where the example was there already.
    """

    key: str
    name: str
    members: int
    events: int


def make(
    database: Database,
    settings: Settings,
    client: httpx.Client,
    *,
    members: int = campaign.MEMBERS,
    seed: int = campaign.SEED,
    again: bool = False,
    created: backdating.Created = lambda _session, _experiment: None,
    report: Report = lambda _fraction, _message: None,
) -> Made:
    """Create the example and let its audience live through the fortnight before now.

    A call that was interrupted is taken up where it was: the same members do the same things, and the API counts
    nothing twice.

    Parameters
    ----------
    database, settings
        Those of this copy.
    client
        Calls a server that uses the same database, as `experiments.demo.server.client_of` makes it.
    members
        How many, 30 to 1,000,000.
    seed
        The same seed gives the same audience.
    again
        Make another example where one is there already.
    created
        Called in the transaction that creates the example, such as to keep the worker from analysing half an audience.
    report
        Called with a fraction from 0 to 1 and a sentence.

    Raises
    ------
    InvalidError
        ``members`` is out of bounds.
    UnavailableError
        The server does not answer, or uses another database.
    """
    if not 30 <= members <= MOST_MEMBERS:
        raise InvalidError(f"{members:,} members are not within 30 to {MOST_MEMBERS:,}; choose another number.")
    now = datetime.now(UTC)
    with database.write() as session:
        made, filled = backdating.find_or_make(
            session,
            again=again,
            address=settings.public_url,
            currency=settings.currency,
            now=now,
            actor="demo",
            created=created,
        )
        run = store.current_run(session, made)
        until = (run.started_at if run else now) + timedelta(days=campaign.DAYS)
    if filled:
        return Made(made.key, made.name, 0, 0)
    audience = list(world.members(made.key, members, seed, until=until, days=campaign.DAYS, zone=settings.time_zone))
    with _key(database) as key:
        api = Api(client, key)
        api.wait_for(made.key)
        variants = _assign(api, made.key, audience, _part(report, 0, _ASSIGNING))
        events = list(_events(made.key, audience, variants, seed, until, made.currency))
        _log(api, events, _part(report, _ASSIGNING, _LOGGING))
    with database.write() as session:
        backdating.settle(session, made)
        detail = {"members": members, "seed": seed, "events": len(events)}
        audit.record(session, actor="demo", action=backdating.FILLED, experiment=made, **detail)
    return Made(made.key, made.name, members, len(events))


def sentence(made: Made) -> str:
    """What came of it, for people."""
    return f"{made.members:,} simulated members came by within the last fortnight and did {made.events:,} things."


@contextmanager
def _key(database: Database) -> Iterator[str]:
    """A client key for the occasion, revoked after it."""
    with database.write() as session:
        plain = api_keys.create_key(session, kind="client", name="the example's audience", actor="demo")
        row = api_keys.find_plain(session, plain)
    try:
        yield plain
    finally:
        with database.write() as session:
            api_keys.revoke_key(session, row.id if row and row.id else 0, actor="demo")


def _assign(api: Api, key: str, audience: Sequence[world.Member], report: Report) -> dict[int, str]:
    """Ask for each member's variant; a member whom the experiment takes not in stays out."""
    variants: dict[int, str] = {}
    with ThreadPoolExecutor(_THREADS) as pool:
        answers = pool.map(lambda member: api.assign(member.unit, dict(member.attributes), key), audience)
        for member, variant in zip(audience, answers, strict=True):
            if variant is not None:
                variants[member.number] = variant
            if member.number % 250 == 0:
                report(member.number / len(audience), f"{member.number:,} of {len(audience):,} members have come by")
    return variants


def _events(
    key: str, audience: Sequence[world.Member], variants: dict[int, str], seed: int, until: datetime, currency: str
) -> Iterator[dict[str, Any]]:
    for member in audience:
        variant = variants.get(member.number)
        if variant is None:
            continue
        shown = {"variant": variant, "attributes": dict(member.attributes)}
        exposure = {"type": "exposure", "at": member.met_at, "experiment": key, "properties": shown}
        doings = world.journey(member, variant, seed, until=until, currency=currency)
        for number, event in enumerate((exposure, *doings)):
            at = event["at"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
            yield event | {"id": f"{member.unit}:{number}", "unit": member.unit, "at": at}


def _log(api: Api, events: Sequence[dict[str, Any]], report: Report) -> None:
    batches = [events[begin : begin + _BATCH] for begin in range(0, len(events), _BATCH)]
    for number, batch in enumerate(batches, start=1):
        api.log(list(batch))
        report(number / len(batches), f"{min(number * _BATCH, len(events)):,} of {len(events):,} events are in")


def _part(report: Report, begin: float, share: float) -> Report:
    return lambda fraction, message: report(begin + share * fraction, message)
