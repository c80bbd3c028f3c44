"""Numbers and names as a marketer reads them: narrow spaces before units, no false precision."""

from __future__ import annotations

import math
from collections.abc import Sequence

NARROW = "\u202f"
MINUS = "\u2212"


def percent(share: float, digits: int = 0) -> str:
    """Return a share as a percentage, e.g. ``94 %``."""
    return f"{share * 100:.{digits}f}{NARROW}%".replace("-", MINUS)


def threshold(share: float) -> str:
    """Return a declared threshold with the digits it was declared with, e.g. ``1 %``, ``0.5 %`` or ``1,000 %``."""
    digits = ",.0f" if abs(share) >= 1 else ".3g"
    return f"{share * 100:{digits}}{NARROW}%"


def chance(p: float) -> str:
    """Return a probability as a percentage that never claims certainty."""
    if p > 0.999:
        return f"over 99.9{NARROW}%"
    if p < 0.001:
        return f"under 0.1{NARROW}%"
    return percent(p, 1 if p > 0.99 or p < 0.01 else 0)


def signed_percent(lift: float) -> str:
    """Return a lift with its sign, e.g. ``+18 %``."""
    digits = 1 if abs(lift) < 0.0995 else 0
    return f"{lift * 100:+.{digits}f}{NARROW}%".replace("-", MINUS)


def small(value: float, below: str = "under") -> str:
    """Return a number with about two figures; what is too small for them is `below` 0.01."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}".replace("-", MINUS)
    if abs(value) < 0.005:
        return f"{below} 0.01" if value > 0 else f"over {MINUS}0.01"
    return f"{value:.2f}".replace("-", MINUS) if abs(value) < 10 else f"{value:.1f}".replace("-", MINUS)


def per_members(value: float, kind: str) -> str:
    """Return an absolute amount of a metric: shares in 100 members, everything else per member."""
    if kind == "proportion":
        return f"{small(value * 100, 'fewer than')} in 100 members"
    return f"{small(value)} per member"


def between(low: str, high: str) -> str:
    """Return two bounds in a sentence."""
    return f"between {low} and {high}"


def days(number: int) -> str:
    """Return ``1 more day`` or ``4 more days``."""
    return "1 more day" if number == 1 else f"{number:,} more days"


def length(elapsed_days: float) -> str:
    """A span as people say it: "under an hour", "5 hours", "1 day", "2.5 days"."""
    hours = int(elapsed_days * 24)
    if hours < 1:
        return "under an hour"
    if elapsed_days < 1:
        return f"{hours} hour{'s' if hours > 1 else ''}"
    return f"{elapsed_days:.2g} day{'s' if elapsed_days != 1 else ''}"


def day_number(elapsed_days: float) -> int:
    """Return the day that a run is in: day 1 begins at its launch, and day N after N - 1 whole days."""
    return max(1, math.floor(elapsed_days) + 1)


def counted(number: int, noun: str) -> str:
    """Return ``1 member`` or ``1,204 members``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Return ``A``, ``A and B`` or ``A, B and C``."""
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]
