"""The decision which variant a unit gets, and its reason.

The order of precedence: signed preview, recorded exposure of this run, eligibility (state, schedule, targeting,
namespace, holdout, traffic), hash. ``docs/assignment.md`` publishes it with test vectors.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from experiments.assignment.configuration import LiveExperiment, LiveVariant
from experiments.assignment.eligibility import hash_reason, hashed
from experiments.assignment.exposure import Recorded

REASONS = {
    "SPLIT": "the member takes part, by the hash or the recorded exposure",
    "DISABLED": "the experiment is not running",
    "TARGETING": "the attributes do not match the targeting rule",
    "NAMESPACE": "the member belongs to another experiment of the same namespace",
    "HOLDOUT": "the member is in the namespace's holdout",
    "TRAFFIC": "the member is outside the admitted share of the audience",
    "SHIPPED": "the experiment ended and this variant was shipped to all members",
    "PREVIEW": "a signed preview requests this variant; nothing is recorded",
}
"""The reasons of decisions; the first six are those of the HTTP contract."""


class Decision(NamedTuple):
    """The variant, None for an excluded unit; the reason; the origin of the variant, if any."""

    variant: LiveVariant | None
    reason: str
    origin: str | None = None


def is_over(live: LiveExperiment, now_us: int) -> bool:
    """Return whether no member is assigned, not even members with a recorded exposure."""
    if live.run_id is None or not live.edges or live.state not in ("running", "paused", "scheduled"):
        return True
    return live.ends_us is not None and now_us >= live.ends_us


def decide(
    live: LiveExperiment,
    unit: str,
    attributes: Mapping[str, Any],
    now_us: int,
    *,
    recorded: Recorded | None = None,
    preview: str | None = None,
) -> Decision:
    """Return the decision for a unit and an experiment; it depends on the arguments alone.

    Parameters
    ----------
    live
        The experiment of the snapshot.
    attributes
        The unit's attributes, for the targeting rule.
    now_us
        The current time, microseconds UTC.
    recorded
        The unit's exposure in the current run, if any.
    preview
        The variant of a signed preview.
    """
    if preview is not None and preview in live.variant_of:
        return Decision(live.variant_of[preview], "PREVIEW", "preview")
    shipped = live.shipped_variant
    if shipped is not None and shipped in live.variant_of and live.state in ("stopped", "archived"):
        return Decision(live.variant_of[shipped], "SHIPPED")
    if is_over(live, now_us):
        return Decision(None, "DISABLED")
    if recorded is not None and recorded.variant in live.variant_of:
        return Decision(live.variant_of[recorded.variant], "SPLIT", recorded.origin)
    if live.state == "paused" or (live.state == "scheduled" and (live.starts_us is None or now_us < live.starts_us)):
        return Decision(None, "DISABLED")
    if live.matches is not None and not live.matches(attributes):
        return Decision(None, "TARGETING")
    reason = hash_reason(live, unit)
    if reason is not None:
        return Decision(None, reason)
    return Decision(live.variants[hashed(live, unit)], "SPLIT", "randomised")


def may_change(live: LiveExperiment) -> bool:
    """Return whether the decision for a member can change at any time: not launched yet, or paused."""
    return live.state in ("draft", "scheduled", "paused") or live.run_id is None
