"""Who is eligible: a small readable rule on a member's attributes.

A rule is one condition such as ``{"attribute": "country", "in": ["DE", "AT"]}`` or a combination ``{"all": [...]}``,
``{"any": [...]}``, ``{"not": {...}}``. A missing attribute (or one that is null) matches no condition except
``exists: false``; ``not`` turns whatever is inside around. Numbers compare with numbers, text with text and
true/false with true/false: the text "5" never equals the number 5.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from experiments.errors import InvalidError
from experiments.validation import shown

Attributes = Mapping[str, Any]
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
    """The rule inside must not match; a member without the attribute passes."""

    rule: "Rule"


Rule = Condition | All | AnyOf | Not


def parse(raw: Any, *, path: str = "targeting") -> Rule:
    """Read a rule from its JSON form.

    Parameters
    ----------
    raw
        The decoded JSON.
    path
        Where the rule stands; messages name the place inside it, such as ``targeting.all.1.in``.

    Raises
    ------
    InvalidError
        Names the path, the value and the remedy; ``fields`` holds the message by path.
    """
    rule = _parse(raw, path, 1)
    count = _conditions(rule)
    if count > MAX_CONDITIONS:
        raise _fault(path, f"holds {count} conditions; at most {MAX_CONDITIONS} are allowed. Use lists with in.")
    return rule


def as_json(rule: Rule) -> dict[str, Any]:
    """The JSON form of a rule; ``parse`` reads it back to an equal rule."""
    if isinstance(rule, Condition):
        value = list(rule.value) if isinstance(rule.value, tuple) else rule.value
        return {"attribute": rule.attribute, rule.operator: value}
    if isinstance(rule, Not):
        return {"not": as_json(rule.rule)}
    return {"all" if isinstance(rule, All) else "any": [as_json(inner) for inner in rule.rules]}


def compile_rule(rule: Rule) -> Matcher:
    """A fast function from a member's attributes to whether the rule matches; it never raises."""
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
    """The rule in plain English, such as ``country is DE or AT, and age is at least 18``."""
    if isinstance(rule, Condition):
        return _describe_condition(rule)
    if isinstance(rule, Not):
        return f"not ({describe(rule.rule)})"
    word = "and" if isinstance(rule, All) else "or"
    parts = [describe(part) if isinstance(part, Condition | Not) else f"({describe(part)})" for part in rule.rules]
    return f", {word} ".join(parts)


# reading


def _parse(raw: Any, path: str, depth: int) -> Rule:
    if not isinstance(raw, Mapping):
        raise _fault(path, f'is {shown(raw)}; write a rule such as {{"attribute": "country", "in": ["DE", "AT"]}}.')
    if depth > MAX_DEPTH:
        raise _fault(path, f"is nested more than {MAX_DEPTH} deep; write the rule flatter.")
    names = [name for name in ("all", "any", "not") if name in raw]
    if not names:
        return _parse_condition(raw, path)
    if len(raw) > 1:
        found = ", ".join(shown(str(name)) for name in list(raw)[:8])
        raise _fault(path, f"holds {found}; {names[0]} must stand alone. Put the parts together in one all or any.")
    inner = raw[names[0]]
    if names[0] == "not":
        return Not(_parse(inner, f"{path}.not", depth + 1))
    return _parse_group(names[0], inner, f"{path}.{names[0]}", depth)


def _parse_group(name: str, inner: Any, path: str, depth: int) -> Rule:
    if not isinstance(inner, list | tuple) or not inner:
        raise _fault(path, f"is {shown(inner)}; it must be a list of at least one rule.")
    if len(inner) > MAX_CONDITIONS:
        raise _fault(path, f"holds {len(inner)} rules; at most {MAX_CONDITIONS} are allowed. Use lists with in.")
    rules = tuple(_parse(part, f"{path}.{position}", depth + 1) for position, part in enumerate(inner))
    return All(rules) if name == "all" else AnyOf(rules)


def _parse_condition(raw: Mapping[str, Any], path: str) -> Condition:
    name = raw.get("attribute")
    if "attribute" not in raw:
        raise _fault(path, f"has no attribute; name one, or combine rules with all, any or not (found {_keys(raw)}).")
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME or not _printable(name):
        bound = f"it must be a name of 1 to {MAX_NAME} characters"
        raise _fault(f"{path}.attribute", f"is {shown(name)}; {bound}, such as country.")
    operators = [key for key in raw if key != "attribute"]
    if len(operators) != 1 or operators[0] not in OPERATORS:
        raise _fault(path, _operator_message(operators))
    operator = operators[0]
    return Condition(name, operator, _value(operator, raw[operator], f"{path}.{operator}"))


