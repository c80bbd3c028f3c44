"""The configuration of assignment: a frozen snapshot in memory, replaced when it changes.

Each process has one snapshot. ``configuration_version.number`` increases with every change that affects assignment. One
thread checks it every ``settings.configuration_seconds`` while the others use their snapshot. While the database is
unavailable, the last snapshot stays in use.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session, col, select

from experiments.assignment.epochs import Epoch, first_epoch, newest_epochs
from experiments.definition.documents import ContentDocument
from experiments.errors import KletteError, UnavailableError
from experiments.storage.database import Database, rows_changed
from experiments.storage.tables import ApiKey, Experiment, Namespace, Run, Variant

log = logging.getLogger(__name__)

MAX_EXPERIMENTS = 10_000
"""Maximum number of cached experiments, the newest; a snapshot must fit in each process's memory."""

_FIRST_SECONDS = 30.0
_MIN_INTERVAL = 0.01  # seconds between checks of the version: unknown keys then cost at most a few per cent


@dataclass(frozen=True, slots=True)
class LiveVariant:
    """A variant with its content."""

    key: str
    content: ContentDocument


class PastEpoch(NamedTuple):
    """A past allocation epoch with its edges, for late reports of clients that assign locally."""

    number: int
    edges: tuple[int, ...]
    ended_us: int


@dataclass(frozen=True, slots=True)
class LiveRun:
    """A run with its times and what decides its variants; names and units as in `LiveExperiment`."""

    run_id: int
    run_number: int
    seed: str
    variants: tuple[LiveVariant, ...]
    edges: tuple[int, ...]
    epoch: int
    past_epochs: tuple[PastEpoch, ...]
    started_us: int | None
    ended_us: int | None


@dataclass(frozen=True, slots=True)
class LiveExperiment:
    """An experiment for assignment; bounds are in buckets, times in microseconds UTC.

    ``edges`` are those of the current allocation epoch, whose number is ``epoch``. ``started_us`` and ``ended_us`` are
    those of the current run, which takes no members outside them.
    """

    id: int
    project_id: int
    key: str
    state: str
    currency: str
    variants: tuple[LiveVariant, ...] = ()
    run_id: int | None = None
    run_number: int | None = None
    seed: str = ""
    edges: tuple[int, ...] = ()
    epoch: int = 1
    past_epochs: tuple[PastEpoch, ...] = ()  # the newest first
    traffic_seed: str = ""
    traffic_buckets: int = 10_000
    matches: Callable[[Mapping[str, object]], bool] | None = None
    namespace_key: str | None = None
    namespace_seed: str = ""
    namespace_from: int = 0
    namespace_to: int = 10_000
    holdout_from: int = 10_000
    starts_us: int | None = None
    ends_us: int | None = None
    started_us: int | None = None
    ended_us: int | None = None
    earlier_runs: tuple[LiveRun, ...] = ()  # the newest first
    shipped_variant: str | None = None
    segments: tuple[str, ...] = ()  # stored attributes of a member, including the covariate
    variant_of: Mapping[str, LiveVariant] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """An API key: its project, its name and its kind, ``client`` or ``server``."""

    project_id: int
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class ProjectConfiguration:
    """The experiments of a project.

    ``experiments`` has each by its key; ``open`` are those that a request without keys assigns.
    """

    project_id: int
    experiments: Mapping[str, LiveExperiment] = field(default_factory=dict)
    open: tuple[LiveExperiment, ...] = ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """A snapshot: the projects by id, and each active API key by its hash."""

    version: int
    projects: Mapping[int, ProjectConfiguration]
    keys: Mapping[str, KeyIdentity]

    def of(self, project_id: int) -> ProjectConfiguration:
        """Return the configuration of a project, empty if it has no experiments."""
        return self.projects.get(project_id) or ProjectConfiguration(project_id)


def touch(session: Session) -> None:
    """Increase the version, so that every process reloads the configuration within a second."""
    session.flush()
    if not rows_changed(session, text("UPDATE configuration_version SET number = number + 1 WHERE id = 1")):
        session.execute(text("INSERT INTO configuration_version (id, number) VALUES (1, 1)"))


def read_version(session: Session) -> int:
    """Return the version, which increases with each change; 0 before the first."""
    return session.execute(text("SELECT number FROM configuration_version WHERE id = 1")).scalar() or 0


