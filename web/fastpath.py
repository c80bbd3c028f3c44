"""In front of Flask: the calls that apps make most, at about half of what a Flask route costs.

Only the way in differs. The handlers, the answers and the errors are those of the Flask views.
"""

import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from web.api.assign import get_assign, post_assign
from web.api.events import post_events
from web.http.counters import observe
from web.http.exchange import CORS_HEADERS, JSON_HEADERS, PREFLIGHT_HEADERS, Handler, answer
from web.http.problem import known, problem_bytes
from web.http.services import LazyServices

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_POST: dict[str, tuple[str, Handler]] = {
    "/api/v1/assign": ("assign", post_assign),
    "/api/v1/events": ("events", post_events),
}
_ONE = "/api/v1/assign/"


class FastPath:
    """WSGI middleware that answers assign and events itself and hands everything else on.

    Parameters
    ----------
    app
        The application behind it.
    services
        What the handlers work with.
    """

    def __init__(self, app: "WSGIApplication", services: LazyServices) -> None:
        self.app = app
        self._services = services

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        path = environ["PATH_INFO"]
        if not path.startswith("/api/v1/"):
            return self.app(environ, start_response)
        method = environ["REQUEST_METHOD"]
        if method == "POST" and path in _POST:
            name, handler = _POST[path]
            return self._answer(name, handler, environ, start_response)
        if method == "GET" and path.startswith(_ONE) and path.count("/") == 4:
            return self._answer("assign", get_assign, environ, start_response)
        if method == "OPTIONS" and (path in _POST or path.startswith(_ONE)):
            start_response("204 No Content", PREFLIGHT_HEADERS)
            return []
        return self.app(environ, start_response)

    def _answer(
        self, name: str, handler: Handler, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> list[bytes]:
        began = time.perf_counter()
        try:
            body = answer(self._services.get(), environ, handler)
        except Exception as error:
            status, headers, body = problem_bytes(known(error))
            start_response(_line(status), [*headers, *CORS_HEADERS])
        else:
            status = 200
            start_response("200 OK", [*JSON_HEADERS, *CORS_HEADERS, ("Content-Length", str(len(body)))])
        observe(name, status, time.perf_counter() - began)
        return [body]


def _line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"
