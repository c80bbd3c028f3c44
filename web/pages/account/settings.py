"""The project, its settings, its people and the audit log."""

from typing import Any, NamedTuple

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from sqlalchemy.engine import make_url
from sqlmodel import col, select
from werkzeug import Response

from experiments.errors import ForbiddenError, KletteError
from experiments.people import accounts
from experiments.settings import Settings
from experiments.storage import audit
from experiments.storage.tables import Experiment, Variant
from experiments.translation import gettext
from web.http.services import services
from web.pages.account import audit_log
from web.pages.common import labels
from web.pages.common.access import actor, administers

blueprint = Blueprint("settings", __name__)

AUDITED = 50
"""Entries of the audit log on the page."""


class NewPassword(NamedTuple):
    """A password that was just created, with the account's email address."""

    email: str
    password: str


@blueprint.get("/settings")
def index() -> str:
    """Show the settings."""
    return _page()


@blueprint.post("/settings/accounts")
@administers
def create_account() -> Any:
    """Create an account."""
    form = request.form
    try:
        with services().database.write() as session:
            account = accounts.create_account(
                session,
                name=form.get("name", ""),
                email=form.get("email", ""),
                role=form.get("role", ""),
                password=form.get("password", ""),
                actor=actor(),
            )
    except KletteError as error:
        return _page(error.fields or {"": error.detail}), 422
    flash(gettext("{name} can sign in now.").format(name=account.name or account.email))
    return redirect(url_for("settings.index") + "#people")


@blueprint.post("/settings/accounts/<int:account_id>/password")
@administers
def new_password(account_id: int) -> tuple[str, int]:
    """Create a password and show it; only the answer to this request contains it."""
    if account_id == current_user.id:
        raise ForbiddenError(gettext("Change your own password in the account menu."))
    with services().database.write() as session:
        account, plain = accounts.new_password(session, account_id, actor=actor())
        email = account.email
    return _page(fresh=NewPassword(email, plain)), 201


@blueprint.post("/settings/accounts/<int:account_id>/role")
@administers
def change_role(account_id: int) -> Response:
    """Change a role."""
    if account_id == current_user.id:
        raise ForbiddenError(gettext("You cannot change your own role. Ask another admin."))
    with services().database.write() as session:
        account = accounts.change_role(session, account_id, request.form.get("role", ""), actor=actor())
        message = gettext("The role of {name} is now {role}.")
        done = message.format(name=account.name or account.email, role=labels.role_name(account.role))
    flash(done)
    return redirect(url_for("settings.index") + "#people")


@blueprint.post("/settings/accounts/<int:account_id>/enable")
@administers
def enable_account(account_id: int) -> Response:
    """Enable an account."""
    with services().database.write() as session:
        account = accounts.enable_account(session, account_id, actor=actor())
    flash(gettext("{name} can sign in again with the old password.").format(name=account.name or account.email))
    return redirect(url_for("settings.index") + "#people")


@blueprint.post("/settings/accounts/<int:account_id>/disable")
@administers
def disable_account(account_id: int) -> Response:
    """Disable an account."""
    if account_id == current_user.id:
        raise ForbiddenError(gettext("You cannot disable your own account. Ask another admin."))
    with services().database.write() as session:
        account = accounts.disable_account(session, account_id, actor=actor())
    flash(gettext("{name} can no longer sign in.").format(name=account.name or account.email))
    return redirect(url_for("settings.index") + "#people")


def _page(errors: dict[str, str] | None = None, fresh: NewPassword | None = None) -> str:
    settings = services().settings
    with services().database.read() as session:
        people = accounts.list_accounts(session)
        addresses = {person.id or 0: person.email for person in people}
        entries = audit.entries(session, limit=AUDITED)
        ids = {entry.experiment_id for entry in entries if entry.experiment_id}
        found = session.exec(select(Experiment.id, Experiment.key).where(col(Experiment.id).in_(ids)))
        keys = {id_ or 0: key for id_, key in found}
        variants = session.exec(select(Variant).where(col(Variant.experiment_id).in_(ids))).all()
    return render_template(
        "account/settings.html",
        errors=errors or {},
        settings=settings,
        listed=[_shown(settings, name, field) for name, field in Settings.model_fields.items()],
        people=people,
        fresh=fresh,
        entries=[audit_log.row_of(entry, keys, variants, addresses) for entry in entries],
        roles=accounts.ROLES,
        role_options=[(role, labels.role_name(role)) for role in ("marketer", "analyst", "admin")],
        minimum=accounts.MIN_PASSWORD,
        engine="SQLite" if services().database.is_sqlite else "PostgreSQL",
    )


def _shown(settings: Settings, name: str, field: FieldInfo) -> dict[str, str]:
    value = getattr(settings, name)
    if isinstance(value, SecretStr):
        text = gettext("set (hidden)")
    elif name == "database_url" and value:
        text = make_url(value).render_as_string(hide_password=True)
    elif value in ("", None):
        text = gettext("not set")
    else:
        text = str(value)
    meaning = gettext(field.description) if field.description else ""
    return {"variable": f"KLETTE_{name.upper()}", "value": text, "meaning": meaning}
