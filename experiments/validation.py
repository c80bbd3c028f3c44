"""Validation of raw input into models, with messages that name the value, the bound and the remedy."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from experiments.errors import InvalidError
from experiments.translation import LANGUAGES, N_, gettext, language, ngettext, quoted
from experiments.translation.lists import either

Model = TypeVar("Model", bound=BaseModel)

_SHOWN = 60  # characters of an invalid value that a message repeats
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def validated(model: type[Model], raw: object, *, what: str = "") -> Model:
    """Read raw input into a model.

    Parameters
    ----------
    model
        A pydantic model with ``extra="forbid"``.
    raw
        The input, usually the mapping of a JSON body or a form.
    what
        The subject of the message, such as "The experiment"; "The request" if empty.

    Raises
    ------
    InvalidError
        ``fields`` holds a message per invalid field, by path such as ``variants.1.weight``.
    """
    if isinstance(raw, model):
        return raw
    if not isinstance(raw, Mapping):
        message = gettext("{what} is {value}; send a JSON object, such as {{...}}.")
        raise InvalidError(message.format(what=what or gettext("The request"), value=shown(raw)))
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        raise invalid(error, what=what, known=model) from None


def invalid(error: ValidationError, *, what: str = "", known: type[BaseModel] | None = None) -> InvalidError:
    """Return pydantic's errors as one InvalidError, with a message per field."""
    fields: dict[str, str] = {}
    for item in error.errors(include_url=False):
        context = item.get("ctx") or {}
        if "fields" in context:
            for path, message in context["fields"].items():
                fields.setdefault(path, message)
            continue
        path = ".".join(str(part) for part in item["loc"]) or "body"
        fields.setdefault(path, _sentence(item, context, known))
    field, message = next(iter(fields.items()))
    detail = ngettext(
        "{what} is not valid. {field}: {message}",
        "{what} is not valid. {field}: {message} ({count} fields are invalid.)",
        len(fields),
    )
    subject = what or gettext("The request")
    return InvalidError(detail.format(what=subject, field=field, message=message, count=len(fields)), fields=fields)


def field_errors(fields: dict[str, str]) -> PydanticCustomError:
    """Return the error of a validator of several fields, with a message per path."""
    message = " ".join(fields.values()).replace("{", "(").replace("}", ")")
    return PydanticCustomError("klette", message, {"fields": fields})


def bad(message: str) -> PydanticCustomError:
    """Return the error of a validator of one field."""
    return PydanticCustomError("klette", "{message}", {"message": message})


def shown(value: Any) -> str:
    """Return an invalid value for a message, shortened so that large input cannot inflate the response.

    In English a text is in Python's quotes, as in the details of the API; elsewhere in those of the language.
    """
    if isinstance(value, str) and language() != LANGUAGES[0].code:
        return quoted(_shortened(repr(value[: _SHOWN * 2])[1:-1].replace("\\'", "'")))
    return _shortened(repr(value[: _SHOWN * 2]) if isinstance(value, str) else _brief(value))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _brief(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple | set):
        return ngettext("a list of {count} item", "a list of {count} items", len(value)).format(count=len(value))
    if isinstance(value, Mapping):
        count = len(value)
        return ngettext("an object with {count} field", "an object with {count} fields", count).format(count=count)
    if isinstance(value, int) and abs(value) >= 10**18:
        return gettext("a number above 10^18")
    return str(value)


def check_text(value: str, *, lines: bool = False) -> str:
    """Return a text; refuse control characters, broken Unicode and, unless ``lines`` is set, line breaks."""
    if _SURROGATE.search(value):
        raise bad(gettext("{value} contains half of a Unicode character; send valid UTF-8.").format(value=shown(value)))
    if _CONTROL.search(value):
        raise bad(gettext("{value} contains a control character; remove it.").format(value=shown(value)))
    if not lines and re.search(r"[\r\n\t]", value):
        raise bad(gettext("{value} contains a line break or tab; write it on one line.").format(value=shown(value)))
    return value


def _sentence(item: Mapping[str, Any], context: Mapping[str, Any], known: type[BaseModel] | None) -> str:
    kind, value = item["type"], item["input"]
    if kind == "klette":
        return str(item["msg"])
    if kind == "missing":
        return gettext("This field is missing; add it.")
    if kind == "extra_forbidden":
        return _unknown_field(item["loc"], known)
    bound = _BOUNDS.get(kind)
    if kind == "literal_error":
        context = {**context, "expected": _choices(context["expected"])}
    if bound:
        length = len(value) if isinstance(value, str | list | dict) else 0
        return gettext(bound).format(**{"value": shown(value), "length": length, **context})
    reason = str(item["msg"]).removeprefix("Value error, ")
    return gettext("{value} is not valid ({reason}).").format(value=shown(value), reason=reason)


