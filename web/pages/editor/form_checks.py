"""All errors of a form at once, including those that pydantic finds only once others are fixed."""

from typing import Any

from experiments.definition.model import ExperimentDefinition, read_definition
from experiments.errors import InvalidError
from experiments.reporting.numbers import clock, plain_percent
from experiments.translation import gettext

Errors = dict[str, str]

_STAND_INS = {"name": "Stand-in", "key": "stand-in"}
_ROUNDS = 3  # an error can hide another one, which hides no third


def read_whole(raw: dict[str, Any], errors: Errors) -> ExperimentDefinition | None:
    """Return a definition, or None; add all errors to `errors`, including those hidden by others."""
    trial = {**raw, "variants": [dict(variant) for variant in raw["variants"]]}
    for _ in range(_ROUNDS):
        try:
            definition = read_definition(trial)
        except InvalidError as error:
            for path, message in error.fields.items():
                errors.setdefault(path, message)
                _set_aside(trial, path)
        else:
            return None if errors else definition
    return None


def check_order(raw: dict[str, Any], zone: str, errors: Errors) -> None:
    """Check that the end is after the start and the namespace range is not empty, in the form's time and per cent."""
    starts, ends = raw["starts_at"], raw["ends_at"]
    if starts and ends and ends <= starts:
        message = gettext("The end ({end}) must be after the start ({start}). Choose a later end or an earlier start.")
        errors["ends_at"] = message.format(end=clock(ends, zone), start=clock(starts, zone))
    place = raw["namespace"]
    if place and "namespace.from" not in errors and place["to"] <= place["from"]:
        message = gettext("The range ends at {end}, which must be above its start ({start}).")
        errors["namespace.to"] = message.format(end=plain_percent(place["to"]), start=plain_percent(place["from"]))


def _set_aside(trial: dict[str, Any], path: str) -> None:
    """Replace an invalid value with a valid one, so that the next round finds what it hid."""
    first, *rest = path.split(".")
    if first == "variants" and len(rest) > 1 and rest[0].isdigit() and int(rest[0]) < len(trial["variants"]):
        _set_variant_aside(trial["variants"][int(rest[0])], rest)
    elif first in _STAND_INS:
        trial[first] = _STAND_INS[first]
    elif first != "variants":
        trial.pop(first, None)


def _set_variant_aside(variant: dict[str, Any], rest: list[str]) -> None:
    number, part, *inner = rest
    if part == "key":
        variant["key"] = f"stand-in-{number}"
    elif part == "content" and inner:
        variant["content"] = {name: value for name, value in variant["content"].items() if name != inner[0]}
    else:
        variant.pop(part, None)
