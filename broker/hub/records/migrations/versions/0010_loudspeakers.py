"""What loudspeakers prove: receipts in a chain, volumes, tests, amplifiers; and relayed programmes."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Bring the schema to 0010."""
    _extend()
    _receipts_and_tests()
    _amplifiers()


def _extend() -> None:
    with op.batch_alter_table("play") as table:
        table.add_column(sa.Column("proof", sa.String, nullable=False, server_default=""))
        table.add_column(sa.Column("proof_score", sa.Double))
        table.add_column(sa.Column("frames", sa.BigInteger))
        table.add_column(sa.Column("rate_hz", sa.Integer))
        table.add_column(sa.Column("volume", sa.Integer))
        table.add_column(sa.Column("underruns", sa.Integer, nullable=False, server_default="0"))
        table.add_column(sa.Column("clock", sa.String, nullable=False, server_default="unknown"))
        table.add_column(sa.Column("clock_error_ms", sa.BigInteger))
    with op.batch_alter_table("play_step") as table:
        table.add_column(sa.Column("book", sa.String, nullable=False, server_default=""))
        table.add_column(sa.Column("number", sa.BigInteger, nullable=False, server_default="0"))
        table.add_column(sa.Column("digest", sa.String, nullable=False, server_default=""))
        table.create_index("ix_play_step_chain", ["node", "book", "number"])
    with op.batch_alter_table("revision") as table:
        table.add_column(sa.Column("relay", sa.JSON))
    with op.batch_alter_table("speaker_seen") as table:
        table.add_column(sa.Column("sound", sa.String, nullable=False, server_default="none"))
        table.add_column(sa.Column("silenced", sa.String, nullable=False, server_default=""))


def _receipts_and_tests() -> None:
    op.create_table(
        "receipt_book",
        sa.Column("node", sa.String, primary_key=True),
        sa.Column("book", sa.String, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("broken_number", sa.BigInteger),
        sa.Column("broken_at", sa.DateTime),
        sa.Column("began_at", sa.DateTime, nullable=False),
        sa.Column("said_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "speaker_tuning",
        sa.Column("node", sa.String, primary_key=True),
        sa.Column("routine_percent", sa.Integer, nullable=False),
        sa.Column("priority_percent", sa.Integer, nullable=False),
        sa.Column("emergency_percent", sa.Integer, nullable=False),
        sa.Column("offset_ms", sa.Integer, nullable=False),
        sa.Column("test_weekday", sa.Integer),
        sa.Column("test_at", sa.String, nullable=False),
        sa.Column("changed_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "speaker_test",
        sa.Column("test", sa.String, primary_key=True),
        sa.Column("node", sa.String, nullable=False, index=True),
        sa.Column("asked_at", sa.DateTime),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id")),
        sa.Column("sent_at", sa.DateTime),
        sa.Column("at", sa.DateTime),
        sa.Column("is_weekly", sa.Boolean, nullable=False),
        sa.Column("sound", sa.String, nullable=False),
        sa.Column("volume", sa.Integer, nullable=False),
        sa.Column("frames", sa.BigInteger),
        sa.Column("underruns", sa.Integer, nullable=False),
        sa.Column("proof_level", sa.Integer, nullable=False),
        sa.Column("proof", sa.String, nullable=False),
        sa.Column("proof_score", sa.Double),
        sa.Column("reason", sa.String, nullable=False),
    )


def _amplifiers() -> None:
    op.create_table(
        "local_use",
        sa.Column("node", sa.String, primary_key=True),
        sa.Column("use", sa.String, primary_key=True),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("started_at", sa.DateTime, nullable=False, index=True),
        sa.Column("ended_at", sa.DateTime),
    )
    op.create_table(
        "amplifier_seen",
        sa.Column("node", sa.String, primary_key=True),
        sa.Column("relay", sa.String, nullable=False),
        sa.Column("current", sa.String, nullable=False),
        sa.Column("current_a", sa.Double),
        sa.Column("microphone", sa.Boolean, nullable=False),
        sa.Column("mute", sa.Boolean, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "amplifier_trouble",
        sa.Column("node", sa.String, primary_key=True),
        sa.Column("alarm", sa.String, primary_key=True),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("started_at", sa.DateTime, nullable=False, index=True),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("current_a", sa.Double),
        sa.Column("received_at", sa.DateTime, nullable=False),
    )
