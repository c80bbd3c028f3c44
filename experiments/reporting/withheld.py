"""Figures that are left out: chances while there is too little data, and all of a metric that no member did."""

from collections.abc import Mapping
from typing import Any

from experiments.catalogue.metrics import metric
from experiments.translation import gettext

COUNTED = ("proportion", "amount", "count", "ratio")
"""Kinds whose total is 0 where no member acted, unless the metric's values are signed."""

NO_FACTS = ("untrusted",)
"""Decisions beside which no figure is shown."""


def withheld_note() -> str:
    """Return the sentence shown where chances and losses are left out."""
    return gettext("Chances and losses are shown once there is enough data.")


def too_early(verdict: Mapping[str, Any]) -> bool:
    """Whether there is too little data for chances and losses: they would be the prior's, near one half."""
    return verdict["decision"] == "not_enough_data" and not verdict.get("variant")


def without_chances(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result without chances and losses, each of its metrics marked as "too_early"."""
    nothing = {"p_best": None, "expected_loss": None, "loss_if_wrong": None, "p_beats_control": None}
    metrics = [
        dict(entry)
        | {"too_early": True}
        | {part: [dict(row) | nothing for row in entry[part]] for part in ("variants", "comparisons")}
        for entry in result["metrics"]
    ]
    return dict(result) | {"metrics": metrics}


def no_member_did(entry: Mapping[str, Any]) -> bool:
    """Whether no member of any variant did what the metric counts, so that there are no figures to show."""
    if entry.get("kind") not in COUNTED or metric(entry["metric"]).signed:
        return False
    return all(row["n"] for row in entry["variants"]) and not any(row["total"] for row in entry["variants"])
