"""The editor of drafts, and of the few fields that may change after the launch."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session, col, select

from experiments.catalogue import metrics
from experiments.definition import variant_names
from experiments.definition.model import ExperimentDefinition, VariantPatch, read_patch
from experiments.errors import KletteError
from experiments.lifecycle import editing, store
from experiments.lifecycle.document import ExperimentDocument, definition_of, document_of
from experiments.reporting.definition import analysis_settings
from experiments.reporting.measures import hint
from experiments.reporting.numbers import clock, listed, plain_percent
from experiments.storage.tables import Experiment, Exposure, ImportedCounts, Run, utc_now
from experiments.translation import N_, gettext, ngettext
from web.http.services import services
from web.pages.common import labels
from web.pages.common.access import actor, changes
from web.pages.common.typed_numbers import number_of
from web.pages.editor import analysis_form, audience_form, definition_form, from_plan

blueprint = Blueprint("editor", __name__)

GROUPS = {
    "proportion": N_("Rates"),
    "amount": N_("Amounts"),
    "count": N_("Amounts"),
    "ratio": N_("Amounts"),
    "retention": N_("Retention and word of mouth"),
    "cascade": N_("Retention and word of mouth"),
    "value": N_("Value"),
}
"""The heading of each kind of metric."""


@blueprint.route("/experiments/new", methods=["GET", "POST"])
@changes
def new() -> ResponseReturnValue:
    """Show the editor with a new draft, and save it."""
    if request.method == "GET":
        return _editor(_first_values())
    values = definition_form.typed_values(request.form)
    command = request.form.get("do", "save")
    if command != "save":
        definition_form.apply(values, command)
        return _editor(values)
    return _save(values, None)


def _first_values() -> definition_form.Values:
    """Return an empty form; with ``?copy=KEY`` the values of that experiment, without its key and times."""
    copied = request.args.get("copy")
    if not copied:
        values = definition_form.blank(services().settings.currency)
        from_plan.fill(values, request.args)
        return values
    with services().database.read() as session:
        document = document_of(session, store.get(session, copied))
    name = gettext("{name} (copy)").format(name=document["name"][:112])
    fresh = {"key": "", "name": name, "starts_at": "", "ends_at": "", "revision": ""}
    return definition_form.values_of(document, _zone()) | fresh


@blueprint.route("/experiments/<key>/edit", methods=["GET", "POST"])
@changes
def edit(key: str) -> ResponseReturnValue:
    """Edit a draft; after the launch, the fields that may still change."""
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
    """Describe the audience that is being typed."""
    text = audience_form.sentence(audience_form.typed_values(request.form))
    return render_template("editor/audience_sentence.html", text=text)


def _zone() -> str:
    return services().settings.time_zone


def _editor(
    values: definition_form.Values,
    document: ExperimentDocument | None = None,
    errors: definition_form.Errors | None = None,
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
        analysis=analysis_form,
        caveat=gettext(analysis_settings.CAVEAT),
        worth_at_fault=any(path.startswith("worths.") for path in errors),
        operators=analysis_form.options(audience_form.OPERATORS),
        sentence=audience_form.sentence(values),
        planned=from_plan.note(values, request.args) if request.method == "GET" else "",
    )
    return page, 422 if errors else 200


@dataclass(frozen=True)
class MetricChoice:
    """A metric as the editor shows it; only one that `decides` can be the primary metric or a guardrail."""

    key: str
    name: str
    hint: str
    decides: bool
    group: str


def _choices(window: int, currency: str) -> list[MetricChoice]:
    """Return all metrics, in the order of their groups."""
    known = [
        MetricChoice(
            found.key,
            gettext(found.name),
            hint(found, window, currency),
            found.decides,
            gettext(GROUPS[found.kind]),
        )
        for found in metrics.METRICS
    ]
    order = [gettext(name) for name in dict.fromkeys(GROUPS.values())]
    return sorted(known, key=lambda choice: order.index(choice.group))


def _save(values: definition_form.Values, document: ExperimentDocument | None) -> ResponseReturnValue:
    definition, errors = definition_form.definition_of(values, _zone())
    if document is None and "key" not in errors:
        with services().database.read() as session:
            errors |= store.taken_key(session, definition_form.key_of(values))
    if document and document["state"] == "scheduled" and definition and "ends_at" not in errors:
        errors |= _passed_end(definition.ends_at)
    if definition is None or errors:
        return _editor(values, document, errors)
    try:
        with services().database.write() as session:
            key = _store(session, definition, document, values["revision"])
    except KletteError as error:
        return _editor(values, document, error.fields or {"": error.detail})
    saved = gettext("The draft is saved.") if document is None else gettext("Your changes are saved.")
    flash(" ".join([saved, *_unfinished(definition)]))
    return redirect(url_for("results.show", key=key))


def _unfinished(definition: ExperimentDefinition) -> list[str]:
    """Return what a draft still lacks, so that it is known before the launch."""
    bare = [
        variant_names.letter(position)
        for position, variant in enumerate(definition.variants)
        if not variant.content.headline and not variant.content.custom
    ]
    if not bare:
        return []
    message = ngettext("{variants} has no headline yet.", "{variants} have no headline yet.", len(bare))
    return [message.format(variants=listed(bare))]


def _passed_end(ends_at: datetime | None) -> definition_form.Errors:
    if ends_at is None or ends_at > utc_now():
        return {}
    message = gettext("The end ({end}) has passed. Choose a later one, or leave it empty.")
    return {"ends_at": message.format(end=clock(ends_at, _zone()))}


def _store(
    session: Session, definition: ExperimentDefinition, document: ExperimentDocument | None, revision: str
) -> str:
    if document is None:
        return store.create(session, definition, actor=actor()).key
    experiment = store.get(session, document["key"])
    seen = int(revision) if revision.isdigit() else document["revision"]
    return editing.revise(session, experiment, definition, actor=actor(), revision=seen).key


# After the launch


def _edit_live(document: ExperimentDocument) -> ResponseReturnValue:
    values = definition_form.values_of(document, _zone())
    if request.method == "GET":
        return _live_page(document, values)
    typed = {name: request.form.get(name, "") for name in ("name", "hypothesis", "traffic", "ends_at", "revision")}
    values |= typed | {"members": request.form.get("members", values["members"])}
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
        return _live_page(document, values, error.fields or {"": error.detail})
    flash(gettext("Your changes are saved. A new run has begun.") if fresh else gettext("Your changes are saved."))
    return redirect(url_for("results.show", key=document["key"]))


def _live_faults(
    document: ExperimentDocument,
    definition: ExperimentDefinition | None,
    values: definition_form.Values,
    errors: definition_form.Errors,
) -> definition_form.Errors:
    """Return messages for changes that are not possible after the launch, in the units of the form."""
    if document["state"] not in ("running", "paused"):
        return {}
    faults: definition_form.Errors = {}
    traffic, _ = number_of(values["traffic"])
    before = document["traffic"]
    if "traffic" not in errors and traffic is not None and float(traffic) / 100 < before - 1e-9:
        message = gettext("Traffic can't fall from {now} to {typed}. To admit no new members, pause the experiment.")
        faults["traffic"] = message.format(now=plain_percent(before), typed=plain_percent(float(traffic) / 100))
    ends_at = definition_form.moment_of(values["ends_at"], _zone())
    stored_end = datetime.fromisoformat(document["ends_at"]) if document["ends_at"] else None
    if "ends_at" not in errors and ends_at and _minute(ends_at) != _minute(stored_end):
        faults |= _passed_end(ends_at)
    if definition_form.weights_moved(values, document) and request.form.get("new_run") != "yes":
        faults["new_run"] = gettext("New weights begin a new run, without the members so far. Select this to confirm.")
    return faults


def _change_live(
    session: Session, experiment: Experiment, definition: ExperimentDefinition, revision: str, *, fresh: bool
) -> None:
    """Store only what was changed; `fresh` is whether the weights were, which begins a new run."""
    before = definition_of(session, experiment)
    change: dict[str, object] = {
        name: getattr(definition, name)
        for name in ("name", "hypothesis", "traffic", "members")
        if getattr(definition, name) != getattr(before, name)
    }
    if _minute(definition.ends_at) != _minute(before.ends_at):  # the field has no seconds
        change["ends_at"] = definition.ends_at
    if fresh:
        change["variants"] = [VariantPatch(key=variant.key, weight=variant.weight) for variant in definition.variants]
    if change:
        seen = int(revision) if revision.isdigit() else None
        editing.patch(session, experiment, read_patch(change), actor=actor(), revision=seen)


def _minute(moment: datetime | None) -> datetime | None:
    return moment.replace(second=0, microsecond=0) if moment else None


def _live_page(
    document: ExperimentDocument, values: definition_form.Values, errors: definition_form.Errors | None = None
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
        exposed=_has_exposures(document),
        members=analysis_form.options(analysis_form.MEMBERS),
    )
    return page, 422 if errors else 200


def _has_exposures(document: ExperimentDocument) -> bool:
    with services().database.read() as session:
        runs = select(Run.id).join(Experiment).where(Experiment.key == document["key"])
        exposed = select(Exposure.run_id).where(col(Exposure.run_id).in_(runs)).limit(1)
        counted = select(ImportedCounts.run_id).where(col(ImportedCounts.run_id).in_(runs)).limit(1)
        return session.exec(exposed).first() is not None or session.exec(counted).first() is not None
