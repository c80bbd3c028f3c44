"""Group commit: requests that arrive during a round share the next one.

There is no worker thread: a thread that arrives while no round is running leads the next round for all waiting
requests, then passes the lead to one that arrived meanwhile. Nothing must be started after a fork, and a single request
never waits for another thread.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from experiments.errors import TooManyRequestsError, UnavailableError

_PATIENCE_SECONDS = 60.0


Request = TypeVar("Request")
Answer = TypeVar("Answer")


class Ticket(Generic[Request, Answer]):
    """A waiting request with its number of rows, and then its answer or error."""

    __slots__ = ("request", "rows", "answer", "error", "done", "wake")

    def __init__(self, request: Request, rows: int) -> None:
        self.request = request
        self.rows = rows
        self.answer: Answer | None = None
        self.error: BaseException | None = None
        self.done = False
        # A lock is the cheapest way to wait: an Event costs ten times as much.
        self.wake = threading.Lock()
        self.wake.acquire()


class Group(Generic[Request, Answer]):
    """Passes all waiting requests to ``work`` together, one round at a time.

    Parameters
    ----------
    work
        Called with the tickets of a round; it sets ``answer`` or ``error`` of each. An exception becomes the error of
        every ticket without either.
    round_rows
        Maximum number of rows in a round.
    waiting_rows
        Maximum number of waiting rows; further requests are refused, to bound memory.
    """

    def __init__(
        self,
        work: Callable[[list[Ticket[Request, Answer]]], None],
        *,
        round_rows: int = 20_000,
        waiting_rows: int = 200_000,
    ) -> None:
        self._work = work
        self._round_rows = round_rows
        self._waiting_rows = waiting_rows
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._waiting: deque[Ticket[Request, Answer]] = deque()
        self._rows = 0
        self._working = False
        self._closed = False

    def join(self, request: Request, rows: int = 1) -> Answer:
        """Join the next round and return its answer.

        Raises
        ------
        TooManyRequestsError
            Too many rows are waiting.
        UnavailableError
            No round answered within a minute, or the group is closed.
        """
        ticket: Ticket[Request, Answer] = Ticket(request, rows)
        if self._enter(ticket) or self._wait(ticket):
            self._lead(ticket)
        if ticket.error is not None:
            raise ticket.error
        assert ticket.answer is not None  # a round sets the answer or error of each of its tickets
        return ticket.answer

    def close(self) -> None:
        """Refuse further requests, and wait until the waiting ones are answered."""
        with self._lock:
            self._closed = True
            self._idle.wait_for(lambda: not self._working, timeout=_PATIENCE_SECONDS)

    def _enter(self, ticket: Ticket[Request, Answer]) -> bool:
        """Add a ticket; return whether this thread leads the round."""
        with self._lock:
            if self._closed:
                raise UnavailableError("This process is stopping. Send the request again.")
            if self._rows and self._rows + ticket.rows > self._waiting_rows:
                raise TooManyRequestsError(
                    f"{self._rows:,} rows wait for the database, the maximum is {self._waiting_rows:,}. "
                    "Nothing was written. Send the request again in a second.",
                    retry_after=1,
                )
            self._rows += ticket.rows
            self._waiting.append(ticket)
            if self._working:
                return False
            self._working = True
            return True

    def _wait(self, ticket: Ticket[Request, Answer]) -> bool:
        """Wait for an answer; return whether this thread leads the next round instead."""
        if not ticket.wake.acquire(timeout=_PATIENCE_SECONDS):
            with self._lock:
                # It may have been answered, or chosen to lead, after the timeout.
                if not ticket.wake.acquire(blocking=False):
                    if ticket in self._waiting:
                        self._waiting.remove(ticket)
                        self._rows -= ticket.rows
                    raise UnavailableError(
                        f"The database did not answer in {_PATIENCE_SECONDS:.0f} seconds. Send the same request again; "
                        "rows that were written are not counted twice."
                    )
        return not ticket.done

    def _lead(self, mine: Ticket[Request, Answer]) -> None:
        tickets = self._next_round()
        try:
            self._work(tickets)
        except BaseException as error:
            for ticket in tickets:
                if ticket.answer is None and ticket.error is None:
                    ticket.error = error
        finally:
            with self._lock:
                self._rows -= sum(ticket.rows for ticket in tickets)
                for ticket in tickets:
                    ticket.done = True
                if self._waiting:
                    self._waiting[0].wake.release()
                else:
                    self._working = False
                    self._idle.notify_all()
            for ticket in tickets:
                if ticket is not mine:
                    ticket.wake.release()

    def _next_round(self) -> list[Ticket[Request, Answer]]:
        """Return the tickets that waited longest; the leader is always the first of them."""
        tickets: list[Ticket[Request, Answer]] = []
        rows = 0
        with self._lock:
            while self._waiting and rows < self._round_rows:
                ticket = self._waiting.popleft()
                tickets.append(ticket)
                rows += ticket.rows
        return tickets
