"""Numbers as people type them, with a point or a comma before the decimals; what is ambiguous is refused.

Each fault is a whole sentence, so that a form can add another with what to enter instead.
"""

import re
from decimal import Decimal

from experiments.reporting.numbers import NARROW, localised
from experiments.translation import gettext

_PLAIN = re.compile(r"[-+]?(?:[0-9]{1,18}(?:[.,][0-9]{0,18})?|[.,][0-9]{1,18})")
_BOTH_WAYS = re.compile(r"-?[1-9]\d{0,2},\d{3}", re.ASCII)
_THREE_AFTER_A_MARK = re.compile(r"[-+]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
_GROUPED = re.compile(r"-?[1-9]\d{0,2}(?:(?:,\d{3})+\.\d+|(?:\.\d{3})+,\d+|(?:,\d{3}){2,}|(?:\.\d{3}){2,})", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,9}", re.ASCII)
_SHOWN = 40  # characters of what was typed that a message repeats


def number_of(text: str) -> tuple[Decimal | None, str]:
    """Read a number.

    Parameters
    ----------
    text
        Such as ``120``, ``120.50``, ``120,50`` or ``50 %``.

    Returns
    -------
    number
        None if it cannot be read.
    fault
        What is wrong, as a sentence; empty if nothing is.
    """
    typed = text.strip().removesuffix("%").strip()
    if not typed:
        return None, gettext("This is empty.")
    if _BOTH_WAYS.fullmatch(typed):
        message = gettext("“{typed}” can mean {whole} or {decimals}. Leave out separators between thousands.")
        whole, decimals = typed.replace(",", ""), typed.replace(",", ".")
        return None, message.format(typed=typed, whole=whole, decimals=decimals)
    if _GROUPED.fullmatch(typed):
        message = gettext("“{typed}” has separators between thousands. Leave them out.")
        return None, message.format(typed=typed[:_SHOWN])
    if not _PLAIN.fullmatch(typed):
        return None, gettext("“{typed}” is not a number.").format(typed=typed[:_SHOWN])
    return Decimal(typed.replace(",", ".")), ""


def amount_of(text: str, remedy: str) -> tuple[Decimal | None, str]:
    """Read an amount that may be a thousand or more: ``1.500`` is not silently read as one and a half.

    Parameters
    ----------
    text
        What was typed.
    remedy
        A sentence that follows the fault, such as ``Enter an amount, such as 2.50.``

    Returns
    -------
    number
        None if it cannot be read.
    fault
        What is wrong and the remedy; empty if nothing is wrong.
    """
    typed = text.strip()
    if _THREE_AFTER_A_MARK.fullmatch(typed):
        whole, decimals = re.sub("[.,]", "", typed), typed.replace(",", ".")
        short = decimals.removesuffix("0")
        message = gettext("“{typed}” can mean {whole} or {decimals}. Enter {whole} or {unambiguous}.")
        unambiguous = short if short != decimals else f"{decimals}0"
        return None, message.format(typed=typed, whole=whole, decimals=short, unambiguous=unambiguous)
    number, fault = number_of(text)
    return number, f"{fault} {remedy}" if fault else ""


def percentage_of(text: str, low: str, high: str, example: str) -> tuple[Decimal | None, str]:
    """Read a percentage within bounds.

    Parameters
    ----------
    text
        What was typed.
    low, high
        The bounds in per cent, as they are written in Python.
    example
        What to enter, in per cent.

    Returns
    -------
    number
        In per cent; None if it cannot be read or is out of range.
    fault
        What is wrong and the remedy; empty if nothing is wrong.
    """
    number, fault = number_of(text)
    if number is None:
        remedy = gettext("Enter a percentage, such as {example}.").format(example=localised(example))
        return None, f"{fault} {remedy}"
    if not Decimal(low) <= number <= Decimal(high):
        message = gettext("{value} is out of range. Enter a percentage from {low} to {high}.")
        value = f"{localised(f'{number:f}')}{NARROW}%"
        return None, message.format(value=value, low=localised(low), high=localised(high))
    return number, ""


def whole_of(text: str, example: int) -> tuple[int | None, str]:
    """Return a whole number, or None and what is wrong with the text."""
    typed = text.strip()
    if _WHOLE.fullmatch(typed):
        return int(typed), ""
    if not typed:
        return None, gettext("This is empty. Enter a whole number, such as {example}.").format(example=example)
    message = gettext("“{typed}” is not a whole number. Enter one, such as {example}.")
    return None, message.format(typed=typed[:_SHOWN], example=example)


def amount_text(written: str) -> str:
    """Return a stored amount as a field shows it, so that `amount_of` can read it: ``1.125`` becomes ``1.1250``."""
    return f"{written}0" if _THREE_AFTER_A_MARK.fullmatch(written) else written
