"""One way from raw input to a validated model, and from a failed validation to sentences that a person can act on."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from experiments.errors import InvalidError

Model = TypeVar("Model", bound=BaseModel)

_SHOWN = 60  # characters of a bad value that a message repeats
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def validated(model: type[Model], raw: Any, *, what: str = "The request") -> Model:
    """Read raw input into a model.

    Parameters
    ----------
    model
        A pydantic model with ``extra="forbid"``.
    raw
        What came in: usually the mapping that a JSON body or a form gave.
    what
        The subject of the message, such as "The experiment".

    Raises
    ------
    InvalidError
        Its ``fields`` hold one message a field at fault, by path such as ``variants.1.weight``.
    """
    if isinstance(raw, model):
        return raw
    if not isinstance(raw, Mapping):
        raise InvalidError(f"{what} is {shown(raw)}; it must be a JSON object, such as {{...}}.")
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        raise invalid(error, what=what, known=model) from None


def invalid(error: ValidationError, *, what: str, known: type[BaseModel] | None = None) -> InvalidError:
    """Turn pydantic's errors into one of ours, with a sentence a field."""
    fields: dict[str, str] = {}
    for item in error.errors(include_url=False):
        context = item.get("ctx") or {}
        if "fields" in context:
            for path, message in context["fields"].items():
                fields.setdefault(path, message)
            continue
        path = ".".join(str(part) for part in item["loc"]) or "body"
        fields.setdefault(path, _sentence(item, context, known))
    first = next(iter(fields.items()))
    rest = f" ({len(fields)} fields are at fault.)" if len(fields) > 1 else ""
    return InvalidError(f"{what} is not valid. {first[0]}: {first[1]}{rest}", fields=fields)


def at_fault(fields: dict[str, str]) -> PydanticCustomError:
    """For validators that look at several fields: the error of each, by path."""
    message = " ".join(fields.values()).replace("{", "(").replace("}", ")")
    return PydanticCustomError("klette", message, {"fields": fields})


def bad(message: str) -> PydanticCustomError:
    """For validators of one field: its message, which already names value, bound and remedy."""
    return PydanticCustomError("klette", "{message}", {"message": message})


