"""What a node keeps of the audit log is kept here with the hub's own signature."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Bring the schema to 0008."""
    with op.batch_alter_table("node_seen") as table:
        table.add_column(sa.Column("audit_signed", sa.JSON))
