"""Which variant a unit gets, and why.

The order of precedence: signed preview, recorded exposure of this run, eligibility (state, schedule, targeting,
namespace, holdout, traffic), hash. ``docs/assignment.md`` publishes it with test vectors.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.assignment.configuration import Configuration, LiveExperiment, LiveVariant
from experiments.assignment.eligibility import hash_reason, hashed
from experiments.assignment.exposure import ExposureRow, Recorded, is_bot, segment_attributes
from experiments.ingestion.writer import Writer

REASONS = {
    "SPLIT": "the member takes part, by the hash or by the exposure on record",
    "DISABLED": "the experiment is not running, or not yet, or no more",
    "TARGETING": "the attributes do not meet the targeting rule",
    "NAMESPACE": "the member belongs to another experiment of the same namespace",
    "HOLDOUT": "the member is kept out of everything in the namespace",
    "TRAFFIC": "the member is outside the share of the audience that is admitted",
    "SHIPPED": "the experiment is over and this variant was shipped to everybody",
    "PREVIEW": "a signed preview asked for this variant; nothing is recorded",
}
"""Why an answer is what it is; the first six are those of the HTTP contract."""


class Decision(NamedTuple):
    """The variant, or None for a unit outside; the reason; the origin of the variant where there is one."""

    variant: LiveVariant | None
    reason: str
    origin: str | None = None


class Assigned(NamedTuple):
    """A decision as it is answered: the run's number, and whether an exposure stands recorded."""

    decision: Decision
    run: int | None
    exposed: bool


def is_over(live: LiveExperiment, now_us: int) -> bool:
    """Whether nobody is served any more, or yet: not even those with an exposure on record."""
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
    if live.shipped_variant in live.variant_of and live.state in ("stopped", "archived"):
        return Decision(live.variant_of[live.shipped_variant], "SHIPPED")
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


def assign(
    lives: Sequence[LiveExperiment],
    unit: str,
    attributes: Mapping[str, Any],
    now_us: int,
    *,
    writer: Writer,
    expose: bool,
    previews: Mapping[str, str],
) -> list[Assigned]:
    """Decide for several experiments and record the first exposures, all in one commit.

    A unit that the hash lets in is offered to the write path, which answers with what stands recorded: no read comes
    before it. Only a unit that is outside, or is asked about without exposure, is looked up first.
    """
    plain = [decide(live, unit, attributes, now_us, preview=previews.get(live.key)) for live in lives]
    offered: list[int] = []
    looked_up: list[int] = []
    for index, (live, decision) in enumerate(zip(lives, plain, strict=True)):
        if decision.reason in ("PREVIEW", "SHIPPED") or is_over(live, now_us):
            continue
        (offered if expose and decision.variant else looked_up).append(index)
    recorded: dict[int, Recorded] = {}
    if looked_up:
        found = writer.recorded([(lives[index].run_id, unit) for index in looked_up])  # type: ignore[misc]
        recorded = {index: found[key] for index in looked_up if (key := (lives[index].run_id, unit)) in found}  # type: ignore[comparison-overlap]
    if offered:
        bot = is_bot(attributes)
        rows = [_row(lives[index], unit, plain[index], now_us, bot, attributes) for index in offered]
        recorded.update(zip(offered, writer.record_exposures(rows), strict=True))
    return [
        _assigned(live, unit, attributes, now_us, decision, recorded.get(index))
        for index, (live, decision) in enumerate(zip(lives, plain, strict=True))
    ]


def _row(
    live: LiveExperiment, unit: str, decision: Decision, now_us: int, bot: bool, attributes: Mapping[str, Any]
) -> ExposureRow:
    variant = decision.variant
    assert variant is not None and live.run_id is not None
    return ExposureRow(
        live.run_id,
        unit,
        variant.key,
        now_us,
        now_us,
        "randomised",
        live.epoch,
        bot,
        segment_attributes(attributes, live.segments),
    )


def _assigned(
    live: LiveExperiment,
    unit: str,
    attributes: Mapping[str, Any],
    now_us: int,
    decision: Decision,
    recorded: Recorded | None,
) -> Assigned:
    if recorded is None:
        return Assigned(decision, live.run_number, False)
    return Assigned(decide(live, unit, attributes, now_us, recorded=recorded), live.run_number, True)


def may_change(live: LiveExperiment) -> bool:
    """Whether the answer to a member may be another one at any moment: not yet launched, or paused."""
    return live.state in ("draft", "scheduled", "paused") or live.run_id is None


def chosen(configuration: Configuration, keys: Sequence[str] | None) -> tuple[list[LiveExperiment], list[str]]:
    """The experiments asked for and the keys that name none; without keys all that run or are paused."""
    if keys is None:
        return list(configuration.open), []
    found = [configuration.experiments[key] for key in keys if key in configuration.experiments]
    return found, [key for key in keys if key not in configuration.experiments]
