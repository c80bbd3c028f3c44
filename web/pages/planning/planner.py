"""Planning: how long a test must run, what it finds by then, and how it will probably end."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from analysis import Plan, plan
from analysis.charts.planning import ENDINGS, detectable_lifts, endings, lift_chances
from analysis.planning.curves import Curves, curves
from experiments.analyses import plan_figures, priors
from experiments.analyses.plan import LiftPrior
from experiments.errors import ConflictError
from experiments.lifecycle.current_prior import notice
from experiments.reporting.numbers import percent, signed_percent
from experiments.reporting.plan import plan_in_words
from experiments.reporting.sentences.wording import Wording
from web.http.services import services
from web.pages.common.access import htmx
from web.pages.planning import form

blueprint = Blueprint("planning", __name__)


@dataclass(frozen=True)
class Picture:
    """A chart, its definition and the same figures as a table."""

    key: str
    title: str
    note: str
    alternative: str
    spec: dict[str, Any]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    legend: tuple[tuple[str, str], ...] = ()
    """Name and CSS class of what the colours mean."""


@blueprint.get("/plan")
def index() -> Any:
    """The form and its answer; an experiment's figures where they are to be copied."""
    values, errors, note = form.typed(request.args), {}, ""
    if request.args.get("do") == "copy" or (values["like"] and "base" not in request.args):
        try:
            with services().database.read() as session:
                found = plan_figures.figures(session, values["like"])
        except ConflictError as error:
            errors = {"like": error.detail}
        else:
            values = form.values_of(found)
            if request.args.get("do") == "copy":
                return redirect(url_for("planning.index", **_filled(values)))
            note = f"With the figures of “{found.name}”: {found.metric.lower()}."
    return _page(values, errors, note)


@blueprint.get("/plan/curves")
def pictures() -> Any:
    """The pictures of the same form, which take a moment longer than its answer."""
    values = form.typed(request.args)
    asked, errors = _asked(values)
    if asked is None:
        return redirect(url_for("planning.index", **_filled(values)))
    return render_template("planning/curves.html", **_drawn(_planned(asked)))


def _page(values: form.Values, errors: form.Errors, note: str) -> Any:
    asked, faults = _asked(values)
    believed = _believed(values)
    errors = errors | faults
    made = _planned(asked) if asked and not errors else None
    context = {
        "form": values,
        "errors": errors,
        "listed": form.labelled(errors),
        "priors": form.PRIORS,
        "experiments": _experiments(),
        "note": note,
        "example": not request.args,
        "made": made,
        "query": _filled(values),
        "prior_notice": notice(believed.requested, believed.prior.name),
    }
    if made and asked:
        reason = Wording().text(asked.rules.lift_prior.reason)
        context |= {
            "words": plan_in_words(made),
            "prior_reason": reason,
            "handover": form.query_of(made, values, _metric(values)),
        }
        # Asked for where nothing can load them later.
        if request.args.get("curves"):
            context |= {"drawn": _drawn(made)}
    # htmx leaves an answer that is not 200 alone.
    return render_template("planning/planner.html", **context), 200 if htmx or not errors else 422


def _experiments() -> list[tuple[str, str]]:
    with services().database.read() as session:
        return plan_figures.analysed(session)


def _metric(values: form.Values) -> str:
    """The deciding metric of the experiment that the figures were copied from; "" where they were typed."""
    with services().database.read() as session:
        return plan_figures.metric_of(session, values["like"]) or ""


def _asked(values: form.Values) -> tuple[form.Asked | None, form.Errors]:
    return form.asked_of(values, _believed(values).prior)


def _believed(values: form.Values) -> LiftPrior:
    name = values["prior"] if values["prior"] in dict(form.PRIORS) else "auto"
    with services().database.read() as session:
        return priors.choose(session, name)


def _filled(values: form.Values) -> form.Values:
    """The query of a form, without what stays as it usually is."""
    return {name: value for name, value in values.items() if value != form.BLANK[name] or name in ("base", "members")}


@lru_cache(maxsize=64)
def _planned(asked: form.Asked) -> Plan:
    return plan(
        asked.audience,
        asked.lift,
        power=asked.power,
        rules=asked.rules,
        planned_days=asked.days,
        window_days=asked.window,
    )


@lru_cache(maxsize=32)
def _curves(made: Plan) -> Curves:
    return curves(made)


def _drawn(made: Plan) -> dict[str, Any]:
    """The pictures, each with its table."""
    found = _curves(made)
    return {"pictures": (_chances(made, found), _detectable(made, found), _endings(made, found)), "made": made}


def _chances(made: Plan, found: Curves) -> Picture:
    spec = lift_chances(found, lift=made.lift, planned_days=made.planned_days, power=made.power)
    columns = ("planned days", *(signed_percent(curve.lift, 0) for curve in found.lifts))
    rows = tuple(
        (str(day), *(percent(curve.chances[place].value, 0) for curve in found.lifts))
        for place, day in enumerate(found.days)
    )
    return Picture(
        "chances",
        "What a longer test finds",
        f"The chance of finding and shipping a variant, by how much better it truly is. Level line: "
        f"{percent(made.power, 0)}, which you want. Upright line: the plan.",
        f"Chance of finding lifts of {', '.join(columns[1:])} by planned duration.",
        spec,
        columns,
        rows,
    )


def _detectable(made: Plan, found: Curves) -> Picture:
    rows = tuple(
        (str(day), "none" if lift is None else signed_percent(lift))
        for day, lift in zip(found.days, found.detectable, strict=True)
    )
    return Picture(
        "detectable",
        "The smallest lift it can tell",
        f"What a test of that length finds in {percent(made.power, 0)} of cases. Level line: the lift worth finding.",
        "Smallest lift that is found, by planned duration.",
        detectable_lifts(found, lift=made.lift, planned_days=made.planned_days),
        ("planned days", "smallest lift"),
        rows,
    )


def _endings(made: Plan, found: Curves) -> Picture:
    rows = tuple(
        (str(day), *(percent(getattr(outcomes, field).value, 0) for field, _, _ in ENDINGS))
        for day, outcomes in zip(found.days, found.by_prior, strict=True)
    )
    sd = made.rules.lift_prior["sd"]
    return Picture(
        "endings",
        "How such tests end",
        f"Nobody knows the true lifts beforehand. Here they are drawn from the prior “{made.rules.lift_prior.name}”: "
        f"two thirds of them within ± {percent(sd, 0)}.",
        "Shares of tests by their ending, by planned duration.",
        endings(found, planned_days=made.planned_days),
        ("planned days", *(name for _, name, _ in ENDINGS)),
        rows,
        tuple((name, f"end-{field}") for field, name, _ in ENDINGS),
    )
