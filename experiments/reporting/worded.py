"""A stored analysis in words: the one place where the messages in it become sentences, for every reader alike.

What is stored holds codes and parameters, so that the words of page, API, terminal, report, list and CSV are made when
it is read: in the reader's language and time zone, and without waiting where the run is over.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from analysis.messages import message
from experiments.catalogue.metrics import METRICS
from experiments.reporting.sentences.wording import Wording

ENDED = {
    "verdict.keep_running": "verdict.ended_undecided",
    "verdict.keep_running_days": "verdict.ended_undecided",
    "verdict.not_enough_yet": "verdict.not_enough",
    "verdict.not_enough_days": "verdict.not_enough",
}
"""The headline of a verdict that waits for more data, and the one that takes its place once the run is over."""

WAITING = frozenset(
    {
        "verdict.result_by_day",
        "verdict.result_by_day_planned",
        "verdict.result_at_end",
        "verdict.pace_unknown",
        "verdict.no_lead",
        "verdict.leaders_too_alike",
        "verdict.beyond_horizon",
    }
)
"""The sentences of a reason that are about the days to come; they are left out once the run is over."""

Names = Mapping[str, str] | Iterable[Sequence[str]]
"""What each variant is called in a sentence, by its key; also in pairs, as ``plan["names"]`` stores them."""


def worded(result: Mapping[str, Any], names: Names, *, zone: str = "UTC", ended: bool = False) -> dict[str, Any]:
    """Return a stored result with a sentence in place of every message, at the same keys.

    Parameters
    ----------
    result
        An analysis as it is stored, or a part of one that holds "metrics" where its metrics have names of their own.
    names
        What each variant is called.
    zone
        The time zone in which moments are written.
    ended
        Whether the run is over, so that an answer given while it was on promises nothing any more.
    """
    shown = dict(result)
    if ended and "verdict" in shown:
        shown["verdict"] = after_the_end(shown["verdict"])
        if "answer" in shown:
            shown["answer"] = dict(shown["answer"]) | {"more_days": shown["verdict"]["more_days"]}
    return dict(wording(result, names, zone=zone).worded(shown))


def after_the_end(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stored verdict of a run that is over by now: one that waits for more data is undecided."""
    if verdict["decision"] not in ("keep_running", "not_enough_data"):
        return dict(verdict)
    headline, reason = verdict["headline"], verdict["reason"]
    parts = [part for part in reason["params"]["parts"] if part["message"] not in WAITING]
    code = ENDED.get(headline["message"], headline["message"])
    return dict(verdict) | {
        "decision": "not_enough_data",
        "headline": message(code).to_dict(),
        "reason": message(reason["message"], parts=parts).to_dict(),
        "more_days": None,
        "more_days_reason": None,
    }


def wording(result: Mapping[str, Any], names: Names, *, zone: str = "UTC") -> Wording:
    """Return how the messages of a stored result are put into words."""
    metrics = {known.key: known.name for known in METRICS}
    metrics |= {entry["metric"]: entry["name"] for entry in result.get("metrics", ()) if "name" in entry}
    currency = next((entry["currency"] for entry in result.get("metrics", ()) if entry.get("currency")), "")
    return Wording(
        variants=dict(names) if isinstance(names, Mapping) else {pair[0]: pair[1] for pair in names},
        metrics={key: name.lower() for key, name in metrics.items()},
        zone=zone,
        currency=currency,
        cut_off=datetime.fromisoformat(result["cut_off"]) if "cut_off" in result else None,
    )
