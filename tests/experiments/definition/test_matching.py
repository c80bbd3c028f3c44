"""Attributes for the examples: whatever they are made for, the rule itself admits them."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from experiments.definition.matching import matching_attributes
from experiments.definition.targeting import compile_rule, parse

NAMES = st.sampled_from(["country", "age", "member", "tags"])
SCALARS = st.one_of(st.sampled_from(["DE", "AT", "5", "x y"]), st.integers(-3, 60), st.booleans())
CONDITIONS = st.one_of(
    st.builds(lambda name, how, value: {"attribute": name, how: value},
              NAMES, st.sampled_from(["equals", "not_equals", "contains"]), SCALARS),
    st.builds(lambda name, how, values: {"attribute": name, how: values},
              NAMES, st.sampled_from(["in", "not_in"]), st.lists(SCALARS, min_size=1, max_size=3)),
    st.builds(lambda name, how, number: {"attribute": name, how: number},
              NAMES, st.sampled_from(["less_than", "at_most", "more_than", "at_least"]), st.integers(-3, 60)),
    st.builds(lambda name, known: {"attribute": name, "exists": known}, NAMES, st.booleans()),
)  # fmt: skip
RULES = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.builds(lambda rules: {"all": rules}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda rules: {"any": rules}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda rule: {"not": rule}, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(RULES)
def test_what_is_found_matches_the_rule(raw):
    rule = parse(raw)
    found = matching_attributes(rule)
    assert found is None or compile_rule(rule)(found)


@settings(max_examples=200, deadline=None)
@given(CONDITIONS)
def test_each_condition_alone_and_its_opposite_have_an_example(raw):
    assert matching_attributes(parse(raw)) is not None
    assert matching_attributes(parse({"not": raw})) is not None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"attribute": "country", "in": ["DE", "AT"]}, {"country": "DE"}),
        ({"all": [{"attribute": "age", "at_least": 18}, {"attribute": "age", "less_than": 19}]}, {"age": 18}),
        ({"all": [{"attribute": "age", "more_than": 3}, {"attribute": "age", "less_than": 3.5}]}, {"age": 3.25}),
        ({"not": {"attribute": "country", "exists": True}}, {}),
        ({"all": [{"attribute": "tags", "contains": "a"}, {"attribute": "tags", "contains": "b"}]}, {"tags": "a b"}),
        ({"all": [{"attribute": "age", "more_than": 3}, {"attribute": "age", "less_than": 2}]}, None),
    ],
)
def test_examples_are_the_ones_that_a_person_would_write(raw, expected):
    assert matching_attributes(parse(raw)) == expected
