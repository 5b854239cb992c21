"""Cameras as the commune set them up and as their nodes see them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from broker.hub.records.table import Base


class Camera(Base):
    """One camera of a node."""

    __tablename__ = "camera"

    node: Mapped[str] = mapped_column(primary_key=True)
    camera: Mapped[str] = mapped_column(primary_key=True)
    """Code on the wire, unique on its node."""
    name: Mapped[str]
    village: Mapped[str]
    source: Mapped[str]
    """RTSP URL, device or file. May hold a password: never logged, shown to admins only."""
    sensitivity: Mapped[float] = mapped_column(default=0.5)
    retired_at: Mapped[datetime | None]


class CameraSeen(Base):
    """Whether a camera sees, as its node last said."""

    __tablename__ = "camera_seen"

    node: Mapped[str] = mapped_column(primary_key=True)
    camera: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    """connecting, live or offline"""
    since: Mapped[datetime]
    frames_per_s: Mapped[float] = mapped_column(default=0.0)
    width_px: Mapped[int] = mapped_column(default=0)
    height_px: Mapped[int] = mapped_column(default=0)
    detail: Mapped[str] = mapped_column(default="")
    seen_at: Mapped[datetime]
