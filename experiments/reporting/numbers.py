"""Numbers, money and times as people read them: on the page and in the report alike."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

NARROW = "\u202f"  # narrow no-break space: before a unit, never at the end of a line
MINUS = "\u2212"
NOTHING = "–"
ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "PLN": "zł", "BRL": "R$"}

Number = int | float | Decimal


def percent(share: Number | None, digits: int = 1) -> str:
    """A share as a percentage.

    Parameters
    ----------
    share
        1 is 100 per cent.
    digits
        Digits after the point.
    """
    return NOTHING if share is None else f"{_minus(f'{_positive_zero(share * 100, digits):.{digits}f}')}{NARROW}%"


def plain_percent(share: Number | None) -> str:
    """A chosen share with no more digits than it needs: ``50 %``, ``33.34 %``, ``12.5 %``."""
    if share is None:
        return NOTHING
    return f"{round(float(share) * 100, 2):.10g}{NARROW}%"


def signed_percent(share: Number | None, digits: int = 1) -> str:
    """A relative change with its sign, such as a lift of +18.4 %."""
    if share is None:
        return NOTHING
    return f"{_minus(f'{_positive_zero(share * 100, digits):+.{digits}f}')}{NARROW}%"


def money(amount: Number | None, currency: str = "EUR", digits: int | None = None) -> str:
    """An amount of money; two digits below 100, whole above, unless ``digits`` says otherwise."""
    if amount is None:
        return NOTHING
    if digits is None:
        digits = 0 if abs(float(amount)) >= 100 or amount == 0 else 2
    sign = "" if _positive_zero(amount, digits) >= 0 else MINUS
    return f"{sign}{_SIGNS.get(currency, currency)}{NARROW}{abs(amount):,.{digits}f}"


def count(number: Number | None) -> str:
    """A whole number with a comma between thousands."""
    return NOTHING if number is None else _minus(f"{int(number):,}")


def decimal(number: Number | None, digits: int = 2) -> str:
    """A plain number with a comma between thousands."""
    return NOTHING if number is None else _minus(f"{_positive_zero(number, digits):,.{digits}f}")


def plural(number: int, one: str, many: str = "") -> str:
    """``1 member``, ``21,306 members``."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def moment(value: datetime | int) -> datetime:
    """An aware time from a datetime (naive ones are UTC) or from whole microseconds since 1970."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value / 1_000_000, UTC)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def when(value: datetime | int | None, zone: str = "UTC") -> str:
    """Day, time and the zone it is told in: ``23 Nov 2026, 09:12 Berlin time``."""
    if value is None:
        return NOTHING
    return f"{clock(value, zone)} {zone_name(zone)}"


def clock(value: datetime | int | None, zone: str = "UTC") -> str:
    """Day and time where the heading says the zone: ``23 Nov 2026, 09:12``."""
    if value is None:
        return NOTHING
    local = moment(value).astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y, %H:%M}"


def day(value: datetime | int | None, zone: str = "UTC") -> str:
    """The day alone: ``23 Nov 2026``."""
    if value is None:
        return NOTHING
    local = moment(value).astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y}"


def zone_name(zone: str) -> str:
    """``Europe/Berlin`` as people say it: ``Berlin time``."""
    return "UTC" if zone in {"UTC", "Etc/UTC"} else f"{zone.rsplit('/', 1)[-1].replace('_', ' ')} time"


def price(amount: float, currency: str) -> str:
    """A declared amount with as many decimals as it has, and no cents where there are none."""
    return money(amount, currency, next((digits for digits in (0, 2, 3) if round(amount, digits) == amount), 4))


def spoken_times(sentence: str, zone: str, cut_off: str = "") -> str:
    """A sentence with its ISO times told in `zone`: the time of day alone where it is the day of `cut_off`."""
    last = day(datetime.fromisoformat(cut_off), zone) if cut_off else ""

    def tell(found: re.Match[str]) -> str:
        at = datetime.fromisoformat(found[0])
        clock = f"{at.astimezone(ZoneInfo(zone)):%H:%M}"
        return clock if day(at, zone) == last else f"{clock} on {day(at, zone)}"

    return ISO_TIME.sub(tell, sentence)


def _positive_zero(number: Number, digits: int) -> Number:
    return 0.0 if round(number, digits) == 0 else number


def _minus(text: str) -> str:
    return text.replace("-", MINUS)
