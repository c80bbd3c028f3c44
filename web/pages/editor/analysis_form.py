"""The editor's part on the analysis: traffic split, action values, covariate, prior and intervals.

A form that does not show one of these leaves the stored value as it is: a tab that was opened before the part existed,
or a page that shows only some of it, must not reset anything.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from experiments.catalogue.event_types import EVENT_TYPES
from experiments.reporting.numbers import decimal
from experiments.translation import N_, gettext
from web.pages.common.typed_numbers import amount_of, amount_text, percentage_of, whole_of

Values = dict[str, Any]
Errors = dict[str, str]
Row = dict[str, str]

FIELDS = (
    "allocation.method",
    "allocation.floor",
    "allocation.every_hours",
    "covariate.kind",
    "covariate.attribute",
    "covariate.days_before",
    "margin",
    "prior",
    "interval",
    "bots",
    "members",
)
ACTIONS = tuple(kind.key for kind in EVENT_TYPES if kind.weighable)
"""Event types that the editor suggests for action values; others can be typed."""
METHODS = (
    ("", N_("Fixed: the planned weights")),
    ("thompson", N_("Adaptive: by each variant's chance of being best")),
    ("top_two", N_("Adaptive: half to the likeliest best, half to its rivals")),
)
COVARIATES = (
    ("", N_("None")),
    ("days_before", N_("Activity in the days before exposure")),
    ("attribute", N_("A number that your app sends")),
)
PRIORS = (
    ("auto", N_("Automatic")),
    ("learned", N_("Learned from your finished tests")),
    ("content", N_("Learned from thousands of headline tests")),
    ("sceptical", N_("Sceptical: most differences are small")),
)
INTERVALS = (("eti", N_("Equal-tailed (ETI)")), ("hdi", N_("Shortest (HDI)")))
BOTS = (("exclude", N_("Set aside and shown")), ("count", N_("Counted like members")))
MEMBERS = (("all", N_("Counted again")), ("new_only", N_("Excluded and shown")))
_EMPTY: Row = {"type": "", "amount": ""}


def blank() -> Values:
    """Return the values of a new experiment: a fixed split, no action values, no covariate."""
    return {
        **dict.fromkeys(FIELDS, ""),
        "allocation.floor": "5",
        "allocation.every_hours": "24",
        "margin": "100",
        "prior": "auto",
        "interval": "eti",
        "bots": "exclude",
        "members": "all",
        "worths": [dict(_EMPTY)],
    }


def values_of(document: Mapping[str, Any]) -> Values:
    """Return the values of a stored experiment."""
    values = blank()
    allocation, covariate = document["allocation"], document["covariate"]
    if allocation:
        values["allocation.method"] = allocation["method"]
        values["allocation.floor"] = _as_percent(allocation["floor"])
        values["allocation.every_hours"] = str(allocation["every_hours"])
    if covariate:
        kind = "attribute" if covariate.get("attribute") else "days_before"
        values["covariate.kind"] = kind
        values[f"covariate.{kind}"] = str(covariate[kind])
    values["margin"] = _as_percent(document["margin"])
    values |= {
        "prior": document["prior"],
        "interval": document["interval"],
        "bots": document["bots"],
        "members": document["members"],
    }
    worths = [{"type": kind, "amount": _as_amount(amount)} for kind, amount in document["action_values"].items()]
    return values | {"worths": worths or [dict(_EMPTY)]}


def options(choices: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the options of a list with their names in the language in use."""
    return [(key, gettext(name)) for key, name in choices]


def typed_values(form: Mapping[str, str], before: Values) -> Values:
    """Return what was typed, unchanged; what the form does not hold stays as in `before`."""
    found = (re.fullmatch(r"worths\.(\d{1,3})\.(?:type|amount)", name) for name in form)
    positions = sorted({int(match[1]) for match in found if match})
    rows = [{part: form.get(f"worths.{at}.{part}", "") for part in _EMPTY} for at in positions]
    return {name: form.get(name, before[name]) for name in FIELDS} | {"worths": rows or before["worths"]}