def load(session: Session) -> Configuration:
    """Read a snapshot. The version is read first, so that the next check detects a change in between."""
    version = read_version(session)
    rows = session.exec(select(Experiment).order_by(col(Experiment.id).desc()).limit(MAX_EXPERIMENTS)).all()
    namespaces = {(row.project_id, row.key): row for row in session.exec(select(Namespace))}
    # A shipped variant is still assigned once its experiment is archived.
    in_use = {row.id for row in rows if row.state != "archived" or row.shipped_variant}
    variants: dict[int, list[Variant]] = {}
    for variant in session.exec(select(Variant).order_by(col(Variant.position))):
        if variant.experiment_id in in_use:
            variants.setdefault(variant.experiment_id, []).append(variant)
    runs: dict[int, list[Run]] = {}
    for run in session.exec(select(Run).order_by(col(Run.number).desc())):
        runs.setdefault(run.experiment_id, []).append(run)
    epochs = newest_epochs(session)
    projects: dict[int, list[LiveExperiment]] = {}
    for row in reversed(rows):
        space = namespaces.get((row.project_id, row.namespace_key or ""))
        held = tuple(LiveVariant(variant.key, variant.content) for variant in variants.get(row.id or 0, []))
        live = _live(row, held, [_read_run(run, epochs, held) for run in runs.get(row.id or 0, [])], space)
        projects.setdefault(row.project_id, []).append(live)
    active = session.exec(select(ApiKey).where(col(ApiKey.revoked_at).is_(None)))
    return Configuration(
        version,
        {project_id: _project(project_id, lives) for project_id, lives in projects.items()},
        {key.key_hash: KeyIdentity(key.project_id, key.name, key.kind) for key in active},
    )


def _project(project_id: int, lives: list[LiveExperiment]) -> ProjectConfiguration:
    open_ones = tuple(live for live in lives if live.state in ("running", "paused", "scheduled"))
    return ProjectConfiguration(project_id, {live.key: live for live in lives}, open_ones)


def _epochs(run: Run, epochs: Mapping[int, list[Epoch]]) -> list[Epoch]:
    """Return the cached past epochs of a run and the current one, oldest first."""
    later = epochs.get(run.id or 0, [])
    return later if later and later[0].number > 2 else [first_epoch(run), *later]


def _live(
    row: Experiment, held: tuple[LiveVariant, ...], runs: list[LiveRun], namespace: Namespace | None
) -> LiveExperiment:
    """Return the experiment with its runs, the newest first."""
    state, matches = _state_and_targeting(row)
    run = runs[0] if runs else None
    ends_us = _microseconds(row.ends_at)
    return LiveExperiment(
        id=row.id or 0,
        project_id=row.project_id,
        key=row.key,
        state=state,
        currency=row.currency,
        variants=run.variants if run else held,
        run_id=run.run_id if run else None,
        run_number=run.run_number if run else None,
        seed=run.seed if run else "",
        edges=run.edges if run else (),
        epoch=run.epoch if run else 1,
        past_epochs=run.past_epochs if run else (),
        traffic_seed=row.traffic_seed,
        traffic_buckets=row.traffic_buckets,
        matches=matches,
        namespace_key=row.namespace_key,
        namespace_seed=namespace.seed if namespace else "",
        namespace_from=row.namespace_from,
        namespace_to=row.namespace_to,
        holdout_from=10_000 - namespace.holdout_buckets if namespace else 10_000,
        starts_us=_microseconds(row.starts_at),
        ends_us=ends_us,
        started_us=run.started_us if run else None,
        # The worker ends a run a moment after its scheduled end.
        ended_us=run.ended_us if run and run.ended_us is not None else ends_us,
        earlier_runs=tuple(runs[1:]),
        shipped_variant=row.shipped_variant,
        segments=_stored_attributes(row),
        variant_of={variant.key: variant for variant in held},
    )


def _state_and_targeting(row: Experiment) -> tuple[str, Callable[[Mapping[str, object]], bool] | None]:
    """Return the state for assignment, "unreadable" if the targeting is, and the compiled targeting."""
    if not row.targeting or row.state == "archived":
        return row.state, None
    try:
        return row.state, _compile(row.targeting)
    except KletteError:
        log.exception("The targeting of %s cannot be read; no member is assigned until it is fixed.", row.key)
        return "unreadable", None


