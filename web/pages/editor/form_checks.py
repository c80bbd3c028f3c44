"""Every fault of a form at once, those included that pydantic finds only after the first ones are mended."""

from typing import Any

from experiments.definition.model import ExperimentDefinition, read_definition
from experiments.errors import InvalidError
from experiments.reporting.numbers import clock, plain_percent

Errors = dict[str, str]

_STAND_INS = {"name": "Stand-in", "key": "stand-in"}
_ROUNDS = 3  # a fault can hide another one, which hides no third


def read_whole(raw: dict[str, Any], errors: Errors) -> ExperimentDefinition | None:
    """Read a definition; the faults go into `errors`, those included that show only once the others are mended."""
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
    """The end after the start and a place with room, told in the form's own time and per cent."""
    starts, ends = raw["starts_at"], raw["ends_at"]
    if starts and ends and ends <= starts:
        where = "at" if ends == starts else "before"
        told = f"The end ({clock(ends, zone)}) lies {where} the start ({clock(starts, zone)})"
        errors["ends_at"] = f"{told}. Choose a later end, or an earlier start."
    place = raw["namespace"]
    if place and "namespace.from" not in errors and place["to"] <= place["from"]:
        message = f"{plain_percent(place['to'])} must lie above {plain_percent(place['from'])}, where the place begins."
        errors["namespace.to"] = message


def _set_aside(trial: dict[str, Any], path: str) -> None:
    """Put something harmless where a fault was, so that the next round sees what it hid."""
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
