"""Targeting: one small form, read with clear errors, matched by sane rules, told in plain English."""

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


def matches(rule: dict, **attributes) -> bool:
    return compile_rule(parse(rule))(attributes)


@given(RULES)
def test_a_rule_survives_the_way_through_json(rule):
    assert parse(json.loads(json.dumps(as_json(rule)))) == rule


@given(RULES, st.dictionaries(NAMES, JSON))
def test_matching_never_raises_and_not_turns_it_around(rule, attributes):
    matched = compile_rule(rule)(attributes)
    assert matched in (True, False)
    assert compile_rule(Not(rule))(attributes) is not matched


@given(RULES, RULES, st.dictionaries(NAMES, JSON))
def test_all_and_any_combine_what_their_parts_say(left, right, attributes):
    first, second = compile_rule(left)(attributes), compile_rule(right)(attributes)
    assert compile_rule(All((left, right)))(attributes) is (first and second)
    assert compile_rule(AnyOf((left, right)))(attributes) is (first or second)


@given(RULES)
def test_every_rule_is_told_in_words_that_name_its_attributes(rule):
    def names(part):
        if isinstance(part, Condition):
            return {part.attribute}
        inner = (part.rule,) if isinstance(part, Not) else part.rules
        return set().union(*map(names, inner))

    told = describe(rule)
    assert all(name in told for name in names(rule))


@given(JSON)
def test_reading_odd_input_gives_a_rule_or_a_clear_error(raw):
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
    assert not matches(rule)
    assert not matches(rule, country=None)
    assert matches({"not": rule})


def test_only_exists_false_asks_for_a_missing_attribute():
    assert matches({"attribute": "country", "exists": False})
    assert matches({"attribute": "country", "exists": False}, country=None)
    assert not matches({"attribute": "country", "exists": False}, country="")


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
def test_only_values_of_one_kind_compare(rule, value, expected):
    assert matches({"attribute": "x", **rule}, x=value) is expected


@pytest.mark.parametrize(
    ("raw", "path", "words"),
    [
        (None, "targeting", "is null"),
        ([], "targeting", "write a rule such as"),
        ({}, "targeting", "has no attribute"),
        ({"attribute": "age"}, "targeting", "has no comparison"),
        ({"attribute": "age", "bigger": 3}, "targeting", "unknown comparison 'bigger'"),
        ({"attribute": "age", "at_least": 3, "at_most": 5}, "targeting", "Put two conditions into an all"),
        ({"attribute": "", "equals": 3}, "targeting.attribute", "1 to 64"),
        ({"attribute": "x" * 65, "equals": 3}, "targeting.attribute", "1 to 64"),
        ({"attribute": "age", "at_least": "18"}, "targeting.at_least", "without quotes"),
        ({"attribute": "age", "at_least": True}, "targeting.at_least", "compares numbers"),
        ({"attribute": "age", "at_least": float("inf")}, "targeting.at_least", "finite"),
        ({"attribute": "age", "at_least": 10**400}, "targeting.at_least", "up to 1e+15"),
        ({"attribute": "age", "equals": None}, "targeting.equals", "use exists"),
        ({"attribute": "age", "equals": {}}, "targeting.equals", "write text, a number"),
        ({"attribute": "a", "in": "DE"}, "targeting.in", "list of at least one"),
        ({"attribute": "a", "in": ["DE", None]}, "targeting.in.1", "use exists"),
        ({"attribute": "a", "in": ["x"] * 1001}, "targeting.in", "at most 1000"),
        ({"attribute": "a", "equals": "x" * 257}, "targeting.equals", "at most 256"),
        ({"attribute": "a", "equals": "\ud800"}, "targeting.equals", "control characters"),
        ({"attribute": "a", "exists": 1}, "targeting.exists", "write true"),
        ({"all": []}, "targeting.all", "at least one rule"),
        ({"any": {}}, "targeting.any", "at least one rule"),
        ({"all": [], "any": []}, "targeting", "must stand alone"),
        ({"any": [{"not": {"attribute": "a"}}]}, "targeting.any.0.not", "has no comparison"),
        ({"any": [{"attribute": "a", "equals": 1}] * 201}, "targeting.any", "at most 200"),
    ],
)  # fmt: skip
def test_a_bad_rule_is_refused_at_its_place(raw, path, words):
    with pytest.raises(InvalidError) as caught:
        parse(raw)
    assert list(caught.value.fields) == [path]
    assert words in caught.value.fields[path]


def test_nesting_has_an_end():
    rule: dict = {"attribute": "a", "equals": 1}
    for _ in range(5_000):
        rule = {"not": rule}
    with pytest.raises(InvalidError, match=f"more than {MAX_DEPTH} deep"):
        parse(rule)


@pytest.mark.parametrize(
    ("rule", "told"),
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
def test_rules_read_as_sentences(rule, told):
    assert describe(parse(rule)) == told
