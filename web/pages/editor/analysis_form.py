"""The editor's part on how the answer is made: shares of new members, what actions are worth, what is known beforehand.

A form that does not show one of these leaves what is stored as it is: a tab that was opened before the part existed,
or a page that shows only some of it, must not put anything back.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from experiments.catalogue.event_types import EVENT_TYPES
from web.pages.common.typed_numbers import amount_of, amount_text, number_of

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
)
ACTIONS = tuple(kind.key for kind in EVENT_TYPES if kind.weighable)
"""Event types that are offered where an action's worth is written down; others can be typed."""
METHODS = (
    ("", "As planned: the weights stay"),
    ("thompson", "To those that do better, in proportion to their chance of being best"),
    ("top_two", "Half to the likeliest best, half to its rivals"),
)
COVARIATES = (
    ("", "Nothing"),
    ("days_before", "What they did in the days before"),
    ("attribute", "A number that my app sends"),
)
PRIORS = (
    ("auto", "What finished tests taught, where there are enough of them"),
    ("learned", "What your own finished tests taught"),
    ("content", "What thousands of headline tests taught"),
    ("sceptical", "Little: most differences are small"),
)
INTERVALS = (("eti", "Equal tails (ETI)"), ("hdi", "The shortest (HDI)"))
_EMPTY: Row = {"type": "", "amount": ""}


def blank() -> Values:
    """The values of a new experiment: fixed shares, no worths, nothing known beforehand."""
    return {
        **dict.fromkeys(FIELDS, ""),
        "allocation.floor": "5",
        "allocation.every_hours": "24",
        "margin": "100",
        "prior": "auto",
        "interval": "eti",
        "worths": [dict(_EMPTY)],
    }


def values_of(document: Mapping[str, Any]) -> Values:
    """The values of a stored experiment."""
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
    values |= {"prior": document["prior"], "interval": document["interval"]}
    worths = [{"type": kind, "amount": _as_amount(amount)} for kind, amount in document["action_values"].items()]
    return values | {"worths": worths or [dict(_EMPTY)]}


def typed_values(form: Mapping[str, str], before: Values) -> Values:
    """What was typed, unchanged; what the form does not hold stays as it was `before`."""
    found = (re.fullmatch(r"worths\.(\d{1,3})\.(?:type|amount)", name) for name in form)
    positions = sorted({int(match[1]) for match in found if match})
    rows = [{part: form.get(f"worths.{at}.{part}", "") for part in _EMPTY} for at in positions]
    return {name: form.get(name, before[name]) for name in FIELDS} | {"worths": rows or before["worths"]}


def add_row(values: Values) -> None:
    """One more action."""
    values["worths"].append(dict(_EMPTY))


def remove_row(values: Values, position: int) -> None:
    """Take an action away; the last one is emptied instead."""
    values["worths"] = [row for at, row in enumerate(values["worths"]) if at != position] or [dict(_EMPTY)]


def raw(values: Values, errors: Errors) -> dict[str, Any]:
    """The definition's fields that these values say; the sentences of what cannot be read go into `errors`."""
    return {
        "allocation": _allocation(values, errors),
        "covariate": _covariate(values, errors),
        "action_values": _worths(values, errors),
        "margin": _share(values["margin"], "margin", errors) if values["margin"].strip() else 1.0,
        "prior": values["prior"],
        "interval": values["interval"],
    }


def placed(errors: Errors, values: Values) -> Errors:
    """The errors of the domain at the fields of this form: those of an action stand beside its row."""
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
        "every_hours": _whole(values["allocation.every_hours"], "allocation.every_hours", errors, "24"),
    }


def _covariate(values: Values, errors: Errors) -> dict[str, Any] | None:
    kind = values["covariate.kind"]
    if kind == "attribute":
        name = values["covariate.attribute"].strip()
        if not name:
            errors["covariate.attribute"] = "This is empty; write the attribute's name, such as history."
        return {"attribute": name or "history"}
    if kind == "days_before":
        return {"days_before": _whole(values["covariate.days_before"], "covariate.days_before", errors, "28")}
    return None


def _worths(values: Values, errors: Errors) -> dict[str, Decimal]:
    worths: dict[str, Decimal] = {}
    for at, row in enumerate(values["worths"]):
        kind, amount = row["type"].strip(), row["amount"].strip()
        if not kind and not amount:
            continue
        if not kind:
            errors[f"worths.{at}.type"] = "This is empty; write the action, such as share."
        elif kind in worths:
            errors[f"worths.{at}.type"] = f"{kind} stands there twice; name each action once."
        number, fault = amount_of(amount, "an amount such as 2.50")
        if number is None:
            errors[f"worths.{at}.amount"] = fault
        if kind:
            worths.setdefault(kind, number or Decimal(0))
    return worths


def _share(text: str, path: str, errors: Errors) -> float:
    """A percentage as a share; its bounds are the domain's, told in per cent where it is out of them."""
    number, fault = number_of(text)
    low, high = BOUNDS[path]
    if number is None:
        errors[path] = f"{fault}; write a percentage such as {high if path == 'margin' else 5}."
    elif not low <= number <= high:
        errors[path] = f"{number:f} % is out of bounds; write a percentage from {low} to {high}."
    return float(low if path in errors or number is None else number) / 100


BOUNDS = {"allocation.floor": (1, 50), "margin": (0, 100)}
"""In per cent."""


def _whole(text: str, path: str, errors: Errors, example: str) -> int:
    text = text.strip()
    if re.fullmatch(r"\d{1,6}", text):
        return int(text)
    errors[path] = (
        f"“{text[:40]}” is no whole number; write one such as {example}."
        if text
        else f"This is empty; write a whole number such as {example}."
    )
    return int(example)


def _as_percent(share: float) -> str:
    return f"{share * 100:.8g}"


def _as_amount(amount: float) -> str:
    """Money as people write it: two decimals, or as many as it has."""
    return f"{amount:.2f}" if round(amount, 2) == amount else amount_text(f"{amount:.12g}")
