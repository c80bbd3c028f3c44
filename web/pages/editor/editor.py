"""Writing an experiment down: the editor of drafts, and the few things that may change once members have met it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session, col, select

from experiments.catalogue import metrics
from experiments.definition import variant_names
from experiments.definition.model import ExperimentDefinition, VariantPatch, read_patch
from experiments.errors import KletteError
from experiments.lifecycle import editing, store
from experiments.lifecycle.document import definition_of, document_of
from experiments.reporting.measures import hint
from experiments.reporting.numbers import clock, listed, plain_percent
from experiments.storage.tables import Experiment, Exposure, ImportedCounts, Run, utc_now
from web.http.services import services
from web.pages.common import labels
from web.pages.common.access import actor, changes
from web.pages.common.typed_numbers import number_of
from web.pages.editor import analysis_form, audience_form, definition_form, from_plan
from web.pages.experiments import analysis_settings

blueprint = Blueprint("editor", __name__)

GROUPS = {
    "proportion": "Members who do it",
    "amount": "How much of it",
    "count": "How much of it",
    "ratio": "How much of it",
    "retention": "How long and how far",
    "cascade": "How long and how far",
    "value": "What it earns",
}
"""The heading that a metric of a kind stands under."""


@blueprint.route("/experiments/new", methods=["GET", "POST"])
@changes
def new() -> ResponseReturnValue:
    """Write a new draft."""
    if request.method == "GET":
        return _editor(_first_values())
    values = definition_form.typed_values(request.form)
    command = request.form.get("do", "save")
    if command != "save":
        definition_form.apply(values, command)
        return _editor(values)
    return _save(values, None)


def _first_values() -> definition_form.Values:
    """An empty form; or, asked for with ``?copy=KEY``, what that experiment says without its key and its times."""
    copied = request.args.get("copy")
    if not copied:
        values = definition_form.blank(services().settings.currency)
        from_plan.fill(values, request.args)
        return values
    with services().database.read() as session:
        document = document_of(session, store.get(session, copied))
    fresh = {"key": "", "name": f"{document['name'][:112]} (copy)", "starts_at": "", "ends_at": "", "revision": ""}
    return definition_form.values_of(document, _zone()) | fresh


@blueprint.route("/experiments/<key>/edit", methods=["GET", "POST"])
@changes
def edit(key: str) -> ResponseReturnValue:
    """Change a draft; or, of one that has started, what may still change."""
    with services().database.read() as session:
        experiment = store.get(session, key)
        document = document_of(session, experiment)
    if experiment.state not in editing.OPEN_STATES:
        return _edit_live(document)
    if request.method == "GET":
        return _editor(definition_form.values_of(document, _zone()), document)
    values = definition_form.typed_values(request.form, document)
    command = request.form.get("do", "save")
    if command != "save":
        definition_form.apply(values, command)
        return _editor(values, document)
    return _save(values | {"key": key}, document)


@blueprint.post("/audience-sentence")
def sentence() -> ResponseReturnValue:
    """The rule being typed, in plain English; while it is unfinished, what is missing."""
    rule, errors = audience_form.rule_of(audience_form.typed_values(request.form))
    text = "Not whole yet: fill in the conditions." if errors else audience_form.sentence(rule)
    return render_template("editor/audience_sentence.html", text=text)


def _zone() -> str:
    return services().settings.time_zone


def _editor(
    values: definition_form.Values, document: dict[str, Any] | None = None, errors: definition_form.Errors | None = None
) -> ResponseReturnValue:
    errors = errors or {}
    window = int(values["window_days"]) if values["window_days"].isdigit() else 7
    page = render_template(
        "editor/editor.html",
        form=values,
        errors=errors,
        listed=labels.labelled(errors),
        experiment=document,
        metrics=_choices(window, values["currency"]),
        answer=analysis_form,
        caveat=analysis_settings.CAVEAT,
        worth_at_fault=any(path.startswith("worths.") for path in errors),
        operators=audience_form.OPERATORS,
        sentence=_sentence_of(values),
        planned=from_plan.note(values, request.args) if request.method == "GET" else "",
    )
    return page, 422 if errors else 200


@dataclass(frozen=True)
class MetricChoice:
    """A metric as the editor offers it; only one that `decides` can be the deciding one or a guardrail."""

    key: str
    name: str
    hint: str
    decides: bool
    group: str


def _choices(window: int, currency: str) -> list[MetricChoice]:
    """Every metric, in the order of the groups that they are told in."""
    known = [
        MetricChoice(found.key, found.name, hint(found, window, currency), found.decides, GROUPS[found.kind])
        for found in metrics.METRICS
    ]
    order = list(dict.fromkeys(GROUPS.values()))
    return sorted(known, key=lambda choice: order.index(choice.group))


def _sentence_of(values: definition_form.Values) -> str:
    rule, errors = audience_form.rule_of(values)
    return "Not whole yet: fill in the conditions." if errors else audience_form.sentence(rule)


def _save(values: definition_form.Values, document: dict[str, Any] | None) -> ResponseReturnValue:
    definition, errors = definition_form.definition_of(values, _zone())
    if document is None and "key" not in errors:
        with services().database.read() as session:
            errors |= labels.sentences(store.taken_key(session, definition_form.key_of(values)))
    if document and document["state"] == "scheduled" and definition and "ends_at" not in errors:
        errors |= _passed_end(definition.ends_at)
    if definition is None or errors:
        return _editor(values, document, errors)
    try:
        with services().database.write() as session:
            key = _store(session, definition, document, values["revision"])
    except KletteError as error:
        return _editor(values, document, labels.sentences(error.fields or {"": error.detail}))
    said = "The draft is saved." if document is None else "Your changes are saved."
    flash(" ".join([said, *_unfinished(definition)]))
    return redirect(url_for("results.show", key=key))


def _unfinished(definition: ExperimentDefinition) -> list[str]:
    """What a draft may still lack, told at once rather than at its launch."""
    bare = [
        variant_names.letter(position)
        for position, variant in enumerate(definition.variants)
        if not variant.content.headline and not variant.content.custom
    ]
    if not bare:
        return []
    return [f"{listed(bare)} {'has' if len(bare) == 1 else 'have'} no headline yet."]


def _passed_end(ends_at: datetime | None) -> definition_form.Errors:
    if ends_at is None or ends_at > utc_now():
        return {}
    told = clock(ends_at, _zone())
    return {"ends_at": f"The end ({told}) has passed. Choose a later one, or leave it empty."}


def _store(session: Session, definition: ExperimentDefinition, document: dict[str, Any] | None, revision: str) -> str:
    if document is None:
        return store.create(session, definition, actor=actor()).key
    experiment = store.get(session, document["key"])
    seen = int(revision) if revision.isdigit() else document["revision"]
    return editing.revise(session, experiment, definition, actor=actor(), revision=seen).key


# once members have met it


def _edit_live(document: dict[str, Any]) -> ResponseReturnValue:
    values = definition_form.values_of(document, _zone())
    if request.method == "GET":
        return _live_page(document, values)
    typed = {name: request.form.get(name, "") for name in ("name", "hypothesis", "traffic", "ends_at", "revision")}
    values |= typed
    for position, variant in enumerate(values["variants"]):
        variant["weight"] = request.form.get(f"variants.{position}.weight", variant["weight"])
    definition, errors = definition_form.definition_of(values, _zone())
    errors |= _live_faults(document, definition, values, errors)
    if definition is None or errors:
        return _live_page(document, values, errors)
    try:
        with services().database.write() as session:
            fresh = definition_form.weights_moved(values, document)
            _change_live(session, store.get(session, document["key"]), definition, typed["revision"], fresh=fresh)
    except KletteError as error:
        return _live_page(document, values, labels.sentences(error.fields or {"": error.detail}))
    flash("Your changes are saved; a new run has begun." if fresh else "Your changes are saved.")
    return redirect(url_for("results.show", key=document["key"]))


def _live_faults(
    document: dict[str, Any],
    definition: ExperimentDefinition | None,
    values: definition_form.Values,
    errors: definition_form.Errors,
) -> definition_form.Errors:
    """What may not change any more, in the form's own words; whatever else is at fault stays as it is."""
    if document["state"] not in ("running", "paused"):
        return {}
    faults: definition_form.Errors = {}
    traffic, _ = number_of(values["traffic"])
    before = document["traffic"]
    if "traffic" not in errors and traffic is not None and float(traffic) / 100 < before - 1e-9:
        told = plain_percent(float(traffic) / 100)
        message = f"{told} is below the present {plain_percent(before)}; it can only rise."
        faults["traffic"] = f"{message} Pause the test to let nobody new in."
    ends_at = definition_form.moment_of(values["ends_at"], _zone())
    stored_end = datetime.fromisoformat(document["ends_at"]) if document["ends_at"] else None
    if "ends_at" not in errors and ends_at and _minute(ends_at) != _minute(stored_end):
        faults |= _passed_end(ends_at)
    if definition_form.weights_moved(values, document) and request.form.get("new_run") != "yes":
        faults["new_run"] = "New weights begin a new run and leave the members so far behind; tick this box to do so."
    return faults


