"""Targeting: rules on a member's attributes that decide who is eligible.

A rule is one condition such as ``{"attribute": "country", "in": ["DE", "AT"]}`` or a combination ``{"all": [...]}``,
``{"any": [...]}``, ``{"not": {...}}``. A missing attribute (or one that is null) matches no condition except
``exists: false``; ``not`` negates the rule inside. Numbers compare only with numbers, text with text and true/false
with true/false: the text "5" never equals the number 5.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from experiments.errors import InvalidError
from experiments.translation import N_, gettext, quoted
from experiments.validation import shown

Attributes = Mapping[str, object]
Matcher = Callable[[Attributes], bool]
Scalar = str | int | float | bool

MAX_DEPTH = 10
MAX_CONDITIONS = 200
MAX_VALUES = 1_000
MAX_TEXT = 256
MAX_NUMBER = 1e15
MAX_NAME = 64

_EQUALITY = ("equals", "not_equals", "contains")
_LISTS = ("in", "not_in")
_ORDER = ("less_than", "at_most", "more_than", "at_least")
OPERATORS: tuple[str, ...] = ("equals", "not_equals", "in", "not_in", *_ORDER, "contains", "exists")


@dataclass(frozen=True)
class Condition:
    """One attribute compared with one value; ``value`` is a tuple for ``in`` and ``not_in``."""

    attribute: str
    operator: str
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True)
class All:
    """Every rule inside must match."""

    rules: tuple["Rule", ...]


@dataclass(frozen=True)
class AnyOf:
    """At least one rule inside must match."""

    rules: tuple["Rule", ...]


@dataclass(frozen=True)
class Not:
    """The rule inside must not match; a member without the attribute matches."""

    rule: "Rule"


Rule = Condition | All | AnyOf | Not


def parse(raw: object, *, path: str = "targeting") -> Rule:
    """Read a rule from its JSON form.

    Parameters
    ----------
    raw
        The decoded JSON.
    path
        The path of the rule; messages extend it, such as ``targeting.all.1.in``.

    Raises
    ------
    InvalidError
        ``fields`` holds the message by path.
    """
    rule = _parse(raw, path, 1)
    count = _conditions(rule)
    if count > MAX_CONDITIONS:
        message = gettext("{count} conditions are too many; at most {most} are allowed. Use lists with in.")
        raise _error(path, message.format(count=count, most=MAX_CONDITIONS))
    return rule


def as_json(rule: Rule) -> dict[str, object]:
    """Return the JSON form of a rule; ``parse`` reads it back to an equal rule."""
    if isinstance(rule, Condition):
        value = list(rule.value) if isinstance(rule.value, tuple) else rule.value
        return {"attribute": rule.attribute, rule.operator: value}
    if isinstance(rule, Not):
        return {"not": as_json(rule.rule)}
    return {"all" if isinstance(rule, All) else "any": [as_json(inner) for inner in rule.rules]}


def compile_rule(rule: Rule) -> Matcher:
    """Return a fast function from a member's attributes to whether the rule matches; it never raises."""
    if isinstance(rule, Condition):
        return _MATCHERS[rule.operator](rule)
    if isinstance(rule, Not):
        inner = compile_rule(rule.rule)
        return lambda attributes: not inner(attributes)
    matchers = tuple(compile_rule(part) for part in rule.rules)
    if isinstance(rule, All):
        return lambda attributes: all(matcher(attributes) for matcher in matchers)
    return lambda attributes: any(matcher(attributes) for matcher in matchers)


def describe(rule: Rule) -> str:
    """Return a rule in words, such as ``country is DE or AT, and age is at least 18``."""
    if isinstance(rule, Condition):
        return _describe_condition(rule)
    if isinstance(rule, Not):
        return gettext("not ({rule})").format(rule=describe(rule.rule))
    separator = gettext(", and ") if isinstance(rule, All) else gettext(", or ")
    parts = [describe(part) if isinstance(part, Condition | Not) else f"({describe(part)})" for part in rule.rules]
    return separator.join(parts)


# Parsing


def _parse(raw: object, path: str, depth: int) -> Rule:
    if not isinstance(raw, Mapping):
        message = gettext('{value} is not a rule; write one such as {{"attribute": "country", "in": ["DE", "AT"]}}.')
        raise _error(path, message.format(value=shown(raw)))
    if depth > MAX_DEPTH:
        raise _error(path, gettext("More than {most} nested levels; simplify the rule.").format(most=MAX_DEPTH))
    names = [name for name in ("all", "any", "not") if name in raw]
    if not names:
        return _parse_condition(raw, path)
    if len(raw) > 1:
        keys = ", ".join(shown(str(name)) for name in list(raw)[:8])
        message = gettext("{name} must be the only key, not {keys}. Combine the rules in one all or any.")
        raise _error(path, message.format(keys=keys, name=names[0]))
    inner = raw[names[0]]
    if names[0] == "not":
        return Not(_parse(inner, f"{path}.not", depth + 1))
    return _parse_group(names[0], inner, f"{path}.{names[0]}", depth)


