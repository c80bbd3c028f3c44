"""One thread that serves many: what is asked while it works is answered together in its next round."""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from experiments.errors import TooManyRequestsError, UnavailableError

_PATIENCE_SECONDS = 60


class Ticket:
    """One request on its way: how many rows it has, and in the end its answer or its error."""

    __slots__ = ("ask", "rows", "answer", "error", "_done")

    def __init__(self, ask: Any, rows: int) -> None:
        self.ask = ask
        self.rows = rows
        self.answer: Any = None
        self.error: BaseException | None = None
        # A bare lock is the cheapest thing a thread can wait for: an Event costs ten times as much.
        self._done = threading.Lock()
        self._done.acquire()

    def finish(self) -> None:
        """Let the one who waits go on."""
        self._done.release()

    def wait(self, seconds: float) -> bool:
        """Whether it was finished within so many seconds."""
        return self._done.acquire(timeout=seconds)


class Group:
    """Hands everything that waits to ``work`` at once, on one thread of its own.

    Parameters
    ----------
    name
        The thread's name.
    work
        Called with the tickets of a round; it sets ``answer`` or ``error`` of each. What it raises becomes the
        error of every ticket that has neither.
    round_rows
        A round is closed when it holds so many rows.
    waiting_rows
        So many rows may wait; beyond that requests are refused rather than memory filled.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[list[Ticket]], None],
        *,
        round_rows: int = 20_000,
        waiting_rows: int = 200_000,
    ) -> None:
        self._name = name
        self._work = work
        self._round_rows = round_rows
        self._waiting_rows = waiting_rows
        self._queue: SimpleQueue[Ticket | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._waiting = 0
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
        with self._lock:
            if self._closed:
                raise UnavailableError("This process is stopping; send the request again.")
            if self._waiting and self._waiting + rows > self._waiting_rows:
                raise TooManyRequestsError(
                    f"{self._waiting:,} rows wait to be written, the most is {self._waiting_rows:,}; "
                    "nothing of this request was written, send it again in a second.",
                    retry_after=1,
                )
            self._waiting += rows
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
                self._thread.start()
            self._queue.put(ticket)
        if not ticket.wait(_PATIENCE_SECONDS):
            raise UnavailableError(
                f"The database did not answer in {_PATIENCE_SECONDS} seconds. Send the same request again: what was "
                "written all the same is not counted twice."
            )
        if ticket.error is not None:
            raise ticket.error
        return ticket.answer

    def close(self) -> None:
        """Answer what waits, then end the thread."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
            thread = self._thread
        if thread:
            thread.join(timeout=_PATIENCE_SECONDS)

    def _serve(self) -> None:
        going = True
        while going:
            tickets, going = self._round()
            if not tickets:
                continue
            try:
                self._work(tickets)
            except BaseException as error:
                for ticket in tickets:
                    if ticket.answer is None and ticket.error is None:
                        ticket.error = error
                # A database that is away must not make this thread spin.
                time.sleep(0.01)
            finally:
                with self._lock:
                    self._waiting -= sum(ticket.rows for ticket in tickets)
                for ticket in tickets:
                    ticket.finish()

    def _round(self) -> tuple[list[Ticket], bool]:
        first = self._queue.get()
        tickets: list[Ticket] = []
        rows = 0
        while first is not None:
            tickets.append(first)
            rows += first.rows
            if rows >= self._round_rows:
                return tickets, True
            try:
                first = self._queue.get_nowait()
            except Empty:
                return tickets, True
        return tickets, False
