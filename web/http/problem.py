"""The one place where an error becomes an answer: problem+json (RFC 9457) for apps, a page for people.

Under ``/api``, ``/ofrep`` and ``/v1`` every failure is JSON, including those of the framework and unexpected ones.
Clients never see a stack trace; the log does.
"""

import json
import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, render_template, request
from markupsafe import escape
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from experiments.errors import (
    ConflictError,
    ImportFailedError,
    KletteError,
    MalformedError,
    NotFoundError,
    TooLargeError,
    TooManyRequestsError,
    UnauthorisedError,
    UnavailableError,
)
from experiments.translation import N_, gettext
from experiments.translation.filling import filled

log = logging.getLogger(__name__)

API_PREFIXES = ("/api", "/ofrep", "/v1")
CONTENT_TYPE = "application/problem+json"


class Problem(BaseModel):
    """An error (RFC 9457): ``detail`` names the value, the bound and the remedy; ``code`` never changes."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(description="The documentation of this kind of problem.")
    title: str = Field(description="The kind of problem.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="The value, the bound and the remedy.")
    code: str = Field(description="Stable code for programs.")
    fields: dict[str, str] | None = Field(None, description="Messages by field path, such as variants.1.weight.")
    possible: list[str] | None = Field(None, description="After an illegal transition: states that can be reached.")
    actions: list[str] | None = Field(None, description="After an illegal transition: available actions.")


# Status -> (code, title, remedy) of the failures that the framework notices before any of our code runs.
FRAMEWORK = {
    400: ("malformed", MalformedError.title, N_("Send well-formed HTTP with a JSON body in UTF-8.")),
    404: ("not_found", NotFoundError.title, N_("See /docs for the addresses.")),
    405: ("method_not_allowed", N_("Method not allowed"), N_("See /docs for the addresses.")),
    408: ("timeout", N_("Request timeout"), N_("Send it again.")),
    411: ("length_required", N_("Content-Length required"), N_("Send a Content-Length.")),
    413: ("too_large", TooLargeError.title, N_("Send it in parts.")),
    414: ("address_too_long", N_("Address too long"), N_("Send the values in the body.")),
    415: ("unsupported_media_type", N_("Unsupported media type"), N_("Send JSON as application/json.")),
    431: ("headers_too_large", N_("Headers too large"), N_("Send shorter headers.")),
}
SERVER_ERROR = N_("Internal server error")


def register(app: Flask) -> None:
    """Answer every error of the application, wherever it was raised."""
    app.register_error_handler(Exception, _handle)

    @app.after_request
    def no_page_for_apps(response: Response) -> Response:
        # Routing redirects never reach an error handler, and their body is HTML.
        if is_api(request.path) and response.mimetype == "text/html":
            status = 404 if response.status_code < 400 else response.status_code
            response = _respond(_framework_error(status, _nothing_here()))
        if response.status_code in (404, 405) and (is_api(request.path) or request.path == "/openapi.json"):
            # Without this header a browser hides the whole answer from the app, including the error.
            response.headers["Access-Control-Allow-Origin"] = "*"
        return response


def is_api(path: str) -> bool:
    """Whether a path is for apps, so that every failure there is problem+json."""
    return any(path == prefix or path.startswith(prefix + "/") for prefix in API_PREFIXES)


def known(error: Exception) -> KletteError:
    """Return an error of ours as it is; any other as one without internals, which are logged."""
    if isinstance(error, KletteError):
        return error
    if isinstance(error, PoolTimeoutError):
        return UnavailableError(
            gettext("All database connections are busy. Nothing was written; send the request again.")
        )
    log.error("Unexpected error", exc_info=error)
    unexpected = KletteError(gettext("Unexpected error. The details are in the log. Send the request again."))
    unexpected.code, unexpected.status, unexpected.title = "internal", 500, SERVER_ERROR
    return unexpected


def problem_document(error: KletteError) -> dict[str, Any]:
    """Return the members of the problem: the standard ones, a stable ``code``, and details for the remedy."""
    document: dict[str, Any] = {
        "type": f"/docs#problem-{error.status}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    if error.fields:
        document["fields"] = error.fields
    if isinstance(error, ConflictError) and error.possible is not None:
        document["possible"] = list(error.possible)
        document["actions"] = list(error.actions or ())
    if isinstance(error, ImportFailedError) and error.lines:
        document["lines"] = [{"line": number, "detail": message} for number, message in error.lines]
    return document


def problem_bytes(error: KletteError) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return status, headers and body of the problem, for callers that speak WSGI."""
    # ASCII escapes: a value repeated in a message may contain half of a Unicode character.
    body = json.dumps(problem_document(error)).encode()
    headers = [("Content-Type", CONTENT_TYPE), ("Cache-Control", "no-store"), ("Content-Length", str(len(body)))]
    return error.status, [*headers, *_extra_headers(error)], body


