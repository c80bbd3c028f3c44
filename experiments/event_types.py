"""What a unit can do: the visible list of event types, what their values mean, and the bounds of an event."""

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
