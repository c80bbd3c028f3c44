"""Targeting rules: parsing, error messages, matching and description in words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.definition.targeting import (
    MAX_DEPTH,
    OPERATORS,
    All,
    AnyOf,
    Condition,
    Not,
    as_json,
    compile_rule,
    describe,
    parse,
)
from experiments.errors import InvalidError
from tests import snapshots

NUMBERS = st.integers(-(10**15), 10**15) | st.floats(-1e15, 1e15)
TEXTS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=12)
SCALARS = st.booleans() | NUMBERS | TEXTS
NAMES = st.sampled_from(["country", "age", "device", "plan type", "ü"])


@st.composite
def conditions(draw):
    operator = draw(st.sampled_from(OPERATORS))
    if operator == "exists":
        value = draw(st.booleans())
    elif operator in ("in", "not_in"):
        value = tuple(draw(st.lists(SCALARS, min_size=1, max_size=15)))
    elif operator in ("equals", "not_equals", "contains"):
        value = draw(SCALARS)
    else:
        value = draw(NUMBERS)
    return Condition(draw(NAMES), operator, value)


def _grow(children):
    several = st.lists(children, min_size=1, max_size=3).map(tuple)
    return st.builds(All, several) | st.builds(AnyOf, several) | st.builds(Not, children)


RULES = st.recursive(conditions(), _grow, max_leaves=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def applies(rule: dict, **attributes) -> bool:
    return compile_rule(parse(rule))(attributes)


@given(RULES)
def test_a_rule_round_trips_through_json(rule):
    assert parse(json.loads(json.dumps(as_json(rule)))) == rule


@given(RULES, st.dictionaries(NAMES, JSON))
def test_matching_never_raises_and_not_negates(rule, attributes):
    matched = compile_rule(rule)(attributes)
    assert matched in (True, False)
    assert compile_rule(Not(rule))(attributes) is not matched


@given(RULES, RULES, st.dictionaries(NAMES, JSON))
def test_all_and_any_combine_their_parts(left, right, attributes):
    first, second = compile_rule(left)(attributes), compile_rule(right)(attributes)
    assert compile_rule(All((left, right)))(attributes) is (first and second)
    assert compile_rule(AnyOf((left, right)))(attributes) is (first or second)


@given(RULES)
def test_the_description_of_a_rule_names_its_attributes(rule):
    def names(part):
        if isinstance(part, Condition):
            return {part.attribute}
        inner = (part.rule,) if isinstance(part, Not) else part.rules
        return set().union(*map(names, inner))

    description = describe(rule)
    assert all(name in description for name in names(rule))


@given(JSON)
def test_parsing_any_input_gives_a_rule_or_an_error_with_a_path(raw):
    try:
        parse(raw)
    except InvalidError as error:
        assert error.fields and all(path.startswith("targeting") for path in error.fields)


@pytest.mark.parametrize("condition", [
    {"equals": "DE"}, {"not_equals": "DE"}, {"in": ["DE"]}, {"not_in": ["DE"]}, {"less_than": 3}, {"at_most": 3},
    {"more_than": 3}, {"at_least": 3}, {"contains": "DE"}, {"exists": True},
])  # fmt: skip
def test_a_missing_attribute_matches_nothing(condition):
    rule = {"attribute": "country", **condition}
    assert not applies(rule)
    assert not applies(rule, country=None)
    assert applies({"not": rule})


def test_only_exists_false_matches_a_missing_attribute():
    assert applies({"attribute": "country", "exists": False})
    assert applies({"attribute": "country", "exists": False}, country=None)
    assert not applies({"attribute": "country", "exists": False}, country="")


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ({"equals": 5}, 5, True),
        ({"equals": 5}, 5.0, True),
        ({"equals": 5}, "5", False),
        ({"equals": 1}, True, False),
        ({"equals": True}, 1, False),
        ({"equals": True}, True, True),
        ({"in": [1, "2"]}, 2, False),
        ({"in": [1, "2"]}, "2", True),
        ({"in": ["DE", "AT"]}, "AT", True),
        ({"in": ["DE", "AT"]}, "at", False),
        ({"in": ["DE"]}, ["DE"], False),
        ({"in": ["DE"]}, {"DE": 1}, False),
        ({"not_in": ["DE"]}, "AT", True),
        ({"not_equals": "DE"}, 5, True),
        ({"at_least": 18}, 18, True),
        ({"more_than": 18}, 18, False),
        ({"at_most": 18}, 18, True),
        ({"less_than": 18}, 18, False),
        ({"at_least": 18}, "20", False),
        ({"at_least": 0}, True, False),
        ({"at_least": 0}, float("nan"), False),
        ({"less_than": 10**15}, float("inf"), False),
        ({"contains": "ring"}, "spring", True),
        ({"contains": "shoes"}, ["hats", "shoes"], True),
        ({"contains": 1}, [True], False),
        ({"contains": 1}, "1", False),
    ],
)
def test_values_of_different_types_never_match(rule, value, expected):
    assert applies({"attribute": "x", **rule}, x=value) is expected


INVALID = [
    (None, "targeting"),
    ([], "targeting"),
    ({}, "targeting"),
    ({"attribute": "age"}, "targeting"),
    ({"attribute": "age", "bigger": 3}, "targeting"),
    ({"attribute": "age", "at_least": 3, "at_most": 5}, "targeting"),
    ({"attribute": "", "equals": 3}, "targeting.attribute"),
    ({"attribute": "x" * 65, "equals": 3}, "targeting.attribute"),
    ({"attribute": "age", "at_least": "18"}, "targeting.at_least"),
    ({"attribute": "age", "at_least": True}, "targeting.at_least"),
    ({"attribute": "age", "at_least": float("inf")}, "targeting.at_least"),
    ({"attribute": "age", "at_least": 10**400}, "targeting.at_least"),
    ({"attribute": "age", "equals": None}, "targeting.equals"),
    ({"attribute": "age", "equals": {}}, "targeting.equals"),
    ({"attribute": "a", "in": "DE"}, "targeting.in"),
    ({"attribute": "a", "in": ["DE", None]}, "targeting.in.1"),
    ({"attribute": "a", "in": ["x"] * 1001}, "targeting.in"),
    ({"attribute": "a", "equals": "x" * 257}, "targeting.equals"),
    ({"attribute": "a", "equals": "\ud800"}, "targeting.equals"),
    ({"attribute": "a", "exists": 1}, "targeting.exists"),
    ({"all": []}, "targeting.all"),
    ({"any": {}}, "targeting.any"),
    ({"all": [], "any": []}, "targeting"),
    ({"any": [{"not": {"attribute": "a"}}]}, "targeting.any.0.not"),
    ({"any": [{"attribute": "a", "equals": 1}] * 201}, "targeting.any"),
]


@pytest.mark.parametrize(("raw", "path"), INVALID)
def test_an_invalid_rule_is_refused_by_its_path(raw, path):
    assert list(errors(raw)) == [path]


def test_the_messages_of_invalid_rules():
    messages = [f"{path}: {message}" for raw, _ in INVALID for path, message in errors(raw).items()]
    snapshots.matches("experiments/definition/targeting", "\n".join(messages))


def errors(raw) -> dict[str, str]:
    with pytest.raises(InvalidError) as caught:
        parse(raw)
    return caught.value.fields


def test_nesting_is_limited():
    rule: dict = {"attribute": "a", "equals": 1}
    for _ in range(5_000):
        rule = {"not": rule}
    with pytest.raises(InvalidError, match=f"More than {MAX_DEPTH} nested"):
        parse(rule)


@pytest.mark.parametrize(
    ("rule", "description"),
    [
        ({"attribute": "country", "in": ["DE", "AT", "CH"]}, "country is DE, AT or CH"),
        ({"attribute": "age", "at_least": 18}, "age is at least 18"),
        ({"attribute": "plan", "equals": "5"}, "plan is “5”"),
        ({"attribute": "plan type", "equals": "big one"}, "“plan type” is “big one”"),
        ({"attribute": "email", "exists": False}, "email is not known"),
        (
            {"all": [{"attribute": "a", "equals": True}, {"any": [{"attribute": "b", "equals": 1},
                                                                  {"not": {"attribute": "c", "contains": "x"}}]}]},
            "a is true, and (b is 1, or not (c contains x))",
        ),
    ],
)  # fmt: skip
def test_a_rule_is_described_in_words(rule, description):
    assert describe(parse(rule)) == description
