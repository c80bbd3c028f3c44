"""Attributes that match a targeting rule, for examples such as the code snippets."""

from collections.abc import Iterator
from itertools import islice, product

from experiments.definition.targeting import All, Condition, Not, Rule, Scalar, compile_rule

Value = Scalar | list[Scalar]
Literal = tuple[Condition, bool]
"""A condition, and whether it must hold."""

_MOST_COMBINATIONS = 500
_STEP = 1
_OTHER = "other"


def matching_attributes(rule: Rule) -> dict[str, Value] | None:
    """Return attributes with which a member is in the audience; None where none were found.

    Each way in which the rule can hold is a set of conditions, which are met attribute by attribute; the rule itself
    checks the result. A rule that contradicts itself has none.
    """
    matches = compile_rule(rule)
    for way in islice(_ways(rule, True), _MOST_COMBINATIONS):
        found = _met(way)
        if found is not None and matches(found):
            return found
    return None


def _ways(rule: Rule, holds: bool) -> Iterator[tuple[Literal, ...]]:
    """Yield the sets of conditions that make a rule hold, or not hold."""
    if isinstance(rule, Condition):
        yield ((rule, holds),)
    elif isinstance(rule, Not):
        yield from _ways(rule.rule, not holds)
    elif isinstance(rule, All) is holds:
        each = (list(islice(_ways(inner, holds), _MOST_COMBINATIONS)) for inner in rule.rules)
        for parts in product(*each):
            yield tuple(literal for part in parts for literal in part)
    else:
        for inner in rule.rules:
            yield from _ways(inner, holds)


def _met(way: tuple[Literal, ...]) -> dict[str, Value] | None:
    """Return one value for each attribute so that all conditions are met; None where an attribute has none."""
    by_name: dict[str, list[Literal]] = {}
    for literal in way:
        by_name.setdefault(literal[0].attribute, []).append(literal)
    found: dict[str, Value] = {}
    for name, literals in by_name.items():
        tests = [(compile_rule(condition), holds) for condition, holds in literals]
        for value in _candidates([condition for condition, _ in literals]):
            attributes = {} if value is None else {name: value}
            if all(test(attributes) is holds for test, holds in tests):
                found |= attributes
                break
        else:
            return None
    return found


def _candidates(conditions: list[Condition]) -> Iterator[Value | None]:
    """Yield values worth trying for an attribute, None for an absent one."""
    contained = [one.value for one in conditions if one.operator == "contains" and not isinstance(one.value, tuple)]
    texts = [value for value in contained if isinstance(value, str)]
    if texts:
        yield " ".join(texts)
    if contained:
        yield list(contained)
    stated = [value for one in conditions for value in _stated(one)]
    yield from stated
    numbers = sorted({float(value) for value in stated if type(value) in (int, float)})
    yield from (_plain((low + high) / 2) for low, high in zip(numbers, numbers[1:], strict=False))
    yield None
    for value in stated:
        if isinstance(value, bool):
            yield not value
        elif isinstance(value, str):
            yield f"{_OTHER}-{value}"
    yield from (_OTHER, 0, True)


def _stated(condition: Condition) -> list[Scalar]:
    """Return the values that a condition names, and the numbers beside them."""
    if condition.operator == "exists":
        return []
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return [*values, *(number + step for number in numbers for step in (_STEP, -_STEP))]


def _plain(number: float) -> int | float:
    return int(number) if number.is_integer() else number