def shown(value: Any) -> str:
    """A bad value as a message repeats it: short, and never a way to blow the answer up."""
    text = repr(value[: _SHOWN * 2]) if isinstance(value, str) else None
    if text is None:
        text = _brief(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _brief(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple | set):
        return f"a list of {len(value)}"
    if isinstance(value, Mapping):
        return f"an object with {len(value)} fields"
    if isinstance(value, int) and abs(value) >= 10**18:
        return "a number beyond 10^18"
    return str(value)


def check_text(value: str, *, lines: bool = False) -> str:
    """Refuse what cannot be stored or shown: control characters and broken Unicode; ``lines`` allows line breaks."""
    if _SURROGATE.search(value):
        raise bad(f"{shown(value)} holds half of a Unicode character; send it as whole UTF-8.")
    if _CONTROL.search(value):
        raise bad(f"{shown(value)} holds a control character; remove it.")
    if not lines and re.search(r"[\r\n\t]", value):
        raise bad(f"{shown(value)} holds a line break or tab; write it on one line.")
    return value


def _sentence(item: Mapping[str, Any], context: Mapping[str, Any], known: type[BaseModel] | None) -> str:
    kind, value = item["type"], item["input"]
    if kind == "klette":
        return str(item["msg"])
    if kind == "missing":
        return "is missing; give it."
    if kind == "extra_forbidden":
        return _unknown_field(item["loc"], known)
    bound = _BOUNDS.get(kind)
    if bound:
        return f"{shown(value)}{bound.format(**_counted(kind, value, context))}"
    reason = str(item["msg"]).removeprefix("Value error, ")
    return f"{shown(value)} is not accepted: {reason[0].lower()}{reason[1:]}."


def _unknown_field(path: tuple[Any, ...], known: type[BaseModel] | None) -> str:
    if known is None or len(path) != 1:
        return f"{shown(str(path[-1]))} is no field here; leave it out."
    names = ", ".join(field.alias or name for name, field in known.model_fields.items())
    return f"{shown(str(path[-1]))} is no field here; leave it out. The fields are: {names}."


def _counted(kind: str, value: Any, context: Mapping[str, Any]) -> dict[str, Any]:
    length = len(value) if isinstance(value, str | list | dict) else 0
    return {"length": length, **context}


_BOUNDS = {
    "string_too_long": " has {length} characters; at most {max_length} are allowed. Shorten it.",
    "string_too_short": " has {length} characters; at least {min_length} is needed.",
    "string_type": " is no text; write it in quotes.",
    "string_unicode": " is no whole Unicode text; send UTF-8.",
    "bool_type": " is neither true nor false; write one of them.",
    "bool_parsing": " is neither true nor false; write one of them.",
    "int_type": " is no whole number; write one, without quotes.",
    "int_parsing": " is no whole number; write one, without quotes.",
    "int_parsing_size": " is too large; write a smaller whole number.",
    "int_from_float": " is no whole number; round it.",
    "float_type": " is no number; write one, without quotes.",
    "float_parsing": " is no number; write one, without quotes.",
    "decimal_type": " is no number; write one, without quotes.",
    "decimal_parsing": " is no number; write one, without quotes.",
    "decimal_max_digits": " has more than {max_digits} digits; shorten it.",
    "decimal_max_places": " has more than {decimal_places} decimal places; round it.",
    "decimal_whole_digits": " has more than {whole_digits} digits before the point; write a smaller amount.",
    "finite_number": " is not finite; write an ordinary number.",
    "greater_than": " is too small; it must be more than {gt}.",
    "greater_than_equal": " is too small; it must be at least {ge}.",
    "less_than": " is too large; it must be less than {lt}.",
    "less_than_equal": " is too large; it must be at most {le}.",
    "too_long": " is too long; at most {max_length} are allowed.",
    "too_short": " is too short; at least {min_length} are needed.",
    "list_type": "; a list such as [...] is needed.",
    "dict_type": "; an object such as {{...}} is needed.",
    "model_type": "; an object such as {{...}} is needed.",
    "model_attributes_type": "; an object such as {{...}} is needed.",
    "literal_error": " is not known; write {expected}.",
    "timezone_aware": " has no time zone; add one, as in 2026-11-23T08:00:00Z.",
    "datetime_parsing": " is no time; write it as 2026-11-23T08:00:00Z.",
    "datetime_from_date_parsing": " is no time; write it as 2026-11-23T08:00:00Z.",
    "datetime_type": " is no time; write it as 2026-11-23T08:00:00Z.",
}


def required_text(value: Any, field: str, longest: int, remedy: str) -> str:
    """A text that is there, not too long, and that every engine can store.

    Raises
    ------
    InvalidError
        ``FIELD_missing``, ``FIELD_too_long`` or ``FIELD_invalid``.
    """
    if value is None or value == "":
        raise InvalidError(f"The {field} is missing; {remedy}.", code=f"{field}_missing")
    if type(value) is not str:
        raise InvalidError(
            f"The {field} is {shown(value)}; it must be a text, so put it in quotes.", code=f"{field}_invalid"
        )
    if len(value) > longest:
        raise InvalidError(
            f"The {field} has {len(value)} characters, the most is {longest}; {remedy}.", code=f"{field}_too_long"
        )
    if not value.isprintable() and (not value.strip() or any(_unstorable(letter) for letter in value)):
        raise InvalidError(
            f"The {field} {value[:40]!r} holds a control character or half of a character; {remedy}.",
            code=f"{field}_invalid",
        )
    if value.isspace():
        raise InvalidError(f"The {field} is blank; {remedy}.", code=f"{field}_missing")
    return value


def _unstorable(letter: str) -> bool:
    return letter < " " or letter == "\x7f" or "\ud800" <= letter <= "\udfff"
