"""The words of the editor's form: names of fields, and errors as sentences that can stand alone."""

import re

from experiments.definition.variant_names import letter

LABELS = {
    "key": "Key",
    "name": "Name",
    "hypothesis": "Hypothesis",
    "variants": "Variants",
    "primary_metric": "Deciding metric",
    "metrics": "Other metrics",
    "guardrails": "Guardrails",
    "traffic": "Traffic",
    "namespace": "Namespace",
    "namespace.key": "Namespace",
    "namespace.from": "Place from",
    "namespace.to": "Place to",
    "window_days": "Window",
    "planned_days": "Planned days",
    "starts_at": "Start",
    "ends_at": "End",
    "segments": "Segments",
    "currency": "Currency",
    "minimum_members": "Members before a verdict",
    "threshold_of_caring": "Loss that would not matter",
    "allocation": "New members",
    "allocation.method": "New members",
    "allocation.floor": "Every variant keeps",
    "allocation.every_hours": "Hours between two shares",
    "covariate": "Known beforehand",
    "covariate.kind": "Known beforehand",
    "covariate.attribute": "Attribute known beforehand",
    "covariate.days_before": "Days before",
    "action_values": "Worth of actions",
    "margin": "Of the revenue we earn",
    "prior": "Believed beforehand",
    "interval": "Intervals",
    "targeting": "Audience",
    "rules": "Audience",
    "new_run": "New run",
    "weight": "Weight",
    "content.headline": "Headline",
    "content.body": "Text",
    "content.image_url": "Picture",
    "content.link_url": "Link",
    "content.cta": "Call to action",
    "content.custom": "Further content",
    "cost.fixed": "Fixed cost",
    "cost.per_thousand": "Cost per 1,000 members",
}


Errors = dict[str, str]


def in_words(errors: Errors) -> Errors:
    """Sentences that can stand alone beside a field."""
    return {path: _whole_sentence(message) for path, message in errors.items()}


def labelled(errors: Errors) -> Errors:
    """The same sentences, each with the name of its field, for the list at the top."""
    return {path: f"{label_of(path)}: {message}" for path, message in errors.items()}


def label_of(path: str) -> str:
    """A field's name on screen: ``variants.1.weight`` is ``Variant B, weight``."""
    found = re.fullmatch(r"variants\.(\d+)(?:\.(.+))?", path)
    if found:
        part = LABELS.get(found[2] or "", found[2] or "")
        return f"Variant {letter(int(found[1]))}" + (f", {part[0].lower()}{part[1:]}" if part else "")
    found = re.fullmatch(r"worths\.(\d+)\.(type|amount)", path)
    if found:
        return f"Action {int(found[1]) + 1}" + (", worth" if found[2] == "amount" else "")
    return LABELS.get(path) or LABELS.get(path.split(".")[0], path)


def _whole_sentence(message: str) -> str:
    if re.match(r"(is|has|holds|must|cannot|was) ", message):
        message = f"This {message}"
    return message[:1].upper() + message[1:]
