"""An illustration of a cascade with the counted size and depth; the branches of real cascades are not stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MOST_DRAWN: Final = 90
_WIDENING, _THINNING = 1.2, 0.6
"""Growth of the drawn generations: as in deep cascades, they widen at first and thin out towards the end."""
_GOLDEN: Final = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Burr:
    """A tree around its root, in a box from −1 to 1 in both directions.

    Attributes
    ----------
    size, depth : int
        Members and generations of the cascade; the root is a member and generation 0.
    nodes : tuple of (float, float, int)
        x, y and generation, the root first; at most `MOST_DRAWN`.
    parents : tuple of int
        For each node except the root, the index of its parent.
    """

    size: int
    depth: int
    nodes: tuple[tuple[float, float, int], ...]
    parents: tuple[int, ...]

    @property
    def whole(self) -> bool:
        """Whether every member is drawn."""
        return len(self.nodes) == self.size


def burr(size: int, depth: int) -> Burr:
    """Lay out a cascade of `size` members in `depth` generations; the same figures give the same picture.

    The sizes of generations and the branches are simulated, since only the histograms of size and depth are stored.
    If the two belong to different cascades, the depth is cut to what the size allows.
    """
    size = max(1, size)
    drawn = min(size, MOST_DRAWN)
    depth = min(max(depth, 1 if size > 1 else 0), drawn - 1)
    generations = _generations(drawn - 1, depth)
    parents = _parents(generations)
    angles = _angles(parents)
    levels = [0, *(level for level, members in enumerate(generations, 1) for _ in range(members))]
    nodes = tuple(
        (
            round(level / max(depth, 1) * math.cos(angle), 4),
            round(level / max(depth, 1) * math.sin(angle), 4),
            level,
        )
        for level, angle in zip(levels, angles, strict=True)
    )
    return Burr(size, depth, nodes, tuple(parents))


def _generations(descendants: int, depth: int) -> list[int]:
    """Return the members of each generation, at least one each."""
    if depth == 0:
        return []
    shares = [(level + 1) ** _WIDENING * _THINNING**level for level in range(depth)]
    return [1 + more for more in _apportioned(descendants - depth, shares)]


def _parents(generations: Sequence[int]) -> list[int]:
    """Return the parent of each node except the root; the numbers of guests vary as among members."""
    parents, above = [], [0]
    first = 1
    for members in generations:
        keen = [0.08 + ((place + 1) * _GOLDEN % 1) ** 2.2 for place in range(len(above))]
        for parent, brought in zip(above, _apportioned(members, keen), strict=True):
            parents += [parent] * brought
        above = list(range(first, first + members))
        first += members
    return parents


def _apportioned(total: int, shares: Sequence[float]) -> list[int]:
    """Return integers in proportion to `shares` that add up to `total` (largest remainders)."""
    exact = [total * share / sum(shares) for share in shares]
    whole = [math.floor(number) for number in exact]
    by_rest = sorted(range(len(exact)), key=lambda place: (whole[place] - exact[place], place))
    for place in by_rest[: total - sum(whole)]:
        whole[place] += 1
    return whole


def _angles(parents: Sequence[int]) -> list[float]:
    """Return the direction of each node, in the middle of the room that its leaves need."""
    count = len(parents) + 1
    children: list[list[int]] = [[] for _ in range(count)]
    for child, parent in enumerate(parents, 1):
        children[parent].append(child)
    leaves = [1.0] * count
    for node in range(count - 1, -1, -1):
        if children[node]:
            leaves[node] = sum(leaves[child] for child in children[node])
    angles, begins = [0.0] * count, [0.0] * count
    begins[0] = -math.pi / 2
    for node in range(count):
        at = begins[node]
        for child in children[node]:
            room = math.tau * leaves[child] / leaves[0]
            begins[child], angles[child] = at, at + room / 2
            at += room
    return angles
