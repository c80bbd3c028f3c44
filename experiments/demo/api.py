"""A client of the HTTP API, for the example's simulated app."""

import time
from typing import Any

import httpx

from experiments.errors import UnavailableError
from experiments.translation import gettext

_TRIES = 6
_PATIENCE_SECONDS = 15.0


class Api:
    """The requests of an app. They are repeated if unanswered, since the API counts nothing twice."""

    def __init__(self, client: httpx.Client, key: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}"}

    def assign(self, unit: str, attributes: dict[str, str], experiment: str) -> str | None:
        """Return a member's variant without an exposure; None if the experiment is unknown or excludes the member."""
        body = {"unit": unit, "attributes": attributes, "experiments": [experiment], "expose": False}
        assignments = self._post("/api/v1/assign", body)["assignments"]
        variant: str | None = assignments.get(experiment, {}).get("variant")
        return variant

    def log(self, events: list[dict[str, Any]]) -> None:
        """Send events.

        Raises
        ------
        UnavailableError
            The server rejected an event, although the simulated events are valid.
        """
        rejected = self._post("/api/v1/events", {"events": events})["rejected"]
        if rejected:
            message = gettext("The server rejected {count} events of the example: {detail}")
            raise UnavailableError(message.format(count=len(rejected), detail=rejected[0]["detail"]))

    def wait_for(self, experiment: str) -> None:
        """Wait until all processes of the server have loaded the experiment and the key."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        streak = 0
        while streak < 20:
            answer = self._client.post(
                "/api/v1/assign",
                json={"unit": "probe", "experiments": [experiment], "expose": False},
                headers=self._headers,
            )
            known = answer.status_code == 200 and experiment in answer.json()["assignments"]
            streak = streak + 1 if known else 0
            if time.monotonic() > deadline:
                message = gettext(
                    "The server (status {status}) has not loaded {experiment} after {seconds:.0f} s. Check that it "
                    "uses the same database: --url and KLETTE_DATABASE_URL."
                )
                raise UnavailableError(
                    message.format(status=answer.status_code, experiment=experiment, seconds=_PATIENCE_SECONDS)
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
                    document: dict[str, Any] = answer.json()
                    return document
                reason = f"status {answer.status_code}: {answer.text[:200]}"
                if answer.status_code not in (401, 429, 500, 502, 503):
                    break
            time.sleep(0.2 * 2**attempt)
        message = gettext("The server refused {path} ({reason}). Run the example again to resume.")
        raise UnavailableError(message.format(path=path, reason=reason))
