"""The Jinja filters: numbers, money, times, and a variant's letter and colour."""

import re

from flask import Flask

from experiments.definition.variant_names import letter
from experiments.reporting.numbers import (
    ago,
    clock,
    count,
    day,
    decimal,
    money,
    percent,
    plain_percent,
    signed_percent,
    when,
)
from web.pages.common import labels

PALETTE = 12  # colours --v0 to --v11 of base.css


def is_picture(address: str | None) -> bool:
    """Whether an address can be requested: http(s) with a host, or a path of this site."""
    return bool(re.match(r"(?i)https?://[^\s/?#\\@]+([/?#]\S*)?$|/(?![/\\])\S+$", (address or "").strip()))


def colour(position: int) -> str:
    """Return the CSS value of a variant's colour, by its position from 0."""
    return f"var(--v{position % PALETTE})"


def colour_class(position: int) -> str:
    """Return the CSS class that sets ``--v`` to a variant's colour."""
    return f"v{position % PALETTE}"


def register(app: Flask, zone: str) -> None:
    """Register the filters of the templates; times are written in ``zone``."""
    app.jinja_env.filters.update(
        state_name=labels.state_name,
        role_name=labels.role_name,
        key_type=labels.key_type,
        percent=percent,
        plain_percent=plain_percent,
        signed_percent=signed_percent,
        money=money,
        count_of=count,
        decimal=decimal,
        ago=ago,
        letter=letter,
        colour=colour,
        colour_class=colour_class,
        when=lambda value: when(value, zone),
        is_picture=is_picture,
        clock=lambda value: clock(value, zone),
        day=lambda value: day(value, zone),
    )
    # Jinja's own ``count`` is the length of a list; ours also formats numbers.
    app.jinja_env.filters["count"] = lambda value: len(value) if hasattr(value, "__len__") else count(value)
