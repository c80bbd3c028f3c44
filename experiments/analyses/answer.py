"""The result of an analysis, typed from end to end; its JSON document is what is stored and what the API returns.

`Answer.to_dict` writes the document and `from_dict` reads it back to the digit. Sentences in it are messages: codes
with parameters, which `experiments.reporting` turns into text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from analysis import HealthCheck, NamedPrior, Rules, Verdict
from experiments.analyses.allocation import AllocationResult
from experiments.analyses.plan import LiftPrior
from experiments.analyses.sampled import SAMPLED, Sampled
from experiments.analyses.sampled.part import Entries, Part, T
from experiments.analyses.scorecards import MetricEntry, entries_from
from experiments.analyses.serialise import finite

Curve = Mapping[str, Sequence[float]]
Drawing = dict[str, dict[str, dict[str, Curve]]]
"""The curves of the lifts for drawing: "densities", then metric and variant; each has its x and y."""


class Units(NamedTuple):
    """The members of a result.

    Attributes
    ----------
    randomised, shared : int
        Members who were randomised, and who came through a share link.
    excluded : mapping of str to int
        Members not counted, by reason.
    events_set_aside : mapping of str to int
        Members' events in their windows that do not count, by reason.
    """

    randomised: int
    shared: int
    excluded: Mapping[str, int]
    events_set_aside: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        whole = {"excluded": dict(self.excluded), "events_set_aside": dict(self.events_set_aside)}
        return self._asdict() | whole


@dataclass(frozen=True, slots=True)
class Mature:
    """The figures of the members whose attribution window is over.

    Attributes
    ----------
    members : mapping of str to int
        By variant.
    metrics : tuple of MetricEntry
    """

    members: Mapping[str, int]
    metrics: tuple[MetricEntry, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"members": dict(self.members), "metrics": [entry.to_dict() for entry in self.metrics]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        return cls(dict(data["members"]), entries_from(data["metrics"]))


@dataclass(frozen=True, slots=True)
class Total:
    """The outcomes of randomised members and their cascades; descriptive, without effect on the verdict.

    Attributes
    ----------
    brought : int
        Members who came through a share.
    metrics : tuple of MetricEntry
    """

    brought: int
    metrics: tuple[MetricEntry, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"brought": self.brought, "metrics": [entry.to_dict() for entry in self.metrics]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        return cls(data["brought"], entries_from(data["metrics"]))


class Summary(NamedTuple):
    """The primary metric in a few numbers.

    Attributes
    ----------
    leader : str or None
        The variant with the highest chance of being best.
    chance_best : float or None
        Its probability of being best.
    expected_loss_per_100 : float or None
        Its expected loss, per 100 members.
    unit_of_measure : str
    members_per_day : float or None
    more_days : int or None
        Estimated number of days until a verdict.
    elapsed_days : float or None
        None for totals imported without dates.
    planned_days : int or None
    """

    leader: str | None
    chance_best: float | None
    expected_loss_per_100: float | None
    unit_of_measure: str
    members_per_day: float | None
    more_days: int | None
    elapsed_days: float | None
    planned_days: int | None


class Arrivals(NamedTuple):
    """New members of a variant on one day.

    Attributes
    ----------
    variant : str
    day : int
        Whole days since the first exposure.
    members : int
    """

    variant: str
    day: int
    members: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """The definitions, priors, rules, seed and versions behind a result.

    Attributes
    ----------
    metric_definitions : mapping of str to mapping
        `Metric.definition` of each metric.
    lift : LiftPrior
    priors : mapping of str to NamedPrior
        The other priors by the metric or the part that uses them.
    rules : Rules
        Of the verdict.
    seed : int
    versions : mapping of str to str
        Of Python and the packages that compute.
    """

    metric_definitions: Mapping[str, Mapping[str, Any]]
    lift: LiftPrior
    priors: Mapping[str, NamedPrior]
    rules: Rules
    seed: int
    versions: Mapping[str, str]

    @property
    def all_priors(self) -> dict[str, NamedPrior]:
        """The priors by what uses them, the lift's by "lift"."""
        return {**self.priors, "lift": self.lift.prior}

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        priors = {key: prior.to_dict() for key, prior in self.priors.items()}
        return {
            "metric_definitions": {key: dict(definition) for key, definition in self.metric_definitions.items()},
            "priors": priors | {"lift": self.lift.to_dict()},
            "rules": self.rules.to_dict(),
            "seed": self.seed,
            "versions": dict(self.versions),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        priors = {key: NamedPrior.from_dict(prior) for key, prior in data["priors"].items() if key != "lift"}
        return cls(
            metric_definitions=dict(data["metric_definitions"]),
            lift=LiftPrior.from_dict(data["priors"]["lift"]),
            priors=priors,
            rules=Rules.from_dict(data["rules"]),
            seed=data["seed"],
            versions=dict(data["versions"]),
        )


class Heading(NamedTuple):
    """The analysis and the members of a result.

    Attributes
    ----------
    experiment : str
    run : int
        Number of the run.
    analysis : str
        Its id.
    cut_off, created_at : str
        RFC 3339; nothing after the cut-off counts.
    units : Units
    """

    experiment: str
    run: int
    analysis: str
    cut_off: str
    created_at: str
    units: Units

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return self._asdict() | {"units": self.units.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read it from the keys of a result's document."""
        own = {name: data[name] for name in cls._fields}
        return cls(**own | {"units": Units(**data["units"])})


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one analysis.

    Attributes
    ----------
    heading : Heading
    verdict : Verdict
    health : tuple of HealthCheck
    metrics : tuple of MetricEntry
        The primary one first.
    mature : Mature or None
        None if all members are mature.
    total : Total or None
        None if no member was brought.
    sampled : mapping of str to entries
        By the key of the part; see `experiments.analyses.sampled.SAMPLED` and `entries`.
    allocation : AllocationResult or None
        None for fixed weights.
    summary : Summary
        "answer" in the document.
    arrivals : tuple of Arrivals
    provenance : Provenance
    """

    heading: Heading
    verdict: Verdict
    health: tuple[HealthCheck, ...]
    metrics: tuple[MetricEntry, ...]
    mature: Mature | None
    total: Total | None
    sampled: Sampled
    allocation: AllocationResult | None
    summary: Summary
    arrivals: tuple[Arrivals, ...]
    provenance: Provenance

    @property
    def primary(self) -> MetricEntry:
        """The primary metric, which decides the verdict."""
        return self.metrics[0]

    def entries(self, part: Part[T]) -> Entries[T]:
        """Return the entries of a sampled part."""
        return self.sampled[part.key]

    def entry(self, metric: str) -> MetricEntry | None:
        """Return the entry of a metric; None if it has no scorecard."""
        return next((entry for entry in self.metrics if entry.metric == metric), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the document in plain JSON values; numbers that JSON cannot hold are null."""
        return _document(
            self.heading.to_dict()
            | {
                "verdict": self.verdict.to_dict(),
                "health": [check.to_dict() for check in self.health],
                "metrics": [entry.to_dict() for entry in self.metrics],
                "mature": None if self.mature is None else self.mature.to_dict(),
                "total": None if self.total is None else self.total.to_dict(),
                **{part.key: part.to_json(self.sampled[part.key]) for part in SAMPLED},
                "allocation": None if self.allocation is None else self.allocation.to_dict(),
                "answer": self.summary._asdict(),
                "arrivals": [row._asdict() for row in self.arrivals],
                "provenance": self.provenance.to_dict(),
            }
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a stored document."""
        mature, total, allocation = data["mature"], data["total"], data["allocation"]
        return cls(
            heading=Heading.from_dict(data),
            verdict=Verdict.from_dict(data["verdict"]),
            health=tuple(HealthCheck.from_dict(check) for check in data["health"]),
            metrics=entries_from(data["metrics"]),
            mature=None if mature is None else Mature.from_dict(mature),
            total=None if total is None else Total.from_dict(total),
            sampled={part.key: part.from_json(data[part.key]) for part in SAMPLED},
            allocation=None if allocation is None else AllocationResult.from_dict(allocation),
            summary=Summary(**data["answer"]),
            arrivals=tuple(Arrivals(**row) for row in data["arrivals"]),
            provenance=Provenance.from_dict(data["provenance"]),
        )


@dataclass(frozen=True, slots=True)
class PastDay:
    """The result of a past day for the curve over time: the primary metric's scorecard, without a verdict.

    Attributes
    ----------
    heading : Heading
    primary : MetricEntry
    metric_definitions, seed, versions
        As in `Provenance`.
    """

    heading: Heading
    primary: MetricEntry
    metric_definitions: Mapping[str, Mapping[str, Any]]
    seed: int
    versions: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return the document."""
        provenance = {
            "metric_definitions": {key: dict(definition) for key, definition in self.metric_definitions.items()},
            "seed": self.seed,
            "versions": dict(self.versions),
        }
        return _document(self.heading.to_dict() | {"metrics": [self.primary.to_dict()], "provenance": provenance})


def _document(value: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = finite(value)
    return document
