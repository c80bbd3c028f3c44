"""An answer that was given while its run was on, told once that is over: nobody is told to wait where nothing runs.

An analysis made after the end says all of this itself; until there is one, and for a run that another has followed,
the last answer is all there is.
"""

import re
from collections.abc import Mapping
from typing import Any

UNDECIDED, TOO_LITTLE = "It ended without a clear winner.", "Not enough data."
_WAITS = (
    (re.compile(r"^Keep running(?:, about [\d,]+ more days?)?\."), UNDECIDED),
    (re.compile(r"^Not enough data yet(?:, about [\d,]+ more days?)?\."), TOO_LITTLE),
)
_PROMISE = re.compile(r"\s*\b(?:At this pace|It cannot be said how long|Nothing has arrived yet)[^.]*\.")
_STILL = re.compile(r" so far(?=[,;])| yet(?=[ .:])")


def headline_over(headline: str) -> str:
    """A headline, or a sentence that begins with one, that promises no more days."""
    for waits, over in _WAITS:
        headline = waits.sub(over, headline, count=1)
    return headline


def verdict_over(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict of a run that is over; one that waits for nothing is returned as it stands."""
    if verdict["decision"] not in ("keep_running", "not_enough_data"):
        return dict(verdict)
    reason = _STILL.sub("", _PROMISE.sub("", verdict["reason"])).strip()
    over = {"decision": "not_enough_data", "reason": reason, "more_days": None, "more_days_reason": None}
    if verdict["decision"] == "keep_running":
        over["headline"] = UNDECIDED
    elif verdict.get("headline"):
        over["headline"] = headline_over(verdict["headline"])
    return dict(verdict) | over
