"""Numbers as people type them: with a point or a comma before the decimals, and never guessed."""

import re
from decimal import Decimal

_PLAIN = re.compile(r"[-+]?(?:[0-9]{1,18}(?:[.,][0-9]{0,18})?|[.,][0-9]{1,18})")
_BOTH_WAYS = re.compile(r"-?[1-9]\d{0,2},\d{3}")
_THREE_AFTER_A_MARK = re.compile(r"[-+]?[1-9]\d{0,2}[.,]\d{3}")
_GROUPED = re.compile(r"-?[1-9]\d{0,2}(?:(?:,\d{3})+\.\d+|(?:\.\d{3})+,\d+|(?:,\d{3}){2,}|(?:\.\d{3}){2,})")


def number_of(text: str) -> tuple[Decimal | None, str]:
    """Read a number.

    Parameters
    ----------
    text
        Such as ``120``, ``120.50``, ``120,50`` or ``50 %``.

    Returns
    -------
    number
        None where it cannot be read.
    fault
        What is wrong with it, as a sentence without its remedy; empty where nothing is.
    """
    typed = text.strip().removesuffix("%").strip()
    if not typed:
        return None, "This is empty"
    if _BOTH_WAYS.fullmatch(typed):
        whole, decimals = typed.replace(",", ""), typed.replace(",", ".")
        return None, f"“{typed}” can be read as {whole} or as {decimals}; leave out commas between thousands"
    if _GROUPED.fullmatch(typed):
        return None, f"“{typed[:40]}” has marks between its thousands; leave them out"
    if not _PLAIN.fullmatch(typed):
        return None, f"“{typed[:40]}” is no number"
    return Decimal(typed.replace(",", ".")), ""


def amount_of(text: str, example: str) -> tuple[Decimal | None, str]:
    """Read an amount that may well be a thousand or more: ``1.500`` is not silently one and a half.

    Parameters
    ----------
    text
        What was typed.
    example
        What to write instead where it cannot be read, such as ``an amount such as 2.50``.

    Returns
    -------
    number
        None where it cannot be read.
    fault
        The whole sentence, its remedy included; empty where nothing is wrong.
    """
    typed = text.strip()
    if _THREE_AFTER_A_MARK.fullmatch(typed):
        whole, decimals = re.sub("[.,]", "", typed), typed.replace(",", ".")
        short = decimals.removesuffix("0")
        remedy = f"write {whole} or {short if short != decimals else decimals + '0'}"
        return None, f"“{typed}” can be read as {whole} or as {short}; {remedy}."
    number, fault = number_of(text)
    return number, f"{fault}; write {example}." if fault else ""


def amount_text(written: str) -> str:
    """A stored amount as it stands in a field that `amount_of` reads: ``1.125`` becomes ``1.1250``."""
    return f"{written}0" if _THREE_AFTER_A_MARK.fullmatch(written) else written
