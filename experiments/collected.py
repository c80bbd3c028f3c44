"""What `collect` brings back: sufficient statistics and the counts that the health checks need, ready to be stored."""

from dataclasses import asdict, dataclass, field
from typing import Any

from analysis import statistics_from_dict
from analysis.statistics import ProportionStatistics, Statistics

OTHERS = "others"
"""The level that holds every value of a segment beyond the largest ones."""

UNKNOWN = "(not given)"
"""The level of members whose attribute was not given."""

SegmentData = dict[tuple[str, str], ProportionStatistics]


@dataclass(frozen=True, slots=True)
class Quality:
    """Counts about the data itself, for the health checks.

    Attributes
    ----------
    immature : int
        Randomised members whose window was not over at the cut-off.
    events : int
        Attributed events.
    late : int
        Of these, the ones that arrived more than 24 hours after they happened.
    ahead : int
        Of these, the ones whose client clock was more than a minute ahead of ours.
    other_currency : int
        Purchases in another currency than the experiment's: they count as purchases, not as money.
    last_event_us : int or None
        When the newest attributed event happened.
    early : int
        Events of members, since the run began, within the day before their first exposure: they do not count.
    """

    immature: int = 0
    events: int = 0
    late: int = 0
    ahead: int = 0
    other_currency: int = 0
    last_event_us: int | None = None
    early: int = 0


@dataclass(frozen=True, slots=True)
class Collected:
    """Everything an analysis may look at, up to one cut-off.

    Attributes
    ----------
    counts : dict of str to int
        Randomised members a variant, in the order of the variants.
    excluded : dict of str to int
        Members set aside, by reason: ``multi_exposed``, ``bots``.
    shared : int
        Members who came through a share link.
    metric_data : dict of str to dict of str to Statistics
        By metric, then by variant.
    segment_data : dict of str to dict
        By attribute, then by (variant, level): the primary metric's statistics.
    arrivals : tuple of (str, int, int)
        (variant, whole days since the first exposure, new members that day).
    first_exposure_us : int or None
        When the first member was exposed.
    quality : Quality
    """

    counts: dict[str, int]
    excluded: dict[str, int]
    shared: int
    metric_data: dict[str, dict[str, Statistics]]
    segment_data: dict[str, SegmentData] = field(default_factory=dict)
    arrivals: tuple[tuple[str, int, int], ...] = ()
    first_exposure_us: int | None = None
    quality: Quality = field(default_factory=Quality)

    @property
    def randomised(self) -> int:
        """Randomised members of all variants together."""
        return sum(self.counts.values())

    def to_dict(self) -> dict[str, Any]:
        """A form that survives JSON to the digit."""
        return {
            "counts": self.counts,
            "excluded": self.excluded,
            "shared": self.shared,
            "metric_data": {
                metric: {variant: statistics.to_dict() for variant, statistics in data.items()}
                for metric, data in self.metric_data.items()
            },
            "segment_data": {
                segment: [[variant, level, cell.n, cell.successes] for (variant, level), cell in cells.items()]
                for segment, cells in self.segment_data.items()
            },
            "arrivals": [list(row) for row in self.arrivals],
            "first_exposure_us": self.first_exposure_us,
            "quality": asdict(self.quality),
            # JSON objects of PostgreSQL come back in another order: the variants' own order is kept here.
            "variants": list(self.counts),
            "metrics": list(self.metric_data),
            "segments": list(self.segment_data),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Collected":
        """Read `to_dict` back; the inverse to the digit."""
        variants = data["variants"]
        return cls(
            counts={variant: data["counts"][variant] for variant in variants},
            excluded=dict(data["excluded"]),
            shared=data["shared"],
            metric_data={
                metric: {
                    variant: statistics_from_dict(data["metric_data"][metric][variant])
                    for variant in variants
                    if variant in data["metric_data"][metric]
                }
                for metric in data["metrics"]
            },
            segment_data={
                segment: {
                    (variant, level): ProportionStatistics(n, successes)
                    for variant, level, n, successes in data["segment_data"][segment]
                }
                for segment in data["segments"]
            },
            arrivals=tuple((variant, day, n) for variant, day, n in data["arrivals"]),
            first_exposure_us=data["first_exposure_us"],
            quality=Quality(**data["quality"]),
        )
