"""What the hashes alone say about a unit: whether it is let in, and into which variant."""

from typing import NamedTuple

from experiments.assignment.bucketing import bucket, pick
from experiments.assignment.configuration import LiveExperiment, PastEpoch


def hashed(live: LiveExperiment, unit: str) -> int:
    """The position of the variant that the hash gives the unit in the present run."""
    return pick(live.edges, bucket(live.seed, unit))


STALE_US = 600_000_000
"""So long after the edges have moved a client that chooses by itself may still go by those before: ten minutes."""


class Chosen(NamedTuple):
    """The variant's position and the allocation epoch whose edges give it."""

    position: int
    epoch: int


def chosen_by_client(
    live: LiveExperiment, unit: str, reported: str | None, at_us: int, named: int | None = None
) -> Chosen:
    """What a client that chose by itself should have shown, by the edges that it may have known at the time.

    The edges in use at the event's own time come first, then the later ones, then those that were over for less than
    `STALE_US`: the first that give the reported variant are taken, so that a change of the shares excludes no member.

    Parameters
    ----------
    reported
        The variant's key that the client says it has shown, where it says so.
    at_us
        The event's own time, microseconds UTC.
    named
        The number of the epoch that the client says it went by; held ones are taken at its word.
    """
    mine = bucket(live.seed, unit)
    present = Chosen(pick(live.edges, mine), live.epoch)
    if not live.past_epochs or reported is None:
        return present
    before, after = _past(live, at_us, named)
    found = [Chosen(pick(epoch.edges, mine), epoch.number) for epoch in before]
    found += [present, *(Chosen(pick(epoch.edges, mine), epoch.number) for epoch in after)]
    return next((chosen for chosen in found if live.variants[chosen.position].key == reported), present)


def _past(live: LiveExperiment, at_us: int, named: int | None) -> tuple[list[PastEpoch], list[PastEpoch]]:
    """The past epochs that a client may have gone by: those to be tried before the present one, and after it."""
    if named is not None:
        return [epoch for epoch in live.past_epochs if epoch.number == named], []
    in_force = [epoch for epoch in reversed(live.past_epochs) if at_us < epoch.ended_us]
    return in_force, [epoch for epoch in live.past_epochs if epoch.ended_us <= at_us < epoch.ended_us + STALE_US]


def hash_reason(live: LiveExperiment, unit: str) -> str | None:
    """Why the hashes keep the unit out (namespace, holdout, traffic), or None where they let it in."""
    if live.namespace_key is not None:
        place = bucket(live.namespace_seed, unit)
        if not live.namespace_from <= place < live.namespace_to:
            return "NAMESPACE"
        if place >= live.holdout_from:
            return "HOLDOUT"
    # Raising traffic moves the edge up: who was in stays in, in the same variant.
    if live.traffic_buckets < 10_000 and bucket(live.traffic_seed, unit) >= live.traffic_buckets:
        return "TRAFFIC"
    return None
