"""Readings: series, their points, hourly figures, and the queue of a copy server."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the schema to 0002."""
    _series()
    _hours()
    _replica()


def _series() -> None:
    op.create_table(
        "series",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("node", sa.String, nullable=False),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("latest_ms", sa.BigInteger, nullable=False),
        sa.Column("latest_value", sa.Double, nullable=False),
        sa.Column("latest_quality", sa.SmallInteger, nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("node", "service", "name"),
    )
    op.create_table(
        "reading",
        sa.Column("series", sa.Integer, sa.ForeignKey("series.id"), primary_key=True),
        sa.Column("at_ms", sa.BigInteger, primary_key=True),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("quality", sa.SmallInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _hours() -> None:
    op.create_table(
        "reading_hour",
        sa.Column("series", sa.Integer, sa.ForeignKey("series.id"), primary_key=True),
        sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("low", sa.Double),
        sa.Column("high", sa.Double),
        sa.Column("total", sa.Double),
        sa.Column("doubted", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reading_hour_due",
        sa.Column("series", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )


def _replica() -> None:
    op.create_table(
        "replica",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("past_series", sa.Integer, nullable=False),
        sa.Column("past_ms", sa.BigInteger, nullable=False),
        sa.Column("past_done", sa.Boolean, nullable=False),
    )
    op.create_table(
        "replica_due",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("points", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
