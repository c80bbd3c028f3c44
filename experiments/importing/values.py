"""Single cells of a file: moments, numbers, names. Each error names the value, the bound and the remedy."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from experiments.catalogue.event_values import MAX_VALUE
from experiments.errors import InvalidError
from experiments.ingestion.fields import to_micro

MICRO = 1_000_000
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(minutes=5)
_KEY_CHARACTERS = re.compile(r"[^a-z0-9._-]+")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:,?[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_MARKED = re.compile(r"\d{1,3}([,'’\s]\d{3})+")
_SLASHED = re.compile(r"\d{1,2}/\d{1,2}/\d{2,4}\b.*")


def meant_name(wish: str, names: Sequence[str]) -> str | None:
    """The one of `names` that a person means: as it stands, else the only one that differs by case and spaces alone."""
    if wish in names:
        return wish
    alike = [name for name in names if _plain(name) == _plain(wish)]
    return alike[0] if len(alike) == 1 else None


@lru_cache(maxsize=16_384)
def moment_us(text: str) -> int:
    """A moment as microseconds since 1970 in UTC.

    Parameters
    ----------
    text
        ISO 8601 (a date alone is its midnight; without an offset it is UTC), day.month.year as in ``06.03.2026 14:05``,
        or Unix time in seconds (10 digits) or milliseconds (13 digits).

    Raises
    ------
    ValueError
        No such form, before 1970, or in the future.
    """
    moment = parse_moment(text.strip())
    if moment < _EARLIEST:
        raise ValueError(f"{text!r} lies before 1970; check the year")
    if moment > datetime.now(UTC) + _AHEAD:
        raise ValueError(f"{text!r} lies in the future; only what has happened can be imported")
    return round((moment - _EARLIEST) / timedelta(microseconds=1))


def parse_moment(text: str) -> datetime:
    """A moment in UTC from any of the forms that `moment_us` takes, without its bounds; raises ValueError."""
    if text.isascii() and text.isdigit() and len(text) in (10, 13):
        return _EARLIEST + timedelta(milliseconds=int(text) * (1000 if len(text) == 10 else 1))
    if slashed(text):
        raise ValueError(
            f"{text!r} can be read day first or month first; write the date like 2026-03-06 (6 March) or 06.03.2026"
        )
    try:
        parts = _DOTTED.fullmatch(text)
        if parts:
            day, month, year, hour, minute, second = (int(part or 0) for part in parts.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no date or time; write it like 2026-03-06 or 2026-03-06T14:30:00Z") from None


def slashed(text: str) -> bool:
    """Whether a text is a date with slashes, whose day and month cannot be told apart."""
    return _SLASHED.fullmatch(text) is not None


def dotted(text: str) -> bool:
    """Whether a text is a date as day.month.year."""
    return _DOTTED.fullmatch(text) is not None


@lru_cache(maxsize=16_384)
def number_micro(text: str) -> int:
    """A number in whole millionths, exactly; raises ValueError where `to_micro` does not accept it."""
    try:
        return to_micro(text.strip())
    except InvalidError as error:
        raise ValueError(error.detail.rstrip(".")) from None


def not_negative(micro: int, text: str) -> int:
    """What cannot be negative; raises ValueError where it is."""
    if micro < 0:
        raise ValueError(f"{text!r} is negative; amounts and counts start at 0, leave a refund out")
    return micro


@lru_cache(maxsize=4_096)
def whole_number(text: str) -> int:
    """A count, 0 or more.

    Raises
    ------
    ValueError
        No whole number, negative, or beyond 1,000,000,000.
    """
    try:
        number = Decimal(text)
    except ArithmeticError:
        number = Decimal("NaN")
    if not number.is_finite():
        marked = _MARKED.fullmatch(text.strip())
        such = re.sub(r"\D", "", text) if marked else "12"
        raise ValueError(f"{text!r} is no whole number; write a count such as {such}, in digits alone")
    if number > MAX_VALUE:
        raise ValueError(f"{text!r} is beyond {MAX_VALUE:,}, the most that a count may be; check the number")
    if number != number.to_integral_value():
        raise ValueError(f"{text!r} is no whole number; write a count such as 12")
    return not_negative(int(number), text)


@lru_cache(maxsize=65_536)
def attribute(text: str) -> str | int | float | None:
    """A cell as an attribute: a number where it is written as one, nothing where it is empty, else the text.

    ``"007"`` and ``"1e5"`` stay text: a number is only taken where writing it again gives the same characters.
    """
    if not text:
        return None
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if str(number) == text and text not in ("nan", "inf", "-inf"):
            return number
    return text


def slug(name: str, taken: set[str]) -> str:
    """A valid key made from a name, different from those taken: ``"No E-Mail"`` gives ``"no-e-mail"``."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    base = _KEY_CHARACTERS.sub("-", plain).strip("._-")[:56].rstrip("._-") or "variant"
    key, number = base, 1
    while key in taken:
        number += 1
        key = f"{base}-{number}"
    return key


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
