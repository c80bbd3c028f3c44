"""Figures with the words around them: chances that never claim certainty, spans of time, amounts per member.

They are written in the language in use; the figures inside are those of `numbers`.
"""

from experiments.reporting.numbers import NARROW, NOTHING, count, localised, percent, signed_percent
from experiments.translation import gettext, ngettext


def chance(p: float | None) -> str:
    """Return a probability as a percentage that never claims certainty: ``94 %``, ``over 99.9 %``."""
    if p is None:
        return NOTHING
    if p > 0.999:
        return _over(percent(0.999))
    if p < 0.001:
        return _under(percent(0.001))
    return percent(p, 1 if p > 0.99 or p < 0.01 else 0)


def of_100(share: float) -> str:
    """Return a simulated share of tests, ``81 of 100``; never all or none, which no simulation can show."""
    if share > 0.995:
        return gettext("more than 99 of 100")
    if share < 0.005:
        return gettext("fewer than 1 of 100")
    return gettext("{number} of 100").format(number=f"{100 * share:.0f}")


def threshold(share: float) -> str:
    """Return a declared threshold with the digits it was declared with: ``1 %``, ``0.5 %`` or ``1,000 %``."""
    digits = ",.0f" if abs(share) >= 1 else ".3g"
    return f"{localised(f'{share * 100:{digits}}')}{NARROW}%"


def lift(share: float) -> str:
    """Return a lift in a sentence: ``+18 %``, ``−2.1 %``."""
    return signed_percent(share, None)


def small(value: float) -> str:
    """Return a number with about two figures; what is too small for them is under 0.01."""
    if 0 < value < 0.005:
        return _under(localised("0.01"))
    if -0.005 < value < 0:
        return _over(localised("-0.01"))
    return _two_figures(value)


def in_100_members(share: float) -> str:
    """Return a share in members: ``1.2 in 100 members``."""
    if 0 < share * 100 < 0.005:
        return gettext("fewer than {number} in 100 members").format(number=localised("0.01"))
    return gettext("{number} in 100 members").format(number=small(share * 100))


def per_member(amount: float) -> str:
    """Return an amount that is counted or paid by each member: ``0.53 per member``."""
    return gettext("{amount} per member").format(amount=small(amount))


def between(low: str, high: str) -> str:
    """Return two bounds in a sentence."""
    return gettext("between {low} and {high}").format(low=low, high=high)


def members(number: int) -> str:
    """Return ``1 member`` or ``1,204 members``."""
    return ngettext("{number} member", "{number} members", number).format(number=count(number))


def hours(number: int) -> str:
    """Return ``1 hour`` or ``5 hours``."""
    return ngettext("{number} hour", "{number} hours", number).format(number=count(number))


def days(number: int) -> str:
    """Return ``1 day`` or ``14 days``."""
    return ngettext("{number} day", "{number} days", number).format(number=count(number))


def more_days(number: int) -> str:
    """Return ``1 more day`` or ``4 more days``."""
    return ngettext("{number} more day", "{number} more days", number).format(number=count(number))


def duration(number: int) -> str:
    """Return ``3 weeks`` where the days are whole weeks, else ``10 days``."""
    if number % 7:
        return days(number)
    return ngettext("{number} week", "{number} weeks", number // 7).format(number=count(number // 7))


def length(elapsed_days: float) -> str:
    """Return a span of time: ``under an hour``, ``5 hours``, ``1 day``, ``2.5 days``."""
    whole = int(elapsed_days * 24)
    if whole < 1:
        return gettext("under an hour")
    if elapsed_days < 1:
        return hours(whole)
    text = localised(f"{elapsed_days:.2g}" if elapsed_days < 10 else f"{elapsed_days:,.0f}")
    return ngettext("{number} day", "{number} days", 1 if elapsed_days == 1 else 2).format(number=text)


def _two_figures(value: float) -> str:
    if value == 0:
        return "0"
    size = abs(value)
    return localised(f"{value:,.0f}" if size >= 100 else f"{value:.2f}" if size < 10 else f"{value:.1f}")


def _over(number: str) -> str:
    return gettext("over {number}").format(number=number)


def _under(number: str) -> str:
    return gettext("under {number}").format(number=number)
