"""Warnings of a request: events that are stored, but that no figure will show."""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, NamedTuple

from experiments.assignment.configuration import LiveExperiment, ProjectConfiguration
from experiments.assignment.exposure import Recorded
from experiments.catalogue.event_types import KNOWN, meant
from experiments.ingestion.rows import ExposureKey

LookUp = Callable[[Sequence[ExposureKey]], Mapping[ExposureKey, Recorded]]
"""Returns the recorded exposures of those keys that have one."""


class Warned(NamedTuple):
    """A warning about an event that was stored; ``place`` is its position in the request, from 0."""

    place: int
    code: str
    detail: str


def warnings_of(
    raws: Sequence[Any], rejected: Container[int], configuration: ProjectConfiguration, look_up: LookUp
) -> list[Warned]:
    """Return the warnings about the stored events of a request, in their order.

    An ordinary event (of a declared type, without an experiment) takes neither a warning nor a look-up.

    Parameters
    ----------
    rejected
        The positions of events that were not stored.
    """
    warned: list[Warned] = []
    named: list[tuple[int, str, LiveExperiment]] = []
    for index, raw in enumerate(raws):
        key = raw.get("experiment") if type(raw) is dict else None
        if index in rejected or (key is None and raw["type"] in KNOWN):
            continue
        if (detail := _counted_by_nothing(raw["type"], named=key is not None)) is not None:
            warned.append(Warned(index, code="type_counted_by_nothing", detail=detail))
        live = None if key is None or raw["type"] == "exposure" else configuration.experiments.get(key)
        if live is not None:
            named.append((index, raw["unit"], live))
    return sorted([*warned, *_never_exposed(named, look_up)]) if named else warned


def _counted_by_nothing(name: str, *, named: bool) -> str | None:
    """Return why no metric counts a type; None if one does, or if nothing suggests that one should."""
    if name in KNOWN:
        return None
    instead = meant(name)
    if instead is not None:
        return f"No metric counts events of the type {name!r}. Did you mean {instead!r}? Send it as {instead!r} then."
    return (
        f"No metric counts events of the type {name!r}, so it changes no figure of the experiment." if named else None
    )


def _never_exposed(named: Sequence[tuple[int, str, LiveExperiment]], look_up: LookUp) -> list[Warned]:
    """Return the warnings about events that name an experiment of which no run exposed their unit."""
    runs = {
        index: [run for run in (live.run_id, *(earlier.run_id for earlier in live.earlier_runs)) if run is not None]
        for index, _, live in named
    }
    exposed = look_up(list({(run, unit): None for index, unit, _ in named for run in runs[index][:1]}))
    missing = [(index, unit, live) for index, unit, live in named if not _in_a_run(runs[index], unit, exposed)]
    older = list({(run, unit): None for index, unit, _ in missing for run in runs[index][1:]})
    exposed = look_up(older) if older else {}
    return [
        Warned(
            index,
            code="unit_not_exposed",
            detail=f"The unit {unit[:80]!r} was never exposed to {live.key}, so the event does not count for it. Send "
            "the exposure first, and use the same unit before and after members sign in.",
        )
        for index, unit, live in missing
        if not _in_a_run(runs[index], unit, exposed)
    ]


def _in_a_run(runs: Sequence[int], unit: str, exposed: Mapping[ExposureKey, Recorded]) -> bool:
    return any((run, unit) in exposed for run in runs)
