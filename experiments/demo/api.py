"""The way to the HTTP API: the server that runs, or else the same application in this process."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import httpx

from experiments.errors import UnavailableError
from experiments.settings import Settings

_TRIES = 6
_PATIENCE_SECONDS = 15.0


class Api:
    """The calls that an app makes, repeated where no answer came: the API counts nothing twice."""

    def __init__(self, client: httpx.Client, key: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}"}

    def assign(self, unit: str, attributes: dict[str, str], experiment: str) -> str | None:
        """The variant of a member, without an exposure; None where the experiment is not known yet or takes nobody."""
        body = {"unit": unit, "attributes": attributes, "experiments": [experiment], "expose": False}
        assignments = self._post("/api/v1/assign", body)["assignments"]
        return assignments.get(experiment, {}).get("variant")

    def log(self, events: list[dict[str, Any]]) -> None:
        """Send events.

        Raises
        ------
        UnavailableError
            One was rejected: the simulated audience sends nothing that is wrong.
        """
        rejected = self._post("/api/v1/events", {"events": events})["rejected"]
        if rejected:
            raise UnavailableError(
                f"The server rejected {len(rejected)} events of the example: {rejected[0]['detail']}"
            )

    def wait_for(self, experiment: str) -> None:
        """Wait until every process of the server has noticed the experiment and the key."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        streak = 0
        while streak < 20:
            answer = self._client.post(
                "/api/v1/assign",
                json={"unit": "nobody", "experiments": [experiment], "expose": False},
                headers=self._headers,
            )
            known = answer.status_code == 200 and experiment in answer.json()["assignments"]
            streak = streak + 1 if known else 0
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"The server answered {answer.status_code} and does not know {experiment} after "
                    f"{_PATIENCE_SECONDS:.0f} s; does it use the same database? Check --url and KLETTE_DATABASE_URL."
                )
            time.sleep(0.02 if known else 0.2)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        for attempt in range(_TRIES):
            try:
                answer = self._client.post(path, json=body, headers=self._headers)
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
            else:
                if answer.status_code == 200:
                    return answer.json()
                reason = f"status {answer.status_code}: {answer.text[:200]}"
                if answer.status_code not in (401, 429, 500, 502, 503):
                    break
            time.sleep(0.2 * 2**attempt)
        raise UnavailableError(
            f"The server did not take {path} ({reason}). Run the example again; it goes on from there."
        )


@contextmanager
def reach(settings: Settings, url: str = "") -> Iterator[httpx.Client]:
    """A client for the API of this copy.

    Parameters
    ----------
    settings
        Those of this copy.
    url
        Another address than the settings'; it must answer.

    Raises
    ------
    UnavailableError
        Nothing answers at ``url``.
    """
    logging.getLogger("httpx").setLevel(logging.WARNING)  # ten thousand calls would be ten thousand lines
    address = (url or settings.public_url).rstrip("/")
    if _answers(address):
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
        with httpx.Client(base_url=address, timeout=30, limits=limits, trust_env=False) as client:
            yield client
        return
    if url:
        raise UnavailableError(f"Nothing answers at {address}/healthz; start the server or leave --url out.")
    # No server runs: the same application answers in this process. As `klette serve` tells gunicorn, it is told by its
    # name where the application is; nothing else in this room knows the web.
    app = import_module("web").create_app(settings)
    try:
        with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://klette.local") as client:
            yield client
    finally:
        app.extensions["klette"].close()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=3, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
