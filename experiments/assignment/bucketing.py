"""The bucket of a unit: a pure, published hash that is the same in every language.

The hash is GrowthBook's version 2. Test vectors and how to reproduce them are in ``docs/assignment.md``.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

from experiments.errors import InvalidError

BUCKETS = 10_000
"""Number of buckets: shares are exact to one part in ten thousand."""

_OFFSET = 2_166_136_261
_PRIME = 16_777_619
_MASK = 0xFFFFFFFF


def fnv1a32(text: str, state: int = _OFFSET) -> int:
    """Return the 32-bit FNV-1a hash of a text's UTF-8 bytes.

    Parameters
    ----------
    text
        Any text that UTF-8 can encode.
    state
        The hash of a preceding text, to continue it.

    Returns
    -------
    int
        0 to 2³² − 1.

    Notes
    -----
    Fowler, Noll and Vo; draft-eastlake-fnv.
    """
    for byte in text.encode():
        state = ((state ^ byte) * _PRIME) & _MASK
    return state


_seed_state = lru_cache(maxsize=4096)(fnv1a32)


def bucket(seed: str, unit: str) -> int:
    """Return the bucket of ``unit`` under ``seed``, 0 to 9,999.

    ``fnv1a32(str(fnv1a32(seed + unit))) % 10000``: GrowthBook's ``hashVersion`` 2, whose fraction is this over 10,000.
    """
    return fnv1a32(str(fnv1a32(unit, _seed_state(seed)))) % BUCKETS


def edges(weights: Sequence[float]) -> tuple[int, ...]:
    """Return the upper bucket edge of each variant, computed once when a run starts.

    Variant ``i`` owns the buckets from the previous edge up to, but excluding, its own; a weight of 0 owns none.

    Parameters
    ----------
    weights
        Planned shares, not negative, adding up to 1 within 1e-6.

    Returns
    -------
    tuple of int
        Increasing; the last is 10,000. Each is the cumulative weight rounded to the nearest bucket, so that every
        share is exact to one bucket.

    Raises
    ------
    InvalidError
        A weight is negative, or positive but below one bucket, or the sum is not 1.
    """
    total = math.fsum(weights)
    if not weights or not abs(total - 1.0) <= 1e-6:
        raise InvalidError(f"The weights add up to {total:g}; they must add up to 1.", code="weights")
    for weight in weights:
        if weight < 0 or 0 < weight < 1 / BUCKETS * (1 - 1e-9):
            raise InvalidError(
                f"The weight {weight:g} must be 0 or {1 / BUCKETS:g} to 1; raise it or remove the variant.",
                code="weights",
            )
    sums = (math.fsum(weights[: index + 1]) / total for index in range(len(weights)))
    # The small addition rounds up halves that binary fractions represent slightly too low.
    return tuple(math.floor(share * BUCKETS + 0.5 + 1e-6) for share in sums)


def pick(edges: Sequence[int], bucket: int) -> int:
    """Return the position of the variant that owns ``bucket``."""
    return bisect_right(edges, bucket)
