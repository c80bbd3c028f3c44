"""Eligibility and variant of a unit by its hashes."""

from typing import NamedTuple

from experiments.assignment.bucketing import bucket, pick
from experiments.assignment.configuration import LiveExperiment, LiveRun, PastEpoch
from experiments.assignment.exposure import Side

Randomisation = LiveExperiment | LiveRun
"""What decides a variant: the current run, as held in the experiment, or an earlier one."""


class RunAt(NamedTuple):
    """The run that an exposure belongs to, or the nearest one and the side of it on which the exposure is."""

    run: Randomisation
    outside: Side | None


def run_at(live: LiveExperiment, at_us: int) -> RunAt:
    """Return the run that a time belongs to; a run begins with its start and ends before its end."""
    runs: tuple[Randomisation, ...] = (live, *live.earlier_runs)
    for run in runs:
        if run.ended_us is not None and at_us >= run.ended_us:
            return RunAt(run, "after")
        if run.started_us is None or at_us >= run.started_us:
            return RunAt(run, None)
    return RunAt(runs[-1], "before")


def hashed(live: LiveExperiment, unit: str) -> int:
    """Return the position of the unit's variant by its hash in the current run."""
    return pick(live.edges, bucket(live.seed, unit))


STALE_US = 600_000_000
"""How long after a change of the shares a client that assigns locally can use the previous edges: ten minutes."""


class Chosen(NamedTuple):
    """A variant's position, and the allocation epoch whose edges give it."""

    position: int
    epoch: int


def chosen_by_client(
    live: Randomisation, unit: str, reported: str | None, at_us: int, named: int | None = None
) -> Chosen:
    """Return the variant that a client that assigns locally should have shown, by the edges that it may have used.

    The edges at the event's time come first, then later ones, then those replaced less than `STALE_US` ago. The first
    ones that give the reported variant are used, so that a change of the shares excludes no member.

    Parameters
    ----------
    reported
        The key of the variant that the client reports as shown, if any.
    at_us
        The event's own time, microseconds UTC.
    named
        The number of the epoch that the client reports; accepted if it is a cached one.
    """
    mine = bucket(live.seed, unit)
    present = Chosen(pick(live.edges, mine), live.epoch)
    if not live.past_epochs or reported is None:
        return present
    before, after = _past(live, at_us, named)
    candidates = [Chosen(pick(epoch.edges, mine), epoch.number) for epoch in before]
    candidates += [present, *(Chosen(pick(epoch.edges, mine), epoch.number) for epoch in after)]
    return next((chosen for chosen in candidates if live.variants[chosen.position].key == reported), present)


def _past(live: Randomisation, at_us: int, named: int | None) -> tuple[list[PastEpoch], list[PastEpoch]]:
    """Return the past epochs to try before the current one, and those to try after it."""
    if named is not None:
        return [epoch for epoch in live.past_epochs if epoch.number == named], []
    in_use = [epoch for epoch in reversed(live.past_epochs) if at_us < epoch.ended_us]
    return in_use, [epoch for epoch in live.past_epochs if epoch.ended_us <= at_us < epoch.ended_us + STALE_US]


def hash_reason(live: LiveExperiment, unit: str) -> str | None:
    """Return why the hashes exclude the unit (namespace, holdout, traffic), None if they admit it."""
    if live.namespace_key is not None:
        place = bucket(live.namespace_seed, unit)
        if not live.namespace_from <= place < live.namespace_to:
            return "NAMESPACE"
        if place >= live.holdout_from:
            return "HOLDOUT"
    # More traffic moves the edge up, so that admitted units keep their variant.
    if live.traffic_buckets < 10_000 and bucket(live.traffic_seed, unit) >= live.traffic_buckets:
        return "TRAFFIC"
    return None
