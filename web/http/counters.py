"""The counters of the web processes for Prometheus; labels contain neither units nor keys."""

from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import Counter, Histogram

REQUESTS = Counter("klette_api_requests_total", "API requests by endpoint and status.", ["call", "status"])


SECONDS = Histogram(
    "klette_api_seconds",
    "Response time of API requests in seconds.",
    ["call"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)


EVENTS = Counter("klette_events_total", "Events by outcome: accepted, duplicate or rejected.", ["outcome"])


REJECTED = Counter("klette_events_rejected_total", "Rejected events by code.", ["code"])


GROUPS = Counter("klette_commits_total", "Group commits of exposures and events.")


GROUPED = Counter("klette_commit_requests_total", "Requests included in group commits.")


_children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}


def observe(call: str, status: int, seconds: float) -> None:
    """Count one call; labels contain neither units nor keys."""
    held = _children.get((call, status))
    if held is None:
        held = _children[call, status] = (REQUESTS.labels(call, str(status)), SECONDS.labels(call))
    held[0].inc()
    held[1].observe(seconds)


def observe_events(accepted: int, duplicates: int, rejected: Sequence[Mapping[str, Any]]) -> None:
    """Count the events of one call; ``rejected`` holds an entry with a ``code`` for each that was not stored."""
    for outcome, number in (("accepted", accepted), ("duplicate", duplicates), ("rejected", len(rejected))):
        if number:
            EVENTS.labels(outcome).inc(number)
    for entry in rejected:
        REJECTED.labels(entry["code"]).inc()


def observe_commit(requests: int) -> None:
    """Count one group commit and the requests in it."""
    GROUPS.inc()
    GROUPED.inc(requests)
