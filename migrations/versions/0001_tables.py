"""Create every table, with the project that everything belongs to at first."""

from datetime import UTC, datetime

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
String = sqlmodel.sql.sqltypes.AutoString
Moment = sqlmodel.sql.sqltypes.UTCDateTime

TABLES = (
    "project",
    "account",
    "membership",
    "setup_token",
    "api_key",
    "configuration_version",
    "namespace",
    "experiment",
    "variant",
    "run",
    "allocation_epoch",
    "exposure",
    "multi_exposure",
    "outside_exposure",
    "event",
    "imported_counts",
    "analysis",
    "learned_prior",
    "upload",
    "job",
    "audit_entry",
)
"""In the order in which they can be created."""


def upgrade() -> None:
    _create_people()
    _create_experiments()
    _create_data()
    _create_results()
    _fill()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _create_people() -> None:
    """Who may do what: projects, accounts and keys."""
    op.create_table(
        "project",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", String(64), nullable=False),
        sa.Column("name", String(120), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("key", name=op.f("uq_project_key")),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", String(254), nullable=False),
        sa.Column("name", String(100), nullable=False),
        sa.Column("password_hash", String(255), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("disabled_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email", name=op.f("uq_account_email")),
    )
    op.create_table(
        "membership",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("role", String(16), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_membership_account_id_account")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_membership_project_id_project")),
        sa.PrimaryKeyConstraint("project_id", "account_id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_account_id"), "membership", ["account_id"])
    op.create_table(
        "setup_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", String(64), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setup_token")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", String(100), nullable=False),
        sa.Column("kind", String(16), nullable=False),
        sa.Column("prefix", String(16), nullable=False),
        sa.Column("key_hash", String(64), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("created_by", String(254), nullable=False),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_api_key_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_key_key_hash")),
    )
    op.create_index(op.f("ix_api_key_project_id"), "api_key", ["project_id"])


def _create_experiments() -> None:
    """What is tested, and how it is assigned."""
    op.create_table(
        "configuration_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configuration_version")),
    )
    op.create_table(
        "namespace",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("key", String(64), nullable=False),
        sa.Column("seed", String(64), nullable=False),
        sa.Column("holdout_buckets", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_namespace_project_id_project")),
        sa.PrimaryKeyConstraint("project_id", "key", name=op.f("pk_namespace")),
    )
    op.create_table(
        "experiment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("key", String(64), nullable=False),
        sa.Column("name", String(120), nullable=False),
        sa.Column("hypothesis", String(2000), nullable=False),
        sa.Column("state", String(16), nullable=False),
        sa.Column("primary_metric", String(64), nullable=False),
        sa.Column("metrics", JSON, nullable=False),
        sa.Column("guardrails", JSON, nullable=False),
        sa.Column("targeting", JSON, nullable=True),
        sa.Column("traffic_buckets", sa.Integer(), nullable=False),
        sa.Column("traffic_seed", String(64), nullable=False),
        sa.Column("namespace_key", String(64), nullable=True),
        sa.Column("namespace_from", sa.Integer(), nullable=False),
        sa.Column("namespace_to", sa.Integer(), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("segments", JSON, nullable=False),
        sa.Column("currency", String(3), nullable=False),
        sa.Column("planned_days", sa.Integer(), nullable=True),
        sa.Column("minimum_members", sa.Integer(), nullable=False),
        sa.Column("threshold_of_caring", sa.Float(), nullable=False),
        sa.Column("allocation", JSON, nullable=True),
        sa.Column("covariate", JSON, nullable=True),
        sa.Column("action_values", JSON, nullable=True),
        sa.Column("margin", sa.Float(), nullable=False),
        sa.Column("prior", String(16), nullable=False),
        sa.Column("interval", String(8), nullable=False),
        sa.Column("bots", String(8), nullable=False),
        sa.Column("members", String(8), nullable=False),
        sa.Column("starts_at", Moment(), nullable=True),
        sa.Column("ends_at", Moment(), nullable=True),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.Column("shipped_variant", String(64), nullable=True),
        sa.Column("shipped_note", String(2000), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("created_by", String(254), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "namespace_key"],
            ["namespace.project_id", "namespace.key"],
            name=op.f("fk_experiment_project_id_namespace_key_namespace"),
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_experiment_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiment")),
        sa.UniqueConstraint("project_id", "key", name=op.f("uq_experiment_project_id_key")),
    )
    op.create_index("ix_experiment_state", "experiment", ["state"])
    op.create_table(
        "variant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("key", String(64), nullable=False),
        sa.Column("name", String(120), nullable=False),
        sa.Column("control", sa.Boolean(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("content", JSON, nullable=False),
        sa.Column("cost", JSON, nullable=True),
        sa.ForeignKeyConstraint(["experiment_id"], ["experiment.id"], name=op.f("fk_variant_experiment_id_experiment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variant")),
        sa.UniqueConstraint("experiment_id", "key", name=op.f("uq_variant_experiment_id_key")),
        sa.UniqueConstraint("experiment_id", "position", name=op.f("uq_variant_experiment_id_position")),
    )
    op.create_index(op.f("ix_variant_experiment_id"), "variant", ["experiment_id"])
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("seed", String(64), nullable=False),
        sa.Column("allocation", JSON, nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("imported_block", String(256), nullable=True),
        sa.Column("imported_rows", JSON, nullable=True),
        sa.ForeignKeyConstraint(["experiment_id"], ["experiment.id"], name=op.f("fk_run_experiment_id_experiment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("experiment_id", "number", name=op.f("uq_run_experiment_id_number")),
    )
    op.create_index(op.f("ix_run_experiment_id"), "run", ["experiment_id"])
    op.create_table(
        "allocation_epoch",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("allocation", JSON, nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("analysis_id", String(36), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_allocation_epoch_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_allocation_epoch")),
    )


def _create_data() -> None:
    """What members saw and did."""
    op.create_table(
        "exposure",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("unit", String(256), nullable=False),
        sa.Column("variant", String(64), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("origin", String(16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("bot", sa.Boolean(), nullable=False),
        sa.Column("attributes", JSON, nullable=True),
        sa.Column("brought_by", String(256), nullable=True),
        sa.Column("root", String(256), nullable=True),
        sa.Column("depth", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_exposure_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "unit", name=op.f("pk_exposure")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_exposure_run_id_received_us", "exposure", ["run_id", "received_us"])
    op.create_table(
        "multi_exposure",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("unit", String(256), nullable=False),
        sa.Column("variant", String(64), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_multi_exposure_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "unit", "variant", name=op.f("pk_multi_exposure")),
    )
    op.create_table(
        "outside_exposure",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("side", String(8), nullable=False),
        sa.Column("unit", String(256), nullable=False),
        sa.Column("variant", String(64), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_outside_exposure_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "side", "unit", name=op.f("pk_outside_exposure")),
    )
    op.create_table(
        "event",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", String(128), nullable=False),
        sa.Column("unit", String(256), nullable=False),
        sa.Column("type", String(64), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("value_micro", sa.BigInteger(), nullable=True),
        sa.Column("currency", String(3), nullable=True),
        sa.Column("experiment", String(64), nullable=True),
        sa.Column("flag", sa.SmallInteger(), nullable=True),
        sa.Column("properties", JSON, nullable=True),
        sa.PrimaryKeyConstraint("id", "project_id", name=op.f("pk_event")),
    )
    op.create_index(
        "ix_event_unit_project_id_at_us",
        "event",
        ["unit", "project_id", "at_us", "type", "value_micro", "received_us", "currency", "experiment", "flag"],
    )
    op.create_index("ix_event_received_us", "event", ["received_us"])
    flagged = sa.text("flag IS NOT NULL")
    op.create_index("ix_event_flag", "event", ["project_id", "flag"], sqlite_where=flagged, postgresql_where=flagged)
    op.create_table(
        "imported_counts",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("variant", String(64), nullable=False),
        sa.Column("metric", String(64), nullable=False),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.Column("successes", sa.BigInteger(), nullable=False),
        sa.Column("sums", JSON, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_imported_counts_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "variant", "metric", name=op.f("pk_imported_counts")),
    )


def _create_results() -> None:
    """What was computed, and the work behind it."""
    op.create_table(
        "analysis",
        sa.Column("id", String(36), nullable=False),
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("cut_off_us", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("history_only", sa.Boolean(), nullable=False),
        sa.Column("decision", String(32), nullable=False),
        sa.Column("result", JSON, nullable=False),
        sa.Column("inputs", JSON, nullable=False),
        sa.Column("drawing", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiment.id"], name=op.f("fk_analysis_experiment_id_experiment")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_analysis_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analysis")),
    )
    op.create_index(op.f("ix_analysis_experiment_id"), "analysis", ["experiment_id"])
    op.create_index("ix_analysis_run_id_cut_off_us", "analysis", ["run_id", "cut_off_us"])
    op.create_table(
        "learned_prior",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", String(64), nullable=False),
        sa.Column("parameters", JSON, nullable=False),
        sa.Column("reason", JSON, nullable=False),
        sa.Column("evidence", JSON, nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learned_prior")),
    )
    op.create_table(
        "upload",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", String(255), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", String(16), nullable=False),
        sa.Column("experiment_id", sa.Integer(), nullable=True),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("state", String(16), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("requested_by", String(254), nullable=False),
        sa.Column("worker", String(64), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("result", JSON, nullable=True),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["experiment_id"], ["experiment.id"], name=op.f("fk_job_experiment_id_experiment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index(op.f("ix_job_experiment_id"), "job", ["experiment_id"])
    op.create_index("ix_job_state_due_at", "job", ["state", "due_at"])
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor", String(254), nullable=False),
        sa.Column("action", String(64), nullable=False),
        sa.Column("experiment_id", sa.Integer(), nullable=True),
        sa.Column("detail", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiment.id"], name=op.f("fk_audit_entry_experiment_id_experiment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_experiment_id_at", "audit_entry", ["experiment_id", "at"])


def _fill() -> None:
    """The default project, whose id is the first of the sequence, and the first configuration."""
    project = sa.table(
        "project", sa.column("key", sa.String), sa.column("name", sa.String), sa.column("created_at", Moment)
    )
    op.bulk_insert(project, [{"key": "default", "name": "Default", "created_at": datetime.now(UTC)}])
    version = sa.table("configuration_version", sa.column("id", sa.Integer), sa.column("number", sa.BigInteger))
    op.bulk_insert(version, [{"id": 1, "number": 1}])
