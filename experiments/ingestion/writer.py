"""The one write path: requests wait together for one commit, and are answered only after it.

Each process has one writer. What arrives while it commits goes into its next transaction (group commit), which
costs no more than not waiting at all and loses nothing: an answer means that the rows are in the database.
"""

import contextlib
import fcntl
import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import psycopg
from sqlalchemy.engine import make_url

from experiments.assignment.exposure import ExposureRow, Offer, Recorded
from experiments.errors import KletteError, UnavailableError
from experiments.ingestion import libpq, postgres, sqlite
from experiments.ingestion.events import EventRow
from experiments.ingestion.exposures import KnownExposures
from experiments.ingestion.group_commit import Group, Ticket
from experiments.storage.database import Database

log = logging.getLogger(__name__)

_MOST_FAILURES = 20  # events of one call; with more it is not the events that are at fault
# What makes a whole transaction fail for a reason that a second try may not meet.
_AGAIN = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


class Appended(NamedTuple):
    """How many events of a request are new and how many were there before (in the table, or earlier in the call).

    ``failed`` are the ids of events that the database would not take for a reason nobody foresaw.
    """

    accepted: int
    duplicates: int
    failed: frozenset[str] = frozenset()


class _Ask(NamedTuple):
    events: Sequence[EventRow]
    offers: Sequence[Offer]


class _Answer(NamedTuple):
    appended: Appended
    recorded: list[Recorded | None]


