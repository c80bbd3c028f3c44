"""Experiments for tests, as raw input: each test changes only what it is about."""

from copy import deepcopy
from typing import Any

_SPRING: dict[str, Any] = {
    "key": "spring",
    "name": "Spring headline",
    "variants": [
        {"key": "a", "control": True, "weight": 0.5, "content": {"headline": "Spring is here"}},
        {"key": "b", "weight": 0.5, "content": {"headline": "Twelve things that bloom"}},
    ],
}


def definition(**changes: Any) -> dict[str, Any]:
    """A valid definition with some fields changed; ``None`` as a value is handed on as it is."""
    return {**deepcopy(_SPRING), **changes}


def with_variant(position: int, **changes: Any) -> dict[str, Any]:
    """A definition, one of whose variants is changed."""
    raw = definition()
    raw["variants"][position] |= changes
    return raw
