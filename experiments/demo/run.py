"""Create the example, and send its simulated audience and their events through the HTTP API."""

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
from experiments.storage.tables import Experiment
from experiments.translation import gettext
from experiments.translation.filling import filled

Report = Callable[[float, str], None]
MOST_MEMBERS = 1_000_000
_THREADS = 8
_BATCH = 500
_ASSIGNING, _LOGGING = 0.6, 0.4


@dataclass(frozen=True)
class Made:
    """The created or existing example.

    Attributes
    ----------
    members, events
        Number sent in this call; 0 if the example existed.
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
    """Create the example and simulate its audience over the last two weeks.

    An interrupted call can be repeated: the same members send the same events, and the API counts nothing twice.

    Parameters
    ----------
    database, settings
        The installation's.
    client
        A client of a server with the same database, as `experiments.demo.server.client_of` returns it.
    members
        Number of members, 30 to 1,000,000.
    seed
        The same seed gives the same audience.
    again
        Create another example if one exists.
    created
        Called in the transaction that creates the example, for example to reserve its analysis.
    report
        Called with a fraction from 0 to 1 and a message.

    Raises
    ------
    InvalidError
        ``members`` is out of range.
    UnavailableError
        The server does not answer, or uses another database.
    """
    if not 30 <= members <= MOST_MEMBERS:
        message = gettext("{members:,} members are out of range; use 30 to {most:,}.")
        raise InvalidError(filled(message, members=members, most=MOST_MEMBERS))
    now = datetime.now(UTC)
    with database.write() as session:
        made, complete = backdating.find_or_create(
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
    if complete:
        return Made(made.key, made.name, 0, 0)
    audience = list(world.members(made.key, members, seed, until=until, days=campaign.DAYS, zone=settings.time_zone))
    with _key(database) as key:
        events = _send(Api(client, key), made, audience, seed, until, report)
    with database.write() as session:
        backdating.settle(session, made)
        detail = {"members": members, "seed": seed, "events": events}
        audit.record(session, actor="demo", action=backdating.FILLED, experiment=made, **detail)
    return Made(made.key, made.name, members, events)


def sentence(made: Made) -> str:
    """Return a summary of the simulation."""
    text = gettext("{members:,} simulated members over the last two weeks, with {events:,} events.")
    return filled(text, members=made.members, events=made.events)


@contextmanager
def _key(database: Database) -> Iterator[str]:
    """Create a client key, and revoke it afterwards."""
    with database.write() as session:
        plain = api_keys.create_key(session, kind="client", name="the example's audience", actor="demo")
        row = api_keys.find_plain(session, plain)
    try:
        yield plain
    finally:
        with database.write() as session:
            api_keys.revoke_key(session, row.id if row and row.id else 0, actor="demo")


def _send(
    api: Api, made: Experiment, audience: Sequence[world.Member], seed: int, until: datetime, report: Report
) -> int:
    """Assign the audience and log its events through the API; return the number of events."""
    api.wait_for(made.key)
    variants = _assign(api, made.key, audience, _part(report, 0, _ASSIGNING))
    events = list(_events(made.key, audience, variants, seed, until, made.currency))
    _log(api, events, _part(report, _ASSIGNING, _LOGGING))
    return len(events)


def _assign(api: Api, key: str, audience: Sequence[world.Member], report: Report) -> dict[int, str]:
    """Return each member's variant; excluded members have none."""
    variants: dict[int, str] = {}
    with ThreadPoolExecutor(_THREADS) as pool:
        answers = pool.map(lambda member: api.assign(member.unit, dict(member.attributes), key), audience)
        for member, variant in zip(audience, answers, strict=True):
            if variant is not None:
                variants[member.number] = variant
            if member.number % 250 == 0:
                message = gettext("{done:,} of {total:,} members assigned")
                report(member.number / len(audience), filled(message, done=member.number, total=len(audience)))
    return variants


def _events(
    key: str, audience: Sequence[world.Member], variants: dict[int, str], seed: int, until: datetime, currency: str
) -> Iterator[dict[str, Any]]:
    for member in audience:
        variant = variants.get(member.number)
        if variant is None:
            continue
        shown = {"variant": variant, "attributes": dict(member.attributes)}
        exposure = {"type": "exposure", "at": member.exposed_at, "experiment": key, "properties": shown}
        journey = world.journey(member, variant, seed, until=until, currency=currency)
        for number, event in enumerate((exposure, *journey)):
            at = event["at"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
            yield event | {"id": f"{member.unit}:{number}", "unit": member.unit, "at": at}


def _log(api: Api, events: Sequence[dict[str, Any]], report: Report) -> None:
    batches = [events[begin : begin + _BATCH] for begin in range(0, len(events), _BATCH)]
    for number, batch in enumerate(batches, start=1):
        api.log(list(batch))
        message = gettext("{done:,} of {total:,} events sent")
        report(number / len(batches), filled(message, done=min(number * _BATCH, len(events)), total=len(events)))


def _part(report: Report, begin: float, share: float) -> Report:
    return lambda fraction, message: report(begin + share * fraction, message)
