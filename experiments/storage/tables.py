"""The tables. They only store data: models validate it, and other rooms hold the rules.

Conventions: ``*_us`` columns hold whole microseconds since 1970-01-01 UTC and ``*_micro`` columns hold whole
millionths, so that arithmetic on them is exact and the same inside every engine that ``collect`` may run on.
Nothing is ever deleted: experiments are archived, keys revoked, accounts disabled.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from experiments.definition.documents import AllocationDocument, ContentDocument, CovariateDocument, StoredCost
from experiments.storage.columns import big_column, json_column

metadata: MetaData = SQLModel.metadata


def utc_now() -> datetime:
    """Return the current time in UTC, with its time zone."""
    return datetime.now(UTC)


DEFAULT_PROJECT_ID = 1
"""The project that the migration creates, so far the only one of pages and commands."""


class Project(SQLModel, table=True):
    """The owner of experiments, API keys, namespaces and their data; keys are unique within a project."""

    __tablename__ = "project"
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(max_length=64, unique=True)
    name: str = Field(max_length=120)
    created_at: datetime = Field(default_factory=utc_now)


class ConfigurationVersion(SQLModel, table=True):
    """A single row whose number increases with each change that affects assignment."""

    __tablename__ = "configuration_version"
    id: int = Field(primary_key=True)
    number: int = Field(sa_column=big_column())


class Account(SQLModel, table=True):
    """A person who can sign in; the role is in the membership."""

    __tablename__ = "account"
    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(max_length=254, unique=True)
    name: str = Field(default="", max_length=100)
    password_hash: str = Field(max_length=255)
    created_at: datetime = Field(default_factory=utc_now)
    disabled_at: datetime | None = None


class Membership(SQLModel, table=True):
    """The role that an account has in a project."""

    __tablename__ = "membership"
    project_id: int = Field(primary_key=True, foreign_key="project.id")
    account_id: int = Field(primary_key=True, foreign_key="account.id", index=True)
    role: str = Field(max_length=16)  # admin | marketer | analyst


class SetupToken(SQLModel, table=True):
    """The one-time link that creates the first admin; only its hash is stored."""

    __tablename__ = "setup_token"
    id: int = Field(primary_key=True)
    token_hash: str = Field(max_length=64)
    created_at: datetime = Field(default_factory=utc_now)
    used_at: datetime | None = None


class ApiKey(SQLModel, table=True):
    """An API key of an app; only its hash is stored."""

    __tablename__ = "api_key"
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id", index=True)
    name: str = Field(max_length=100)
    kind: str = Field(max_length=16)  # client | server
    prefix: str = Field(max_length=16)  # the first characters, to recognise a key
    key_hash: str = Field(max_length=64, unique=True)
    created_at: datetime = Field(default_factory=utc_now)
    created_by: str = Field(default="", max_length=254)
    revoked_at: datetime | None = None


class Namespace(SQLModel, table=True):
    """A set of mutually exclusive experiments; its last buckets may be a holdout."""

    __tablename__ = "namespace"
    project_id: int = Field(primary_key=True, foreign_key="project.id")
    key: str = Field(primary_key=True, max_length=64)
    seed: str = Field(max_length=64)
    holdout_buckets: int = Field(default=0)
    created_at: datetime = Field(default_factory=utc_now)


class Experiment(SQLModel, table=True):
    """An experiment with its definition and state."""

    __tablename__ = "experiment"
    __table_args__ = (
        UniqueConstraint("project_id", "key"),
        ForeignKeyConstraint(["project_id", "namespace_key"], ["namespace.project_id", "namespace.key"]),
        Index("ix_experiment_state", "state"),
    )
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    key: str = Field(max_length=64)
    name: str = Field(max_length=120)
    hypothesis: str = Field(default="", max_length=2000)
    state: str = Field(default="draft", max_length=16)
    primary_metric: str = Field(max_length=64)
    metrics: list[str] = Field(sa_column=json_column())
    guardrails: list[str] = Field(sa_column=json_column())
    targeting: dict[str, object] | None = Field(default=None, sa_column=json_column(nullable=True))
    traffic_buckets: int = Field(default=10_000)
    traffic_seed: str = Field(max_length=64)
    namespace_key: str | None = Field(default=None, max_length=64)
    namespace_from: int = Field(default=0)
    namespace_to: int = Field(default=10_000)
    window_days: int = Field(default=7)
    segments: list[str] = Field(sa_column=json_column())
    currency: str = Field(max_length=3)
    planned_days: int | None = None  # planned length; fixes the stopping boundary
    minimum_members: int = Field(default=100)  # per variant, before any verdict
    threshold_of_caring: float = Field(default=0.01)  # relative loss that does not matter
    allocation: AllocationDocument | None = Field(default=None, sa_column=json_column(nullable=True))
    covariate: CovariateDocument | None = Field(default=None, sa_column=json_column(nullable=True))
    action_values: dict[str, str] | None = Field(default=None, sa_column=json_column(nullable=True))
    margin: float = Field(default=1.0)
    prior: str = Field(default="auto", max_length=16)
    interval: str = Field(default="eti", max_length=8)
    bots: str = Field(default="exclude", max_length=8)
    members: str = Field(default="all", max_length=8)  # all | new_only: without those of earlier runs
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    simulated: bool = Field(default=False)
    imported: bool = Field(default=False)
    shipped_variant: str | None = Field(default=None, max_length=64)
    shipped_note: str | None = Field(default=None, max_length=2000)
    created_at: datetime = Field(default_factory=utc_now)
    created_by: str = Field(default="", max_length=254)
    revision: int = Field(default=1)  # increases with each edit; an edit of an old revision is refused


class Variant(SQLModel, table=True):
    """A variant of an experiment."""

    __tablename__ = "variant"
    __table_args__ = (UniqueConstraint("experiment_id", "key"), UniqueConstraint("experiment_id", "position"))
    id: int | None = Field(default=None, primary_key=True)
    experiment_id: int = Field(foreign_key="experiment.id", index=True)
    position: int
    key: str = Field(max_length=64)
    name: str = Field(default="", max_length=120)
    control: bool = Field(default=False)
    weight: float
    content: ContentDocument = Field(sa_column=json_column())
    cost: StoredCost | None = Field(default=None, sa_column=json_column(nullable=True))


class Run(SQLModel, table=True):
    """One randomisation. ``allocation`` is a list of ``[variant key, weight, upper bucket edge]``."""

    __tablename__ = "run"
    __table_args__ = (UniqueConstraint("experiment_id", "number"),)
    id: int | None = Field(default=None, primary_key=True)
    experiment_id: int = Field(foreign_key="experiment.id", index=True)
    number: int
    seed: str = Field(max_length=64)
    allocation: list[list[Any]] = Field(sa_column=json_column())
    started_at: datetime = Field(default_factory=utc_now)
    ended_at: datetime | None = None
    imported_block: str | None = Field(default=None, max_length=256)  # the column whose values are stored as epochs
    imported_rows: dict[str, int] | None = Field(
        default=None, sa_column=json_column(nullable=True)
    )  # read, used, set aside


class AllocationEpoch(SQLModel, table=True):
    """A period of a run with constant shares; exposures store its number. Epoch 1 has the run's allocation."""

    __tablename__ = "allocation_epoch"
    run_id: int = Field(primary_key=True, foreign_key="run.id")
    number: int = Field(primary_key=True)
    allocation: list[list[Any]] = Field(sa_column=json_column())  # as in run: [variant key, weight, upper bucket edge]
    started_us: int = Field(sa_column=big_column())
    analysis_id: str | None = Field(default=None, max_length=36)  # the source of the shares


