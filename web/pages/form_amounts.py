"""Numbers as people type them: with a point or a comma before the decimals, and never guessed."""

import re
from decimal import Decimal

_PLAIN = re.compile(r"[-+]?(?:[0-9]{1,18}(?:[.,][0-9]{0,18})?|[.,][0-9]{1,18})")
_BOTH_WAYS = re.compile(r"-?[1-9]\d{0,2},\d{3}")
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
