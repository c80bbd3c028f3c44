"""Set-up of the first admin, signing in and out, changing a password."""

from typing import Any

from flask import Blueprint, Flask, flash, make_response, redirect, render_template, request, session, url_for
from flask_limiter import Limiter, RequestLimit
from flask_limiter.util import get_remote_address
from flask_login import current_user, login_user, logout_user
from limits import parse_many
from werkzeug import Response

from experiments.errors import InvalidError, KletteError, SettingsError
from experiments.people import accounts, setup_link
from experiments.settings import Settings
from experiments.translation import gettext
from web.http.services import services
from web.pages.common.access import Person, actor, open_to_all, person_of, safe_next

blueprint = Blueprint("account", __name__)
limiter = Limiter(key_func=get_remote_address, storage_uri="memory://", headers_enabled=False)


def register(app: Flask, settings: Settings) -> None:
    """Bind the limit of log-in attempts to the application.

    Raises
    ------
    SettingsError
        The limit cannot be read.
    """
    if settings.login_rate_limit:
        try:
            parse_many(settings.login_rate_limit)
        except ValueError:
            written = f"KLETTE_LOGIN_RATE_LIMIT={settings.login_rate_limit!r}"
            raise SettingsError(f'{written}: write a number and a span, such as "10/minute".') from None
    limiter.init_app(app)


@blueprint.get("/")
def home() -> Response:
    """Go to the list of experiments."""
    return redirect(url_for("experiments.index"))


@blueprint.route("/setup/<token>", methods=["GET", "POST"])
@open_to_all
def set_up(token: str) -> Any:
    """Create the first admin with the one-time link that the first start printed."""
    database = services().database
    with database.read() as reading:
        usable = setup_link.check(reading, token)
    if not usable:
        return render_template("account/setup_expired.html"), 403
    errors: dict[str, str] = {}
    if request.method == "POST":
        given = {name: request.form.get(name, "") for name in ("name", "email", "password")}
        try:
            with database.write() as writing:
                account = setup_link.redeem(writing, token, **given)
                person = person_of(account)
        except KletteError as error:
            errors = error.fields or {"": error.detail}
        else:
            _begin_session(person)
            flash(gettext("Welcome to Klette. You are the first admin."))
            return redirect(url_for("experiments.index"))
    page = render_template("account/setup.html", errors=errors, minimum=accounts.MIN_PASSWORD)
    return page, 422 if errors else 200


def _too_often(_: RequestLimit) -> Any:
    return make_response(_login_page(gettext("Too many attempts. Wait a minute, then try again.")), 429)


@blueprint.route("/login", methods=["GET", "POST"])
@open_to_all
@limiter.limit(
    lambda: services().settings.login_rate_limit,
    methods=["POST"],
    exempt_when=lambda: not services().settings.login_rate_limit,
    deduct_when=lambda response: response.status_code == 401,  # only failed attempts count
    on_breach=_too_often,
)
def log_in() -> Any:
    """Sign in."""
    if current_user.is_authenticated:
        return redirect(safe_next(request.args.get("next")))
    if request.method == "GET":
        return _login_page()
    with services().database.read() as reading:
        account = accounts.authenticate(reading, request.form.get("email", ""), request.form.get("password", ""))
    if account is None:
        return _login_page(gettext("Email and password do not match.")), 401
    _begin_session(person_of(account))
    return redirect(safe_next(request.args.get("next")))


@blueprint.route("/account/password", methods=["GET", "POST"])
@limiter.limit(
    lambda: services().settings.login_rate_limit,
    methods=["POST"],
    exempt_when=lambda: not services().settings.login_rate_limit,
    deduct_when=lambda response: response.status_code == 422,  # an open session must not allow guessing
)
def change_password() -> Any:
    """Change the password of the signed-in account."""
    errors: dict[str, str] = {}
    if request.method == "POST":
        form = request.form
        try:
            with services().database.write() as writing:
                account = accounts.change_password(
                    writing, current_user.id, current=form.get("current", ""), new=form.get("new", ""), actor=actor()
                )
                person = person_of(account)
        except InvalidError as error:
            errors = error.fields
        else:
            _begin_session(person)  # every other one has ended with the password
            flash(gettext("Your password is changed. All other sessions have ended."))
            return redirect(url_for("experiments.index"))
    page = render_template("account/password.html", errors=errors, minimum=accounts.MIN_PASSWORD)
    return page, 422 if errors else 200


@blueprint.post("/logout")
@open_to_all
def log_out() -> Response:
    """Sign out."""
    logout_user()
    session.clear()
    flash(gettext("You are signed out."))
    return redirect(url_for("account.log_in"))


def _begin_session(person: Person) -> None:
    session.clear()  # an earlier session must not continue
    session.permanent = True
    login_user(person)


def _login_page(error: str = "") -> str:
    with services().database.read() as reading:
        no_account = not accounts.any_account(reading)
    email = request.form.get("email", "")
    return render_template("account/login.html", error=error, no_account=no_account, email=email)