class LearnedPrior(SQLModel, table=True):
    """A prior of lifts fitted to finished experiments, with its evidence; the newest of a name is used."""

    __tablename__ = "learned_prior"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=64)
    parameters: dict[str, float] = Field(sa_column=json_column())
    reason: dict[str, Any] = Field(sa_column=json_column())  # a message
    evidence: dict[str, Any] = Field(sa_column=json_column())  # the experiments, and the quality of the fit
    created_at: datetime = Field(default_factory=utc_now)


class Exposure(SQLModel, table=True):
    """The first exposure of a unit in a run, in one row; later ones are ignored.

    ``project_id`` is the experiment's; it has no foreign key, which would slow every insert.
    """

    __tablename__ = "exposure"
    __table_args__ = (
        Index("ix_exposure_run_id_received_us", "run_id", "received_us"),
        {"sqlite_with_rowid": False},  # the key is the row: one B-tree less on the most frequent write
    )
    project_id: int
    run_id: int = Field(primary_key=True, foreign_key="run.id")
    unit: str = Field(primary_key=True, max_length=256)
    variant: str = Field(max_length=64)
    at_us: int = Field(sa_column=big_column())
    received_us: int = Field(sa_column=big_column())
    origin: str = Field(max_length=16)  # randomised | shared
    epoch: int = Field(default=1)
    bot: bool = Field(default=False)
    attributes: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    brought_by: str | None = Field(default=None, max_length=256)  # the parent: the unit whose share link led here
    root: str | None = Field(default=None, max_length=256)  # the randomised unit that started the cascade
    depth: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # generations below the root


class MultiExposure(SQLModel, table=True):
    """A unit exposed to a variant other than its recorded one; the unit is excluded and counted."""

    __tablename__ = "multi_exposure"
    run_id: int = Field(primary_key=True, foreign_key="run.id")
    unit: str = Field(primary_key=True, max_length=256)
    variant: str = Field(primary_key=True, max_length=64)
    at_us: int = Field(sa_column=big_column())
    received_us: int = Field(sa_column=big_column())


class OutsideExposure(SQLModel, table=True):
    """The first exposure of a unit before the start or after the end of a run, which makes no member of it.

    ``project_id`` is the experiment's; it has no foreign key, as in the exposures.
    """

    __tablename__ = "outside_exposure"
    project_id: int
    run_id: int = Field(primary_key=True, foreign_key="run.id")
    side: str = Field(primary_key=True, max_length=8)  # before | after
    unit: str = Field(primary_key=True, max_length=256)
    variant: str = Field(max_length=64)
    at_us: int = Field(sa_column=big_column())
    received_us: int = Field(sa_column=big_column())