def _read_run(run: Run, epochs: Mapping[int, list[Epoch]], held: tuple[LiveVariant, ...]) -> LiveRun:
    """Return a run with the variants in the order of its edges, by which a bucket is looked up."""
    # The content of archived experiments is not loaded, but their exposures still name a variant.
    by_key = {variant.key: variant for variant in held}
    mine = _epochs(run, epochs)
    return LiveRun(
        run_id=run.id or 0,
        run_number=run.number,
        seed=run.seed,
        variants=tuple(by_key.get(key) or LiveVariant(key, {}) for key, _, _ in run.allocation),
        edges=mine[-1].edges,
        epoch=mine[-1].number,
        past_epochs=tuple(
            PastEpoch(epoch.number, epoch.edges, after.started_us)
            for epoch, after in reversed(list(zip(mine, mine[1:], strict=False)))
        ),
        started_us=_microseconds(run.started_at),
        ended_us=_microseconds(run.ended_at),
    )


def _stored_attributes(row: Experiment) -> tuple[str, ...]:
    """Return the attributes that the analysis needs; no others are stored."""
    covariate = row.covariate.get("attribute") if row.covariate else None
    return tuple(dict.fromkeys([*row.segments, *([covariate] if covariate else [])]))


def _compile(rule: dict[str, object]) -> Callable[[Mapping[str, object]], bool]:
    from experiments.definition.targeting import compile_rule, parse

    return compile_rule(parse(rule))


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1_000_000)


class ConfigurationCache:
    """The snapshot of this process.

    Parameters
    ----------
    database
        The source of snapshots.
    seconds
        How long to use a snapshot before checking its version.
    """

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._seconds = seconds
        self._lock = threading.Lock()
        self._snapshot: Configuration | None = None
        self._checked_at = float("-inf")
        self._away_until = float("-inf")

    def current(self) -> Configuration:
        """Return the snapshot, at most ``seconds`` behind the database.

        Raises
        ------
        UnavailableError
            The database cannot be read and there is no earlier snapshot.
        """
        snapshot = self._snapshot
        age = time.monotonic() - self._checked_at
        if snapshot is not None and age < self._seconds:
            return snapshot
        if not self._lock.acquire(timeout=self._patience(age)):
            if snapshot is None:
                raise UnavailableError(
                    f"The configuration could not be read in {_FIRST_SECONDS:.0f} s. Send the request again."
                )
            return snapshot
        try:
            held = self._snapshot
            return self._renewed() if held is None or time.monotonic() - self._checked_at >= self._seconds else held
        finally:
            self._lock.release()

    def _patience(self, age: float) -> float:
        """Return how long to wait for the thread that checks: 0 unless the snapshot is old, as after an idle hour."""
        if self._snapshot is None:
            return _FIRST_SECONDS
        return 0.0 if age < 2 * self._seconds else self._seconds

    def latest(self) -> Configuration:
        """Return a snapshot with every change committed before this call, if the database can be read.

        For responses that would be "unknown" or "not yet" for something just created. Threads share a check, at least
        10 ms after the last one; while the database is unavailable the last snapshot is returned immediately.
        """
        began = time.monotonic()
        snapshot = self.current()
        if began < self._away_until or not self._lock.acquire(timeout=self._seconds):
            return snapshot
        try:
            if self._checked_at < began and began >= self._away_until:
                time.sleep(max(0.0, self._checked_at + _MIN_INTERVAL - time.monotonic()))
                return self._renewed()
            return self._snapshot or snapshot
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Check the version at the next request (for tests, and a process that changed the configuration)."""
        self._checked_at = float("-inf")

    def _renewed(self) -> Configuration:
        began = time.monotonic()  # the snapshot may lack what is committed after this
        snapshot = self._snapshot
        try:
            with self._database.read() as session:
                if snapshot is None or read_version(session) != snapshot.version:
                    snapshot = self._snapshot = load(session)
        except UnavailableError:
            if snapshot is None:
                raise
            log.warning("The configuration could not be read; the last one remains in use.", exc_info=True)
            self._away_until = time.monotonic() + self._seconds
            began = time.monotonic()
        self._checked_at = began
        return snapshot