class Writer:
    """Appends exposures and events, and reads recorded exposures, both in groups.

    Parameters
    ----------
    database
        Where to. Connections are made at the first use, so build it after a fork.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._append: Any = sqlite if database.is_sqlite else postgres
        self._writing = _Connection(database)
        self._reading: list[_Connection] = []  # those at rest
        self._writes = Group(self._write)
        self._reads = Group(self._read)
        self.known = KnownExposures()
        self.observe: Callable[[int], None] = lambda requests: None

    def record_exposures(self, rows: Sequence[ExposureRow]) -> list[Recorded]:
        """Record first exposures and wait for the commit.

        Returns
        -------
        list of Recorded
            What stands in the table, in the order of ``rows``: a unit that was recorded before keeps its variant.

        Raises
        ------
        UnavailableError
            Where the database did not commit: nothing was written.
        """
        found = [self.known.get(row.run_id, row.unit) for row in rows]
        offers = [Offer(row) for row, known in zip(rows, found, strict=True) if known is None]
        if not offers:
            return found  # type: ignore[return-value]
        answer = self._writes.ask(_Ask((), offers), len(offers))
        fresh = iter(answer.recorded)
        return [known if known is not None else next(fresh) for known in found]

    def append_events(self, rows: Sequence[EventRow], offers: Sequence[Offer] = ()) -> Appended:
        """Append events, with the exposures that some of them carry, and wait for the commit.

        Raises
        ------
        UnavailableError
            Where the database did not commit: nothing was written.
        """
        if not rows:
            return Appended(0, 0)
        try:
            return self._writes.ask(_Ask(rows, offers), len(rows) + len(offers)).appended
        except KletteError:
            raise
        except Exception:
            if len(rows) == 1:
                raise
            return self._append_the_others(rows, offers)

    def _append_the_others(self, rows: Sequence[EventRow], offers: Sequence[Offer]) -> Appended:
        """Find the events that cannot be written, by halves, and write the others.

        Raises
        ------
        Exception
            What the database said, where more than a few fail: then it is not the events.
        """
        accepted = duplicates = 0
        failed: set[str] = set()
        parts = [rows]
        while parts:
            part = parts.pop()
            ids = {row.id for row in part}
            ask = _Ask(part, [offer for offer in offers if offer.event_id in ids])
            try:
                appended = self._writes.ask(ask, len(ask.events) + len(ask.offers)).appended
            except KletteError:
                raise
            except Exception:
                if len(ids) > 1:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
                    continue
                failed |= ids
                log.exception("An event could not be written; the others of its call are.")
                if len(failed) > _MOST_FAILURES:
                    raise
            else:
                accepted += appended.accepted
                duplicates += appended.duplicates
        return Appended(accepted, duplicates, frozenset(failed))

    def recorded(self, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Recorded]:
        """The recorded exposures of those (run id, unit) pairs that have one."""
        found, missing = {}, []
        for key in keys:
            known = self.known.get(*key)
            if known is None:
                missing.append(key)
            else:
                found[key] = known
        if missing:
            found.update(self._look_up(missing) if self._database.is_sqlite else self._reads.ask(missing, len(missing)))
        return found

    def close(self) -> None:
        """Write what waits, then give the connections back."""
        self._writes.close()
        self._reads.close()
        self._writing.close()
        while self._reading:
            self._reading.pop().close()

    def _read(self, tickets: list[Ticket]) -> None:
        rows = self._look_up(list({key: None for ticket in tickets for key in ticket.ask}))
        for ticket in tickets:
            ticket.answer = {key: rows[key] for key in ticket.ask if key in rows}

    def _look_up(self, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Recorded]:
        """Read at once. On SQLite that is cheaper than to wait for a group: no other process is asked."""
        try:
            reading = self._reading.pop()
        except IndexError:
            reading = _Connection(self._database)
        try:
            with reading.autocommit() as connection:
                rows = self._append.recorded_exposures(connection, keys)
        finally:
            self._reading.append(reading)
        found = {}
        for key, (variant, origin) in rows.items():
            self.known.put(*key, variant, origin)
            found[key] = Recorded(variant, origin, False)
        return found

    def _write(self, tickets: list[Ticket]) -> None:
        try:
            self._commit(tickets)
        except _AGAIN:
            self._commit(tickets)
        except (UnavailableError, KletteError):
            raise
        except Exception:
            if len(tickets) == 1:
                raise
            # One of them cannot be written. Each alone finds out which, and the others are written.
            log.exception("A group of %d requests could not be written; trying them one by one.", len(tickets))
            for ticket in tickets:
                self._write_alone(ticket)
        self.observe(len(tickets))

    def _write_alone(self, ticket: Ticket) -> None:
        try:
            self._commit([ticket])
        except Exception as error:
            ticket.error = error

    def _commit(self, tickets: list[Ticket]) -> None:
        with self._writing.transaction() as connection:
            answers = self._apply(connection, [ticket.ask for ticket in tickets])
        for ticket, answer in zip(tickets, answers, strict=True):
            for offer, recorded in zip(ticket.ask.offers, answer.recorded, strict=True):
                if recorded is not None:
                    self.known.put(offer.row.run_id, offer.row.unit, recorded.variant, recorded.origin)
            ticket.answer = answer

    def _apply(self, connection: Any, asks: list[_Ask]) -> list[_Answer]:
        accepted = self._insert_events(connection, asks)
        recorded = self._insert_exposures(connection, asks, accepted)
        return [
            _Answer(Appended(len(new), len(ask.events) - len(new)), exposures)
            for ask, new, exposures in zip(asks, accepted, recorded, strict=True)
        ]

    def _insert_events(self, connection: Any, asks: list[_Ask]) -> list[set[str]]:
        """The ids that each request brought first."""
        first: dict[str, EventRow] = {}
        for ask in asks:
            for row in ask.events:
                first.setdefault(row[0], row)
        if not first:
            return [set() for _ in asks]
        new = self._append.insert_events(connection, [first[key] for key in sorted(first)])
        accepted = []
        for ask in asks:
            mine = {row[0] for row in ask.events if row[0] in new}
            new -= mine
            accepted.append(mine)
        return accepted

    def _insert_exposures(
        self, connection: Any, asks: list[_Ask], accepted: list[set[str]]
    ) -> list[list[Recorded | None]]:
        live = [
            [None if offer.event_id is not None and offer.event_id not in new else offer for offer in ask.offers]
            for ask, new in zip(asks, accepted, strict=True)
        ]
        first: dict[tuple[int, str], ExposureRow] = {}
        for offer in (offer for offers in live for offer in offers if offer):
            first.setdefault((offer.row.run_id, offer.row.unit), offer.row)
        if not first:
            return [[None] * len(offers) for offers in live]
        found = self._append.insert_exposures(connection, [first[key] for key in sorted(first)])
        met_twice: list[tuple] = []
        answers = [[_answer(offer, found, met_twice) for offer in offers] for offers in live]
        if met_twice:
            self._append.insert_multi_exposures(connection, met_twice)
        return answers


def _answer(offer: Offer | None, found: dict, met_twice: list[tuple]) -> Recorded | None:
    if offer is None:
        return None
    row = offer.row
    key = (row.run_id, row.unit)
    variant, origin, new = found[key]
    found[key] = (variant, origin, False)  # a second one of the same round is not new
    shown = offer.reported if offer.reported is not None else row.variant
    if (offer.reported is not None and shown != variant) or (new and not offer.eligible):
        met_twice.append((row.run_id, row.unit, shown, row.at_us, row.received_us))
    return Recorded(variant, origin, new)


class _Connection:
    """A connection of the driver's own kind, used by one thread at a time and made anew after it broke."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: Any = None
        self._lock_file: Any = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        """A write transaction: committed at the end of the block, rolled back where it raises."""
        with self._broken_is_let_go() as connection, self._only_writer_here():
            run = self._begin(connection)
            try:
                yield connection
                run("COMMIT")
            except BaseException:
                with contextlib.suppress(Exception):
                    run("ROLLBACK")
                raise

    def _begin(self, connection: Any) -> Callable[[str], Any]:
        if self._database.is_sqlite:
            connection.execute("BEGIN IMMEDIATE")
            return connection.execute
        self._say_begin_ourselves(connection)
        run = functools.partial(libpq.run, connection)
        run("BEGIN")
        return run

    def _say_begin_ourselves(self, connection: Any) -> None:
        if not connection.autocommit:
            connection.rollback()
            connection.autocommit = True

    @contextlib.contextmanager
    def autocommit(self) -> Iterator[Any]:
        """For single statements that read."""
        with self._broken_is_let_go() as connection:
            if not self._database.is_sqlite:
                self._say_begin_ourselves(connection)
            yield connection

    def close(self) -> None:
        """Give the connection back."""
        if self._held is not None:
            self._let_go()
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    @contextlib.contextmanager
    def _broken_is_let_go(self) -> Iterator[Any]:
        try:
            if self._held is None:
                self._held = self._database.engine.raw_connection()
            yield self._held.driver_connection
        except Exception as error:
            if self._held is not None:
                self._let_go()
            if _is_outage(error):
                raise UnavailableError(
                    f"The database did not answer ({str(error).splitlines()[0]}). Nothing was written; send it again."
                ) from error
            raise

    def _let_go(self) -> None:
        held, self._held = self._held, None
        with contextlib.suppress(Exception):
            held.invalidate()

    @contextlib.contextmanager
    def _only_writer_here(self) -> Iterator[None]:
        """SQLite's own waiting polls with growing sleeps; a lock on a file hands over at once."""
        if not self._database.is_sqlite:
            yield
            return
        if self._lock_file is None:
            self._lock_file = open(f"{make_url(self._database.url).database}-writers", "wb")  # noqa: SIM115
        fcntl.flock(self._lock_file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock_file, fcntl.LOCK_UN)


def _is_outage(error: BaseException) -> bool:
    """Whether the driver, or SQLAlchemy around it, says that the store is away, busy, full or read-only."""
    import sqlite3

    from sqlalchemy.exc import DBAPIError

    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, _AGAIN):
        return False
    return isinstance(cause, sqlite3.OperationalError | psycopg.OperationalError | psycopg.InterfaceError)