def _choices(expected: str) -> str:
    """Return pydantic's ``'a', 'b' or 'c'`` in the language in use."""
    choices = re.split(r", | or ", expected)
    return either([shown(choice[1:-1]) if choice.startswith("'") else choice for choice in choices])


def _unknown_field(path: tuple[Any, ...], known: type[BaseModel] | None) -> str:
    if known is None or len(path) != 1:
        return gettext("{name} is an unknown field; remove it.").format(name=shown(str(path[-1])))
    names = ", ".join(field.alias or name for name, field in known.model_fields.items())
    message = gettext("{name} is an unknown field; remove it. The fields are: {names}.")
    return message.format(name=shown(str(path[-1])), names=names)


_BOUNDS = {
    "string_too_long": N_("{value} has {length} characters; at most {max_length} are allowed. Shorten it."),
    "string_too_short": N_("{value} has {length} characters; at least {min_length} are needed."),
    "string_type": N_("{value} is not a text; write it in quotes."),
    "string_unicode": N_("{value} is not valid Unicode; send UTF-8."),
    "bool_type": N_("{value} is neither true nor false; write one of them."),
    "bool_parsing": N_("{value} is neither true nor false; write one of them."),
    "int_type": N_("{value} is not a whole number; write one, without quotes."),
    "int_parsing": N_("{value} is not a whole number; write one, without quotes."),
    "int_parsing_size": N_("{value} is too large; write a smaller whole number."),
    "int_from_float": N_("{value} is not a whole number; round it."),
    "float_type": N_("{value} is not a number; write one, without quotes."),
    "float_parsing": N_("{value} is not a number; write one, without quotes."),
    "decimal_type": N_("{value} is not a number; write one, without quotes."),
    "decimal_parsing": N_("{value} is not a number; write one, without quotes."),
    "decimal_max_digits": N_("{value} has more than {max_digits} digits; shorten it."),
    "decimal_max_places": N_("{value} has more than {decimal_places} decimal places; round it."),
    "decimal_whole_digits": N_("{value} has more than {whole_digits} digits before the point; write a smaller amount."),
    "finite_number": N_("{value} is not finite; write an ordinary number."),
    "greater_than": N_("{value} is too small; it must be more than {gt}."),
    "greater_than_equal": N_("{value} is too small; it must be at least {ge}."),
    "less_than": N_("{value} is too large; it must be less than {lt}."),
    "less_than_equal": N_("{value} is too large; it must be at most {le}."),
    "too_long": N_("{value} is too long; at most {max_length} are allowed."),
    "too_short": N_("{value} is too short; at least {min_length} are needed."),
    "list_type": N_("{value} is not a list; write one such as [...]."),
    "dict_type": N_("{value} is not an object; write one such as {{...}}."),
    "model_type": N_("{value} is not an object; write one such as {{...}}."),
    "model_attributes_type": N_("{value} is not an object; write one such as {{...}}."),
    "literal_error": N_("{value} is unknown; write {expected}."),
    "timezone_aware": N_("{value} has no time zone; add one, as in 2026-11-23T08:00:00Z."),
    "datetime_parsing": N_("{value} is not a time; write it as 2026-11-23T08:00:00Z."),
    "datetime_from_date_parsing": N_("{value} is not a time; write it as 2026-11-23T08:00:00Z."),
    "datetime_type": N_("{value} is not a time; write it as 2026-11-23T08:00:00Z."),
}
"""Pydantic's error types and our messages, with the values of the error's context."""


def required_text(value: Any, field: str, longest: int, remedy: str) -> str:
    """Return a text that is not empty, not too long and storable in every database.

    Raises
    ------
    InvalidError
        ``FIELD_missing``, ``FIELD_too_long`` or ``FIELD_invalid``.
    """
    if value is None or value == "":
        raise InvalidError(f"The {field} is missing; {remedy}.", code=f"{field}_missing")
    if type(value) is not str:
        raise InvalidError(
            f"The {field} is {shown(value)}, which is not a text; write it in quotes.", code=f"{field}_invalid"
        )
    if len(value) > longest:
        raise InvalidError(
            f"The {field} has {len(value)} characters, at most {longest} are allowed; {remedy}.",
            code=f"{field}_too_long",
        )
    if not value.isprintable() and (not value.strip() or any(_unstorable(letter) for letter in value)):
        raise InvalidError(
            f"The {field} {value[:40]!r} contains a control character or half of a character; {remedy}.",
            code=f"{field}_invalid",
        )
    if value.isspace():
        raise InvalidError(f"The {field} is blank; {remedy}.", code=f"{field}_missing")
    return value


def _unstorable(letter: str) -> bool:
    return letter < " " or letter == "\x7f" or "\ud800" <= letter <= "\udfff"
