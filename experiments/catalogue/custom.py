"""Metrics of a custom outcome: the key says all there is to it, so that a definition or a stored plan carries it whole.

``share_of_retention_7`` is the share of members with a ``retention_7`` event, ``amount_of_minutes`` the mean of the
values of ``minutes`` events, and ``count_of_rounds`` the mean of whole numbers that ``rounds`` events carry.
"""

import re
from functools import lru_cache
from typing import Literal, get_args

from experiments.catalogue.event_types import KNOWN
from experiments.catalogue.metric import Metric
from experiments.translation import N_

CustomKind = Literal["share", "amount", "count"]
CUSTOM_KINDS: tuple[CustomKind, ...] = get_args(CustomKind)
_KEY = re.compile(r"(share|amount|count)_of_([A-Za-z0-9_-]{1,48})")


def custom_key(kind: CustomKind, event_type: str) -> str:
    """Return the key of the metric of a custom event type."""
    return f"{kind}_of_{event_type}"


@lru_cache(maxsize=1_024)
def custom_metric(key: str) -> Metric | None:
    """Return the metric that a key describes; None if it describes none, or names a built-in event type."""
    parts = _KEY.fullmatch(key)
    if parts is None or parts[2] in KNOWN:
        return None
    kind, name = parts.groups()
    if kind == "share":
        return Metric(
            key,
            name,
            N_("Share of members with this outcome within {window} days."),
            "proportion",
            (name,),
            noun=name,
            undated_hint=N_("Share of members with this outcome."),
            superlative=N_("the best"),
        )
    return Metric(
        key,
        name,
        N_("Sum of this outcome within {window} days, divided by all members."),
        "amount" if kind == "amount" else "count",
        (name,),
        noun=name,
        statistic="sum",
        model="amount" if kind == "amount" else "count",
        unit_of_measure=N_("per member"),
        scale="number",
        per=N_("per member"),
        superlative=N_("the best"),
    )
