"""Views that need a key: who calls, and may this kind of key do it?"""

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
    """Let only callers with a key in; ``server`` keeps client keys out, ``client`` lets both kinds in.

    The view finds the call by :func:`call`.

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
    """The call that is being answered, its key checked."""
    current: Call = g.klette_call
    return current


def project_id() -> int:
    """The project of the caller's key."""
    return call().identity.project_id


def experiment_of(session: Session, key: str) -> Experiment:
    """The experiment of this key in the caller's project; raises NotFoundError."""
    return store.get(session, key, project_id())


def actor() -> str:
    """Who calls, for the audit."""
    return f"api:{call().identity.name}"


def refuse_body() -> None:
    """Refuse a body where none is read: an option that is ignored is most often a misunderstanding."""
    if request.content_length and (names := list(call().document())):
        message = "is no field here; this action takes no body."
        raise InvalidError(f"{shown(names[0])} {message}", fields={name[:60]: message for name in names[:10]})
