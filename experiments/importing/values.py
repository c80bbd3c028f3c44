"""Single cells of a file: times, numbers, names."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from experiments.catalogue.event_values import MAX_VALUE
from experiments.errors import InvalidError
from experiments.ingestion.fields import decimal_of, to_micro
from experiments.translation import gettext
from experiments.translation.filling import filled

MICRO = 1_000_000
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(minutes=5)
_KEY_CHARACTERS = re.compile(r"[^a-z0-9._-]+")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:,?[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?", re.ASCII)
_GROUPED = re.compile(r"[0-9]{1,3}([,'’\s][0-9]{3})+")
_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,14}")
_DECIMAL_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,12}")
_SLASHED = re.compile(r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}\b.*")


def match_name(text: str, names: Sequence[str]) -> str | None:
    """Return the name that equals a text, else the only one that differs in case and spaces alone, else None."""
    if text in names:
        return text
    alike = [name for name in names if _plain(name) == _plain(text)]
    return alike[0] if len(alike) == 1 else None


class Reading(NamedTuple):
    """A time as read from a cell.

    Attributes
    ----------
    us : int
        Microseconds since 1970 in UTC.
    local : {"", "plain", "skipped", "repeated"}
        How the time zone was applied: not at all, since the cell has an offset; to a time that exists once; to one in
        the hour that daylight-saving time skips, which is moved forward by that hour; or to one in the hour that
        occurs twice, which is read as the first of the two.
    """

    us: int
    local: str


@lru_cache(maxsize=16_384)
def read_moment(text: str, zone: str = "UTC") -> Reading:
    """Return a time as microseconds since 1970 in UTC, and how the zone was applied.

    Parameters
    ----------
    text
        ISO 8601 (a date is its midnight), day.month.year such as ``06.03.2026 14:05``, or Unix time in seconds
        (10 digits) or milliseconds (13 digits).
    zone
        IANA name of the zone of a time without an offset.

    Raises
    ------
    ValueError
        The text has none of these forms, or the time is before 1970 or in the future.
    """
    moment, local = _parsed(text.strip(), zone)
    if moment < _EARLIEST:
        raise ValueError(gettext("{text!r} is before 1970; check the year").format(text=text))
    if moment > datetime.now(UTC) + _AHEAD:
        raise ValueError(gettext("{text!r} is in the future; check the date and the time zone").format(text=text))
    return Reading(round((moment - _EARLIEST) / timedelta(microseconds=1)), local)


def parse_moment(text: str, zone: str = "UTC") -> datetime:
    """Return a time in UTC, in any form that `read_moment` accepts but without its bounds; raise ValueError."""
    return _parsed(text, zone)[0]


def _parsed(text: str, zone: str) -> tuple[datetime, str]:
    if text.isascii() and text.isdigit() and len(text) in (10, 13):
        return _EARLIEST + timedelta(milliseconds=int(text) * (1000 if len(text) == 10 else 1)), ""
    if slashed(text):
        message = gettext(
            "{text!r} is ambiguous: day/month or month/day; write the date like 2026-03-06 (6 March) or 06.03.2026"
        )
        raise ValueError(message.format(text=text))
    try:
        parts = _DOTTED.fullmatch(text)
        if parts:
            day, month, year, hour, minute, second = (int(part or 0) for part in parts.groups())
            return _in_zone(datetime(year, month, day, hour, minute, second), zone)
        moment = datetime.fromisoformat(text)
        return _in_zone(moment, zone) if moment.tzinfo is None else (moment.astimezone(UTC), "")
    except (ValueError, OverflowError):
        message = gettext("{text!r} is not a date or time; write it like 2026-03-06 or 2026-03-06T14:30:00Z")
        raise ValueError(message.format(text=text)) from None


def _in_zone(moment: datetime, zone: str) -> tuple[datetime, str]:
    """Return a local time in UTC, and whether it exists once, never or twice in the zone."""
    first = moment.replace(tzinfo=ZoneInfo(zone), fold=0)
    utc = first.astimezone(UTC)
    if first.utcoffset() == first.replace(fold=1).utcoffset():
        return utc, "plain"
    # A time that does not exist comes back as another one: the offset before the change moves it forward.
    exists = utc.astimezone(first.tzinfo).replace(tzinfo=None) == moment.replace(fold=0)
    return utc, "repeated" if exists else "skipped"


@dataclass(frozen=True)
class Times:
    """How the times without an offset were read.

    Attributes
    ----------
    zone
        IANA name of their zone.
    local
        Times without an offset.
    skipped, repeated
        Of these, times in the hour that daylight-saving time skips, moved forward, and in the hour that occurs twice,
        read as the first.
    """

    zone: str = "UTC"
    local: int = 0
    skipped: int = 0
    repeated: int = 0


class Clock:
    """Reads the times of a file in one zone, and counts how the zone was applied.

    Attributes
    ----------
    zone : str
        IANA name.
    applied : Counter of str
        Times without an offset by how they were read: `Reading.local`.
    """

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.applied: Counter[str] = Counter()

    def times(self) -> "Times":
        """Return the counts so far."""
        return Times(self.zone, self.applied.total(), self.applied["skipped"], self.applied["repeated"])

    def us(self, text: str) -> int:
        """Return a cell as microseconds since 1970 in UTC; raises as `read_moment` does."""
        us, local = read_moment(text, self.zone)
        if local:
            self.applied[local] += 1
        return us


def slashed(text: str) -> bool:
    """Return whether a text is a date with slashes, whose order of day and month is ambiguous."""
    return _SLASHED.fullmatch(text) is not None


def is_local(text: str) -> bool:
    """Return whether a text is a time without an offset."""
    try:
        return _parsed(text, "UTC")[1] != ""
    except ValueError:
        return False


@lru_cache(maxsize=16_384)
def number_micro(text: str) -> int:
    """Return a number in millionths, exactly; raise ValueError if `to_micro` refuses it."""
    try:
        return to_micro(text.strip())
    except InvalidError as error:
        raise ValueError(error.detail.rstrip(".")) from None


def not_negative(micro: int, text: str) -> int:
    """Return a number in millionths; raise ValueError if it is negative."""
    if micro < 0:
        raise ValueError(gettext("{text!r} is negative; the minimum is 0, leave refunds out").format(text=text))
    return micro


_YES, _NO = frozenset(("1", "1.0", "true", "yes", "y", "t")), frozenset(("0", "0.0", "false", "no", "n", "f"))


def yes_or_no(text: str) -> bool:
    """Return whether a cell says yes (1, true, yes); raise ValueError if it says neither yes nor no."""
    plain = text.casefold()
    if plain not in _YES and plain not in _NO:
        raise ValueError(gettext("{text!r} is neither yes nor no; use 1 and 0, or true and false").format(text=text))
    return plain in _YES


@lru_cache(maxsize=4_096)
def whole_number(text: str) -> int:
    """Return a count, 0 or more.

    Raises
    ------
    ValueError
        The text is not a whole number, is negative, or is above 1,000,000,000.
    """
    try:
        number = decimal_of(text)
    except ArithmeticError:
        number = Decimal("NaN")
    if not number.is_finite():
        grouped = _GROUPED.fullmatch(text.strip())
        example = re.sub(r"\D", "", text) if grouped else "12"
        message = gettext("{text!r} is not a whole number; use digits only, such as {example}")
        raise ValueError(message.format(text=text, example=example))
    if number > MAX_VALUE:
        message = gettext("{text!r} is above the maximum of {most:,}; check the number")
        raise ValueError(filled(message, text=text, most=MAX_VALUE))
    if number != number.to_integral_value():
        message = gettext("{text!r} is not a whole number; use digits only, such as {example}")
        raise ValueError(message.format(text=text, example="12"))
    return not_negative(int(number), text)


@lru_cache(maxsize=65_536)
def attribute(text: str) -> str | int | float | None:
    """Return a cell as an attribute: a number if it is written as one, None if it is empty, else the text.

    ``"007"`` and ``"1e5"`` stay text, as keys may look so; ``"79.80"`` is a number, whatever its trailing zeros.
    """
    if not text:
        return None
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL_NUMBER.fullmatch(text) else text


def slug(name: str, taken: set[str]) -> str:
    """Return a valid key for a name, different from those taken: ``"No E-Mail"`` gives ``"no-e-mail"``."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    base = _KEY_CHARACTERS.sub("-", plain).strip("._-")[:56].rstrip("._-") or "variant"
    key, number = base, 1
    while key in taken:
        number += 1
        key = f"{base}-{number}"
    return key


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
