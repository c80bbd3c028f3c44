"""Assignment for every protocol: select the experiments, decide, and record the first exposures.

It uses neither HTTP nor a database, only a source of configurations and a recorder.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from experiments.assignment.configuration import Configuration, LiveExperiment, ProjectConfiguration
from experiments.assignment.decision import Decision, decide, is_over, may_change
from experiments.assignment.exposure import ExposureRow, Recorded, is_bot, segment_attributes
from experiments.assignment.preview import Previews
from experiments.assignment.request import AssignmentRequest


class Recorder(Protocol):
    """Records first exposures, as ingestion's write path does."""

    def recorded(self, keys: Sequence[tuple[int, str]]) -> Mapping[tuple[int, str], Recorded]:
        """Return the recorded exposures of (run id, unit) pairs."""

    def record_exposures(self, rows: Sequence[ExposureRow]) -> Sequence[Recorded]:
        """Record first exposures durably; return the recorded exposure of each row, which can be an earlier one."""


class Configurations(Protocol):
    """A source of configuration snapshots."""

    def current(self) -> Configuration:
        """Return the cached snapshot."""

    def latest(self) -> Configuration:
        """Return a snapshot with every change committed before this call."""


class Assigned(NamedTuple):
    """The decision for an experiment, the number of its run, and whether an exposure is recorded."""

    experiment: str
    decision: Decision
    run: int | None
    exposed: bool


class Assignments(NamedTuple):
    """The response to a request: a decision per experiment, and the unknown keys."""

    assigned: list[Assigned]
    unknown: list[str]


@dataclass(frozen=True, slots=True)
class Assigner:
    """Answers requests for assignment."""

    configurations: Configurations
    recorder: Recorder
    previews: Previews

    def assign(self, project_id: int, request: AssignmentRequest, *, now_us: int | None = None) -> Assignments:
        """Decide for each requested experiment, and record first exposures.

        Parameters
        ----------
        project_id
            The project of the caller's API key.
        now_us
            The time of the request, microseconds UTC; the current time if absent.

        Raises
        ------
        InvalidError
            The preview token is not valid.
        UnavailableError
            The configuration cannot be read, or the exposures were not recorded.
        """
        lives, unknown = self._selected(project_id, request.experiments)
        previews: dict[str, str] = {}
        if request.preview is not None:
            preview = self.previews.read(project_id, request.preview)
            previews[preview.experiment] = preview.variant
            lives = self._with(lives, project_id, preview.experiment)
        moment = time.time_ns() // 1000 if now_us is None else now_us
        return Assignments(assign(lives, request, moment, recorder=self.recorder, previews=previews), unknown)

    def _selected(self, project_id: int, keys: Sequence[str] | None) -> tuple[list[LiveExperiment], list[str]]:
        """Return the requested experiments and the unknown keys; reload if one is unknown or not running."""
        lives, unknown = _named(self.configurations.current().of(project_id), keys)
        if keys is not None and (unknown or any(may_change(live) for live in lives)):
            return _named(self.configurations.latest().of(project_id), keys)
        return lives, unknown

    def _with(self, lives: list[LiveExperiment], project_id: int, key: str) -> list[LiveExperiment]:
        live = self.configurations.current().of(project_id).experiments.get(key)
        return lives if live is None or any(held.key == key for held in lives) else [*lives, live]


def assign(
    lives: Sequence[LiveExperiment],
    request: AssignmentRequest,
    now_us: int,
    *,
    recorder: Recorder,
    previews: Mapping[str, str],
) -> list[Assigned]:
    """Decide for several experiments, and record the first exposures in one commit.

    An admitted unit is sent to the recorder, which returns the recorded exposure, so that no read comes first. Only an
    excluded unit, or a request without exposure, is looked up.
    """
    unit, attributes = request.unit, request.attributes
    plain = [decide(live, unit, attributes, now_us, preview=previews.get(live.key)) for live in lives]
    offered: list[int] = []
    looked_up: list[int] = []
    for index, (live, decision) in enumerate(zip(lives, plain, strict=True)):
        if decision.reason in ("PREVIEW", "SHIPPED") or is_over(live, now_us):
            continue
        (offered if request.expose and decision.variant else looked_up).append(index)
    recorded: dict[int, Recorded] = {}
    if looked_up:
        keys = {index: (_run_of(lives[index]), unit) for index in looked_up}
        stored = recorder.recorded(list(keys.values()))
        recorded = {index: stored[key] for index, key in keys.items() if key in stored}
    if offered:
        bot = is_bot(attributes, request.caller)
        rows = [_row(lives[index], unit, plain[index], now_us, bot, attributes) for index in offered]
        recorded.update(zip(offered, recorder.record_exposures(rows), strict=True))
    return [
        _assigned(live, unit, attributes, now_us, decision, recorded.get(index))
        for index, (live, decision) in enumerate(zip(lives, plain, strict=True))
    ]


def _named(configuration: ProjectConfiguration, keys: Sequence[str] | None) -> tuple[list[LiveExperiment], list[str]]:
    """Return the experiments of the keys, and the unknown keys; without keys all open experiments."""
    if keys is None:
        return list(configuration.open), []
    known = configuration.experiments
    return [known[key] for key in keys if key in known], [key for key in keys if key not in known]


def _run_of(live: LiveExperiment) -> int:
    """Return the run's id, which an experiment that is not over has."""
    assert live.run_id is not None
    return live.run_id


def _row(
    live: LiveExperiment, unit: str, decision: Decision, now_us: int, bot: bool, attributes: Mapping[str, Any]
) -> ExposureRow:
    variant = decision.variant
    assert variant is not None
    return ExposureRow(
        live.project_id,
        _run_of(live),
        unit,
        variant.key,
        now_us,
        now_us,
        "randomised",
        live.epoch,
        bot,
        segment_attributes(attributes, live.segments),
    )


def _assigned(
    live: LiveExperiment,
    unit: str,
    attributes: Mapping[str, Any],
    now_us: int,
    decision: Decision,
    recorded: Recorded | None,
) -> Assigned:
    if recorded is None:
        return Assigned(live.key, decision, live.run_number, False)
    final = decide(live, unit, attributes, now_us, recorded=recorded)
    return Assigned(live.key, final, live.run_number, True)
