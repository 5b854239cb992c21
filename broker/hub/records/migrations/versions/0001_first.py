"""The first schema: people, nodes, announcements, cameras, citizens, the wire."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
_COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite's are always wide enough


def upgrade() -> None:
    """Bring the schema to 0001."""
    _account()
    _village()
    _node()
    _node_parts()
    _announcement()
    _playing()
    _camera()
    _alert()
    _citizen()
    _plan()
    _wire()
    _change()
    _setting()
    _audit()


def _account() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("username", sa.String, nullable=False, unique=True),
        sa.Column("full_name", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("key", sa.String, unique=True),
        sa.Column("villages", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("disabled_at", sa.DateTime),
        sa.Column("failed_logins", sa.Integer, nullable=False),
        sa.Column("signed_in_at", sa.DateTime),
    )


def _village() -> None:
    op.create_table(
        "village",
        sa.Column("code", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("centre_x", sa.Double, nullable=False),
        sa.Column("centre_y", sa.Double, nullable=False),
        sa.Column("path", sa.String, nullable=False),
    )


def _node() -> None:
    op.create_table(
        "node_seen",
        sa.Column("node", sa.String, primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("uptime_s", sa.Integer, nullable=False),
        sa.Column("load_1m", sa.Double, nullable=False),
        sa.Column("memory_free_percent", sa.Double, nullable=False),
        sa.Column("disk_free_percent", sa.Double, nullable=False),
        sa.Column("cpu_celsius", sa.Double),
        sa.Column("clock", sa.String, nullable=False),
        sa.Column("content_generation", sa.Integer, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "service_seen",
        sa.Column("identity", sa.String, primary_key=True),
        sa.Column("node", sa.String, nullable=False, index=True),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("boot", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("problems", sa.JSON, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "node",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("village", sa.String, sa.ForeignKey("village.code"), nullable=False),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("registered_at", sa.DateTime, nullable=False),
        sa.Column("retired_at", sa.DateTime),
    )


def _node_parts() -> None:
    op.create_table(
        "board_seen",
        sa.Column("node", sa.String, primary_key=True),
        sa.Column("board", sa.String, primary_key=True),
        sa.Column("port", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
        sa.Column("polls", sa.Integer, nullable=False),
        sa.Column("errors", sa.Integer, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "speaker_seen",
        sa.Column("node", sa.String, primary_key=True),
        sa.Column("doing", sa.String, nullable=False),
        sa.Column("since", sa.DateTime),
        sa.Column("output", sa.String, nullable=False),
        sa.Column("occurrence", sa.String, nullable=False),
        sa.Column("plan_generation", sa.Integer, nullable=False),
        sa.Column("trust_generation", sa.Integer, nullable=False),
        sa.Column("applied_generation", sa.Integer, nullable=False),
        sa.Column("applied_at", sa.DateTime),
        sa.Column("ready", sa.JSON, nullable=False),
        sa.Column("missing", sa.JSON, nullable=False),
        sa.Column("refused", sa.JSON, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
    )


def _announcement() -> None:
    op.create_table(
        "announcement",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("author_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("latest", sa.Integer, nullable=False),
    )
    op.create_table(
        "revision",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("announcement_id", sa.String, sa.ForeignKey("announcement.id"), nullable=False, index=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("spoken", sa.Text, nullable=False),
        sa.Column("answers", sa.JSON, nullable=False),
        sa.Column("voice", sa.String, nullable=False),
        sa.Column("villages", sa.JSON, nullable=False),
        sa.Column("play_now", sa.Boolean, nullable=False),
        sa.Column("starts", sa.JSON, nullable=False),
        sa.Column("repeat", sa.Integer, nullable=False),
        sa.Column("gap_s", sa.Integer, nullable=False),
        sa.Column("author_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("approver_id", sa.Integer, sa.ForeignKey("account.id")),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("edited_at", sa.DateTime, nullable=False),
        sa.Column("submitted_at", sa.DateTime),
        sa.Column("decided_at", sa.DateTime),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("return_note", sa.Text, nullable=False),
        sa.Column("audio", sa.JSON),
        sa.Column("audio_problem", sa.String, nullable=False),
        sa.Column("envelope", sa.Text),
        sa.Column("signatures", sa.JSON, nullable=False),
        sa.UniqueConstraint("announcement_id", "number"),
    )


def _playing() -> None:
    op.create_table(
        "play",
        sa.Column("occurrence", sa.String, primary_key=True),
        sa.Column("node", sa.String, primary_key=True),
        sa.Column("announcement", sa.String, nullable=False, index=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("planned_at", sa.DateTime, nullable=False),
        sa.Column("started_at", sa.DateTime),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("late_ms", sa.Integer),
        sa.Column("played_ms", sa.Integer),
        sa.Column("total_ms", sa.Integer),
        sa.Column("repeat", sa.Integer, nullable=False),
        sa.Column("sound", sa.String, nullable=False),
        sa.Column("proof_level", sa.Integer, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("said_at", sa.DateTime),
    )
    op.create_table(
        "play_step",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("occurrence", sa.String, nullable=False, index=True),
        sa.Column("node", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "stop",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("occurrence", sa.String, nullable=False),
        sa.Column("nodes", sa.JSON, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("sent_at", sa.DateTime),
    )
    op.create_table(
        "occurrence",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("revision_id", sa.Integer, sa.ForeignKey("revision.id"), nullable=False, index=True),
        sa.Column("start", sa.DateTime, nullable=False, index=True),
        sa.Column("tolerance_s", sa.Integer, nullable=False),
        sa.Column("duration_s", sa.Double, nullable=False),
        sa.Column("cancelled_at", sa.DateTime),
    )


def _camera() -> None:
    op.create_table(
        "camera",
        sa.Column("node", sa.String, primary_key=True),
        sa.Column("camera", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("village", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("sensitivity", sa.Double, nullable=False),
        sa.Column("retired_at", sa.DateTime),
    )
    op.create_table(
        "camera_seen",
        sa.Column("node", sa.String, primary_key=True),
        sa.Column("camera", sa.String, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("frames_per_s", sa.Double, nullable=False),
        sa.Column("width_px", sa.Integer, nullable=False),
        sa.Column("height_px", sa.Integer, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
    )


def _alert() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("node", sa.String, nullable=False),
        sa.Column("camera", sa.String, nullable=False),
        sa.Column("village", sa.String, nullable=False),
        sa.Column("episode", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("started_at", sa.DateTime, nullable=False, index=True),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("raised_at", sa.DateTime, nullable=False),
        sa.Column("seen_at", sa.DateTime),
        sa.Column("in_hand_at", sa.DateTime),
        sa.Column("closed_at", sa.DateTime),
        sa.Column("officer_id", sa.Integer, sa.ForeignKey("account.id")),
        sa.Column("boxes", sa.JSON, nullable=False),
        sa.Column("snapshot", sa.String, index=True),
        sa.Column("clip", sa.JSON),
        sa.Column("clip_sha256", sa.String, index=True),
        sa.Column("has_clip", sa.Boolean, nullable=False),
        sa.Column("clip_reason", sa.String, nullable=False),
        sa.Column("escalated_at", sa.DateTime),
        sa.Column("close_reason", sa.String, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.UniqueConstraint("node", "episode"),
    )
    op.create_table(
        "alert_step",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("alert_id", sa.Integer, sa.ForeignKey("alert.id"), nullable=False, index=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id")),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )


def _citizen() -> None:
    op.create_table(
        "feedback",
        sa.Column("code", sa.String, primary_key=True),
        sa.Column("node", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False, index=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("taken_by", sa.Integer, sa.ForeignKey("account.id")),
        sa.Column("taken_at", sa.DateTime),
        sa.Column("answered_at", sa.DateTime),
        sa.Column("answer", sa.String, nullable=False),
    )
    op.create_table(
        "helper_call",
        sa.Column("call", sa.String, primary_key=True),
        sa.Column("node", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("page", sa.String, nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False, index=True),
        sa.Column("taken_by", sa.Integer, sa.ForeignKey("account.id")),
        sa.Column("taken_at", sa.DateTime),
    )


def _plan() -> None:
    op.create_table(
        "content_bundle",
        sa.Column("generation", sa.Integer, primary_key=True),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("note", sa.String, nullable=False),
    )
    op.create_table(
        "plan",
        sa.Column("node", sa.String, primary_key=True),
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("signatures", sa.JSON, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("until", sa.DateTime),
    )


def _wire() -> None:
    op.create_table(
        "gap",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("source", sa.String, nullable=False, index=True),
        sa.Column("epoch", sa.String, nullable=False),
        sa.Column("lane", sa.String, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "high_water",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("epoch", sa.String, primary_key=True),
        sa.Column("lane", sa.String, primary_key=True),
        sa.Column("upto", sa.BigInteger, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", _COUNTER, primary_key=True),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("first_at", sa.DateTime, nullable=False),
        sa.Column("last_at", sa.DateTime, nullable=False),
        sa.Column("sample", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("source", "reason"),
    )


def _change() -> None:
    op.create_table(
        "change",
        sa.Column("id", _COUNTER, primary_key=True),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sqlite_autoincrement=True,
    )


def _setting() -> None:
    op.create_table(
        "sequence",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.Integer, nullable=False),
    )
    op.create_table(
        "setting",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("prev", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
    )
