"""The names on screen of fields, states and roles, and errors with the labels of their fields."""

import re

from experiments.definition.variant_names import letter
from experiments.translation import N_, gettext, pgettext

LABELS = {
    "key": N_("Key"),
    "name": N_("Name"),
    "hypothesis": N_("Hypothesis"),
    "variants": N_("Variants"),
    "primary_metric": N_("Primary metric"),
    "metrics": N_("Other metrics"),
    "guardrails": N_("Guardrails"),
    "traffic": N_("Traffic"),
    "namespace": N_("Namespace"),
    "namespace.key": N_("Namespace"),
    "namespace.from": N_("Namespace from"),
    "namespace.to": N_("Namespace to"),
    "window_days": N_("Window"),
    "planned_days": N_("Planned days"),
    "starts_at": N_("Start"),
    "ends_at": N_("End"),
    "segments": N_("Segments"),
    "currency": N_("Currency"),
    "minimum_members": N_("Minimum members"),
    "threshold_of_caring": N_("Negligible loss"),
    "allocation": N_("Traffic split"),
    "allocation.method": N_("Traffic split"),
    "allocation.floor": N_("Minimum share"),
    "allocation.every_hours": N_("Hours between updates"),
    "covariate": N_("Covariate"),
    "covariate.kind": N_("Covariate"),
    "covariate.attribute": N_("Covariate attribute"),
    "covariate.days_before": N_("Days before exposure"),
    "action_values": N_("Action values"),
    "margin": N_("Margin"),
    "prior": N_("Prior"),
    "interval": N_("Intervals"),
    "bots": N_("Bots and scanners"),
    "members": N_("Members of earlier runs"),
    "targeting": N_("Audience"),
    "rules": N_("Audience"),
    "new_run": N_("New run"),
    "weight": N_("Weight"),
    "content": N_("Content"),
    "content.headline": N_("Headline"),
    "content.body": N_("Text"),
    "content.image_url": N_("Image URL"),
    "content.link_url": N_("Link URL"),
    "content.cta": N_("Call to action"),
    "content.custom": N_("Custom content"),
    "cost": N_("Cost"),
    "cost.fixed": N_("Fixed cost"),
    "cost.per_thousand": N_("Cost per 1,000 members"),
}

STATES = {
    "draft": N_("draft"),
    "scheduled": N_("scheduled"),
    "running": N_("running"),
    "paused": N_("paused"),
    "stopped": N_("stopped"),
    "archived": N_("archived"),
    "simulated": N_("simulated"),
}
STATE_FILTERS = {
    "draft": N_("Draft"),
    "scheduled": N_("Scheduled"),
    "running": N_("Running"),
    "paused": N_("Paused"),
    "stopped": N_("Stopped"),
    "archived": N_("Archived"),
}
"""The filters of the list."""
ROLES = {"admin": N_("Admin"), "marketer": N_("Marketer"), "analyst": N_("Analyst")}
KEY_TYPES = {"client": N_("Client"), "server": N_("Server")}

Errors = dict[str, str]


def state_name(state: str) -> str:
    """Return an experiment's state as a word; any other word stays as it is."""
    return gettext(STATES.get(state, state))


def state_filters() -> list[tuple[str, str]]:
    """Return the states with the names of their filters."""
    return [(state, gettext(name)) for state, name in STATE_FILTERS.items()]


def role_name(role: str) -> str:
    """Return an account's role as a word."""
    return gettext(ROLES.get(role, role))


def key_type(kind: str) -> str:
    """Return the type of an API key as a word."""
    return gettext(KEY_TYPES.get(kind, kind))


def labelled(errors: Errors) -> Errors:
    """Return the same messages, each after the label of its field if it has one, for the list at the top."""
    return {path: f"{label_of(path)}: {message}" if path else message for path, message in errors.items()}


def label_of(path: str) -> str:
    """Return a field's name on screen: ``variants.1.weight`` is ``Variant B: Weight``."""
    found = re.fullmatch(r"variants\.(\d+)(?:\.(.+))?", path)
    if found:
        variant = gettext("Variant {letter}").format(letter=letter(int(found[1])))
        return f"{variant}: {gettext(LABELS.get(found[2], found[2]))}" if found[2] else variant
    found = re.fullmatch(r"worths\.(\d+)\.(type|amount)", path)
    if found:
        action = gettext("Action {number}").format(number=int(found[1]) + 1)
        value = pgettext("of an action", "Value")
        return f"{action}: {value}" if found[2] == "amount" else action
    return gettext(LABELS.get(path) or LABELS.get(path.split(".")[0], path))
