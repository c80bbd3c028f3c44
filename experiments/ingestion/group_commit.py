"""Work done together: what is asked while a round is under way is answered by the next one, all at once.

There is no thread of its own: whoever finds nobody at work does the round for all who wait, and hands on to one of
those who came meanwhile. Nothing has to be started after a fork, and a lone request pays for no change of threads.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from experiments.errors import TooManyRequestsError, UnavailableError

_PATIENCE_SECONDS = 60.0


class Ticket:
    """One request on its way: how many rows it has, and in the end its answer or its error."""

    __slots__ = ("ask", "rows", "answer", "error", "done", "wake")

    def __init__(self, ask: Any, rows: int) -> None:
        self.ask = ask
        self.rows = rows
        self.answer: Any = None
        self.error: BaseException | None = None
        self.done = False
        # A bare lock is the cheapest thing a thread can wait for: an Event costs ten times as much.
        self.wake = threading.Lock()
        self.wake.acquire()


class Group:
    """Hands everything that waits to ``work`` at once, one round at a time.

    Parameters
    ----------
    work
        Called with the tickets of a round; it sets ``answer`` or ``error`` of each. What it raises becomes the
        error of every ticket that has neither.
    round_rows
        A round is closed when it holds so many rows.
    waiting_rows
        So many rows may wait; beyond that requests are refused rather than memory filled.
    """

    def __init__(
        self, work: Callable[[list[Ticket]], None], *, round_rows: int = 20_000, waiting_rows: int = 200_000
    ) -> None:
        self._work = work
        self._round_rows = round_rows
        self._waiting_rows = waiting_rows
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._waiting: deque[Ticket] = deque()
        self._rows = 0
        self._working = False
        self._closed = False

    def ask(self, ask: Any, rows: int = 1) -> Any:
        """Wait for a round to answer.

        Raises
        ------
        TooManyRequestsError
            Where too many rows wait already.
        UnavailableError
            Where no round answers within a minute, or the group is closed.
        """
        ticket = Ticket(ask, rows)
        if self._enter(ticket) or self._wait(ticket):
            self._lead(ticket)
        if ticket.error is not None:
            raise ticket.error
        return ticket.answer

    def close(self) -> None:
        """Take nothing more, and return when what waited is answered."""
        with self._lock:
            self._closed = True
            self._idle.wait_for(lambda: not self._working, timeout=_PATIENCE_SECONDS)

    def _enter(self, ticket: Ticket) -> bool:
        """Queue up; whether it falls to this one to do the round."""
        with self._lock:
            if self._closed:
                raise UnavailableError("This process is stopping; send the request again.")
            if self._rows and self._rows + ticket.rows > self._waiting_rows:
                raise TooManyRequestsError(
                    f"{self._rows:,} rows wait for the database, the most is {self._waiting_rows:,}; "
                    "nothing of this request was written, send it again in a second.",
                    retry_after=1,
                )
            self._rows += ticket.rows
            self._waiting.append(ticket)
            if self._working:
                return False
            self._working = True
            return True

    def _wait(self, ticket: Ticket) -> bool:
        """Wait to be answered; whether it falls to this one to do the next round instead."""
        if not ticket.wake.acquire(timeout=_PATIENCE_SECONDS):
            with self._lock:
                # In the very last moment it may have been answered, or made the one to lead.
                if not ticket.wake.acquire(blocking=False):
                    if ticket in self._waiting:
                        self._waiting.remove(ticket)
                        self._rows -= ticket.rows
                    raise UnavailableError(
                        f"The database did not answer in {_PATIENCE_SECONDS:.0f} seconds. Send the same request again: "
                        "what was written all the same is not counted twice."
                    )
        return not ticket.done

    def _lead(self, mine: Ticket) -> None:
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

    def _next_round(self) -> list[Ticket]:
        """The longest waiting, this one among them: who leads is always the first in the queue."""
        tickets: list[Ticket] = []
        rows = 0
        with self._lock:
            while self._waiting and rows < self._round_rows:
                ticket = self._waiting.popleft()
                tickets.append(ticket)
                rows += ticket.rows
        return tickets
