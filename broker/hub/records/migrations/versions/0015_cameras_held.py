"""Which plan of cameras each node follows, as it says itself."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Bring the schema to 0015."""
    op.create_table(
        "cameras_held",
        sa.Column("node", sa.String, primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
    )
