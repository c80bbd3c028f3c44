"""The small parts that every section of the results page is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from web.formatting import letter
from web.pages.results_drawing import Tick


@dataclass(frozen=True)
class Number:
    """A figure as printed and the sentence that explains it; `id` keeps the focus over a refresh."""

    text: str
    why: str = ""
    id: str = ""


@dataclass(frozen=True)
class VariantFacts:
    """What the page needs to know of a variant; `position` fixes its letter and colour for ever."""

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
    """What the page knows of the experiment and its run beside the result."""

    primary: str
    guardrails: Sequence[str]
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


@dataclass(frozen=True)
class AxisTick:
    tick: Tick
    label: str


@dataclass(frozen=True)
class Part:
    """A piece of a sentence: `colour` where it names a variant, `number` where it is a figure that explains itself."""

    text: str
    colour: str = ""
    number: Number | None = None


@dataclass(frozen=True)
class Table:
    """The figures of a drawing as text: a heading a column, and rows whose first cell names the row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def by_position(
    rows: Sequence[Mapping[str, Any]], variants: Sequence[VariantFacts]
) -> list[tuple[VariantFacts, Mapping[str, Any]]]:
    """Rows of a result that carry "variant", each beside its variant, in the order of the page."""
    known = {row["variant"]: row for row in rows}
    return [(variant, known[variant.key]) for variant in variants if variant.key in known]


def reason_of(part: Mapping[str, Any] | None) -> str:
    """Why a part of a result is not shown; empty where it is."""
    found = (part or {}).get("not_shown")
    if not found:
        return ""
    return str(found["reason"] if isinstance(found, Mapping) else found)


def shown(estimate: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """An estimate in the API's shape, None where it is missing or was left out with a reason."""
    return estimate if estimate and estimate.get("mean") is not None else None
