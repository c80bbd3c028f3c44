"""Numbers, money, times and letters as they stand on screen; registered as Jinja filters."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from flask import Flask

NARROW = "\u202f"  # narrow no-break space: before a unit, never at the end of a line
MINUS = "\u2212"
NOTHING = "–"
PALETTE = 12  # colours --v0 to --v11 of klette.css

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
        digits = 0 if abs(amount) >= 100 or amount == 0 else 2
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


def ago(value: datetime | int | None, now: datetime | None = None) -> str:
    """How long something is past: ``just now``, ``40 s ago``, ``3 days ago``."""
    if value is None:
        return "never"
    seconds = int(((now or datetime.now(UTC)) - moment(value)).total_seconds())
    if seconds < 5:
        return "just now"
    if seconds < 60:
        return f"{seconds}{NARROW}s ago"
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{plural(seconds // size, name)} ago"
    return "just now"


def is_picture(address: str | None) -> bool:
    """Whether an address is whole enough to be asked for: http(s) with a host, or a path of this site."""
    return bool(re.match(r"(?i)https?://[^\s/?#\\@]+([/?#]\S*)?$|/(?![/\\])\S+$", (address or "").strip()))


def letter(position: int) -> str:
    """The letter that a variant keeps everywhere, by its position from 0."""
    return chr(ord("A") + position % 26)


def colour(position: int) -> str:
    """The CSS value of a variant's colour, by its position from 0."""
    return f"var(--v{position % PALETTE})"


def colour_class(position: int) -> str:
    """The CSS class that sets ``--v`` to a variant's colour."""
    return f"v{position % PALETTE}"


def register(app: Flask, zone: str) -> None:
    """Give the filters to the templates; times are told in ``zone``."""
    app.jinja_env.filters.update(
        percent=percent,
        plain_percent=plain_percent,
        signed_percent=signed_percent,
        money=money,
        count_of=count,
        decimal=decimal,
        plural=plural,
        ago=ago,
        letter=letter,
        colour=colour,
        colour_class=colour_class,
        when=lambda value: when(value, zone),
        is_picture=is_picture,
        clock=lambda value: clock(value, zone),
        day=lambda value: day(value, zone),
    )
    # Jinja has a ``count`` of its own (the length of a list); ours formats numbers and leaves lists alone.
    app.jinja_env.filters["count"] = lambda value: len(value) if hasattr(value, "__len__") else count(value)


def _positive_zero(number: Number, digits: int) -> Number:
    return abs(number) if round(number, digits) == 0 else number


def _minus(text: str) -> str:
    return text.replace("-", MINUS)
