"""The geometry of the results page's inline drawings: pure numbers and SVG paths, no colours and no text.

Horizontal places are per cent of a drawing's width and vertical ones CSS pixels, so that a drawing fills whatever
column it is in while its strokes, circles and letters keep their size on a phone.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

from analysis.posterior.joint import Estimate
from experiments.analyses.answer import Curve

RIDGE_WIDTH = 1000  # units of the stretched box that a ridge's path lives in
RIDGE_HEIGHT = 26  # CSS pixels from the ridge's foot to its highest possible top


@dataclass(frozen=True)
class Scale:
    """A linear axis from `low` to `high` in the metric's own unit; ``low < high`` always."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Place of `value` in per cent of the width, kept within 0 and 100, to two digits."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)


@dataclass(frozen=True)
class Tick:
    """One mark of an axis."""

    at: float
    value: float


@dataclass(frozen=True)
class Ridge:
    """A posterior with its interval: `area` is a closed SVG path in a box of 1000 by 26, the rest are per cent."""

    area: str
    low: float
    high: float
    mean: float
    zero: float


def common_scale(
    intervals: Iterable[tuple[float, float]], reference: float = 0.0, margin: float = 0.14
) -> Scale | None:
    """The one axis that all intervals of a metric and its reference line fit on.

    Parameters
    ----------
    intervals : iterable of (low, high)
        In the metric's unit or as a relative lift; pairs with a bound that is not finite are left out.
    reference : float
        The value of the dotted line, which is always inside.
    margin : float
        Room on both sides, as a share of the span, so that the tails of a ridge can be seen.

    Returns
    -------
    Scale or None
        None where no interval is left.
    """
    finite = [pair for pair in intervals if all(math.isfinite(bound) for bound in pair)]
    if not finite:
        return None
    low = min(reference, *(pair[0] for pair in finite))
    high = max(reference, *(pair[1] for pair in finite))
    span = high - low or max(abs(low), 1e-9)
    return Scale(low - margin * span, high + margin * span)


def spread_scale(intervals: Iterable[tuple[float, float] | None], margin: float = 0.12) -> Scale | None:
    """The axis that intervals fit on without a reference line: from a little below the lowest to a little above."""
    finite = [pair for pair in intervals if pair and all(math.isfinite(bound) for bound in pair)]
    if not finite:
        return None
    return common_scale(finite, reference=finite[0][0], margin=margin)


def ticks(scale: Scale, wanted: int = 4) -> tuple[Tick, ...]:
    """Round marks inside `scale`: about `wanted` of them, zero always among them where the scale holds it.

    Marks nearer than 6 per cent to an edge are left out, since their labels would be cut.
    """
    step = _round_step((scale.high - scale.low) / wanted)
    first, last = math.ceil(scale.low / step), math.floor(scale.high / step)
    values = [0.0 if number == 0 else number * step for number in range(first, last + 1)]
    inside = [value for value in values if value == 0 or 6 <= scale.at(value) <= 94]
    return tuple(Tick(scale.at(value), value) for value in inside)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def ridge(density: Curve | None, mean: float, low: float, high: float, scale: Scale) -> Ridge:
    """Draw one posterior on `scale`.

    Parameters
    ----------
    density : mapping with "x" and "y", or None
        Values and heights (any unit; the highest becomes the full height). None or fewer than three points leave
        the area empty: the interval alone is drawn.
    mean, low, high : float
        Centre and interval bounds in the unit of `scale`.
    """
    return Ridge(_area(density, scale), scale.at(low), scale.at(high), scale.at(mean), scale.at(0.0))


def _area(density: Curve | None, scale: Scale) -> str:
    if not density or len(density["x"]) < 3 or max(density["y"]) <= 0:
        return ""
    top = max(density["y"])
    points = [
        (_place(x, scale), RIDGE_HEIGHT * (1 - y / top))
        for x, y in zip(density["x"], density["y"], strict=True)
        if scale.low <= x <= scale.high
    ]
    if len(points) < 2:
        return ""
    line = " L".join(f"{x:.0f} {y:.1f}" for x, y in points)
    return f"M{points[0][0]:.0f} {RIDGE_HEIGHT} L{line} L{points[-1][0]:.0f} {RIDGE_HEIGHT}Z"


def _place(value: float, scale: Scale) -> float:
    return RIDGE_WIDTH * (value - scale.low) / (scale.high - scale.low)


def hills(seed: str, layers: int = 4) -> tuple[str, ...]:
    """A calm picture for a variant without an image: soft hills, the same for the same `seed` everywhere.

    Returns
    -------
    tuple of str
        Closed SVG paths in a box of 320 by 80, the farthest first.
    """
    digest = hashlib.blake2s(seed.encode(), digest_size=4 * layers).digest()
    return tuple(_hill(digest[4 * layer : 4 * layer + 4], layer, layers) for layer in range(layers))


def _hill(noise: bytes, layer: int, layers: int) -> str:
    base = 28 + 46 * layer / layers  # nearer hills are lower
    height = 14 + noise[0] / 255 * 16
    phase, stretch = noise[1] / 255 * math.tau, 0.7 + noise[2] / 255 * 0.9
    lean = noise[3] / 255 * math.tau
    points = []
    for x in range(0, 321, 10):
        angle = x / 320 * math.tau * stretch
        y = base - height * (0.62 * math.sin(angle + phase) + 0.38 * math.sin(1.9 * angle + lean))
        points.append(f"{x} {y:.1f}")
    return "M0 80 L" + " L".join(points) + " L320 80Z"


def interval_of(estimate: Estimate | None) -> tuple[float, float] | None:
    """Return the bounds of an estimate; None where there is none."""
    return None if estimate is None else (estimate.interval.low, estimate.interval.high)
