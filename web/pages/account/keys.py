"""API keys: created, shown once and revoked; and code snippets that use them."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from experiments.errors import InvalidError
from experiments.lifecycle import store
from experiments.people import api_keys
from experiments.reporting.numbers import count
from experiments.translation import gettext
from web.http.services import services
from web.pages.common import snippets
from web.pages.common.access import actor, changes

blueprint = Blueprint("keys", __name__)


@blueprint.get("/keys")
def index() -> str:
    """List the keys."""
    return _page()


@blueprint.post("/keys")
@changes
def create() -> tuple[str, int]:
    """Create a key and show it; only the answer to this request contains it."""
    try:
        with services().database.write() as session:
            plain = api_keys.create_key(
                session, kind=request.form.get("kind", ""), name=request.form.get("name", ""), actor=actor()
            )
    except InvalidError as error:
        return _page(errors=error.fields or {"name": error.detail}), 422
    return _page(fresh=plain), 201


@blueprint.post("/keys/<int:key_id>/revoke")
@changes
def revoke(key_id: int) -> Response:
    """Revoke a key."""
    with services().database.write() as session:
        row = api_keys.revoke_key(session, key_id, actor=actor())
    flash(gettext("The API key “{name}” is revoked.").format(name=row.name))
    return redirect(url_for("keys.index"))


def _page(fresh: str = "", errors: dict[str, str] | None = None) -> str:
    with services().database.read() as session:
        rows = api_keys.list_keys(session)
        running = store.page(session, state="running", limit=1)[0]
    newest = running[0] if running else None
    experiment = newest.key if newest else None
    member = snippets.example_member(newest)
    address = services().settings.public_url
    return render_template(
        "account/keys.html",
        rows=rows,
        active=count(sum(row.revoked_at is None for row in rows)),
        fresh=fresh,
        errors=errors or {},
        experiment=experiment,
        member=member,
        snippets=snippets.all_of(address, fresh or snippets.NO_KEY, experiment or snippets.NO_EXPERIMENT, member),
        no_key=snippets.NO_KEY,
    )