def add_row(values: Values) -> None:
    """Add an empty action."""
    values["worths"].append(dict(_EMPTY))


def remove_row(values: Values, position: int) -> None:
    """Remove an action; the last one is emptied instead."""
    values["worths"] = [row for at, row in enumerate(values["worths"]) if at != position] or [dict(_EMPTY)]


def raw(values: Values, errors: Errors) -> dict[str, Any]:
    """Return the definition's fields of these values; add a message to `errors` for each that cannot be read."""
    return {
        "allocation": _allocation(values, errors),
        "covariate": _covariate(values, errors),
        "action_values": _worths(values, errors),
        "margin": _share(values["margin"], "margin", errors) if values["margin"].strip() else 1.0,
        "prior": values["prior"],
        "interval": values["interval"],
        "bots": values["bots"],
        "members": values["members"],
    }


def placed(errors: Errors, values: Values) -> Errors:
    """Return the domain's errors by the fields of this form: those of an action by its row."""
    rows = {row["type"].strip(): at for at, row in enumerate(values["worths"])}
    moved: Errors = {}
    for path, message in errors.items():
        found = re.fullmatch(r"action_values\.(.+?)(\.\[key\])?", path)
        if found and found[1] in rows:
            path = f"worths.{rows[found[1]]}.{'type' if found[2] else 'amount'}"
        elif path == "covariate":
            path = "covariate.kind"
        moved.setdefault(path, message)
    return moved


def _allocation(values: Values, errors: Errors) -> dict[str, Any] | None:
    method = values["allocation.method"]
    if not method:
        return None
    return {
        "method": method,
        "floor": _share(values["allocation.floor"], "allocation.floor", errors),
        "every_hours": _whole(values["allocation.every_hours"], "allocation.every_hours", errors, 24),
    }


def _covariate(values: Values, errors: Errors) -> dict[str, Any] | None:
    kind = values["covariate.kind"]
    if kind == "attribute":
        name = values["covariate.attribute"].strip()
        if not name:
            errors["covariate.attribute"] = gettext("This is empty. Enter the attribute's name, such as history.")
        return {"attribute": name or "history"}
    if kind == "days_before":
        return {"days_before": _whole(values["covariate.days_before"], "covariate.days_before", errors, 28)}
    return None


def _worths(values: Values, errors: Errors) -> dict[str, Decimal]:
    worths: dict[str, Decimal] = {}
    for at, row in enumerate(values["worths"]):
        kind, amount = row["type"].strip(), row["amount"].strip()
        if not kind and not amount:
            continue
        if not kind:
            errors[f"worths.{at}.type"] = gettext("This is empty. Enter an action, such as share.")
        elif kind in worths:
            errors[f"worths.{at}.type"] = gettext("{name} is listed twice. List each action once.").format(name=kind)
        number, fault = amount_of(amount, gettext("Enter an amount, such as {example}.").format(example=decimal(2.5)))
        if number is None:
            errors[f"worths.{at}.amount"] = fault
        if kind:
            worths.setdefault(kind, number or Decimal(0))
    return worths


def _share(text: str, path: str, errors: Errors) -> float:
    """Return a percentage as a share; the bounds are the domain's, in per cent in the message."""
    low, high = BOUNDS[path]
    number, fault = percentage_of(text, str(low), str(high), "100" if path == "margin" else "5")
    if fault:
        errors[path] = fault
    return float(low if number is None else number) / 100


BOUNDS = {"allocation.floor": (1, 50), "margin": (0, 100)}
"""In per cent."""


def _whole(text: str, path: str, errors: Errors, example: int) -> int:
    number, fault = whole_of(text, example)
    if fault:
        errors[path] = fault
    return example if number is None else number


def _as_percent(share: float) -> str:
    return f"{share * 100:.8g}"


def _as_amount(amount: float) -> str:
    """Return money as people write it: two decimals, or as many as it has."""
    return f"{amount:.2f}" if round(amount, 2) == amount else amount_text(f"{amount:.12g}")
