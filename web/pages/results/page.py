"""The results page of an experiment, updated while it is open."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlmodel import Session

from experiments.analyses import records
from experiments.analyses.answer import Answer
from experiments.errors import NotFoundError
from experiments.jobs import queue
from experiments.lifecycle import store
from experiments.reporting import readings
from experiments.reporting.definition.description import describe
from experiments.reporting.numbers import day, moment, when
from experiments.reporting.table import to_csv
from experiments.reporting.worded import Reading
from experiments.storage.tables import Experiment, Run
from experiments.translation import gettext, quoted
from web.http.services import services
from web.pages.common.access import actor, changes, htmx
from web.pages.common.snippets import example_member, first_call
from web.pages.experiments.actions import buttons
from web.pages.results import state
from web.pages.results.decide import Choice, choices
from web.pages.results.parts import Part, Plan, VariantFacts, filled
from web.pages.results.sections.variants import cards_of
from web.pages.results.view import ResultsView, build, sub_line

blueprint = Blueprint("results", __name__)

QUICK, CALM = 3, 10
"""Seconds between two polls for a newer result: while one is being computed, and while a test runs."""


@blueprint.get("/experiments/<key>")
def show(key: str) -> Any:
    """Show the whole page; of a test that has not started, its definition."""
    from web.pages.experiments import overview  # it links here in turn

    with services().database.read() as session:
        experiment = store.get(session, key)
        if experiment.state in ("draft", "scheduled"):
            return overview.draft_page(session, experiment)
        return render_template("results/page.html", **_context(session, experiment))


@blueprint.get("/experiments/<key>/answer")
def answer(key: str) -> Any:
    """Return the sections and the title alone; 204 where the page shows them already."""
    with services().database.read() as session:
        context = _context(session, store.get(session, key))
        if request.args.get("seen") == context["seen"]:
            return Response(status=204)
        return _sections(context)


@blueprint.post("/experiments/<key>/analyse")
@changes
def analyse(key: str) -> Any:
    """Request an analysis now."""
    with services().database.write() as session:
        queue.enqueue(session, "analyse", experiment=store.get(session, key), requested_by=actor())
    if not htmx:
        return redirect(url_for("results.show", key=key))
    with services().database.read() as session:
        return _sections(_context(session, store.get(session, key)))


@blueprint.get("/experiments/<key>/results.csv")
def download(key: str) -> Response:
    """Return the figures of the newest analysis as CSV."""
    with services().database.read() as session:
        experiment = store.get(session, key)
        _, run = state.chosen_run(session, experiment, request.args.get("run", type=int))
        reading = _latest(session, experiment, run)
        if reading is None:
            message = gettext("{name} has no analysis yet. Open its page and wait for the first one.")
            raise NotFoundError(message.format(name=experiment.name))
        name = f"{experiment.key}-run-{reading.answer.heading.run}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(to_csv(reading), mimetype="text/csv", headers=headers)


def _sections(context: dict[str, Any]) -> str:
    return render_template("results/answer.html", **context) + render_template("results/head.html", oob=True, **context)


def _latest(session: Session, experiment: Experiment, run: Run | None) -> Reading | None:
    return readings.latest(session, experiment, run, zone=services().settings.time_zone) if run else None


def _context(session: Session, experiment: Experiment) -> dict[str, Any]:
    """Return all that the templates print."""
    settings, now = services().settings, state.now_utc()
    runs, run = state.chosen_run(session, experiment, request.args.get("run", type=int))
    variants = state.facts_of(store.variants_of(session, experiment))
    reading = _latest(session, experiment, run)
    answer = reading.answer if reading else None
    newest = run is not None and run is runs[0]
    status = state.status(session, experiment, run, answer, settings, now=now) if newest else state.Status()
    view = _view(session, experiment, run, variants, reading) if reading and run else None
    followed = run is not None and not newest
    decided = None if followed else experiment.shipped_variant
    shipped = next((variant for variant in variants if variant.key == decided), None)
    shipped_at = state.shipped_at(session, experiment) if shipped else None
    missing = "" if view else state.situation(session, experiment, run, newest=newest)
    waiting = {"members": 0, "arrivals": {}} if view else _waiting(session, experiment, run, missing)
    exposed = view.members > 0 if view else missing in ("first", "missed")
    return {
        "experiment": experiment,
        "runs": runs,
        "run": run,
        "view": view,
        "status": status if missing in ("", "first") else state.Status(),
        "situation": missing,
        **waiting,
        "age": None if followed else state.age(answer, experiment, now),
        "cards": cards_of(variants),
        "shipped": shipped,
        "shipped_sentence": _shipped(shipped, shipped_at) if shipped else (),
        "followed": run.number + 1 if run and followed else None,
        **_offers(experiment, variants, answer, exposed=exposed, followed=followed),
        "description": describe(session, experiment, settings.time_zone),
        "sub": _sub(experiment, run, view, answer),
        "public_url": settings.public_url,
        "mature": _mature(),
        "poll_seconds": _poll(experiment, status, missing) if newest else 0,
        "seen": state.fingerprint(
            view and view.analysis, experiment.state, experiment.shipped_variant, status, missing, waiting, len(runs)
        ),
    }


def _offers(
    experiment: Experiment,
    variants: tuple[VariantFacts, ...],
    answer: Answer | None,
    *,
    exposed: bool,
    followed: bool,
) -> dict[str, Any]:
    """Return what a person can do here; nothing on the page of an earlier run."""
    return {
        "exposed": exposed,
        "actions": () if followed else buttons(experiment.state),
        "decisions": () if followed else _decisions(experiment, variants, answer, exposed=exposed),
        "analysable": exposed and not followed and experiment.state in ("running", "paused"),
    }


def _decisions(
    experiment: Experiment, variants: tuple[VariantFacts, ...], answer: Answer | None, *, exposed: bool
) -> tuple[Choice, ...]:
    """Return what "Decide…" offers; nothing if the experiment can't be shipped."""
    if not state.may_ship(experiment, exposed=exposed):
        return ()
    return choices(variants, answer, experiment.primary_metric, experiment.currency)


