"""The variants as cards: the content of each, and how many members saw it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from web.pages.results.context import Context
from web.pages.results.drawing import hills
from web.pages.results.parts import VariantFacts


@dataclass(frozen=True)
class Card:
    """A variant's card; `hills` is the picture where no image is given or it does not load."""

    variant: VariantFacts
    members: int
    hills: tuple[str, ...]


def build(context: Context) -> tuple[Card, ...]:
    """Return a card for each variant."""
    return cards_of(context.variants, {row.variant: row.n for row in context.primary.deciding.variants})


def cards_of(variants: Sequence[VariantFacts], members: Mapping[str, int] | None = None) -> tuple[Card, ...]:
    """Return the variants' cards; `members` counts who saw each of them."""
    counts = members or {}
    return tuple(
        Card(variant, counts.get(variant.key, 0), hills(f"{variant.key}/{variant.title}")) for variant in variants
    )