def _extra_headers(error: KletteError) -> list[tuple[str, str]]:
    if isinstance(error, UnauthorisedError):
        return [("WWW-Authenticate", 'Bearer realm="klette"')]
    if isinstance(error, TooManyRequestsError):
        return [("Retry-After", str(error.retry_after))]
    if isinstance(error, UnavailableError):
        return [("Retry-After", "1")]
    return []


def _handle(error: Exception) -> Any:
    if isinstance(error, HTTPException):
        if error.code is None or error.code < 400 or error.response is not None:
            return error
        ours, headers = _from_framework(error)
    else:
        ours, headers = known(error), []
    response = _respond(ours) if is_api(request.path) else _page(ours)
    for name, value in headers:
        response.headers[name] = value
    return response


def _from_framework(error: HTTPException) -> tuple[KletteError, list[tuple[str, str]]]:
    status = error.code or 500
    methods = sorted(set(getattr(error, "valid_methods", None) or ()) - {"HEAD", "OPTIONS"})
    path = request.path[:200]
    if status == 404:
        detail = _nothing_here()
    elif status == 405 and methods:
        message = gettext("{method} is not allowed at {path}; use {methods}.")
        detail = message.format(method=request.method, path=path, methods=", ".join(methods))
    elif status == 413 and request.max_content_length:
        detail = too_large(request.max_content_length, request.content_length)
    else:
        detail = str(error.description or HTTPStatus(status).phrase)
    kept = ("Allow", "Retry-After", "WWW-Authenticate")
    return _framework_error(status, detail), [pair for pair in error.get_headers() if pair[0] in kept]


def _nothing_here() -> str:
    return gettext("There is nothing at {path}.").format(path=request.path[:200])


def too_large(limit: int, size: int | None) -> str:
    """Return the detail of a body over the limit, in bytes; None if its size is not known."""
    if size:
        return filled(gettext("The body has {size:,} bytes; at most {limit:,} are allowed."), size=size, limit=limit)
    return filled(gettext("The body is larger than the {limit:,} bytes that are allowed."), limit=limit)


def _framework_error(status: int, detail: str) -> KletteError:
    phrase = HTTPStatus(status).phrase
    code, title, remedy = FRAMEWORK.get(status, (phrase.lower().replace(" ", "_"), phrase, ""))
    error = KletteError(f"{detail} {gettext(remedy)}".strip() if is_api(request.path) else detail)
    error.code, error.title, error.status = code, title, status
    return error


def _respond(error: KletteError) -> Response:
    status, headers, body = problem_bytes(error)
    return Response(body, status=status, headers=headers)


def _page(error: KletteError) -> Response:
    lines = error.lines if isinstance(error, ImportFailedError) else []
    detail = error.detail.encode("utf-8", "replace").decode()
    try:
        page = render_template(
            "common/error.html",
            title=gettext(error.title),
            status=error.status,
            detail=detail,
            lines=lines,
            unrouted=request.url_rule is None and error.status == 404,
        )
    except Exception:
        log.exception("The error page could not be rendered.")
        title, detail = escape(gettext(error.title)), escape(detail)
        page = f"<!doctype html><html lang=en><title>{title}</title><h1>{title}</h1><p>{detail}</p>"
    return Response(page, status=error.status, mimetype="text/html", headers=_extra_headers(error))
