"""The project's facts, its settings, its people, and who did what."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from pydantic import SecretStr
from sqlalchemy.engine import make_url
from sqlmodel import col, select

from experiments.errors import ForbiddenError, KletteError
from experiments.people import accounts
from experiments.settings import Settings
from experiments.storage import audit
from experiments.storage.tables import Experiment, Variant
from web.http.services import services
from web.pages.account import audit_words
from web.pages.common import labels
from web.pages.common.access import actor, administers, current_user

blueprint = Blueprint("settings", __name__)

AUDITED = 50
"""Entries of the audit shown at once."""


@blueprint.get("/settings")
def index():
    return _page()


@blueprint.post("/settings/accounts")
@administers
def create_account():
    given = {name: request.form.get(name, "") for name in ("name", "email", "role", "password")}
    try:
        with services().database.write() as session:
            account = accounts.create_account(session, **given, actor=actor())
    except KletteError as error:
        return _page(labels.in_words(error.fields or {"": error.detail})), 422
    flash(f"{account.name or account.email} can log in now as {account.role}.")
    return redirect(url_for("settings.index") + "#people")


@blueprint.post("/settings/accounts/<int:account_id>/password")
@administers
def new_password(account_id: int):
    """Make a password and show it, this once: the answer to this very request is the only place where it stands."""
    if account_id == current_user.id:
        raise ForbiddenError("Change your own password in the menu of your account.")
    with services().database.write() as session:
        account, plain = accounts.new_password(session, account_id, actor=actor())
        email = account.email
    return _page(fresh=(email, plain)), 201


@blueprint.post("/settings/accounts/<int:account_id>/role")
@administers
def change_role(account_id: int):
    if account_id == current_user.id:
        raise ForbiddenError("You cannot change your own role; ask another admin to do it.")
    with services().database.write() as session:
        account = accounts.change_role(session, account_id, request.form.get("role", ""), actor=actor())
        done = f"{account.name or account.email} is {'an' if account.role[0] == 'a' else 'a'} {account.role} now."
    flash(done)
    return redirect(url_for("settings.index") + "#people")


@blueprint.post("/settings/accounts/<int:account_id>/enable")
@administers
def enable_account(account_id: int):
    with services().database.write() as session:
        account = accounts.enable_account(session, account_id, actor=actor())
    flash(f"{account.name or account.email} can log in again, with the password of before.")
    return redirect(url_for("settings.index") + "#people")


@blueprint.post("/settings/accounts/<int:account_id>/disable")
@administers
def disable_account(account_id: int):
    if account_id == current_user.id:
        raise ForbiddenError("You cannot disable your own account; ask another admin to do it.")
    with services().database.write() as session:
        account = accounts.disable_account(session, account_id, actor=actor())
    flash(f"{account.name or account.email} can no longer log in.")
    return redirect(url_for("settings.index") + "#people")


def _page(errors: dict[str, str] | None = None, fresh: tuple[str, str] | None = None) -> str:
    settings = services().settings
    with services().database.read() as session:
        people = accounts.list_accounts(session)
        addresses = {person.id or 0: person.email for person in people}
        entries = audit.entries(session, limit=AUDITED)
        ids = {entry.experiment_id for entry in entries if entry.experiment_id}
        found = session.exec(select(Experiment.id, Experiment.key).where(col(Experiment.id).in_(ids)))
        keys = dict(found.all())
        variants = session.exec(select(Variant).where(col(Variant.experiment_id).in_(ids))).all()
    return render_template(
        "account/settings.html",
        errors=errors or {},
        settings=settings,
        listed=[_shown(settings, name, field) for name, field in Settings.model_fields.items()],
        people=people,
        fresh=fresh,
        entries=[audit_words.told(entry, keys, variants, addresses) for entry in entries],
        roles=accounts.ROLES,
        minimum=accounts.MIN_PASSWORD,
        engine="SQLite" if services().database.is_sqlite else "PostgreSQL",
    )


def _shown(settings: Settings, name: str, field: Any) -> dict[str, str]:
    value = getattr(settings, name)
    if isinstance(value, SecretStr):
        text = "set, and kept secret"
    elif name == "database_url" and value:
        text = make_url(value).render_as_string(hide_password=True)
    elif value in ("", None):
        text = "not set"
    else:
        text = str(value)
    return {"variable": f"KLETTE_{name.upper()}", "value": text, "sentence": field.description or ""}