def _view(
    session: Session, experiment: Experiment, run: Run, variants: tuple[VariantFacts, ...], reading: Reading
) -> ResultsView:
    plan = Plan(
        experiment.primary_metric,
        experiment.currency,
        services().settings.time_zone,
        moment(run.started_at),
        moment(run.ended_at) if run.ended_at else None,
        experiment.planned_days,
        experiment.imported,
        experiment.simulated,
        experiment.imported and state.counted_elsewhere(session, run),
        experiment.window_days,
        state.fixed_costs(store.variants_of(session, experiment)),
    )
    history = records.history(session, run)
    return build(reading, variants, history, plan, now=state.now_utc(), mature=_mature())


def _waiting(session: Session, experiment: Experiment, run: Run | None, missing: str) -> dict[str, Any]:
    """Return what a page without a result prints: the members so far, or the command that sends a first exposure."""
    arrivals = state.arrivals(session, run)
    waiting: dict[str, Any] = {"members": sum(arrivals.values()), "arrivals": arrivals}
    if missing == "silent":
        member = example_member(experiment)
        command = first_call(services().settings.public_url, experiment.key, member)
        waiting["first_call"] = (command, member.note)
    return waiting


def _mature() -> bool:
    """Whether only members whose window has ended are requested: ``?members=mature``."""
    return request.args.get("members") == "mature"


def _sub(experiment: Experiment, run: Run | None, view: ResultsView | None, answer: Answer | None) -> str:
    length = state.length_of(run, experiment.planned_days, state.now_utc())
    pieces = sub_line(view.members if view else None, view.shared if view else 0, length)
    if view:
        time = when(state.analysed_at(answer), services().settings.time_zone)
        pieces.append(gettext("analysed {time}").format(time=time))
    return " · ".join(pieces)


def _shipped(variant: VariantFacts, at: datetime | None) -> tuple[Part, ...]:
    named = Part(f"{variant.letter} {quoted(variant.title)}", variant.colour)
    if at is None:
        return filled(gettext("{variant} was shipped."), variant=named)
    return filled(gettext("{variant} was shipped on {day}."), variant=named, day=day(at, services().settings.time_zone))


def _poll(experiment: Experiment, status: state.Status, missing: str) -> int:
    if missing == "unrun":
        return 0
    if status.kind == "working" or missing == "silent":
        return QUICK
    return CALM if experiment.state in ("running", "paused") or status.kind == "failed" else 0
