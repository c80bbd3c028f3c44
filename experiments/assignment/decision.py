"""Which variant a unit gets, and why.

The order of precedence: signed preview, recorded exposure of this run, eligibility (state, schedule, targeting,
namespace, holdout, traffic), hash. ``docs/assignment.md`` publishes it with test vectors.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from experiments.assignment.configuration import LiveExperiment, LiveVariant
from experiments.assignment.eligibility import hash_reason, hashed
from experiments.assignment.exposure import Recorded

REASONS = {
    "SPLIT": "the member takes part, by the hash or by the exposure on record",
    "DISABLED": "the experiment is not running, or not yet, or no more",
    "TARGETING": "the attributes do not meet the targeting rule",
    "NAMESPACE": "the member belongs to another experiment of the same namespace",
    "HOLDOUT": "the member is kept out of everything in the namespace",
    "TRAFFIC": "the member is outside the share of the audience that is admitted",
    "SHIPPED": "the experiment is over and this variant was shipped to all members",
    "PREVIEW": "a signed preview asked for this variant; nothing is recorded",
}
"""Why an answer is what it is; the first six are those of the HTTP contract."""


class Decision(NamedTuple):
    """The variant, or None for a unit outside; the reason; the origin of the variant where there is one."""

    variant: LiveVariant | None
    reason: str
    origin: str | None = None


def is_over(live: LiveExperiment, now_us: int) -> bool:
    """Whether no member is assigned any more, or yet, not even those with an exposure on record."""
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
    """Decide for one unit and one experiment, from what is given and nothing else.

    Parameters
    ----------
    live
        The experiment as the snapshot has it.
    attributes
        What the app says about the unit, for the targeting rule.
    now_us
        The present moment, microseconds UTC.
    recorded
        The unit's exposure in the present run, where there is one.
    preview
        The variant that a signed preview asks for.
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
    """Whether the answer to a member may be another one at any moment: not yet launched, or paused."""
    return live.state in ("draft", "scheduled", "paused") or live.run_id is None
