"""Numbers, percentages, money and dates in the language in use: the one place where a figure becomes a text.

The digits are Python's own rounding; the marks between them, the months and the order of day and month are Babel's.
Units follow a narrow no-break space, so that a line never ends between a figure and its unit.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime, format_timedelta

from experiments.translation import gettext, language, language_in_use
from experiments.translation.filling import MINUS as MINUS
from experiments.translation.filling import localised as localised
from experiments.translation.lists import either as either
from experiments.translation.lists import listed as listed

NARROW = "\u202f"
NOTHING = "–"

# Babel's signs depend on the reader's country ("CA$" in English); these are understood everywhere.
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "PLN": "zł", "BRL": "R$"}

_SECONDS: Final[tuple[tuple[Literal["day", "hour", "minute"], int], ...]] = (
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
)

Number = int | float | Decimal


def percent(share: Number | None, digits: int = 1) -> str:
    """Return a share, of which 1 is 100 per cent, as a percentage with so many digits after the point."""
    return NOTHING if share is None else f"{_fixed(share * 100, digits, grouped=False)}{NARROW}%"


def plain_percent(share: Number | None) -> str:
    """Return a chosen share with no more digits than it needs: ``50 %``, ``33.34 %``, ``12.5 %``."""
    return NOTHING if share is None else f"{localised(f'{round(float(share) * 100, 2):.10g}')}{NARROW}%"


def signed_percent(share: Number | None, digits: int | None = 1) -> str:
    """Return a relative change with its sign, such as a lift of +18.4 %; None: one digit below 10 %, none above."""
    if share is None:
        return NOTHING
    if digits is None:
        digits = 1 if -0.0995 < share < 0.0995 else 0
    return f"{localised(f'{_positive_zero(share * 100, digits):+.{digits}f}')}{NARROW}%"


def money(amount: Number | None, currency: str = "EUR", digits: int | None = None) -> str:
    """Return an amount of money; two digits below 100, whole above, unless ``digits`` says otherwise."""
    if amount is None:
        return NOTHING
    if digits is None:
        digits = 0 if abs(float(amount)) >= 100 or amount == 0 else 2
    sign = "" if _positive_zero(amount, digits) >= 0 else MINUS
    size, unit = localised(f"{abs(amount):,.{digits}f}"), _SIGNS.get(currency, currency)
    return f"{sign}{unit}{NARROW}{size}" if _currency_first(language()) else f"{sign}{size}{NARROW}{unit}"


def price(amount: float, currency: str) -> str:
    """Return a declared amount with as many decimals as it has, and no cents where there are none."""
    return money(amount, currency, next((digits for digits in (0, 2, 3) if round(amount, digits) == amount), 4))


def count(number: Number | None) -> str:
    """Return a whole number with marks between thousands."""
    return NOTHING if number is None else localised(f"{int(number):,}")


def decimal(number: Number | None, digits: int = 2) -> str:
    """Return a plain number with marks between thousands."""
    return NOTHING if number is None else _fixed(number, digits)


def general(number: float) -> str:
    """Return a number with no more digits than it needs, at most six: ``7``, ``0.5``."""
    return localised(f"{number:g}")


def figure(number: Number | None, digits: int = 4) -> str:
    """Return a number with that many significant digits and all digits before the point: ``0.3127``, ``1,204``."""
    if number is None:
        return NOTHING
    whole = len(str(int(abs(float(number))))) if abs(float(number)) >= 1 else 0
    return localised(f"{number:,.0f}" if whole >= digits else f"{number:.{digits}g}")


def moment(value: datetime | int) -> datetime:
    """Return an aware time from a datetime (naive ones are UTC) or from whole microseconds since 1970."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value / 1_000_000, UTC)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def when(value: datetime | int | None, zone: str = "UTC") -> str:
    """Return day, time and their zone: ``23 Nov 2026, 09:12 Berlin time``."""
    return NOTHING if value is None else f"{clock(value, zone)} {zone_name(zone)}"


def clock(value: datetime | int | None, zone: str = "UTC") -> str:
    """Return day and time where a heading names the zone: ``23 Nov 2026, 09:12``."""
    return NOTHING if value is None else _date(value, zone, f"{language_in_use().day}, HH:mm")


def day(value: datetime | int | None, zone: str = "UTC") -> str:
    """Return the day alone: ``23 Nov 2026``."""
    return NOTHING if value is None else _date(value, zone, language_in_use().day)


def time_of_day(value: datetime | int | None, zone: str = "UTC", known_day: datetime | int | None = None) -> str:
    """Return ``09:12 Berlin time`` on the day of `known_day`, else the same as `when`."""
    if value is None:
        return NOTHING
    if known_day is None or day(value, zone) != day(known_day, zone):
        return when(value, zone)
    return f"{_date(value, zone, 'HH:mm')} {zone_name(zone)}"


def ago(value: datetime | int | None, now: datetime | None = None) -> str:
    """Return how long ago a time was, in the largest unit that fits: ``just now``, ``40 s ago``, ``3 days ago``."""
    if value is None:
        return gettext("never")
    seconds = int(((now or datetime.now(UTC)) - moment(value)).total_seconds())
    if seconds < 5:
        return gettext("just now")
    if seconds < 60:
        return gettext("{time} ago").format(time=f"{seconds}{NARROW}s")
    unit, size = next((unit, size) for unit, size in _SECONDS if seconds >= size)
    whole = timedelta(seconds=seconds // size * size)
    # The threshold keeps 400 days from becoming a year.
    return format_timedelta(-whole, unit, threshold=1e9, add_direction=True, locale=language())


def zone_name(zone: str) -> str:
    """Return ``Europe/Berlin`` as ``Berlin time``."""
    if zone in {"UTC", "Etc/UTC"}:
        return "UTC"
    # Babel names a city only where its name is not that of the zone.
    named = Locale.parse(language()).time_zones.get(zone, {}).get("city")
    return gettext("{city} time").format(city=named or zone.rsplit("/", 1)[-1].replace("_", " "))


@cache
def _currency_first(code: str) -> bool:
    return str(Locale.parse(code).currency_formats["standard"].pattern).startswith("¤")


def _date(value: datetime | int, zone: str, pattern: str) -> str:
    return format_datetime(moment(value).astimezone(ZoneInfo(zone)), pattern, locale=language())


def _fixed(number: Number, digits: int, *, grouped: bool = True) -> str:
    mark = "," if grouped else ""
    return localised(f"{_positive_zero(number, digits):{mark}.{digits}f}")


def _positive_zero(number: Number, digits: int) -> Number:
    return 0.0 if round(number, digits) == 0 else number
