"""Set-up of the first admin, log-in and log-out."""

from flask import Blueprint, Flask, Response, flash, make_response, redirect, render_template, request, session, url_for
from flask_limiter import Limiter, RequestLimit
from flask_limiter.util import get_remote_address
from flask_login import current_user, login_user, logout_user
from limits import parse_many

from experiments.errors import InvalidError, KletteError, SettingsError
from experiments.people import accounts
from experiments.settings import Settings
from web.http.services import services
from web.pages.common.access import actor, open_to_all, person_of, safe_next

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
def home():
    return redirect(url_for("experiments.index"))


@blueprint.route("/setup/<token>", methods=["GET", "POST"])
@open_to_all
def set_up(token: str):
    """Make the first admin with the one-time link that the first start printed."""
    database = services().database
    with database.read() as reading:
        usable = accounts.check_setup_token(reading, token)
    if not usable:
        return render_template("account/setup_expired.html"), 403
    errors: dict[str, str] = {}
    if request.method == "POST":
        given = {name: request.form.get(name, "") for name in ("name", "email", "password")}
        try:
            with database.write() as writing:
                account = accounts.redeem_setup_token(writing, token, **given)
                person = person_of(account)
        except KletteError as error:
            errors = error.fields or {"": error.detail}
        else:
            _begin_session(person)
            flash(f"Welcome to Klette{', ' + person.name if person.name else ''}. You are the first admin.")
            return redirect(url_for("experiments.index"))
    page = render_template("account/setup.html", errors=errors, minimum=accounts.MIN_PASSWORD)
    return page, 422 if errors else 200


def _too_often(limit: RequestLimit) -> Response:
    return make_response(_login_page("That was a little often. Please wait a minute, then try again."), 429)


@blueprint.route("/login", methods=["GET", "POST"])
@open_to_all
@limiter.limit(
    lambda: services().settings.login_rate_limit,
    methods=["POST"],
    exempt_when=lambda: not services().settings.login_rate_limit,
    deduct_when=lambda response: response.status_code == 401,  # only failed attempts count
    on_breach=_too_often,
)
def log_in():
    if current_user.is_authenticated:
        return redirect(safe_next(request.args.get("next")))
    if request.method == "GET":
        return _login_page()
    with services().database.read() as reading:
        account = accounts.authenticate(reading, request.form.get("email", ""), request.form.get("password", ""))
    if account is None:
        return _login_page("E-mail address and password do not match. Please check both and try again."), 401
    _begin_session(person_of(account))
    return redirect(safe_next(request.args.get("next")))


@blueprint.route("/account/password", methods=["GET", "POST"])
@limiter.limit(
    lambda: services().settings.login_rate_limit,
    methods=["POST"],
    exempt_when=lambda: not services().settings.login_rate_limit,
    deduct_when=lambda response: response.status_code == 422,  # a session left open must not be a place to guess in
)
def change_password():
    """Another password for whoever is logged in."""
    errors: dict[str, str] = {}
    if request.method == "POST":
        given = {name: request.form.get(name, "") for name in ("current", "new")}
        try:
            with services().database.write() as writing:
                account = accounts.change_password(writing, current_user.id, **given, actor=actor())
                person = person_of(account)
        except InvalidError as error:
            errors = error.fields
        else:
            _begin_session(person)  # every other one has ended with the password
            flash("Your password is changed. Wherever else you were logged in, you are no longer.")
            return redirect(url_for("experiments.index"))
    page = render_template("account/password.html", errors=errors, minimum=accounts.MIN_PASSWORD)
    return page, 422 if errors else 200


@blueprint.post("/logout")
@open_to_all
def log_out():
    logout_user()
    session.clear()
    flash("You are logged out.")
    return redirect(url_for("account.log_in"))


def _begin_session(person) -> None:
    session.clear()  # nothing of an earlier session goes on
    session.permanent = True
    login_user(person)


def _login_page(error: str = "") -> str:
    with services().database.read() as reading:
        nobody_yet = not accounts.any_account(reading)
    email = request.form.get("email", "")
    return render_template("account/login.html", error=error, nobody_yet=nobody_yet, email=email)
