"""Cameras: sub-streams, zones, masks, schedules; sealed addresses; outages, labels, evidence pairs, retention."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Bring the schema to 0012."""
    _cameras()
    _alerts()
    _tables()


def _cameras() -> None:
    with op.batch_alter_table("camera") as table:
        table.add_column(sa.Column("sub_source", sa.String, nullable=False, server_default=""))
        table.add_column(sa.Column("sealed", sa.LargeBinary))
        table.add_column(sa.Column("night_sensitivity", sa.Double))
        for name in ("zones", "ignored", "masks", "schedule"):
            table.add_column(sa.Column(name, sa.JSON, nullable=False, server_default="[]"))
        table.add_column(sa.Column("label", sa.Boolean, nullable=False, server_default=sa.true()))
        table.add_column(sa.Column("view", sa.Integer, nullable=False, server_default="0"))
    with op.batch_alter_table("camera_seen") as table:
        table.add_column(sa.Column("picture_at", sa.DateTime))
        table.add_column(sa.Column("tampering", sa.String, nullable=False, server_default=""))
        table.add_column(sa.Column("codec", sa.String, nullable=False, server_default=""))
        table.add_column(sa.Column("gop_s", sa.Double, nullable=False, server_default="0"))
        table.add_column(sa.Column("watching", sa.Boolean, nullable=False, server_default=sa.true()))


def _alerts() -> None:
    with op.batch_alter_table("alert") as table:
        table.add_column(sa.Column("zone", sa.String, nullable=False, server_default=""))
        table.add_column(sa.Column("confidence", sa.Double, nullable=False, server_default="0"))
        for name in ("reasons", "labels", "best_boxes"):
            table.add_column(sa.Column(name, sa.JSON, nullable=False, server_default="[]"))
        table.add_column(sa.Column("lasted_ms", sa.BigInteger, nullable=False, server_default="0"))
        table.add_column(sa.Column("clock", sa.String, nullable=False, server_default="trusted"))
        table.add_column(sa.Column("before", sa.String))
        table.add_column(sa.Column("best", sa.String))
        table.add_column(sa.Column("pictures_gone_at", sa.DateTime))
        table.add_column(sa.Column("clip_gone_at", sa.DateTime))
        table.create_index(op.f("ix_alert_before"), ["before"])
        table.create_index(op.f("ix_alert_best"), ["best"])


def _tables() -> None:
    op.create_table(
        "camera_seal",
        sa.Column("node", sa.String, primary_key=True),
        sa.Column("public", sa.Text, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "camera_still",
        sa.Column("request", sa.String, primary_key=True),
        sa.Column("node", sa.String, nullable=False, index=True),
        sa.Column("camera", sa.String, nullable=False),
        sa.Column("asked_at", sa.DateTime, nullable=False),
        sa.Column("asked_by", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("sent_at", sa.DateTime),
        sa.Column("taken_at", sa.DateTime),
        sa.Column("came_at", sa.DateTime),
        sa.Column("picture", sa.String, index=True),
        sa.Column("reason", sa.String, nullable=False),
    )
    op.create_table(
        "camera_notice",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("keeper", sa.Text, nullable=False),
        sa.Column("contact", sa.Text, nullable=False),
        sa.Column("kept_days", sa.Integer, nullable=False),
        sa.Column("edited_at", sa.DateTime, nullable=False),
        sa.Column("edited_by", sa.Integer, sa.ForeignKey("account.id")),
    )
