"""The audience part of the editor: conditions in rows, or the rule's JSON, read and written both ways."""

import json
import re
from collections.abc import Mapping
from typing import Any

from experiments.definition import targeting, variant_names
from experiments.errors import InvalidError
from experiments.translation import N_, gettext, quoted

OPERATORS = (
    ("equals", N_("is")),
    ("not_equals", N_("is known and is not")),
    ("in", N_("is one of")),
    ("not_in", N_("is known and is none of")),
    ("at_least", N_("is at least")),
    ("at_most", N_("is at most")),
    ("more_than", N_("is more than")),
    ("less_than", N_("is less than")),
    ("contains", N_("contains")),
    ("exists", N_("is known (true or false)")),
)
"""The comparisons of a rule and their names in a row."""

Row = dict[str, str]
_EMPTY: Row = {"attribute": "", "operator": "in", "value": ""}


def values_of(rule: dict[str, Any] | None) -> dict[str, Any]:
    """Return the form's values for a stored rule: all members, rows if the rule fits them, else JSON."""
    values: dict[str, Any] = {"audience": "all", "match": "all", "rules": [dict(_EMPTY)], "targeting": ""}
    if rule is None:
        return values
    match = next((name for name in ("all", "any") if name in rule), "all")
    conditions = rule.get(match, [rule])
    values["targeting"] = json.dumps(rule, ensure_ascii=False, indent=2)
    if all("attribute" in condition for condition in conditions):
        return values | {"audience": "rules", "match": match, "rules": [_row(condition) for condition in conditions]}
    return values | {"audience": "json"}


def typed_values(form: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed into the audience part, unchanged."""
    positions = sorted({int(found[1]) for name in form if (found := re.fullmatch(r"rules\.(\d{1,3})\.\w+", name))})
    rows = [{part: form.get(f"rules.{position}.{part}", "") for part in _EMPTY} for position in positions]
    return {
        "audience": form.get("audience", "all"),
        "match": "any" if form.get("match") == "any" else "all",
        "rules": rows or [dict(_EMPTY)],
        "targeting": form.get("targeting", ""),
    }


def add_row(values: dict[str, Any]) -> None:
    """Add an empty condition."""
    values["rules"].append(dict(_EMPTY))


def remove_row(values: dict[str, Any], position: int) -> None:
    """Remove a condition; the last one is emptied instead."""
    values["rules"] = [row for place, row in enumerate(values["rules"]) if place != position] or [dict(_EMPTY)]


def rule_of(values: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """Return the rule of the form, and a message for each invalid field.

    Returns
    -------
    rule
        Its JSON form; None for all members, or if it is invalid.
    errors
        By the field's name, such as ``rules.0.value``.
    """
    if values["audience"] == "all":
        return None, {}
    if values["audience"] == "json":
        return _from_json(values["targeting"])
    return _from_rows(values)


def sentence(values: dict[str, Any]) -> str:
    """Return who takes part; while the conditions are incomplete, that something is missing."""
    rule, errors = rule_of(values)
    return gettext("Incomplete: fill in all conditions.") if errors else variant_names.audience(rule)


def _from_json(text: str) -> tuple[dict[str, Any] | None, dict[str, str]]:
    try:
        raw = json.loads(text)
    except ValueError as error:
        return None, {"targeting": _not_json(error)}
    except RecursionError:
        return None, {"targeting": gettext("This has too many nested levels. Simplify the rule.")}
    try:
        return targeting.as_json(targeting.parse(raw)), {}
    except InvalidError as error:
        return None, {"targeting": _located(error)}


def _located(error: InvalidError) -> str:
    """Return the message of an invalid rule, after its place if it is inside the rule."""
    path, message = next(iter(error.fields.items()))
    place = path.removeprefix("targeting").removeprefix(".")
    return gettext("At {place}: {message}").format(place=quoted(place), message=message) if place else message


def _not_json(error: ValueError) -> str:
    example = '{"attribute": "age", "at_least": 18}'
    if isinstance(error, json.JSONDecodeError):
        message = gettext("This is not JSON (line {line}, column {column}). Enter a rule, such as {example}.")
        return message.format(line=error.lineno, column=error.colno, example=example)
    return gettext("This is not JSON. Enter a rule, such as {example}.").format(example=example)


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
        return None, {"rules": next(iter(error.fields.values()), error.detail)}


def _condition(row: Row, path: str) -> tuple[dict[str, Any] | None, dict[str, str]]:
    name, operator, text = row["attribute"].strip(), row["operator"], row["value"].strip()
    if not name:
        message = gettext("This is empty. Enter an attribute that your app sends, such as country.")
        return None, {f"{path}.attribute": message}
    if operator not in targeting.OPERATORS:
        return None, {f"{path}.operator": gettext("Choose a comparison from the list.")}
    if not text:
        return None, {f"{path}.value": gettext("This is empty. Enter a value to compare with, such as DE, AT.")}
    if operator in ("in", "not_in"):
        value: Any = [_scalar(part) for part in _parts(text)]
    else:
        value = _scalar(text)
    condition = {"attribute": name, operator: value}
    try:
        targeting.parse(condition)
    except InvalidError as error:
        part = "attribute" if any(".attribute" in place for place in error.fields) else "value"
        message = next(iter(error.fields.values()), error.detail)
        return None, {f"{path}.{part}": message}
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
