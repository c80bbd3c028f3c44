"""Reasons of the statistics in the page's own words: they name variants by their key, the page by their letter."""

import re
from collections.abc import Sequence
from typing import Any

from analysis import wording
from web.pages.results.parts import VariantFacts

SAID = frozenset({"reason", "lift_not_shown", "reach_not_shown", "note", "name"})
"""The keys of a result under which a sentence stands that explains why something is missing, or that names a check."""


def spoken(part: Any, variants: Sequence[VariantFacts]) -> Any:
    """A result, or a part of one, with "variant b" turned into "variant B" wherever a reason is given.

    A verdict's reason names variants already, so "variant" before a key is all that is touched.
    """
    letters = {variant.key: variant.letter for variant in variants}
    keys = "|".join(re.escape(key) for key in sorted(letters, key=len, reverse=True))
    named = re.compile(rf"\b([Vv]ariants?) ((?:{keys})(?:, (?:{keys}))*)(?![\w-])")

    def told(found: re.Match[str]) -> str:
        return f"{found[1]} {wording.listed([letters[key] for key in found[2].split(', ')])}"

    return _walked(part, lambda sentence: named.sub(told, sentence))


def _walked(part: Any, change: Any) -> Any:
    if isinstance(part, dict):
        return {
            key: change(value) if key in SAID and isinstance(value, str) else _walked(value, change)
            for key, value in part.items()
        }
    if isinstance(part, list):
        return [_walked(value, change) for value in part]
    return part
