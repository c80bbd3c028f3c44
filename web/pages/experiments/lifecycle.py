"""The lifecycle of an experiment: launch, pause, resume, stop, ship and archive, each after a question."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlmodel import Session

from experiments.definition import variant_names
from experiments.errors import ConflictError, InvalidError, KletteError
from experiments.lifecycle import store, transitions
from experiments.lifecycle.checklist import a_key_exists
from experiments.lifecycle.document import document_of
from experiments.lifecycle.states import POSSIBLE
from experiments.reporting.definition.analysis_settings import CAVEAT
from experiments.reporting.phrases import days
from experiments.storage.tables import Experiment, utc_now
from experiments.translation import gettext
from web.http.services import services
from web.pages.common.access import actor, changes
from web.pages.experiments import actions
from web.pages.experiments.overview import checklist_details, context_of

blueprint = Blueprint("lifecycle", __name__)


@blueprint.route("/experiments/<key>/launch", methods=["GET", "POST"])
@changes
def launch(key: str) -> Any:
    """Show what will happen, then launch."""
    error = ""
    if request.method == "POST":
        try:
            with services().database.write() as session:
                experiment = transitions.launch(session, store.get(session, key), actor=actor())
                fetched = a_key_exists(session)
        except ConflictError as conflict:
            error = _launch_error(key, conflict)
        else:
            flash(_launched(experiment.state == "scheduled", fetched=fetched))
            return redirect(url_for("results.show", key=key))
    with services().database.read() as session:
        experiment = store.get(session, key)
        if "launch" not in POSSIBLE[experiment.state]:
            return redirect(url_for("results.show", key=key))
        page = render_template("experiments/launch.html", error=error, **_launch_context(session, experiment))
    return page, 409 if error else 200


@blueprint.route("/experiments/<key>/<any(pause, resume, stop, archive, ship):action>", methods=["GET", "POST"])
@changes
def act(key: str, action: str) -> Any:
    """Ask (in browsers without scripts; elsewhere a dialog asks), then act."""
    chosen = actions.action(action)
    done = chosen.done
    error = None
    if request.method == "POST":
        try:
            with services().database.write() as session:
                experiment = store.get(session, key)
                _do(session, experiment, action)
                if action == "ship" and experiment.imported:
                    done = gettext(actions.DECIDED_ELSEWHERE)
        except KletteError as failed:
            error = failed
        else:
            flash(done)
            return redirect(url_for("results.show", key=key))
    with services().database.read() as session:
        document = document_of(session, store.get(session, key))
    page = render_template(
        "experiments/action.html",
        experiment=document,
        action=chosen,
        possible=action in document["actions"],
        possible_actions=[found.button for found in actions.buttons(document["state"])],
        called=[variant_names.called(variant["name"], variant["content"]) for variant in document["variants"]],
        errors=error.fields if error else {},
        error=error.detail if error and not error.fields else "",
    )
    return page, error.status if error else 200


def _launched(scheduled: bool, *, fetched: bool) -> str:
    """What is said after the launch; without an API key no app could ask for a variant."""
    done = gettext("The experiment is scheduled.") if scheduled else gettext("The experiment is running.")
    if fetched:
        return done
    link = Markup('<a href="{}">{}</a>').format(url_for("keys.index"), gettext("Create an API key"))
    return Markup("{} {}").format(done, Markup(gettext("{link} so that your app can use it.")).format(link=link))


def _launch_error(key: str, conflict: ConflictError) -> str:
    """Return the details of the blocking checks; the domain's sentence where no check is blocking."""
    with services().database.read() as session:
        experiment = store.get(session, key)
        details = checklist_details(session, experiment)
        checks = transitions.checklist(session, experiment)
    failing = [details.get(check.key, check.detail) for check in checks if check.blocking and not check.ok]
    return " ".join(failing) or conflict.detail


def _do(session: Session, experiment: Experiment, action: str) -> None:
    if action == "ship":
        variant, note = request.form.get("variant", ""), request.form.get("note", "").strip()
        _check_decision(variant, note)
        transitions.ship(session, experiment, variant, note, actor=actor())
    else:
        getattr(transitions, action)(session, experiment, actor=actor())


def _check_decision(variant: str, note: str) -> None:
    """Refuse a decision without its variant or its reason; both faults are reported together."""
    faults = {}
    if not variant:
        faults["variant"] = gettext("Choose the variant to ship.")
    if not note:
        faults["note"] = gettext("Enter the reason for this decision.")
    if faults:
        raise InvalidError(" ".join(faults.values()), fields=faults)


def _launch_context(session: Session, experiment: Experiment) -> dict[str, Any]:
    checks = transitions.checklist(session, experiment)
    return {
        **context_of(session, experiment),
        "caveat": gettext(CAVEAT),
        "planned": days(experiment.planned_days) if experiment.planned_days else "",
        "checks": checks,
        "details": checklist_details(session, experiment),
        "ready": all(check.ok for check in checks if check.blocking),
        "starts_at": experiment.starts_at if experiment.starts_at and experiment.starts_at > utc_now() else None,
        "ends_at": experiment.ends_at,
    }
