"""Authentication of API views: the caller's key, its project, and the type of key that a view requires."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import g, request
from sqlmodel import Session

from experiments.errors import ForbiddenError, InvalidError
from experiments.lifecycle import store
from experiments.storage.tables import Experiment
from experiments.validation import shown
from web.http.exchange import Call, authenticate
from web.http.services import services

View = TypeVar("View", bound=Callable[..., Any])


def require_key(kind: str) -> Callable[[View], View]:
    """Require an API key for a view: ``server`` refuses client keys, ``client`` accepts both types.

    The view reads the request with :func:`call`.

    Raises
    ------
    UnauthorisedError, ForbiddenError, TooManyRequestsError
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def keyed(*arguments: Any, **named: Any) -> Any:
            identity = authenticate(services(), request.environ)
            if kind == "server" and identity.kind != "server":
                raise ForbiddenError(
                    f"The key {identity.name!r} is a {identity.kind} key; this needs a server key, kept off browsers."
                )
            g.klette_call = Call(services(), identity, request.environ)
            return view(*arguments, **named)

        return cast(View, keyed)

    return decorate


def call() -> Call:
    """Return the current authenticated call."""
    current: Call = g.klette_call
    return current


def project_id() -> int:
    """Return the id of the project of the caller's key."""
    return call().identity.project_id


def experiment_of(session: Session, key: str) -> Experiment:
    """Return the experiment with this key in the caller's project; raise NotFoundError if there is none."""
    return store.get(session, key, project_id())


def actor() -> str:
    """Return the caller's name for the audit log."""
    return f"api:{call().identity.name}"


def refuse_body() -> None:
    """Refuse a body where none is read, since a caller who sends options expects them to have an effect."""
    if request.content_length and (names := list(call().document())):
        message = "is not a field of this action, which takes no body."
        raise InvalidError(f"{shown(names[0])} {message}", fields={name[:60]: message for name in names[:10]})
