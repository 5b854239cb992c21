"""What officials announce: recurrences, emergency templates and drills, warnings of others, channels, patterns."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Bring the schema to 0011."""
    _templates()
    _extend()
    _warnings()
    _channels()


def _templates() -> None:
    op.create_table(
        "emergency_template",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("icon", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("spoken", sa.Text, nullable=False),
        sa.Column("answers", sa.JSON, nullable=False),
        sa.Column("voice", sa.String, nullable=False),
        sa.Column("villages", sa.JSON, nullable=False),
        sa.Column("repeat", sa.Integer, nullable=False),
        sa.Column("gap_s", sa.Integer, nullable=False),
        sa.Column("every_s", sa.Integer, nullable=False),
        sa.Column("lasts_s", sa.Integer, nullable=False),
        sa.Column("author_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("signer_id", sa.Integer, sa.ForeignKey("account.id")),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("edited_at", sa.DateTime, nullable=False),
        sa.Column("signed_at", sa.DateTime),
        sa.Column("expires", sa.DateTime),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("audio", sa.JSON),
        sa.Column("audio_problem", sa.String, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("body", sa.Text),
        sa.Column("signatures", sa.JSON, nullable=False),
        sa.UniqueConstraint("code", "number"),
    )
    op.create_table(
        "pattern",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("villages", sa.JSON, nullable=False),
        sa.Column("repeat", sa.Integer, nullable=False),
        sa.Column("voice", sa.String, nullable=False),
        sa.Column("author_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("edited_at", sa.DateTime, nullable=False),
        sa.Column("removed_at", sa.DateTime),
    )


def _extend() -> None:
    with op.batch_alter_table("announcement") as table:
        table.add_column(sa.Column("field", sa.String, nullable=False, server_default=""))
    with op.batch_alter_table("revision") as table:
        table.add_column(sa.Column("recurrence", sa.JSON))
        table.add_column(
            sa.Column(
                "template_id",
                sa.Integer,
                sa.ForeignKey("emergency_template.id", name="fk_revision_template_id_emergency_template"),
            )
        )
        table.add_column(sa.Column("place", sa.Integer, nullable=False, server_default="0"))
        table.add_column(sa.Column("drill", sa.Boolean, nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("every_s", sa.Integer, nullable=False, server_default="0"))
        table.add_column(sa.Column("lasts_s", sa.Integer, nullable=False, server_default="0"))
        table.add_column(sa.Column("source", sa.JSON))
    with op.batch_alter_table("occurrence") as table:
        table.add_column(sa.Column("place", sa.Integer, nullable=False, server_default="0"))
        table.add_column(sa.Column("clicked_at", sa.DateTime))
    with op.batch_alter_table("play") as table:
        table.add_column(sa.Column("sent_at", sa.DateTime))
        table.add_column(sa.Column("told_at", sa.DateTime))
        table.create_index("ix_play_planned_at", ["planned_at"])
    with op.batch_alter_table("node") as table:
        table.add_column(sa.Column("latitude", sa.Double))
        table.add_column(sa.Column("longitude", sa.Double))


def _warnings() -> None:
    op.create_table(
        "cap_source",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("every_s", sa.Integer, nullable=False),
        sa.Column("certificate", sa.Text, nullable=False),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id")),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("removed_at", sa.DateTime),
        sa.Column("asked_at", sa.DateTime),
        sa.Column("answered_at", sa.DateTime),
        sa.Column("problem", sa.String, nullable=False),
        sa.Column("etag", sa.String, nullable=False),
    )
    op.create_table(
        "cap_message",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sender", sa.String, nullable=False),
        sa.Column("identifier", sa.String, nullable=False),
        sa.Column("sent", sa.DateTime, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("msg_type", sa.String, nullable=False),
        sa.Column("source_id", sa.Integer, sa.ForeignKey("cap_source.id")),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id")),
        sa.Column("received_at", sa.DateTime, nullable=False, index=True),
        sa.Column("expires", sa.DateTime),
        sa.Column("xml", sa.Text, nullable=False),
        sa.Column("info", sa.JSON, nullable=False),
        sa.Column("villages", sa.JSON, nullable=False),
        sa.Column("signature", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("announcement", sa.String, nullable=False),
        sa.Column("template", sa.String, nullable=False),
        sa.UniqueConstraint("sender", "identifier", "sent"),
    )


def _channels() -> None:
    op.create_table(
        "channel",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("secret", sa.String, nullable=False),
        sa.Column("kinds", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("changed_at", sa.DateTime, nullable=False),
        sa.Column("disabled_at", sa.DateTime),
        sa.Column("removed_at", sa.DateTime),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("channel_id", sa.Integer, sa.ForeignKey("channel.id"), nullable=False, index=True),
        sa.Column("announcement", sa.String, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("next_at", sa.DateTime, nullable=False),
        sa.Column("sent_at", sa.DateTime),
        sa.Column("problem", sa.String, nullable=False),
        sa.UniqueConstraint("channel_id", "announcement", "revision", "what"),
    )
