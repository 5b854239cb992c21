"""What the kiosks say: revisions of procedures, and words that found nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Bring the schema to 0014."""
    op.create_table(
        "content_revision",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("written_by", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("written_at", sa.DateTime, nullable=False),
        sa.Column("sent_at", sa.DateTime),
        sa.Column("decided_by", sa.Integer, sa.ForeignKey("account.id")),
        sa.Column("decided_at", sa.DateTime),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("checked_on", sa.Date),
        sa.UniqueConstraint("code", "number"),
    )
    op.create_index("ix_content_revision_state", "content_revision", ["state", "code"])
    op.create_table(
        "search_word",
        sa.Column("text", sa.String, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("first_on", sa.Date, nullable=False),
        sa.Column("last_on", sa.Date, nullable=False, index=True),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("settled_by", sa.Integer, sa.ForeignKey("account.id")),
        sa.Column("settled_at", sa.DateTime),
    )
