"""The letter and the colours of a variant as the templates write them."""

from experiments.definition.variant_names import letter
from web.pages.common import formatting


def test_letters_and_colours_follow_the_position():
    assert [letter(position) for position in (0, 1, 19)] == ["A", "B", "T"]
    assert (formatting.colour(0), formatting.colour(13), formatting.colour_class(2)) == ("var(--v0)", "var(--v1)", "v2")
