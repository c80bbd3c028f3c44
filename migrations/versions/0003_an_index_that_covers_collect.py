"""The index of events by unit covers all that collect reads, so that it never looks at the table"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NAME, COLUMNS = (
    "ix_event_unit_at_us",
    ["unit", "at_us", "type", "value_micro", "received_us", "currency", "experiment"],
)
BEFORE_NAME, BEFORE_COLUMNS = "ix_event_unit_type_at_us_value_micro", ["unit", "type", "at_us", "value_micro"]


def upgrade() -> None:
    # The new one is there before the old one goes: whoever reads in between finds one of the two.
    op.create_index(NAME, "event", COLUMNS, unique=False)
    op.drop_index(BEFORE_NAME, "event")


def downgrade() -> None:
    op.create_index(BEFORE_NAME, "event", BEFORE_COLUMNS, unique=False)
    op.drop_index(NAME, "event")
