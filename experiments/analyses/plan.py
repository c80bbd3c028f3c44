"""The inputs of an analysis: the plan of its run, the collected statistics and the findings of earlier analyses.

These inputs and the code determine the result to the digit, so they are stored with it. Weights and names are stored as
pairs: PostgreSQL returns the keys of a JSON object in another order, and the order of the variants matters.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from analysis import Look, NamedPrior
from analysis.messages import Message
from analysis.posterior.joint import IntervalKind
from experiments.catalogue.metrics import DAY_US, Metric, metric
from experiments.collect.collected import Collected
from experiments.collect.request import Covariate


@dataclass(frozen=True, slots=True)
class LearnedFrom:
    """The finished experiments that a lift prior was learned from.

    Attributes
    ----------
    tests, variants, members : int
        Size of the evidence.
    tau, tau_low, tau_high : float
        Spread of true differences in log-odds, with its 95 % equal-tailed interval.
    mean_log_odds, mean_sd : float
        Mean and standard deviation of the tests' typical log-odds.
    better : Message
        The shape of the spread that predicts better.
    metrics : mapping of str to int
        Experiments by their primary metric.
    left_out : mapping of str to int
        Finished experiments that were not used, by reason.
    learned_at : str
        ISO 8601.
    """

    tests: int
    variants: int
    members: int
    tau: float
    tau_low: float
    tau_high: float
    mean_log_odds: float
    mean_sd: float
    better: Message
    metrics: Mapping[str, int]
    left_out: Mapping[str, int]
    learned_at: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"better": self.better.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back; other keys of `data` are ignored."""
        known = {field.name: data[field.name] for field in fields(cls)}
        return cls(**known | {"better": Message.from_dict(data["better"])})


