"""A small HTTP load generator: many keep-alive connections, one thread, raw sockets, little CPU of its own."""

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """What a load brought: answers by status, seconds each took, and how long it all lasted."""

    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    broken: int = 0

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """Seconds within which that share of the answers came."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class _Connection:
    __slots__ = ("socket", "received", "began", "tag")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.began = 0.0
        self.tag: object = None


def request_bytes(method: str, path: str, host: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """One HTTP/1.1 request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def drive(
    address: tuple[str, int],
    requests: Iterator[tuple[object, bytes]],
    *,
    seconds: float,
    connections: int = 32,
    on_answer: Callable[[object, int, bytes], None] | None = None,
) -> Outcome:
    """Keep every connection busy for so many seconds, then let what is under way be answered.

    Parameters
    ----------
    requests
        Gives (tag, request) pairs; ends the load early where it ends.
    on_answer
        Called with the tag, the status and the body of each answer. A connection that breaks is not opened again.
    """
    outcome = Outcome()
    selector = selectors.DefaultSelector()
    open_connections = [_Connection(address) for _ in range(connections)]
    busy = 0
    began = time.perf_counter()
    until = began + seconds
    for connection in open_connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        busy += _send(connection, requests)
    while busy:
        for key, _ in selector.select(timeout=10) or _timed_out():
            connection = key.data
            answer = _receive(connection)
            if answer is None:
                continue
            status, body = answer
            now = time.perf_counter()
            going = status > 0
            if going:
                outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
                outcome.waits.append(now - connection.began)
                if on_answer:
                    on_answer(connection.tag, status, body)
            else:
                outcome.broken += 1
                selector.unregister(connection.socket)
            busy -= 1
            if going and now < until:
                busy += _send(connection, requests)
    outcome.seconds = time.perf_counter() - began
    for connection in open_connections:
        connection.socket.close()
    selector.close()
    return outcome


def _timed_out() -> list:
    raise TimeoutError("No answer came for 10 seconds.")


def _send(connection: _Connection, requests: Iterator[tuple[object, bytes]]) -> int:
    following = next(requests, None)
    if following is None:
        return 0
    connection.tag, wire = following
    connection.began = time.perf_counter()
    connection.socket.sendall(wire)
    return 1


def _receive(connection: _Connection) -> tuple[int, bytes] | None:
    """A whole answer, None while it is under way, status 0 where the connection broke."""
    try:
        received = connection.socket.recv(262_144)
    except OSError:
        received = b""
    if not received:
        return 0, b""
    connection.received += received
    head, found, body = connection.received.partition(b"\r\n\r\n")
    if not found:
        return None
    lowered = head.lower()
    at = lowered.find(b"content-length:")
    length = int(lowered[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    if len(body) < length:
        return None
    connection.received = b""
    return int(head[9:12]), body
