"""Announcements of several tracks, phrases recorded once, and the languages of each village."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Bring the schema to 0009."""
    with op.batch_alter_table("revision") as table:
        table.add_column(sa.Column("tracks", sa.JSON, nullable=False, server_default="[]"))
    with op.batch_alter_table("village") as table:
        table.add_column(sa.Column("languages", sa.JSON, nullable=False, server_default="[]"))
    op.create_table(
        "phrase",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("recording", sa.JSON, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("removed_at", sa.DateTime),
    )