def _change_live(
    session: Session, experiment: Experiment, definition: ExperimentDefinition, revision: str, *, fresh: bool
) -> None:
    """Change only what was changed; `fresh` tells that the weights were, which begins a new run."""
    before = definition_of(session, experiment)
    change: dict[str, Any] = {
        name: getattr(definition, name)
        for name in ("name", "hypothesis", "traffic")
        if getattr(definition, name) != getattr(before, name)
    }
    if _minute(definition.ends_at) != _minute(before.ends_at):  # the field knows no seconds
        change["ends_at"] = definition.ends_at
    if fresh:
        change["variants"] = [VariantPatch(key=variant.key, weight=variant.weight) for variant in definition.variants]
    if change:
        seen = int(revision) if revision.isdigit() else None
        editing.patch(session, experiment, read_patch(change), actor=actor(), revision=seen)


def _minute(moment: datetime | None) -> datetime | None:
    return moment.replace(second=0, microsecond=0) if moment else None


def _live_page(
    document: dict[str, Any], values: definition_form.Values, errors: definition_form.Errors | None = None
) -> ResponseReturnValue:
    errors = errors or {}
    page = render_template(
        "editor/live.html",
        form=values,
        errors=errors,
        listed=labels.labelled(errors),
        experiment=document,
        titles=[
            variant_names.lettered(position, variant["name"], variant["content"])
            for position, variant in enumerate(document["variants"])
        ],
        met=_anybody_met(document),
    )
    return page, 422 if errors else 200


def _anybody_met(document: dict[str, Any]) -> bool:
    with services().database.read() as session:
        runs = select(Run.id).join(Experiment).where(Experiment.key == document["key"])
        met = select(Exposure.run_id).where(col(Exposure.run_id).in_(runs)).limit(1)
        counted = select(ImportedCounts.run_id).where(col(ImportedCounts.run_id).in_(runs)).limit(1)
        return session.exec(met).first() is not None or session.exec(counted).first() is not None
