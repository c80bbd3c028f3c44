"""What the hashes alone say about a unit: whether it is let in, and into which variant."""

from experiments.bucketing import bucket, pick
from experiments.configuration import LiveExperiment


def hashed(live: LiveExperiment, unit: str) -> int:
    """The position of the variant that the hash gives the unit in the present run."""
    return pick(live.edges, bucket(live.seed, unit))


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
