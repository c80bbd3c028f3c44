"""What is left out because it would be read as a figure: chances while there is too little data, what nobody did."""

from collections.abc import Mapping
from typing import Any

from experiments.catalogue.metrics import metric

WITHHELD = (
    "Chances and losses are left out until there is enough data: so early they would be little more than a guess."
)
COUNTED = ("proportion", "amount", "count", "ratio")
"""Kinds whose total is 0 where no member acted, unless the metric's values are signed."""

NO_FACTS = ("untrusted",)
"""Beside these answers no figure stands: it would be read as one."""


def too_early(verdict: Mapping[str, Any]) -> bool:
    """Whether there is too little data for chances and losses: they would be the prior's, near one half."""
    return verdict["decision"] == "not_enough_data" and not verdict.get("variant")


def without_chances(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result with neither chances nor losses; each of its metrics says that it is "too_early"."""
    nothing = {"p_best": None, "expected_loss": None, "loss_if_wrong": None, "p_beats_control": None}
    metrics = [
        dict(entry)
        | {"too_early": True}
        | {part: [dict(row) | nothing for row in entry[part]] for part in ("variants", "comparisons")}
        for entry in result["metrics"]
    ]
    return dict(result) | {"metrics": metrics}


def nobody_did(entry: Mapping[str, Any]) -> bool:
    """Whether no member of any variant did what the metric counts, so that there is nothing to tell."""
    if entry.get("kind") not in COUNTED or metric(entry["metric"]).signed:
        return False
    return all(row["n"] for row in entry["variants"]) and not any(row["total"] for row in entry["variants"])
