"""Tokens of programs that write readings, and their series."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Bring the schema to 0004."""
    op.create_table(
        "token",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("hash", sa.String, nullable=False, unique=True),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("revoked_at", sa.DateTime),
    )
    op.create_table(
        "token_series",
        sa.Column("token", sa.Integer, sa.ForeignKey("token.id"), primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
    )