@dataclass(frozen=True, slots=True)
class LiftPrior:
    """The prior on lifts that a run uses.

    Attributes
    ----------
    requested : str
        The requested prior: a name, or ``auto``.
    prior : NamedPrior
    evidence : LearnedFrom or None
        The evidence of a learned prior; None for shipped ones.
    """

    requested: str
    prior: NamedPrior
    evidence: LearnedFrom | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: those of the prior, the requested name and the evidence."""
        evidence = None if self.evidence is None else self.evidence.to_dict()
        # "asked" is the key in stored documents and in the API.
        return self.prior.to_dict() | {"asked": self.requested, "evidence": evidence}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        evidence = data["evidence"]
        return cls(
            data["asked"], NamedPrior.from_dict(data), None if evidence is None else LearnedFrom.from_dict(evidence)
        )


@dataclass(frozen=True, slots=True)
class AdaptiveAllocation:
    """The rule by which the traffic split follows the results.

    Attributes
    ----------
    method : str
    floor : float
        Minimum share of every variant.
    every_hours : int
        Hours between two changes of the shares.
    """

    method: Literal["thompson", "top_two"]
    floor: float
    every_hours: int


@dataclass(frozen=True, slots=True)
class PlannedEpoch:
    """One allocation epoch of the run.

    Attributes
    ----------
    number : int
        From 1 on.
    started_us : int
        Microseconds since 1970 UTC.
    weights : mapping of str to float
        Share of each variant.
    buckets : mapping of str to int or None
        Buckets of each variant, which are the shares as applied; None for imported members.
    """

    number: int
    started_us: int
    weights: Mapping[str, float]
    buckets: Mapping[str, int] | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "number": self.number,
            "started_us": self.started_us,
            "weights": _pairs(self.weights),
            "buckets": None if self.buckets is None else _pairs(self.buckets),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        buckets = data["buckets"]
        return cls(
            data["number"], data["started_us"], dict(data["weights"]), None if buckets is None else dict(buckets)
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run at one analysis.

    Attributes
    ----------
    experiment : str
    run : int
        Number of the run.
    started_us, ended_us : int, int or None
        Of the run, in microseconds since 1970 UTC.
    running : bool
        Whether new members are still exposed.
    imported : bool
    dates_known : bool
        False for totals imported without dates: the run then starts and ends at the time of the import.
    simulated : bool
    control : str
    weights : mapping of str to float
        Planned share of each variant, in the order of the run.
    epochs : tuple of PlannedEpoch
        At least one.
    names : mapping of str to str
        Each variant's name, else its headline, else empty; in the variants' order.
    primary : str
    metrics : tuple of str
        The primary one first, then the others, then the guardrails.
    guardrails, segments : tuple of str
    currency : str
        ISO 4217.
    window_days : int
        Attribution window.
    planned_days : int or None
    minimum_members : int
        Members each variant needs before a verdict.
    threshold_of_caring : float
        Relative loss that is accepted; also the half-width of the ROPE.
    silence_hours : float
    clock_tolerance_us : int
        How far an app's clock may be behind the server's.
    lift_prior : LiftPrior
    allocation : AdaptiveAllocation or None
        None for fixed weights.
    covariate : Covariate or None
    interval : str
        Kind of the 95 % intervals.
    imported_rows : mapping of str to int or None
        Rows of the imported file: ``read``, ``used``, and set aside by reason.
    block : str or None
        The imported column of the blocks, which are stored as epochs.
    earlier_runs : tuple of int
        The ids of the experiment's runs before this one.
    new_only : bool
        Members of earlier runs are excluded.
    admitted : float or None
        Share of the audience that takes part; None with targeting or a namespace, where it is not known.
    """

    experiment: str
    run: int
    started_us: int
    ended_us: int | None
    running: bool
    imported: bool
    dates_known: bool
    simulated: bool
    control: str
    weights: Mapping[str, float]
    epochs: tuple[PlannedEpoch, ...]
    names: Mapping[str, str]
    primary: str
    metrics: tuple[str, ...]
    guardrails: tuple[str, ...]
    segments: tuple[str, ...]
    currency: str
    window_days: int
    planned_days: int | None
    minimum_members: int
    threshold_of_caring: float
    silence_hours: float
    clock_tolerance_us: int
    lift_prior: LiftPrior
    allocation: AdaptiveAllocation | None = None
    covariate: Covariate | None = None
    interval: IntervalKind = "eti"
    imported_rows: Mapping[str, int] | None = None
    block: str | None = None
    earlier_runs: tuple[int, ...] = ()
    admitted: float | None = None
    new_only: bool = False

    @property
    def measured(self) -> tuple[Metric, ...]:
        """The declaration of each metric."""
        return tuple(metric(key) for key in self.metrics)

    def elapsed_days(self, cut_off_us: int, first_exposure_us: int | None) -> float:
        """Return the days of the run at the cut-off, counted from its first exposure if that was earlier.

        An import whose members all arrived at once has a small positive duration.
        """
        begun = min(self.started_us, first_exposure_us or self.started_us)
        end = cut_off_us if self.ended_us is None else min(cut_off_us, self.ended_us)
        return max(0.001 if self.imported else 0.0, (end - begun) / DAY_US)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return own | {
            "weights": _pairs(self.weights),
            "epochs": [epoch.to_dict() for epoch in self.epochs],
            "names": _pairs(self.names),
            **{name: list(own[name]) for name in _LISTS},
            "lift_prior": self.lift_prior.to_dict(),
            "allocation": None if self.allocation is None else asdict(self.allocation),
            "covariate": None if self.covariate is None else asdict(self.covariate),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        allocation, covariate = data["allocation"], data["covariate"]
        return cls(
            **dict(data)
            | {
                "weights": dict(data["weights"]),
                "epochs": tuple(PlannedEpoch.from_dict(epoch) for epoch in data["epochs"]),
                "names": dict(data["names"]),
                **{name: tuple(data[name]) for name in _LISTS},
                "lift_prior": LiftPrior.from_dict(data["lift_prior"]),
                "allocation": None if allocation is None else AdaptiveAllocation(**allocation),
                "covariate": None if covariate is None else Covariate(**covariate),
            }
        )


_LISTS = ("metrics", "guardrails", "segments", "earlier_runs")


@dataclass(frozen=True, slots=True)
class Inputs:
    """All inputs that determine the result of one analysis.

    Attributes
    ----------
    created_at : str
        RFC 3339.
    cut_off_us : int
        Nothing later counts; microseconds since 1970 UTC.
    seed : int
        For the sampled models and drawn posteriors.
    plan : Plan
    collected : Collected
    counts_only : bool
        Whether the run was imported as totals, without members.
    looks : tuple of Look
        Earlier analyses of the run that the stopping rule needs, oldest first.
    srm_failed : bool
        Whether an earlier analysis of the run found a sample ratio mismatch; it is not withdrawn later.
    aa_history : tuple of bool
        For each finished A/A experiment, whether its last verdict declared a winner or a harm.
    with_models : bool
        Whether the sampled models are fitted.
    metric_definitions : mapping of str to mapping
        `Metric.definition` of each metric.
    """

    created_at: str
    cut_off_us: int
    seed: int
    plan: Plan
    collected: Collected
    counts_only: bool
    looks: tuple[Look, ...]
    srm_failed: bool
    aa_history: tuple[bool, ...]
    with_models: bool
    metric_definitions: Mapping[str, Mapping[str, Any]]

    @property
    def elapsed_days(self) -> float:
        """The days of the run at the cut-off."""
        return self.plan.elapsed_days(self.cut_off_us, self.collected.first_exposure_us)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, which survive JSON to the digit."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return own | {
            "plan": self.plan.to_dict(),
            "collected": self.collected.to_dict(),
            "looks": [look.to_dict() for look in self.looks],
            "aa_history": list(self.aa_history),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_dict` back."""
        return cls(
            **dict(data)
            | {
                "plan": Plan.from_dict(data["plan"]),
                "collected": Collected.from_dict(data["collected"]),
                "looks": tuple(Look.from_dict(look) for look in data["looks"]),
                "aa_history": tuple(data["aa_history"]),
            }
        )


def _pairs(values: Mapping[str, Any]) -> list[list[Any]]:
    return [[key, value] for key, value in values.items()]
