"""A stored analysis in words: the one place where the messages in it become sentences, for every reader alike.

What is stored holds codes and parameters, so that the words of page, API, terminal, report, list and CSV are made when
it is read: in the reader's language and time zone, and without waiting where the run is over.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from experiments.catalogue.metrics import METRICS
from experiments.reporting.sentences.wording import Wording

Names = Iterable[Sequence[str]]
"""Each variant's key with what it is called in a sentence, as ``plan["names"]`` stores them."""


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
    return dict(wording(result, names, zone=zone).worded(result))


def wording(result: Mapping[str, Any], names: Names, *, zone: str = "UTC") -> Wording:
    """Return how the messages of a stored result are put into words."""
    metrics = {known.key: known.name for known in METRICS}
    metrics |= {entry["metric"]: entry["name"] for entry in result.get("metrics", ()) if "name" in entry}
    currency = next((entry["currency"] for entry in result.get("metrics", ()) if entry.get("currency")), "")
    return Wording(
        variants={name[0]: name[1] for name in names},
        metrics={key: name.lower() for key, name in metrics.items()},
        zone=zone,
        currency=currency,
        cut_off=datetime.fromisoformat(result["cut_off"]) if "cut_off" in result else None,
    )
