"""The duty room: incidents, shifts, phones, exports; quiet areas, live views and searches of cameras."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Bring the schema to 0013."""
    _duty()
    _alerts()
    _cameras()


def _duty() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("village", sa.String, nullable=False),
        sa.Column("began_at", sa.DateTime, nullable=False),
        sa.Column("last_at", sa.DateTime, nullable=False, index=True),
    )
    op.create_table(
        "shift",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("officer_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("began_at", sa.DateTime, nullable=False, index=True),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_table(
        "duty_phone",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("kinds", sa.JSON, nullable=False),
        sa.Column("after_s", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("removed_at", sa.DateTime),
    )
    op.create_table(
        "duty_call",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("alert_id", sa.Integer, sa.ForeignKey("alert.id"), nullable=False, index=True),
        sa.Column("phone_id", sa.Integer, sa.ForeignKey("duty_phone.id"), nullable=False),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due_at", sa.DateTime, nullable=False),
        sa.Column("next_at", sa.DateTime, nullable=False),
        sa.Column("sent_at", sa.DateTime),
        sa.Column("problem", sa.String, nullable=False),
        sa.UniqueConstraint("alert_id", "phone_id"),
    )
    op.create_table(
        "alert_export",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("alert_id", sa.Integer, sa.ForeignKey("alert.id"), nullable=False, index=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
    )


def _alerts() -> None:
    with op.batch_alter_table("alert") as table:
        table.add_column(sa.Column("evidence", sa.JSON, nullable=False, server_default="{}"))
        table.add_column(
            sa.Column("incident_id", sa.Integer, sa.ForeignKey("incident.id", name="fk_alert_incident"))
        )
        table.add_column(sa.Column("unseen_at", sa.DateTime))
        table.add_column(sa.Column("escalated_to", sa.String, nullable=False, server_default=""))
        table.create_index(op.f("ix_alert_incident_id"), ["incident_id"])
        table.create_index("ix_alert_camera_started", ["node", "camera", "started_at"])
        table.create_index(op.f("ix_alert_raised_at"), ["raised_at"])


def _cameras() -> None:
    op.create_table(
        "camera_quiet",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("node", sa.String, nullable=False, index=True),
        sa.Column("camera", sa.String, nullable=False),
        sa.Column("alert_id", sa.Integer, sa.ForeignKey("alert.id")),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("area", sa.JSON),
        sa.Column("hours", sa.JSON, nullable=False),
        sa.Column("sensitivity", sa.Double),
        sa.Column("applied_at", sa.DateTime, nullable=False),
        sa.Column("applied_by", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("hid_false", sa.Integer, nullable=False),
        sa.Column("hid_true", sa.Integer, nullable=False),
        sa.Column("ask_again_at", sa.DateTime, nullable=False),
        sa.Column("undone_at", sa.DateTime),
        sa.Column("undone_by", sa.Integer, sa.ForeignKey("account.id")),
    )
    op.create_table(
        "camera_live",
        sa.Column("view", sa.String, primary_key=True),
        sa.Column("node", sa.String, nullable=False, index=True),
        sa.Column("camera", sa.String, nullable=False),
        sa.Column("asked_at", sa.DateTime, nullable=False),
        sa.Column("asked_by", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("until", sa.DateTime, nullable=False),
        sa.Column("sent_until", sa.DateTime),
        sa.Column("ended_at", sa.DateTime),
    )
    op.create_table(
        "camera_search",
        sa.Column("request", sa.String, primary_key=True),
        sa.Column("node", sa.String, nullable=False, index=True),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("asked_at", sa.DateTime, nullable=False),
        sa.Column("asked_by", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("sent_at", sa.DateTime),
        sa.Column("came_at", sa.DateTime),
        sa.Column("devices", sa.JSON, nullable=False),
        sa.Column("streams", sa.JSON, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
    )
