"""The audience part of the editor: rows of a simple rule, or the rule's JSON, read and written both ways."""

import json
import re
from collections.abc import Mapping
from typing import Any

from experiments.definition import targeting, variant_names
from experiments.errors import InvalidError

OPERATORS = (
    ("equals", "is"),
    ("not_equals", "is known and is not"),
    ("in", "is one of"),
    ("not_in", "is known and is none of"),
    ("at_least", "is at least"),
    ("at_most", "is at most"),
    ("more_than", "is more than"),
    ("less_than", "is less than"),
    ("contains", "contains"),
    ("exists", "is known (true or false)"),
)
"""The rule's comparisons and how they read in a row."""

Row = dict[str, str]
_EMPTY: Row = {"attribute": "", "operator": "in", "value": ""}


def values_of(rule: dict[str, Any] | None) -> dict[str, Any]:
    """The form's values for a stored rule: everybody, rows where they can say it, JSON where they cannot."""
    values: dict[str, Any] = {"audience": "everybody", "match": "all", "rules": [dict(_EMPTY)], "targeting": ""}
    if rule is None:
        return values
    match = next((name for name in ("all", "any") if name in rule), "all")
    conditions = rule.get(match, [rule])
    values["targeting"] = json.dumps(rule, ensure_ascii=False, indent=2)
    if all("attribute" in condition for condition in conditions):
        return values | {"audience": "rules", "match": match, "rules": [_row(condition) for condition in conditions]}
    return values | {"audience": "json"}


def typed_values(form: Mapping[str, str]) -> dict[str, Any]:
    """What was typed into the audience part, unchanged."""
    positions = sorted({int(found[1]) for name in form if (found := re.fullmatch(r"rules\.(\d{1,3})\.\w+", name))})
    rows = [{part: form.get(f"rules.{position}.{part}", "") for part in _EMPTY} for position in positions]
    return {
        "audience": form.get("audience", "everybody"),
        "match": "any" if form.get("match") == "any" else "all",
        "rules": rows or [dict(_EMPTY)],
        "targeting": form.get("targeting", ""),
    }


def add_row(values: dict[str, Any]) -> None:
    """One more empty condition."""
    values["rules"].append(dict(_EMPTY))


def remove_row(values: dict[str, Any], position: int) -> None:
    """Take a condition away; the last one is emptied instead."""
    values["rules"] = [row for place, row in enumerate(values["rules"]) if place != position] or [dict(_EMPTY)]


def rule_of(values: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """The rule that the form says, and the sentence of each field at fault.

    Returns
    -------
    rule
        Its JSON form, None for everybody or where it is at fault.
    errors
        By the field's name, such as ``rules.0.value``.
    """
    if values["audience"] == "everybody":
        return None, {}
    if values["audience"] == "json":
        return _from_json(values["targeting"])
    return _from_rows(values)


def sentence(rule: dict[str, Any] | None) -> str:
    """Who takes part, in plain English."""
    return variant_names.audience(rule)


def _from_json(text: str) -> tuple[dict[str, Any] | None, dict[str, str]]:
    try:
        raw = json.loads(text)
    except ValueError as error:
        place = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        remedy = 'write a rule such as {"attribute": "age", "at_least": 18}.'
        return None, {"targeting": f"This is no JSON{place}; {remedy}"}
    except RecursionError:
        return None, {"targeting": "This is nested too deep; write the rule flatter."}
    try:
        return targeting.as_json(targeting.parse(raw)), {}
    except InvalidError as error:
        return None, {"targeting": error.detail}


def _from_rows(values: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, str]]:
    errors: dict[str, str] = {}
    conditions = []
    for position, row in enumerate(values["rules"]):
        condition, faults = _condition(row, f"rules.{position}")
        errors |= faults
        if condition:
            conditions.append(condition)
    if errors:
        return None, errors
    rule = conditions[0] if len(conditions) == 1 else {values["match"]: conditions}
    try:
        return targeting.as_json(targeting.parse(rule)), {}
    except InvalidError as error:
        return None, {"rules": error.detail}


def _condition(row: Row, path: str) -> tuple[dict[str, Any] | None, dict[str, str]]:
    name, operator, text = row["attribute"].strip(), row["operator"], row["value"].strip()
    if not name:
        return None, {f"{path}.attribute": "This is empty; write an attribute that your app sends, such as country."}
    if operator not in targeting.OPERATORS:
        return None, {f"{path}.operator": "Choose a comparison from the list."}
    if not text:
        return None, {f"{path}.value": "This is empty; write what to compare with, such as DE, AT."}
    if operator in ("in", "not_in"):
        value: Any = [_scalar(part) for part in _parts(text)]
    else:
        value = _scalar(text)
    condition = {"attribute": name, operator: value}
    try:
        targeting.parse(condition, path="This")
    except InvalidError as error:
        part = "attribute" if any(".attribute" in place for place in error.fields) else "value"
        message = next(iter(error.fields.values()), error.detail)
        return None, {f"{path}.{part}": f"This {message}"}
    return condition, {}


def _parts(text: str) -> list[str]:
    """Split at commas, but not inside double quotes."""
    return [part.strip() for part in re.findall(r'(?:"[^"]*"|[^,])+', text) if part.strip()]


def _scalar(text: str) -> Any:
    """``18`` is a number, ``true`` is true, ``"18"`` in quotes is text, and so is everything else."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?\d{1,15}", text):
        return int(text)
    if re.fullmatch(r"-?\d{1,15}\.\d{1,15}", text):
        return float(text)
    return text


def _row(condition: Mapping[str, Any]) -> Row:
    operator = next(name for name in condition if name != "attribute")
    value = condition[operator]
    text = ", ".join(_written(item) for item in value) if isinstance(value, list) else _written(value)
    return {"attribute": condition["attribute"], "operator": operator, "value": text}


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if _scalar(value) == value and "," not in value and value == value.strip() else f'"{value}"'
    return str(value)