def _parse_group(name: str, inner: object, path: str, depth: int) -> Rule:
    if not isinstance(inner, list | tuple) or not inner:
        raise _error(
            path,
            gettext("{value} is not a list of rules; write at least one rule in [...].").format(value=shown(inner)),
        )
    if len(inner) > MAX_CONDITIONS:
        message = gettext("{count} rules are too many; at most {most} are allowed. Use lists with in.")
        raise _error(path, message.format(count=len(inner), most=MAX_CONDITIONS))
    rules = tuple(_parse(part, f"{path}.{position}", depth + 1) for position, part in enumerate(inner))
    return All(rules) if name == "all" else AnyOf(rules)


def _parse_condition(raw: Mapping[str, object], path: str) -> Condition:
    name = raw.get("attribute")
    if "attribute" not in raw:
        message = gettext(
            "The attribute is missing; add one, or combine rules with all, any or not. The keys are {keys}."
        )
        raise _error(path, message.format(keys=_keys(raw)))
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME or not _printable(name):
        message = gettext("{value} is not an attribute name; write 1 to {most} characters, such as country.")
        raise _error(f"{path}.attribute", message.format(value=shown(name), most=MAX_NAME))
    operators = [key for key in raw if key != "attribute"]
    if len(operators) != 1 or operators[0] not in OPERATORS:
        raise _error(path, _operator_message(operators))
    operator = operators[0]
    return Condition(name, operator, _value(operator, raw[operator], f"{path}.{operator}"))


def _operator_message(operators: list[str]) -> str:
    known = ", ".join(OPERATORS)
    if not operators:
        return gettext("The comparison is missing; add one of {operators}.").format(operators=known)
    unknown = [name for name in operators if name not in OPERATORS]
    if unknown:
        message = gettext("{name} is not a comparison; use one of {operators}.")
        return message.format(name=shown(unknown[0]), operators=known)
    message = gettext("Only one comparison is allowed, not {count} ({names}). Combine two conditions with all.")
    return message.format(count=len(operators), names=", ".join(operators))


def _value(operator: str, value: object, path: str) -> Scalar | tuple[Scalar, ...]:
    if operator == "exists":
        if not isinstance(value, bool):
            message = gettext("{value} is neither true nor false; true means that the attribute is known.")
            raise _error(path, message.format(value=shown(value)))
        return value
    if operator in _ORDER:
        if isinstance(value, bool) or not isinstance(value, int | float):
            message = gettext("{value} is not a number; {operator} compares numbers. Write one, without quotes.")
            raise _error(path, message.format(value=shown(value), operator=operator))
        return _scalar(value, path)
    if operator in _LISTS:
        return _values(operator, value, path)
    return _scalar(value, path)


def _values(operator: str, value: object, path: str) -> tuple[Scalar, ...]:
    if not isinstance(value, list | tuple) or not value:
        message = gettext("{value} is not a list of values; {operator} needs at least one. Write [...].")
        raise _error(path, message.format(value=shown(value), operator=operator))
    if len(value) > MAX_VALUES:
        message = gettext("{count} values are too many; at most {most} are allowed. Group them.")
        raise _error(path, message.format(count=len(value), most=MAX_VALUES))
    return tuple(_scalar(item, f"{path}.{position}") for position, item in enumerate(value))


def _scalar(value: object, path: str) -> Scalar:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if not math.isfinite(value) if isinstance(value, float) else False:
            raise _error(path, gettext("{value} is not finite; write an ordinary number.").format(value=value))
        if abs(value) > MAX_NUMBER:
            message = gettext("{value} is too large; numbers up to {most:.0e} are allowed. Write it as text.")
            raise _error(path, message.format(value=shown(value), most=MAX_NUMBER))
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            message = gettext("The text has {length} characters; at most {most} are allowed. Shorten it.")
            raise _error(path, message.format(length=len(value), most=MAX_TEXT))
        if not _printable(value):
            raise _error(path, gettext("{value} contains a control character; remove it.").format(value=shown(value)))
        return value
    if value is None:
        raise _error(path, gettext("null is not a value; use exists to test whether the attribute is known."))
    raise _error(
        path, gettext("{value} is not a value; write text, a number, true or false.").format(value=shown(value))
    )


