"""The curves beside a plan: what longer and shorter tests would find, each chart with its table."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from analysis import Plan
from analysis.charts.planning import ENDINGS, detectable_lifts, endings, lift_chances
from analysis.planning.curves import Curves, curves
from experiments.reporting.charts import translated
from experiments.reporting.numbers import count, listed, percent, signed_percent
from experiments.reporting.phrases import threshold
from experiments.translation import N_, gettext

ENDING_NAMES = {
    "right": N_("ships a better one"),
    "no_difference": N_("no difference worth having"),
    "harm": N_("stops for harm"),
    "wrong": N_("ships a wrong one"),
    "open": N_("no verdict in time"),
}


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


def pictures_of(plan: Plan) -> tuple[Picture, ...]:
    """Return the charts of a plan, which are simulated once and kept."""
    drawn = _curves(plan)
    return _chances(plan, drawn), _detectable(plan, drawn), _endings(plan, drawn)


@lru_cache(maxsize=32)
def _curves(plan: Plan) -> Curves:
    return curves(plan)


def _chances(plan: Plan, drawn: Curves) -> Picture:
    lifts = tuple(signed_percent(curve.lift, 0) for curve in drawn.lifts)
    labels = [f"+{threshold(curve.lift)}" for curve in drawn.lifts]
    return Picture(
        "chances",
        gettext("What a longer test finds"),
        gettext(
            "The chance of finding and shipping a variant, by its true lift. "
            "Horizontal line: your goal of {power}. Vertical line: the plan."
        ).format(power=percent(plan.power, 0)),
        gettext("Chance of finding lifts of {lifts} by planned duration.").format(lifts=listed(lifts)),
        translated(
            lift_chances(drawn, lift=plan.lift, planned_days=plan.planned_days, power=plan.power, labels=labels)
        ),
        (gettext("planned days"), *lifts),
        tuple(
            (count(day), *(percent(curve.chances[place].value, 0) for curve in drawn.lifts))
            for place, day in enumerate(drawn.days)
        ),
    )


def _detectable(plan: Plan, drawn: Curves) -> Picture:
    return Picture(
        "detectable",
        gettext("The smallest lift it finds"),
        gettext("What a test of that length finds in {power} of cases. Horizontal line: the lift to find.").format(
            power=percent(plan.power, 0)
        ),
        gettext("Smallest lift that is found, by planned duration."),
        translated(detectable_lifts(drawn, lift=plan.lift, planned_days=plan.planned_days)),
        (gettext("planned days"), gettext("smallest lift")),
        tuple(
            (count(day), gettext("none") if lift is None else signed_percent(lift))
            for day, lift in zip(drawn.days, drawn.detectable, strict=True)
        ),
    )


def _endings(plan: Plan, drawn: Curves) -> Picture:
    names = {field: gettext(name) for field, name in ENDING_NAMES.items()}
    prior = plan.rules.lift_prior
    return Picture(
        "endings",
        gettext("How such tests end"),
        gettext(
            "True lifts are unknown. Here they are drawn from the prior “{prior}”: two thirds of them within ± {sd}."
        ).format(prior=prior.name, sd=percent(prior["sd"], 0)),
        gettext("Shares of tests by their ending, by planned duration."),
        translated(endings(drawn, planned_days=plan.planned_days, labels=names)),
        (gettext("planned days"), *(names[field] for field in ENDINGS)),
        tuple(
            (count(day), *(percent(getattr(outcomes, field).value, 0) for field in ENDINGS))
            for day, outcomes in zip(drawn.days, drawn.by_prior, strict=True)
        ),
        tuple((names[field], f"end-{field}") for field in ENDINGS),
    )
