"""The small parts that the sections of the results page share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from string import Formatter
from typing import Protocol, TypeVar

from analysis import NotShown
from analysis.posterior.joint import Estimate
from experiments.definition.variant_names import letter
from experiments.reporting.worded import Reading
from web.pages.results.drawing import Scale, Tick, ticks


@dataclass(frozen=True)
class Number:
    """A figure as printed, with its explanation; `id` keeps the focus over a refresh."""

    text: str
    why: str = ""
    id: str = ""


@dataclass(frozen=True)
class VariantFacts:
    """What the page shows of a variant; `position` fixes its letter and colour."""

    key: str
    position: int
    name: str = ""
    control: bool = False
    headline: str = ""
    image_url: str = ""

    @property
    def letter(self) -> str:
        return letter(self.position)

    @property
    def colour(self) -> str:
        """CSS class that sets ``--v``."""
        return f"v{self.position % 12}"

    @property
    def title(self) -> str:
        """The headline, else the name, else the key."""
        return self.headline or self.name or self.key


@dataclass(frozen=True)
class Plan:
    """What the page shows of the experiment and its run besides the result."""

    primary: str
    currency: str
    zone: str
    started_at: datetime
    ended_at: datetime | None = None
    planned_days: int | None = None
    imported: bool = False
    simulated: bool = False
    counts_only: bool = False
    window_days: int = 7
    fixed_costs: Mapping[str, float] = field(default_factory=dict)  # by variant, where there is any

    @property
    def window(self) -> int | None:
        """The window in days; None for totals without dates, which were counted in an unknown window."""
        return None if self.imported and self.planned_days is None else self.window_days


@dataclass(frozen=True)
class AxisTick:
    """A mark with its label; a minor one is left out where the drawing is as narrow as a phone makes it."""

    tick: Tick
    label: str
    major: bool


_NARROW, _WIDE, _LETTER, _BETWEEN = 63, 400, 7, 6
"""Pixels of the narrowest and of a wide drawing, of a label's letter there, and between two labels."""


def axis_of(scale: Scale, label: Callable[[float], str], wanted: int = 4) -> tuple[AxisTick, ...]:
    """Label the marks of a scale; where there is room for few, the farthest from zero comes first, then zero."""
    for number in range(wanted, 1, -1):
        labelled = [(tick, label(tick.value)) for tick in ticks(scale, number)]
        if all(_apart(*one, *other, _WIDE) for one, other in pairwise(labelled)):
            break
    far = max((tick.value for tick, _ in labelled), key=abs, default=0.0)

    def rank(pair: tuple[Tick, str]) -> tuple[bool, bool, float]:
        value = pair[0].value
        return value != far, value != 0, -min(abs(value), abs(value - far))

    kept: list[tuple[Tick, str]] = []
    for tick, text in sorted(labelled, key=rank):
        if all(_apart(tick, text, *other, _NARROW) for other in kept):
            kept.append((tick, text))
    return tuple(AxisTick(tick, text, (tick, text) in kept) for tick, text in labelled)


def _apart(tick: Tick, text: str, other: Tick, beside: str, width: int) -> bool:
    """Whether two labels, each in the middle of its mark, leave each other room on a drawing of so many pixels."""
    return abs(tick.at - other.at) / 100 * width >= _LETTER * (len(text) + len(beside)) / 2 + _BETWEEN


@dataclass(frozen=True)
class Part:
    """A piece of a sentence: `colour` where it names a variant, `number` where it is a figure with an explanation."""

    text: str
    colour: str = ""
    number: Number | None = None


def filled(template: str, **places: Part | str) -> tuple[Part, ...]:
    """Return a translated sentence as pieces, with a piece or a text at each of its places."""
    pieces: list[Part] = []
    for text, name, _, _ in Formatter().parse(template):
        pieces += [Part(text)] if text else []
        if name:
            place = places[name]
            pieces.append(Part(place) if isinstance(place, str) else place)
    return tuple(pieces)


@dataclass(frozen=True)
class Table:
    """The figures of a drawing as text: a heading a column, and rows whose first cell names the row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class OfVariant(Protocol):
    """A row of a result that is about a variant."""

    @property
    def variant(self) -> str:
        """The variant's key."""


OfOne = TypeVar("OfOne", bound=OfVariant)


def by_position(rows: Sequence[OfOne], variants: Sequence[VariantFacts]) -> list[tuple[VariantFacts, OfOne]]:
    """Return the rows of a result, each beside its variant, in the order of the page."""
    known = {row.variant: row for row in rows}
    return [(variant, known[variant.key]) for variant in variants if variant.key in known]


class Absent(Protocol):
    """A part of a result that may be missing."""

    @property
    def not_shown(self) -> NotShown | None:
        """Why it is missing."""


def reason_of(part: Absent, reading: Reading) -> str:
    """Return why a part of a result is not shown; empty where it is."""
    return "" if part.not_shown is None else reading.text(part.not_shown.reason)


def shown(estimate: Estimate | NotShown | None) -> Estimate | None:
    """Return an estimate; None where it is missing or was left out with a reason."""
    return estimate if isinstance(estimate, Estimate) else None
