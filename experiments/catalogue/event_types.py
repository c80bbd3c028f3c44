"""What a member can do: each event type is a line of the tuple below, which carries everything that depends on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from experiments.catalogue.event_values import MAX_VALUE, MONEY, NONE, NUMBER, RATING, SECONDS, Value
from experiments.translation import N_

MAX_ID = 128
MAX_TYPE = 64
MAX_PROPERTIES_BYTES = 32_768


@dataclass(frozen=True, slots=True)
class Property:
    """A property of an event that Klette reads.

    Attributes
    ----------
    name : str
        Its name in the event's ``properties``.
    type : type
        Of its JSON value.
    meaning : str
        What it means, in English, as the end of "For mention events: …".
    low, high : number or None
        Bounds; None where any value is accepted.
    """

    name: str
    type: Any
    meaning: str
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of action.

    Attributes
    ----------
    key : str
        Its name in the API.
    name : str
        Its name on screen; this and the other texts are English, and translated where they are shown.
    meaning : str
        One sentence on what the member did.
    value : Value
        What its value means, and which values are accepted.
    needs : str
        What the API needs besides; empty where nothing.
    properties : tuple of Property
        Properties that are read.
    synonyms : tuple of str
        Other words for it, under which no metric would count it.
    activity : bool
        Whether it shows that the member was there, as returning members are counted.
    outcome : str
        What a column of an imported file holds for it; empty where no column can.
    column_names : tuple of str
        Names of such a column that suggest this type.
    """

    key: str
    name: str
    meaning: str
    value: Value
    needs: str = ""
    properties: tuple[Property, ...] = ()
    synonyms: tuple[str, ...] = ()
    activity: bool = False
    outcome: str = ""
    column_names: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """What the API's documentation says of it, in English."""
        properties = " ".join(f"properties.{found.name}: {found.meaning}." for found in self.properties)
        return " ".join(filter(None, (self.meaning, self.needs, f"value: {self.value.meaning}.", properties)))

    @property
    def weighable(self) -> bool:
        """Whether an experiment can declare what one is worth: money is counted already."""
        return self.value.key not in ("none", "money")


EVENT_TYPES: tuple[EventType, ...] = (
    EventType(
        "exposure",
        N_("Exposure"),
        N_("The member saw a variant."),
        NONE,
        needs="Needs experiment.",
        properties=(
            Property("variant", str, "the variant, if the client chose it"),
            Property("epoch", int, "the allocation epoch whose edges the client used", 1),
            Property("attributes", dict[str, Any], "the member's attributes, by name"),
        ),
    ),
    EventType(
        "view",
        N_("View"),
        N_("The member saw the content or a page."),
        NUMBER,
        activity=True,
        outcome=N_("Counts views"),
    ),
    EventType(
        "click",
        N_("Click"),
        N_("The member followed the call to action."),
        NUMBER,
        activity=True,
        outcome=N_("Counts clicks or visits"),
        column_names=("click", "clicks", "clicked", "visit", "visits", "visited"),
    ),
    EventType(
        "dwell",
        N_("Dwell time"),
        N_("How long the member stayed."),
        SECONDS,
        activity=True,
        outcome=N_("Seconds stayed"),
    ),
    EventType(
        "share",
        N_("Share"),
        N_("The member shared the content."),
        NUMBER,
        activity=True,
        outcome=N_("Counts shares"),
        column_names=("share", "shares", "shared"),
    ),
    EventType(
        "purchase",
        N_("Purchase"),
        N_("The member bought something."),
        MONEY,
        synonyms=("buy", "bought"),
        activity=True,
        outcome=N_("Money spent"),
        column_names=("spend", "spent", "revenue", "amount", "purchase_value", "paid", "turnover"),
    ),
    EventType(
        "comment",
        N_("Comment"),
        N_("The member wrote a comment."),
        NUMBER,
        activity=True,
        outcome=N_("Counts comments"),
    ),
    EventType("review", N_("Review"), N_("The member left a rating."), RATING, activity=True),
    EventType(
        "mention",
        N_("Mention"),
        N_("The member posted about the brand."),
        NUMBER,
        properties=(
            Property("reach", float, "how many people it reached; earned reach adds it up", 0, MAX_VALUE),
            Property("sentiment", float, "from -1 (bad) to 1 (good); sentiment is its mean", -1, 1),
        ),
    ),
    EventType(
        "negative",
        N_("Complaint"),
        N_("The member hid, reported, unsubscribed or complained."),
        NUMBER,
        synonyms=("unsubscribe", "unsubscribed", "complain", "complained", "complaint"),
        outcome=N_("Counts complaints"),
        column_names=("complaints", "complained", "unsubscribed", "hidden"),
    ),
)
"""Any other name is a custom event."""

CUSTOM = EventType("", N_("Custom event"), N_("An event of your own."), NUMBER)
"""What holds for a type that is not declared: its value is a plain number or absent."""

KNOWN: Mapping[str, EventType] = {found.key: found for found in EVENT_TYPES}
ACTIVITY: tuple[str, ...] = tuple(found.key for found in EVENT_TYPES if found.activity)
"""The types that show that a member was there."""

MONEY_TYPES: tuple[str, ...] = tuple(found.key for found in EVENT_TYPES if found.value is MONEY)
"""The types whose value is an amount of money in the experiment's currency."""

COMMON: tuple[Property, ...] = (
    Property("channel", str, "where it happened, such as email, whatsapp, instagram, web or shop"),
    Property("bot", bool, "true if no person did it, such as a link scanner; the event does not count"),
    Property("user_agent", str, "the user agent that did it, where a back end reports it; a crawler's does not count"),
    Property("link", str, "the address that was clicked, which distinguishes the links of an e-mail"),
)
"""Properties that any event may have."""

PROPERTIES: Mapping[str, Property] = {found.name: found for kind in EVENT_TYPES for found in kind.properties}
_SYNONYMS = {word: found.key for found in EVENT_TYPES for word in found.synonyms}

LONG_NAME = 8
"""From so many letters on, a name may be two slips away and is still the same word."""


def event_type(name: str) -> EventType:
    """Return the declared type of a name; `CUSTOM` for any other."""
    return KNOWN.get(name, CUSTOM)


@lru_cache(maxsize=1_024)
def meant(name: str) -> str | None:
    """Return the known type that a name is probably a slip of (``purchse``, ``Click``, ``shares``) or a synonym of.

    None for any other name. Slips keep the first letter: ``preview`` is a custom event, not a review.
    """
    if name in KNOWN:
        return None
    plain = name.strip().lower()
    if plain in _SYNONYMS:
        return _SYNONYMS[plain]
    for known in KNOWN:
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