class Event(SQLModel, table=True):
    """An action of a unit. Append-only; ``id`` is the idempotency key, unique in its project.

    ``project_id`` is the API key's; it has no foreign key, which would slow every insert.
    """

    __tablename__ = "event"
    __table_args__ = (
        # Covers all columns that collect reads, so that the database reads a member's window from the index alone.
        Index(
            "ix_event_unit_project_id_at_us",
            "unit",
            "project_id",
            "at_us",
            "type",
            "value_micro",
            "received_us",
            "currency",
            "experiment",
            "flag",
        ),
        # Few events have a flag: whether any has is a question to this small index.
        Index(
            "ix_event_flag",
            "project_id",
            "flag",
            sqlite_where=text("flag IS NOT NULL"),
            postgresql_where=text("flag IS NOT NULL"),
        ),
        Index("ix_event_received_us", "received_us"),
        # No key starts with the project: both engines insert faster where the first column already differs, and the
        # planner cannot walk a whole project where it should read the newest events.
        PrimaryKeyConstraint("id", "project_id"),
    )
    project_id: int = Field(primary_key=True)
    id: str = Field(primary_key=True, max_length=128)
    unit: str = Field(max_length=256)
    type: str = Field(max_length=64)
    at_us: int = Field(sa_column=big_column())
    received_us: int = Field(sa_column=big_column())
    value_micro: int | None = Field(default=None, sa_column=big_column(nullable=True))
    currency: str | None = Field(default=None, max_length=3)
    experiment: str | None = Field(default=None, max_length=64)
    flag: int | None = Field(default=None, sa_column=Column(SmallInteger(), nullable=True))  # catalogue.event_flags
    properties: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))


class ImportedCounts(SQLModel, table=True):
    """Aggregated counts of an experiment imported without members."""

    __tablename__ = "imported_counts"
    run_id: int = Field(primary_key=True, foreign_key="run.id")
    variant: str = Field(primary_key=True, max_length=64)
    metric: str = Field(primary_key=True, max_length=64)
    members: int = Field(sa_column=big_column())
    successes: int = Field(sa_column=big_column())
    sums: dict[str, float] | None = Field(default=None, sa_column=json_column(nullable=True))  # not of rates


class Analysis(SQLModel, table=True):
    """An immutable computation over the data up to a cut-off."""

    __tablename__ = "analysis"
    __table_args__ = (Index("ix_analysis_run_id_cut_off_us", "run_id", "cut_off_us"),)
    id: str = Field(primary_key=True, max_length=36)  # UUIDv7: sorts by time
    experiment_id: int = Field(foreign_key="experiment.id", index=True)
    run_id: int = Field(foreign_key="run.id")
    cut_off_us: int = Field(sa_column=big_column())
    created_at: datetime = Field(default_factory=utc_now)
    history_only: bool = Field(default=False)  # computed afterwards for a past day of the curve over time
    decision: str = Field(max_length=32)
    result: dict[str, Any] = Field(sa_column=json_column())  # the shape of the API's results
    inputs: dict[str, Any] = Field(sa_column=json_column())  # sufficient statistics, priors, seed: enough to repeat it
    drawing: dict[str, Any] = Field(sa_column=json_column())  # densities and curves for the page


class Upload(SQLModel, table=True):
    """An uploaded file to import, kept until its job has ended."""

    __tablename__ = "upload"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=255)
    content: bytes = Field(sa_column=Column(LargeBinary(), nullable=False))
    created_at: datetime = Field(default_factory=utc_now)


class Job(SQLModel, table=True):
    """Work for the worker: claimed by a conditional update, taken over when its lease expired."""

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_state_due_at", "state", "due_at"),)
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=16)  # analyse | import | demo
    experiment_id: int | None = Field(default=None, foreign_key="experiment.id", index=True)
    payload: dict[str, Any] = Field(sa_column=json_column())
    state: str = Field(default="due", max_length=16)  # due | running | done | failed
    due_at: datetime = Field(default_factory=utc_now)
    requested_by: str = Field(default="", max_length=254)
    worker: str | None = Field(default=None, max_length=64)
    attempts: int = Field(default=0)
    lease_until: datetime | None = None
    progress: float = Field(default=0.0)  # 0 to 1
    message: str = Field(default="", sa_column=Column(Text(), nullable=False))
    result: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    finished_at: datetime | None = None


class AuditEntry(SQLModel, table=True):
    """An entry of the audit log, tagged source:subject:action."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_experiment_id_at", "experiment_id", "at"),)
    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(default_factory=utc_now)
    actor: str = Field(max_length=254)
    action: str = Field(max_length=64)  # such as page:experiment:launch or api:key:create
    experiment_id: int | None = Field(default=None, foreign_key="experiment.id")
    detail: dict[str, Any] = Field(sa_column=json_column())
