"""API keys: made here, shown once, revoked here; and snippets that work as they are."""

from flask import Blueprint, flash, redirect, render_template, request, url_for

from experiments.errors import InvalidError
from experiments.lifecycle import store
from experiments.people import api_keys
from web.http.services import services
from web.pages.account import snippets
from web.pages.common import labels
from web.pages.common.access import actor, changes

blueprint = Blueprint("keys", __name__)


@blueprint.get("/keys")
def index():
    return _page()


@blueprint.post("/keys")
@changes
def create():
    """Make a key and show it, this once: the answer to this very request is the only place where it stands."""
    try:
        with services().database.write() as session:
            plain = api_keys.create_key(
                session, kind=request.form.get("kind", ""), name=request.form.get("name", ""), actor=actor()
            )
    except InvalidError as error:
        return _page(errors=labels.in_words(error.fields or {"name": error.detail})), 422
    return _page(fresh=plain), 201


@blueprint.post("/keys/<int:key_id>/revoke")
@changes
def revoke(key_id: int):
    with services().database.write() as session:
        row = api_keys.revoke_key(session, key_id, actor=actor())
    flash(f"The key “{row.name}” is revoked. Apps that still use it get no answers any more.")
    return redirect(url_for("keys.index"))


def _page(fresh: str = "", errors: dict[str, str] | None = None) -> str:
    with services().database.read() as session:
        rows = api_keys.list_keys(session)
        running = store.page(session, state="running", limit=1)[0]
    experiment = running[0].key if running else None
    address = services().settings.public_url
    return render_template(
        "account/keys.html",
        rows=rows,
        fresh=fresh,
        errors=errors or {},
        experiment=experiment,
        snippets=snippets.all_of(address, fresh or snippets.NO_KEY, experiment or snippets.NO_EXPERIMENT),
        no_key=snippets.NO_KEY,
    )