def _operator_message(operators: list[str]) -> str:
    known = ", ".join(OPERATORS)
    if not operators:
        return f"has no comparison; add one of {known}."
    unknown = [name for name in operators if name not in OPERATORS]
    if unknown:
        return f"has the unknown comparison {shown(unknown[0])}; use one of {known}."
    return f"has {len(operators)} comparisons ({', '.join(operators)}); one is allowed. Put two conditions into an all."


def _value(operator: str, value: Any, path: str) -> Scalar | tuple[Scalar, ...]:
    if operator == "exists":
        if not isinstance(value, bool):
            raise _fault(path, f"is {shown(value)}; write true (it must be known) or false (it must be missing).")
        return value
    if operator in _ORDER:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _fault(path, f"is {shown(value)}; {operator} compares numbers. Write a number, without quotes.")
        return _scalar(value, path)
    if operator in _LISTS:
        return _values(operator, value, path)
    return _scalar(value, path)


def _values(operator: str, value: Any, path: str) -> tuple[Scalar, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise _fault(path, f"is {shown(value)}; {operator} needs a list of at least one value. Write [...].")
    if len(value) > MAX_VALUES:
        raise _fault(path, f"holds {len(value)} values; at most {MAX_VALUES} are allowed. Group them.")
    return tuple(_scalar(item, f"{path}.{position}") for position, item in enumerate(value))


def _scalar(value: Any, path: str) -> Scalar:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if not math.isfinite(value) if isinstance(value, float) else False:
            raise _fault(path, f"is {value}; write a finite number.")
        if abs(value) > MAX_NUMBER:
            raise _fault(path, f"is {shown(value)}; numbers up to {MAX_NUMBER:.0e} are allowed. Write it as text.")
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise _fault(path, f"has {len(value)} characters; at most {MAX_TEXT} are allowed. Shorten it.")
        if not _printable(value):
            raise _fault(path, f"is {shown(value)}; remove the control characters.")
        return value
    remedy = "use exists to ask whether it is known" if value is None else "write text, a number, true or false"
    raise _fault(path, f"is {shown(value)}; {remedy}.")


def _printable(text: str) -> bool:
    return not any(character < " " or character == "\x7f" or "\ud800" <= character <= "\udfff" for character in text)


def _keys(raw: Mapping[str, Any]) -> str:
    return ", ".join(shown(str(key)) for key in list(raw)[:5]) or "nothing"


def _conditions(rule: Rule) -> int:
    if isinstance(rule, Condition):
        return 1
    if isinstance(rule, Not):
        return _conditions(rule.rule)
    return sum(_conditions(part) for part in rule.rules)


def _fault(path: str, message: str) -> InvalidError:
    return InvalidError(f"{path} {message}", fields={path: message})


# matching: JSON gives exact types, so the type alone tells text, numbers and true/false apart


def _is_in(rule: Condition) -> Matcher:
    values = rule.value if isinstance(rule.value, tuple) else (rule.value,)
    name = rule.attribute
    by_type: dict[type, frozenset[Any]] = {
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

# describing

_WORDS = {
    "equals": "is",
    "not_equals": "is known and is not",
    "in": "is",
    "not_in": "is known and is not",
    "contains": "contains",
    "less_than": "is less than",
    "at_most": "is at most",
    "more_than": "is more than",
    "at_least": "is at least",
}


def _describe_condition(rule: Condition) -> str:
    name = rule.attribute if rule.attribute.replace("_", "").isalnum() else f"“{rule.attribute}”"
    if rule.operator == "exists":
        return f"{name} is known" if rule.value else f"{name} is not known"
    values = rule.value if isinstance(rule.value, tuple) else (rule.value,)
    return f"{name} {_WORDS[rule.operator]} {_listed([_spoken(value) for value in values])}"


def _spoken(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        looks_like_a_number = value.replace(".", "", 1).lstrip("-").isdigit()
        return value if value.replace("-", "").isalnum() and not looks_like_a_number else f"“{value}”"
    return str(value)


def _listed(words: list[str]) -> str:
    if len(words) > 12:
        return f"one of {len(words)} values ({', '.join(words[:3])}, …)"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
