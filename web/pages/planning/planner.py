"""Planning: how long a test must run, what it finds by then, and how it will probably end."""

from functools import lru_cache
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from analysis import Plan, plan
from experiments.analyses import plan_figures, priors
from experiments.analyses.plan import LiftPrior
from experiments.errors import ConflictError
from experiments.lifecycle.current_prior import notice
from experiments.reporting.measures import noun
from experiments.reporting.plan import plan_in_words
from experiments.reporting.sentences.wording import Wording
from experiments.translation import gettext
from web.http.services import services
from web.pages.common.access import htmx
from web.pages.planning import form
from web.pages.planning.curves import pictures_of

blueprint = Blueprint("planning", __name__)


@blueprint.get("/plan")
def index() -> Any:
    """Show the form and its plan, filled with an experiment's figures where these are copied."""
    values, errors, note = form.typed(request.args), {}, ""
    if request.args.get("do") == "copy" or (values["like"] and "base" not in request.args):
        try:
            with services().database.read() as session:
                figures = plan_figures.figures(session, values["like"])
        except ConflictError as error:
            errors = {"like": error.detail}
        else:
            values = form.values_of(figures)
            if request.args.get("do") == "copy":
                return redirect(url_for("planning.index", **_filled(values)))
            note = gettext("Figures from “{experiment}” ({metric}).").format(
                experiment=figures.name, metric=noun(figures.metric)
            )
    return _page(values, errors, note)


@blueprint.get("/plan/curves")
def pictures() -> Any:
    """Show the curves of the same form, which take a moment longer than its plan."""
    values = form.typed(request.args)
    wanted, _ = form.read_form(values, _prior(values).prior)
    if wanted is None:
        return redirect(url_for("planning.index", **_filled(values)))
    return render_template("planning/curves.html", pictures=pictures_of(_planned(wanted)))


def _page(values: form.Values, errors: form.Errors, note: str) -> Any:
    lift_prior = _prior(values)
    wanted, faults = form.read_form(values, lift_prior.prior)
    errors = errors | faults
    made = _planned(wanted) if wanted and not errors else None
    context = {
        "form": values,
        "errors": errors,
        "listed": form.labelled(errors),
        "priors": [(key, gettext(name)) for key, name in form.PRIORS],
        "experiments": _experiments(),
        "note": note,
        "example": not request.args,
        "made": made,
        "query": _filled(values),
        "prior_notice": notice(lift_prior.requested, lift_prior.prior.name),
    }
    if made:
        context |= {
            "words": plan_in_words(made),
            "prior_reason": Wording().text(made.rules.lift_prior.reason),
            "editor_query": form.query_of(made, values, _metric(values)),
        }
        # Without JavaScript nothing loads the curves later.
        if request.args.get("curves"):
            context |= {"pictures": pictures_of(made)}
    # htmx leaves an answer that is not 200 alone.
    return render_template("planning/planner.html", **context), 200 if htmx or not errors else 422


def _experiments() -> list[tuple[str, str]]:
    with services().database.read() as session:
        return plan_figures.analysed(session)


def _metric(values: form.Values) -> str:
    """Return the deciding metric of the experiment whose figures were copied; "" where they were typed."""
    with services().database.read() as session:
        return plan_figures.metric_of(session, values["like"]) or ""


def _prior(values: form.Values) -> LiftPrior:
    name = values["prior"] if values["prior"] in dict(form.PRIORS) else "auto"
    with services().database.read() as session:
        return priors.choose(session, name)


def _filled(values: form.Values) -> dict[str, Any]:
    """Return the query of a form, without its default values."""
    return {name: value for name, value in values.items() if value != form.BLANK[name] or name in ("base", "members")}


@lru_cache(maxsize=64)
def _planned(wanted: form.PlanRequest) -> Plan:
    return plan(
        wanted.audience,
        wanted.lift,
        power=wanted.power,
        rules=wanted.rules,
        planned_days=wanted.days,
        window_days=wanted.window,
    )
