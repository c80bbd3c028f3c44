"""Allocation epochs, learned priors, who brought whom, and what an experiment declares for them"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Plain additions: none of them rewrites a table, so they are quick whatever the size.
COLUMNS = (
    ("experiment", lambda: sa.Column("allocation", JSON, nullable=True)),
    ("experiment", lambda: sa.Column("covariate", JSON, nullable=True)),
    ("experiment", lambda: sa.Column("action_values", JSON, nullable=True)),
    ("experiment", lambda: sa.Column("margin", sa.Float(), server_default="1.0", nullable=False)),
    (
        "experiment",
        lambda: sa.Column("prior", sqlmodel.sql.sqltypes.AutoString(length=16), server_default="auto", nullable=False),
    ),
    (
        "experiment",
        lambda: sa.Column("interval", sqlmodel.sql.sqltypes.AutoString(length=8), server_default="eti", nullable=False),
    ),
    ("exposure", lambda: sa.Column("brought_by", sqlmodel.sql.sqltypes.AutoString(length=256), nullable=True)),
    ("exposure", lambda: sa.Column("root", sqlmodel.sql.sqltypes.AutoString(length=256), nullable=True)),
    ("exposure", lambda: sa.Column("depth", sa.Integer(), server_default="0", nullable=False)),
)


def upgrade() -> None:
    for table, column in COLUMNS:
        op.add_column(table, column())
    op.create_table(
        "allocation_epoch",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("allocation", JSON, nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("analysis_id", sqlmodel.sql.sqltypes.AutoString(length=36), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_allocation_epoch_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_allocation_epoch")),
    )
    op.create_table(
        "learned_prior",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("parameters", JSON, nullable=False),
        sa.Column("reason", JSON, nullable=False),
        sa.Column("evidence", JSON, nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learned_prior")),
    )


def downgrade() -> None:
    op.drop_table("learned_prior")
    op.drop_table("allocation_epoch")
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column().name)
