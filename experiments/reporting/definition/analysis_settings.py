"""How the analysis is set up, in words: traffic split, costs, values, covariate, prior and intervals."""

from typing import NamedTuple

from experiments.catalogue.event_types import KNOWN, event_type
from experiments.catalogue.metrics import metric
from experiments.definition.documents import AllocationDocument, CostDocument, CovariateDocument
from experiments.definition.variant_names import letter
from experiments.lifecycle.document import ExperimentDocument
from experiments.reporting.numbers import listed, money, plain_percent, price
from experiments.reporting.phrases import days
from experiments.translation import N_, gettext, ngettext

CAVEAT = N_(
    "A variant that starts badly is then shown less, so its estimate stays slightly low. The verdict compares members "
    "only with those who came under the same split."
)
_METHODS = {
    "thompson": N_("in proportion to each variant's chance of being best"),
    "top_two": N_("half to the variant most likely to be best and half to its rivals"),
}
_PRIORS = {
    "learned": N_("Learned from your own finished tests."),
    "content": N_("Learned from thousands of headline tests."),
    "sceptical": N_("Sceptical: most differences are small."),
}


class Line(NamedTuple):
    """A part of a definition: its label, and a sentence below a name where it has one."""

    key: str
    label: str
    sentence: str
    name: str = ""


def lines(document: ExperimentDocument) -> list[Line]:
    """Return the settings that differ from the default, as labels and sentences."""
    found = (
        Line("allocation", gettext("Traffic split"), traffic_split(document["allocation"])),
        Line("cost", gettext("Costs"), costs(document)),
        Line("values", gettext("Values"), values(document)),
        Line("covariate", gettext("Covariate"), covariate(document["covariate"])),
        Line("prior", gettext("Prior"), prior(document)),
        Line("interval", gettext("Intervals"), interval(document["interval"])),
        Line("bots", gettext("Bots"), gettext("Counted like members.") if document["bots"] == "count" else ""),
        Line("members", gettext("Members"), members(document["members"])),
    )
    return [line for line in found if line.sentence]


def members(kind: str) -> str:
    """Return who counts after a change of weights where it is not the default."""
    return gettext("Only members who were in no earlier run.") if kind == "new_only" else ""


def interval(kind: str) -> str:
    """Return the kind of intervals where it is not the default."""
    return gettext("Shortest 95 % (HDI).") if kind == "hdi" else ""


def prior(document: ExperimentDocument) -> str:
    """Return the prior on lifts where it was chosen; a notice where another is used."""
    return document["prior_in_force"]["notice"] or gettext(_PRIORS.get(document["prior"], ""))


def traffic_split(allocation: AllocationDocument | None) -> str:
    """Return how the traffic split follows the results; empty where it is fixed."""
    if not allocation:
        return ""
    hours = allocation["every_hours"]
    often = ngettext("Updated every {number} hour", "Updated every {number} hours", hours).format(number=hours)
    method, floor = gettext(_METHODS[allocation["method"]]), plain_percent(allocation["floor"])
    template = gettext("{often}, {method}; every variant keeps at least {floor}.")
    return template.format(often=often, method=method, floor=floor)


def costs(document: ExperimentDocument) -> str:
    """Return what each variant costs; empty where none costs anything and no metric depends on it."""
    found = [_cost(variant["cost"], document["currency"]) for variant in document["variants"]]
    if not any(found):
        measured = {document["primary_metric"], *document["metrics"], *document["guardrails"]}
        valued = any(metric(key).kind == "value" for key in measured)
        return gettext("No variant has a cost.") if valued else ""
    nothing = gettext("nothing")
    each = (f"{letter(position)} {cost or nothing}" for position, cost in enumerate(found))
    return "; ".join(each) + "."


def _cost(cost: CostDocument | None, currency: str) -> str:
    if cost is None:
        return ""
    amounts = (
        (gettext("{amount} once"), cost["fixed"]),
        (gettext("{amount} per 1,000 members"), cost["per_thousand"]),
    )
    return listed([template.format(amount=price(amount, currency)) for template, amount in amounts if amount])


def values(document: ExperimentDocument) -> str:
    """Return what actions and revenue are worth, where that was declared."""
    currency = document["currency"]
    actions = [f"{_action(kind)} {money(amount, currency, 2)}" for kind, amount in document["action_values"].items()]
    found = [f"{listed(actions)}."] if actions else []
    if document["margin"] != 1:
        found.append(gettext("Margin {share} of revenue.").format(share=plain_percent(document["margin"])))
    return " ".join(found)


def _action(kind: str) -> str:
    """Return an event type's name on screen; the type of a custom event."""
    return gettext(event_type(kind).name) if kind in KNOWN else kind


def covariate(found: CovariateDocument | None) -> str:
    """Return the pre-experiment covariate that reduces variance; empty where there is none."""
    if not found:
        return ""
    if name := found.get("attribute"):
        return gettext("The attribute {name}, to reduce variance (CUPED).").format(name=name)
    span = days(found.get("days_before") or 0)
    return gettext("Activity in the {days} before exposure, to reduce variance (CUPED).").format(days=span)
