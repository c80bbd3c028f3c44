"""Numbers, money, times and letters as they stand on screen; registered as Jinja filters."""

import re
from datetime import UTC, datetime

from flask import Flask

from experiments.reporting.numbers import MINUS as MINUS
from experiments.reporting.numbers import NARROW as NARROW
from experiments.reporting.numbers import NOTHING as NOTHING
from experiments.reporting.numbers import (
    clock,
    count,
    day,
    decimal,
    money,
    percent,
    plain_percent,
    plural,
    signed_percent,
    when,
)
from experiments.reporting.numbers import moment as moment
from experiments.reporting.numbers import zone_name as zone_name

PALETTE = 12  # colours --v0 to --v11 of klette.css


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
