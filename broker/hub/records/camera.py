"""Cameras as the commune set them up and as their nodes see them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, Text
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
    """RTSP URL, device or file as people see it: without its password once it is sealed (camera_setup.py)."""
    sub_source: Mapped[str] = mapped_column(default="")
    """A smaller stream of the same view, which is judged instead; seen in the same way."""
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """`CameraAddress` with the passwords, sealed to the hub; None until the hub has sealed what stands in clear."""
    sensitivity: Mapped[float] = mapped_column(default=0.5)
    night_sensitivity: Mapped[float | None]
    zones: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """[{"name", "corners": [[x, y], …]}] in fractions of the picture."""
    ignored: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """[{"corners": …}]: movement there means nothing."""
    masks: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """[{"corners": …}]: nobody may see what is there."""
    schedule: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """[{"days": [0..6], "since_min", "until_min"}]; empty is always."""
    label: Mapped[bool] = mapped_column(default=True)
    view: Mapped[int] = mapped_column(default=0)
    """How often people said that it looks where it should (CameraSetup.view)."""
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
    picture_at: Mapped[datetime | None]
    tampering: Mapped[str] = mapped_column(default="")
    codec: Mapped[str] = mapped_column(default="")
    gop_s: Mapped[float] = mapped_column(default=0.0)
    watching: Mapped[bool] = mapped_column(default=True)
    seen_at: Mapped[datetime]


class CameraSeal(Base):
    """The key to which a node's camera addresses are sealed, as its camera service last said."""

    __tablename__ = "camera_seal"

    node: Mapped[str] = mapped_column(primary_key=True)
    public: Mapped[str] = mapped_column(Text)
    """X25519, PEM."""
    seen_at: Mapped[datetime]


class CamerasHeld(Base):
    """Which plan of cameras a node follows, as its camera service last said."""

    __tablename__ = "cameras_held"

    node: Mapped[str] = mapped_column(primary_key=True)
    generation: Mapped[int]
    since: Mapped[datetime]
    """When the hub first heard of it, by the hub's clock."""


class CameraStill(Base):
    """A picture of a camera that somebody asked for: to set it up, or to look now."""

    __tablename__ = "camera_still"

    request: Mapped[str] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(index=True)
    camera: Mapped[str]
    asked_at: Mapped[datetime]
    asked_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    sent_at: Mapped[datetime | None]
    """When the command went to the broker."""
    taken_at: Mapped[datetime | None]
    came_at: Mapped[datetime | None]
    picture: Mapped[str | None] = mapped_column(index=True)
    """sha256 in the hub's media store."""
    reason: Mapped[str] = mapped_column(default="")
    """Why there is none."""


class CameraNotice(Base):
    """What the commune tells the public about its cameras (Law on Personal Data Protection, article 32). One row."""

    __tablename__ = "camera_notice"

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(Text)
    keeper: Mapped[str] = mapped_column(Text)
    """Who keeps the pictures and answers for them."""
    contact: Mapped[str] = mapped_column(Text)
    kept_days: Mapped[int]
    """Pictures and clips of closed alerts are deleted after this."""
    edited_at: Mapped[datetime]
    edited_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))


class CameraQuiet(Base):
    """A false alarm that comes again and again, told no more: part of a camera's plan until it is undone."""

    __tablename__ = "camera_quiet"

    id: Mapped[int] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(index=True)
    camera: Mapped[str]
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alert.id"))
    """The false alarm that led to it."""
    name: Mapped[str]
    area: Mapped[dict[str, Any] | None]
    """{"corners": …} as in Camera.ignored; None: the whole picture with `sensitivity`."""
    hours: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """As Camera.schedule; empty is always."""
    sensitivity: Mapped[float | None]
    applied_at: Mapped[datetime]
    applied_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    hid_false: Mapped[int] = mapped_column(default=0)
    hid_true: Mapped[int] = mapped_column(default=0)
    """Of the stored alerts it was tried on, when it was applied."""
    ask_again_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))


class CameraLive(Base):
    """Somebody looks at a camera as it is now; its pictures are never stored."""

    __tablename__ = "camera_live"

    view: Mapped[str] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(index=True)
    camera: Mapped[str]
    asked_at: Mapped[datetime]
    asked_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    reason: Mapped[str] = mapped_column(Text)
    until: Mapped[datetime]
    sent_until: Mapped[datetime | None]
    """The `until` of the command that went to the broker last."""
    ended_at: Mapped[datetime | None]


class CameraSearch(Base):
    """A search for cameras on a node's network, or a question to one of them."""

    __tablename__ = "camera_search"

    request: Mapped[str] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(index=True)
    device: Mapped[str] = mapped_column(default="")
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Name and password for the node alone; forgotten with the answer."""
    asked_at: Mapped[datetime]
    asked_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    sent_at: Mapped[datetime | None]
    came_at: Mapped[datetime | None]
    devices: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    streams: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    reason: Mapped[str] = mapped_column(default="")
