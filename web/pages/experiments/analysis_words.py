"""How the answer is made, in words: what the launch and the experiment's own page tell of it."""

from collections.abc import Mapping
from typing import Any

from experiments.definition.variant_names import letter
from experiments.reporting.numbers import money, plain_percent, plural, price

CAVEAT = (
    "A variant that starts badly is then seen less, so its figures stay a little low. The verdict compares only members"
    " who came while the shares were the same."
)
SHARED_OUT = {
    "thompson": "in proportion to each variant's chance of being best",
    "top_two": "half to the likeliest best and half to its rivals",
}
BELIEVED = {
    "learned": "What your own finished tests taught about how large lifts are.",
    "content": "What thousands of headline tests taught about how large lifts are.",
    "sceptical": "That most differences are small.",
}


def told(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Labels and sentences of what differs from the usual; nothing where all is as it comes."""
    pairs = [
        ("New members", shared_out(document["allocation"])),
        ("Costs", costs(document)),
        ("Worth", worth(document)),
        ("Known beforehand", known(document["covariate"])),
        ("Believed beforehand", believed(document)),
        ("Intervals", "The shortest that hold 95 % (HDI)." if document["interval"] == "hdi" else ""),
    ]
    return [(label, sentence) for label, sentence in pairs if sentence]


def believed(document: Mapping[str, Any]) -> str:
    """The prior on lifts where it was chosen; where another is in force than was asked for, that and why."""
    return document["prior_in_force"]["notice"] or BELIEVED.get(document["prior"], "")


def shared_out(allocation: Mapping[str, Any] | None) -> str:
    """How new members are shared out where the weights do not stay."""
    if not allocation:
        return ""
    hours = allocation["every_hours"]
    often = "Every hour" if hours == 1 else "Once a day" if hours == 24 else f"Every {hours} hours"
    method = SHARED_OUT[allocation["method"]]
    floor = plain_percent(allocation["floor"])
    return f"{often} new members are shared out anew, {method}; every variant keeps at least {floor}."


def costs(document: Mapping[str, Any]) -> str:
    """What each variant costs; nothing where none costs anything and nothing that is measured asks for it."""
    told = [_cost(variant["cost"], document["currency"]) for variant in document["variants"]]
    if not any(told):
        measured = {document["primary_metric"], *document["metrics"], *document["guardrails"]}
        return "No variant costs anything." if measured & {"net_value", "roi"} else ""
    sentences = (f"{letter(position)} {cost or 'nothing'}." for position, cost in enumerate(told))
    return " ".join(sentences).replace("per 1,000", "per 1,000 members", 1)


def _cost(cost: Mapping[str, Any] | None, currency: str) -> str:
    parts = (("fixed", "once"), ("per_thousand", "per 1,000"))
    found = ((cost or {}).get(part) for part, _ in parts)
    return " and ".join(
        f"{price(amount, currency)} {how}" for amount, (_, how) in zip(found, parts, strict=True) if amount
    )


def worth(document: Mapping[str, Any]) -> str:
    """What actions and money are worth, where it is written down."""
    currency = document["currency"]
    actions = [f"a {kind} {money(amount, currency, 2)}" for kind, amount in document["action_values"].items()]
    said = []
    if actions:
        listed = actions[0] if len(actions) == 1 else f"{', '.join(actions[:-1])} and {actions[-1]}"
        said.append(f"{listed[0].upper()}{listed[1:]}.")
    if document["margin"] != 1:
        said.append(f"{plain_percent(document['margin'])} of the revenue is earned.")
    return " ".join(said)


def known(covariate: Mapping[str, Any] | None) -> str:
    """What was known of the members before, to be taken out of the noise."""
    if not covariate:
        return ""
    if covariate.get("attribute"):
        return f"The attribute {covariate['attribute']}; what it explains is taken out of the noise (CUPED)."
    days = plural(covariate["days_before"], "day")
    return f"What members did in the {days} before; what it explains is taken out of the noise (CUPED)."
