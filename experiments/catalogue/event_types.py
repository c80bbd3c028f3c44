"""What a unit can do: the visible list of event types, what their values mean, and the bounds of an event."""

from functools import lru_cache
from typing import NamedTuple


class EventType(NamedTuple):
    """A kind of action. ``value`` says what its value means: none, money, seconds, rating or number."""

    name: str
    value: str
    description: str


EVENT_TYPES: tuple[EventType, ...] = (
    EventType("exposure", "none", "The member met a variant; needs `experiment`; `properties.variant` says which."),
    EventType("view", "number", "The member saw the content or a page."),
    EventType("click", "number", "The member followed the call to action."),
    EventType("dwell", "seconds", "How long the member stayed: 0 to 604,800 seconds."),
    EventType("share", "number", "The member passed the content on."),
    EventType("purchase", "money", "The member bought: the amount and its currency."),
    EventType("comment", "number", "The member wrote a comment."),
    EventType("review", "rating", "The member rated: 1 to 5."),
    EventType("mention", "number", "A post about the brand; `properties.reach`: people, `.sentiment`: -1 to 1."),
    EventType("negative", "number", "The member hid, reported, unsubscribed or complained."),
)  # fmt: skip
"""Any other name is a custom event, whose value is a plain number or absent."""

VALUE_MEANINGS = {
    "none": "no value",
    "money": "the amount paid, 0 or more, in currency",
    "seconds": "seconds, 0 to 604,800",
    "rating": "a rating, 1 to 5",
    "number": "a number of your own, or none",
}
"""What an event's value means, by the kind that its type declares."""

VALUE_KINDS = {kind.name: kind.value for kind in EVENT_TYPES}
MAX_UNIT = 256
MAX_ID = 128
MAX_TYPE = 64
MAX_PROPERTIES_BYTES = 32_768
MAX_VALUE = 1_000_000_000
MAX_DWELL_SECONDS = 7 * 86_400

SAME_AS = {
    **dict.fromkeys(("unsubscribe", "unsubscribed", "complain", "complained", "complaint"), "negative"),
    **dict.fromkeys(("buy", "bought"), "purchase"),
}
"""Plain other words for known types, under which no metric would count them."""

LONG_NAME = 8
"""From so many letters on, a name may be two slips away and is still the same word."""


@lru_cache(maxsize=1_024)
def meant(name: str) -> str | None:
    """The known type that a name is probably a slip of (``purchse``, ``Click``, ``shares``) or another word for.

    None for any other name.

    Slips keep the first letter: ``preview`` is an event of somebody's own, and no review.
    """
    if name in VALUE_KINDS:
        return None
    plain = name.strip().lower()
    if plain in SAME_AS:
        return SAME_AS[plain]
    for known in VALUE_KINDS:
        if plain[:1] == known[0] and _slips(plain, known) <= (2 if len(known) >= LONG_NAME else 1):
            return known
    return None


def _slips(one: str, other: str) -> int:
    """How many letters must be changed, left out, put in or swapped with the next (optimal string alignment)."""
    before, last = list(range(len(other) + 1)), [0] * (len(other) + 1)
    for i, a in enumerate(one, 1):
        now = [i, *[0] * len(other)]
        for j, b in enumerate(other, 1):
            now[j] = min(now[j - 1] + 1, before[j] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                now[j] = min(now[j], last[j - 2] + 1)
        last, before = before, now
    return before[-1]
