"""The write path: requests share a commit, and are answered only after it.

Each process has one writer. Requests that arrive during a commit share its next transaction (group commit), which is
as fast as separate commits and loses nothing: a response means that the rows are in the database.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from experiments.assignment.exposure import ExposureRow, Offer, Recorded, Side
from experiments.errors import KletteError, UnavailableError
from experiments.ingestion import postgres, sqlite
from experiments.ingestion.connection import RETRIED, WriteConnection
from experiments.ingestion.exposures import KnownExposures
from experiments.ingestion.group_commit import Group, Ticket
from experiments.ingestion.rows import EventKey, EventRow, ExposureKey, MultiExposureRow, OutsideRow, Stored
from experiments.storage.database import Database

log = logging.getLogger(__name__)

_MOST_FAILURES = 20  # events of a request; more indicate a problem with the database, not with the events


class Appended(NamedTuple):
    """The number of new events of a request, and of duplicates (in the table, or in the request).

    ``failed`` has the ids of events that the database refused for an unexpected reason.
    """

    accepted: int
    duplicates: int
    failed: frozenset[str] = frozenset()


class Append(NamedTuple):
    """The rows of a request."""

    events: Sequence[EventRow]
    offers: Sequence[Offer]

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self.events) + len(self.offers)


class Written(NamedTuple):
    """The result of a request: the counts of its events, and the recorded exposure of each offer."""

    appended: Appended
    recorded: list[Recorded | None]


class _Engine(Protocol):
    """The statements of one database engine: `experiments.ingestion.sqlite` or `postgres`."""

    def insert_events(self, connection: Any, rows: Sequence[EventRow]) -> set[EventKey]: ...

    def insert_exposures(self, connection: Any, rows: Sequence[ExposureRow]) -> dict[ExposureKey, Stored]: ...

    def insert_multi_exposures(self, connection: Any, rows: Iterable[MultiExposureRow]) -> None: ...

    def insert_outside_exposures(self, connection: Any, rows: Iterable[OutsideRow]) -> None: ...

    def recorded_exposures(self, connection: Any, keys: Iterable[ExposureKey]) -> dict[ExposureKey, Stored]: ...


class Writer:
    """Appends exposures and events, and reads recorded exposures, both in groups.

    Parameters
    ----------
    database
        The destination. Connections are opened at the first use; create the writer after a fork.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._engine: _Engine = sqlite if database.is_sqlite else postgres
        self._writing = WriteConnection(database)
        self._reading: list[WriteConnection] = []  # idle connections
        self._writes: Group[Append, Written] = Group(self._write)
        self._reads: Group[Sequence[ExposureKey], dict[ExposureKey, Recorded]] = Group(self._read)
        self.known = KnownExposures()
        self.observe: Callable[[int], None] = lambda requests: None

    def record_exposures(self, rows: Sequence[ExposureRow]) -> list[Recorded]:
        """Record first exposures and wait for the commit.

        Returns
        -------
        list of Recorded
            The recorded exposures, in the order of ``rows``; a unit with an earlier exposure keeps its variant.

        Raises
        ------
        UnavailableError
            The database did not commit; nothing was written.
        """
        known = [self.known.get(row.run_id, row.unit) for row in rows]
        append = Append((), [Offer(row) for row, exposure in zip(rows, known, strict=True) if exposure is None])
        written = self._writes.join(append, append.size).recorded if append.offers else []
        # Without events every offer has a recorded exposure, so the filter drops none.
        fresh = iter([exposure for exposure in written if exposure is not None])
        return [exposure if exposure is not None else next(fresh) for exposure in known]

    def append_events(self, rows: Sequence[EventRow], offers: Sequence[Offer] = ()) -> Appended:
        """Append events and their exposures, and wait for the commit.

        Raises
        ------
        UnavailableError
            The database did not commit; nothing was written.
        """
        if not rows:
            return Appended(0, 0)
        try:
            append = Append(rows, offers)
            return self._writes.join(append, append.size).appended
        except KletteError:
            raise
        except Exception:
            if len(rows) == 1:
                raise
            return self._append_by_halves(rows, offers)

    def _append_by_halves(self, rows: Sequence[EventRow], offers: Sequence[Offer]) -> Appended:
        """Find the events that cannot be written by bisection, and write the others.

        Raises
        ------
        Exception
            The database's error, if more than a few events fail.
        """
        accepted = duplicates = 0
        failed: set[str] = set()
        parts = [rows]
        while parts:
            part = parts.pop()
            ids = {row.id for row in part}
            append = Append(part, [offer for offer in offers if offer.event_id in ids])
            try:
                appended = self._writes.join(append, append.size).appended
            except KletteError:
                raise
            except Exception:
                if len(ids) > 1:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
                    continue
                failed |= ids
                log.exception("An event could not be written; the others of its request were.")
                if len(failed) > _MOST_FAILURES:
                    raise
            else:
                accepted += appended.accepted
                duplicates += appended.duplicates
        return Appended(accepted, duplicates, frozenset(failed))

    def recorded(self, keys: Sequence[ExposureKey]) -> dict[ExposureKey, Recorded]:
        """Return the recorded exposures of the keys that have one."""
        recorded: dict[ExposureKey, Recorded] = {}
        missing: list[ExposureKey] = []
        for key in keys:
            known = self.known.get(*key)
            if known is None:
                missing.append(key)
            else:
                recorded[key] = known
        if missing:
            read = self._look_up(missing) if self._database.is_sqlite else self._reads.join(missing, len(missing))
            recorded.update(read)
        return recorded

    def close(self) -> None:
        """Write the waiting rows, then close the connections."""
        self._writes.close()
        self._reads.close()
        self._writing.close()
        while self._reading:
            self._reading.pop().close()

    def _read(self, tickets: list[Ticket[Sequence[ExposureKey], dict[ExposureKey, Recorded]]]) -> None:
        rows = self._look_up(list({key: None for ticket in tickets for key in ticket.request}))
        for ticket in tickets:
            ticket.answer = {key: rows[key] for key in ticket.request if key in rows}

    def _look_up(self, keys: Sequence[ExposureKey]) -> dict[ExposureKey, Recorded]:
        """Read without waiting; on SQLite this costs less than a group, since no server is involved."""
        try:
            reading = self._reading.pop()
        except IndexError:
            reading = WriteConnection(self._database)
        try:
            with reading.autocommit() as connection:
                rows = self._engine.recorded_exposures(connection, keys)
        finally:
            self._reading.append(reading)
        for key, stored in rows.items():
            self.known.put(*key, stored.variant, stored.origin)
        return {key: Recorded(stored.variant, stored.origin, False) for key, stored in rows.items()}

    def _write(self, tickets: list[Ticket[Append, Written]]) -> None:
        try:
            self._commit(tickets)
        except RETRIED:
            self._commit(tickets)
        except (UnavailableError, KletteError):
            raise
        except Exception:
            if len(tickets) == 1:
                raise
            # One request cannot be written; separate commits show which one, and write the others.
            log.exception("A group of %d requests could not be written; writing them one by one.", len(tickets))
            for ticket in tickets:
                self._write_alone(ticket)
        self.observe(len(tickets))

    def _write_alone(self, ticket: Ticket[Append, Written]) -> None:
        try:
            self._commit([ticket])
        except Exception as error:
            ticket.error = error

    def _commit(self, tickets: list[Ticket[Append, Written]]) -> None:
        with self._writing.transaction() as connection:
            answers = self._apply(connection, [ticket.request for ticket in tickets])
        for ticket, written in zip(tickets, answers, strict=True):
            for offer, recorded in zip(ticket.request.offers, written.recorded, strict=True):
                if recorded is not None:
                    self.known.put(offer.row.run_id, offer.row.unit, recorded.variant, recorded.origin)
            ticket.answer = written

    def _apply(self, connection: Any, appends: list[Append]) -> list[Written]:
        accepted = self._insert_events(connection, appends)
        recorded = self._insert_exposures(connection, appends, accepted)
        return [
            Written(Appended(len(new), len(append.events) - len(new)), exposures)
            for append, new, exposures in zip(appends, accepted, recorded, strict=True)
        ]

    def _insert_events(self, connection: Any, appends: list[Append]) -> list[set[EventKey]]:
        """Insert the events; return the keys that each request inserted first."""
        first: dict[EventKey, EventRow] = {}
        for append in appends:
            for row in append.events:
                first.setdefault(row[:2], row)
        if not first:
            return [set() for _ in appends]
        new = self._engine.insert_events(connection, [first[key] for key in sorted(first)])
        accepted = []
        for append in appends:
            mine = {row[:2] for row in append.events} & new
            new -= mine
            accepted.append(mine)
        return accepted

    def _insert_exposures(
        self, connection: Any, appends: list[Append], accepted: list[set[EventKey]]
    ) -> list[list[Recorded | None]]:
        # The exposure of a duplicate event is a duplicate, too.
        live = [
            [None if _is_repeated(offer, new) else offer for offer in append.offers]
            for append, new in zip(appends, accepted, strict=True)
        ]
        first: dict[ExposureKey, ExposureRow] = {}
        outside: list[OutsideRow] = []
        for offer in (offer for offers in live for offer in offers if offer):
            if offer.outside is None:
                first.setdefault((offer.row.run_id, offer.row.unit), offer.row)
            elif not offer.row.bot:
                outside.append(_outside_row(offer, offer.outside))
        if outside:
            self._engine.insert_outside_exposures(connection, outside)
        if not first:
            return [[None] * len(offers) for offers in live]
        stored = self._engine.insert_exposures(connection, [first[key] for key in sorted(first)])
        multiple: list[MultiExposureRow] = []
        answers = [[_recorded(offer, stored, multiple) for offer in offers] for offers in live]
        if multiple:
            self._engine.insert_multi_exposures(connection, multiple)
        return answers


def _is_repeated(offer: Offer, new: set[EventKey]) -> bool:
    """Return whether the offer belongs to an event that was stored before."""
    return offer.event_id is not None and (offer.row.project_id, offer.event_id) not in new


def _outside_row(offer: Offer, side: Side) -> OutsideRow:
    row = offer.row
    return row.project_id, row.run_id, side, row.unit, offer.reported or row.variant, row.at_us, row.received_us


def _recorded(
    offer: Offer | None, stored: dict[ExposureKey, Stored], multiple: list[MultiExposureRow]
) -> Recorded | None:
    """Return the recorded exposure of an offer; add a row to ``multiple`` if it reports another variant."""
    if offer is None or offer.outside is not None:
        return None
    row = offer.row
    key = (row.run_id, row.unit)
    variant, origin, new = stored[key]
    stored[key] = Stored(variant, origin)  # a second one of the same round is not new
    shown = offer.reported if offer.reported is not None else row.variant
    if (offer.reported is not None and shown != variant) or (new and not offer.eligible):
        multiple.append((row.run_id, row.unit, shown, row.at_us, row.received_us))
    return Recorded(variant, origin, new)
