"""What the value of an event means: its unit, its bounds, and the check that a value passes before it is stored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from experiments.errors import InvalidError
from experiments.translation import N_

MICRO = 1_000_000
MAX_VALUE = 1_000_000_000
MAX_DWELL_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Value:
    """What the values of an event type are.

    Attributes
    ----------
    key : str
        ``none``, ``money``, ``seconds``, ``rating`` or ``number``.
    meaning : str
        Unit and bounds, in English; translated where it is shown.
    required : bool
        Whether an event without a value is refused.
    check : callable
        Raises InvalidError where a value in millionths is out of bounds; it also gets the value as it was written.
    """

    key: Literal["none", "money", "seconds", "rating", "number"]
    meaning: str
    required: bool
    check: Callable[[int, object], None]


def _no_bounds(micro: int, written: object) -> None:
    """Accept any number."""


def _check_money(micro: int, written: object) -> None:
    if micro < 0:
        raise InvalidError(
            f"The amount {written} is negative, the least is 0; send what was paid, and money given back as an event "
            "of your own, such as refund.",
            code="value_negative",
        )


def _check_seconds(micro: int, written: object) -> None:
    if not 0 <= micro <= MAX_DWELL_SECONDS * MICRO:
        raise InvalidError(
            f"The value {written} is not within 0 to {MAX_DWELL_SECONDS:,} seconds (a week); send seconds.",
            code="value_out_of_range",
        )


def _check_rating(micro: int, written: object) -> None:
    if not MICRO <= micro <= 5 * MICRO:
        raise InvalidError(f"The rating {written} is not within 1 to 5; scale it to that.", code="value_out_of_range")


NONE = Value("none", N_("no value"), False, _no_bounds)
MONEY = Value("money", N_("the amount paid, 0 or more, in currency"), True, _check_money)
SECONDS = Value("seconds", N_("seconds, 0 to 604,800"), True, _check_seconds)
RATING = Value("rating", N_("a rating, 1 to 5"), True, _check_rating)
NUMBER = Value("number", N_("a number of your own, or none"), False, _no_bounds)
