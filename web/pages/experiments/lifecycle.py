"""The life of an experiment: launch, pause, resume, stop, ship and archive, each after a question."""

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
from experiments.storage.tables import Experiment, utc_now
from web.http.services import services
from web.pages.common.access import actor, changes
from web.pages.experiments.analysis_words import CAVEAT
from web.pages.experiments.overview import checklist_details, words_of

blueprint = Blueprint("lifecycle", __name__)

QUESTIONS = {
    "pause": (
        "Pause this experiment?",
        "Nobody new is shown a variant until you resume it. Members who took part keep their variant.",
        "Pause it",
        "The experiment is paused. Members who took part still see their variant; everybody else sees what your app "
        "shows without one.",
    ),
    "resume": (
        "Resume this experiment?",
        "Members are shown its variants again, each the one they had before.",
        "Resume it",
        "The experiment runs again.",
    ),
    "stop": (
        "Stop this experiment for good?",
        "Nobody is shown a variant any more, and it cannot be started again. All that was measured stays.",
        "Stop it for good",
        "The experiment is stopped. What was measured stays.",
    ),
    "archive": (
        "Archive this experiment?",
        "It leaves the list and can be found under “archived”. Nothing is deleted.",
        "Archive it",
        "The experiment is archived; find it under “archived”.",
    ),
    "ship": (
        "Ship a variant?",
        "The experiment stops and from then on everybody is shown the variant you choose.",
        "Ship it",
        "The decision is written down and the variant is shown to everybody.",
    ),
}
"""What each action asks, what it does, the words on its button, and what is said afterwards."""
DECIDED_ELSEWHERE = "The decision is written down."
"""Of a test that ran elsewhere: there is nobody here whom a variant could be shown to."""


@blueprint.route("/experiments/<key>/launch", methods=["GET", "POST"])
@changes
def launch(key: str):
    """What will happen, then the launch itself."""
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
def act(key: str, action: str):
    """Ask (for browsers without scripts: elsewhere a dialog asks) and then do it."""
    title, text, go, done = QUESTIONS[action]
    error = None
    if request.method == "POST":
        try:
            with services().database.write() as session:
                experiment = store.get(session, key)
                _do(session, experiment, action)
                if action == "ship" and experiment.imported:
                    done = DECIDED_ELSEWHERE
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
        action=action,
        possible=action in document["actions"],
        title=title,
        text=text,
        go=go,
        called=[variant_names.called(variant["name"], variant["content"]) for variant in document["variants"]],
        errors=error.fields if error else {},
        error=error.detail if error and not error.fields else "",
    )
    return page, error.status if error else 200


def _launched(scheduled: bool, *, fetched: bool) -> str:
    """What is said after the launch; without a key nobody would be shown anything."""
    if fetched and scheduled:
        return "The experiment is scheduled and starts by itself."
    if fetched:
        return "The experiment runs. Members are shown its variants from now on."
    begun = "It is scheduled" if scheduled else "It runs"
    link = Markup('<a href="{}">make a key</a>').format(url_for("keys.index"))
    return Markup("{}, but no app can fetch it yet: {}.").format(begun, link)


def _launch_error(key: str, conflict: ConflictError) -> str:
    """What stands in the way, in the page's own words; the domain's where it is nothing of the checklist."""
    with services().database.read() as session:
        experiment = store.get(session, key)
        details = checklist_details(session, experiment)
        checks = transitions.checklist(session, experiment)
    failing = [details.get(check.key, check.detail) for check in checks if check.blocking and not check.ok]
    return " ".join(failing) or conflict.detail


def _do(session: Session, experiment: Experiment, action: str) -> None:
    if action == "ship":
        variant, note = request.form.get("variant", ""), request.form.get("note", "").strip()
        _refuse_half_a_decision(variant, note)
        transitions.ship(session, experiment, variant, note, actor=actor())
    else:
        getattr(transitions, action)(session, experiment, actor=actor())


def _refuse_half_a_decision(variant: str, note: str) -> None:
    """People say which and why; both are told at once."""
    faults = {}
    if not variant:
        faults["variant"] = "Choose the variant that everybody shall see."
    if not note:
        faults["note"] = "Write down why, in a sentence: it is kept with the experiment for whoever asks later."
    if faults:
        raise InvalidError(" ".join(faults.values()), fields=faults)


def _launch_context(session: Session, experiment: Experiment) -> dict[str, Any]:
    document = document_of(session, experiment)
    checks = transitions.checklist(session, experiment)
    return {
        **words_of(document),
        "caveat": CAVEAT,
        "checks": checks,
        "details": checklist_details(session, experiment),
        "ready": all(check.ok for check in checks if check.blocking),
        "starts_at": experiment.starts_at if experiment.starts_at and experiment.starts_at > utc_now() else None,
        "ends_at": experiment.ends_at,
    }
