"""Packed days of readings; what a source says of a gap."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Bring the schema to 0003. Readings that are rows stay; ingest packs them day by day."""
    op.create_table(
        "reading_day",
        sa.Column("series", sa.Integer, sa.ForeignKey("series.id"), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_reading_day_last_ms", "reading_day", ["last_ms"])
    op.add_column("gap", sa.Column("count", sa.BigInteger))
    op.add_column("gap", sa.Column("reason", sa.String, nullable=False, server_default=""))
