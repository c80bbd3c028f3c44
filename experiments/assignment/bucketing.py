"""Which slice of the audience a unit falls into: pure, published, and the same in every language.

The hash is GrowthBook's version 2. Test vectors and how to reproduce them stand in ``docs/assignment.md``.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

from experiments.errors import InvalidError

BUCKETS = 10_000
"""A unit's share of the audience is known to one part in ten thousand."""

_OFFSET = 2_166_136_261
_PRIME = 16_777_619
_MASK = 0xFFFFFFFF


def fnv1a32(text: str, state: int = _OFFSET) -> int:
    """The 32-bit FNV-1a hash of a text's UTF-8 bytes.

    Parameters
    ----------
    text
        Anything that UTF-8 can hold.
    state
        The hash of what precedes the text, to continue from there.

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
    """The slice, 0 to 9,999, in which ``unit`` lies under ``seed``.

    ``fnv1a32(str(fnv1a32(seed + unit))) % 10000``: GrowthBook's ``hashVersion`` 2, whose fraction is this over 10,000.
    """
    return fnv1a32(str(fnv1a32(unit, _seed_state(seed)))) % BUCKETS


def edges(weights: Sequence[float]) -> tuple[int, ...]:
    """The upper bucket edge of each variant, computed once when a run begins.

    Variant ``i`` owns the buckets from the edge before it up to, and without, its own; a weight of zero owns none.

    Parameters
    ----------
    weights
        Planned shares, not negative, adding up to 1 within 1e-6.

    Returns
    -------
    tuple of int
        Rising; the last is 10,000. Each is its cumulative weight rounded to the nearest bucket, so every
        share is right to one bucket.

    Raises
    ------
    InvalidError
        Where a weight is negative or positive but below one bucket, or the sum is not 1.
    """
    total = math.fsum(weights)
    if not weights or not abs(total - 1.0) <= 1e-6:
        raise InvalidError(f"The weights add up to {total:g}; they must add up to 1.", code="weights")
    for weight in weights:
        if weight < 0 or 0 < weight < 1 / BUCKETS * (1 - 1e-9):
            raise InvalidError(
                f"The weight {weight:g} is none of 0 and {1 / BUCKETS:g} to 1; raise it or leave the variant out.",
                code="weights",
            )
    sums = (math.fsum(weights[: index + 1]) / total for index in range(len(weights)))
    # The tiny addition makes halves that binary fractions miss by a hair round up all the same.
    return tuple(math.floor(share * BUCKETS + 0.5 + 1e-6) for share in sums)


def pick(edges: Sequence[int], bucket: int) -> int:
    """The position of the variant that owns ``bucket``."""
    return bisect_right(edges, bucket)