def _printable(text: str) -> bool:
    return not any(character < " " or character == "\x7f" or "\ud800" <= character <= "\udfff" for character in text)


def _keys(raw: Mapping[str, object]) -> str:
    return ", ".join(shown(str(key)) for key in list(raw)[:5]) or gettext("none")


def _conditions(rule: Rule) -> int:
    if isinstance(rule, Condition):
        return 1
    if isinstance(rule, Not):
        return _conditions(rule.rule)
    return sum(_conditions(part) for part in rule.rules)


def _error(path: str, message: str) -> InvalidError:
    return InvalidError(f"{path}: {message}", fields={path: message})


# Matching: JSON values have exact types, so the type distinguishes text, numbers and true/false.


def _is_in(rule: Condition) -> Matcher:
    values = rule.value if isinstance(rule.value, tuple) else (rule.value,)
    name = rule.attribute
    by_type: dict[type, frozenset[Scalar]] = {
        str: frozenset(value for value in values if type(value) is str),
        bool: frozenset(value for value in values if type(value) is bool),
    }
    by_type[int] = by_type[float] = frozenset(value for value in values if type(value) in (int, float))

    def matches(attributes: Attributes) -> bool:
        value = attributes.get(name)
        known = by_type.get(type(value))
        return known is not None and value in known

    return matches


def _is_not_in(rule: Condition) -> Matcher:
    inside, name = _is_in(rule), rule.attribute
    return lambda attributes: attributes.get(name) is not None and not inside(attributes)


def _contains(rule: Condition) -> Matcher:
    name, wanted = rule.attribute, rule.value
    inside = _is_in(Condition("item", "equals", wanted))

    def matches(attributes: Attributes) -> bool:
        value = attributes.get(name)
        if isinstance(value, str):
            return isinstance(wanted, str) and wanted in value
        return isinstance(value, list | tuple) and any(inside({"item": item}) for item in value)

    return matches


def _exists(rule: Condition) -> Matcher:
    name, wanted = rule.attribute, rule.value
    return lambda attributes: (attributes.get(name) is not None) is wanted


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Condition], Matcher]:
    def build(rule: Condition) -> Matcher:
        name, bound = rule.attribute, rule.value

        def matches(attributes: Attributes) -> bool:
            value = attributes.get(name)
            return type(value) in (int, float) and compare(value, bound)

        return matches

    return build


_MATCHERS: dict[str, Callable[[Condition], Matcher]] = {
    "equals": _is_in,
    "not_equals": _is_not_in,
    "in": _is_in,
    "not_in": _is_not_in,
    "contains": _contains,
    "exists": _exists,
    "less_than": _ordered(lambda value, bound: value < bound),
    "at_most": _ordered(lambda value, bound: value <= bound),
    "more_than": _ordered(lambda value, bound: value > bound),
    "at_least": _ordered(lambda value, bound: value >= bound),
}

# Describing

_TEMPLATES = {
    "equals": N_("{attribute} is {values}"),
    "not_equals": N_("{attribute} is known and is not {values}"),
    "in": N_("{attribute} is {values}"),
    "not_in": N_("{attribute} is known and is not {values}"),
    "contains": N_("{attribute} contains {values}"),
    "less_than": N_("{attribute} is less than {values}"),
    "at_most": N_("{attribute} is at most {values}"),
    "more_than": N_("{attribute} is more than {values}"),
    "at_least": N_("{attribute} is at least {values}"),
}


def _describe_condition(rule: Condition) -> str:
    name = rule.attribute if rule.attribute.replace("_", "").isalnum() else quoted(rule.attribute)
    if rule.operator == "exists":
        text = gettext("{attribute} is known") if rule.value else gettext("{attribute} is not known")
        return text.format(attribute=name)
    values = rule.value if isinstance(rule.value, tuple) else (rule.value,)
    listed = _listed([_value_text(value) for value in values])
    return gettext(_TEMPLATES[rule.operator]).format(attribute=name, values=listed)


def _value_text(value: Scalar) -> str:
    if isinstance(value, bool):
        return gettext("true") if value else gettext("false")
    if isinstance(value, str):
        looks_like_a_number = value.replace(".", "", 1).lstrip("-").isdigit()
        return value if value.replace("-", "").isalnum() and not looks_like_a_number else quoted(value)
    return str(value)


def _listed(words: list[str]) -> str:
    if len(words) > 12:
        text = gettext("one of {count} values ({first}, …)")
        return text.format(count=len(words), first=", ".join(words[:3]))
    if len(words) == 1:
        return words[0]
    return gettext("{values} or {last}").format(values=", ".join(words[:-1]), last=words[-1])
