"""Who may see and do what on the pages: sign-in, roles, and the redirect after signing in.

Every page asks for an account unless its view is marked :func:`open_to_all`. A view that changes something has
the decorator :func:`changes` (marketer or admin) or :func:`administers` (admin); analysts have read access.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from hmac import compare_digest
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, redirect, request, url_for
from flask_htmx import HTMX
from flask_login import LoginManager, UserMixin, current_user
from flask_wtf.csrf import CSRFProtect, generate_csrf
from markupsafe import Markup

from experiments.errors import ForbiddenError
from experiments.people import accounts
from experiments.translation import N_, gettext
from web.http.services import services
from web.pages.common.labels import role_name

View = TypeVar("View", bound=Callable[..., Any])

_REMEMBERED = timedelta(days=14)

login = LoginManager()
csrf = CSRFProtect()
htmx = HTMX()


@dataclass(frozen=True)
class Person(UserMixin):  # type: ignore[misc]  # flask-login has no types
    """The account behind a request, without its password."""

    id: int
    email: str
    name: str
    role: str
    mark: str

    def get_id(self) -> str:
        """Return the session's content: the account, and a mark of its password at sign-in."""
        return f"{self.id}.{self.mark}"

    @property
    def may_change(self) -> bool:
        """Whether experiments and keys can be changed."""
        return self.role in ("admin", "marketer")

    @property
    def may_administer(self) -> bool:
        """Whether accounts can be managed."""
        return self.role == "admin"


def person_of(account: Any) -> Person:
    """Return the person of a stored account."""
    return Person(account.id, account.email, account.name, account.role, accounts.session_mark(account))


def actor() -> str:
    """Return the actor, for the audit log."""
    return f"page:{current_user.email}"


def open_to_all(view: View) -> View:
    """Mark a view that needs no account."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def changes(view: View) -> View:
    """Let only marketers and admins in."""
    return _only(view, lambda: current_user.may_change, N_("Your role ({role}) is read-only. Ask an admin."))


def administers(view: View) -> View:
    """Let only admins in."""
    return _only(view, lambda: current_user.may_administer, N_("Your role ({role}) can't manage accounts."))


def safe_next(target: str | None) -> str:
    """Return the page after signing in: always a path of this site, whatever the query string contains."""
    target = target or ""
    parts = urlsplit(target) if target.isprintable() else None
    own = parts is not None and not parts.scheme and not parts.netloc
    plain = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if own and plain else url_for("experiments.index")


def register(app: Flask, page_blueprints: set[str]) -> None:
    """Guard the pages: sign-in first, then the form's token. The API has its own keys."""
    settings = app.extensions["klette"].settings
    app.config.update(
        # Cookies ignore ports: two installations on one machine must not sign each other out.
        SESSION_COOKIE_NAME=f"klette_{settings.port}",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=_REMEMBERED,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session, so that long typing is not lost
    )
    login.init_app(app)
    csrf.init_app(app)
    htmx.init_app(app)
    login.user_loader(_load)

    @app.before_request
    def guard() -> Response | None:
        if request.blueprint not in page_blueprints:
            return None
        view = current_app.view_functions[request.endpoint or ""]
        if not getattr(view, "open_to_all", False) and not current_user.is_authenticated:
            return _to_login()
        csrf.protect()
        return None

    app.jinja_env.globals["csrf_field"] = _csrf_field
    app.context_processor(_rights)


def _load(stored_id: str) -> Person | None:
    number, _, mark = stored_id.partition(".")
    with services().database.read() as session:
        account = accounts.get_account(session, int(number)) if number.isdigit() else None
        # A new password ends all earlier sessions.
        return person_of(account) if account and compare_digest(accounts.session_mark(account), mark) else None


def _to_login() -> Response:
    here = request.full_path.rstrip("?") if request.method == "GET" and not htmx else ""
    target = url_for("account.log_in", next=here or None)
    if htmx:  # part of a page: redirect the whole page to sign-in
        return Response(status=204, headers={"HX-Redirect": target})
    return redirect(target)  # type: ignore[return-value]


def _rights() -> dict[str, Any]:
    # Error pages call this too, and must render even if the account cannot be read.
    try:
        account = current_user if current_user.is_authenticated else None
    except Exception:
        account = None
    return {
        "account": account,
        "may_change": bool(account and account.may_change),
        "may_administer": bool(account and account.may_administer),
    }


def _csrf_field() -> Markup:
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


def _only(view: View, allowed: Callable[[], bool], reason: str) -> View:
    @wraps(view)
    def guarded(*arguments: Any, **named: Any) -> Any:
        if not allowed():
            raise ForbiddenError(gettext(reason).format(role=role_name(current_user.role)))
        return view(*arguments, **named)

    return guarded  # type: ignore[return-value]
