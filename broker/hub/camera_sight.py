"""Whether each camera sees: what its node last said of it, and whether anything has been heard of the node at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub import heard
from broker.hub.records import Camera, CameraSeen, ServiceSeen

Standing = Literal["seeing", "resting", "connecting", "offline", "tampered", "away", "dark", "unknown"]

TAMPERINGS: Final = MappingProxyType(
    {
        "covered": "Bị che",
        "blinded": "Bị loá",
        "defocused": "Bị mờ",
        "moved": "Bị xoay",
        "frozen": "Đứng hình",
    }
)
LONG_GOP_S: Final = 2.5
"""Above this every picture has to be decoded all the time (edge/camera/sight.py)."""
HEVC: Final = "Hình gửi bằng H.265: trình duyệt có thể không phát được đoạn ghi; nên đặt camera gửi H.264."
MJPEG: Final = "Hình gửi bằng MJPEG: tốn đường truyền và chỗ ghi; nên đặt camera gửi H.264."
LONG_GOP: Final = (
    "Camera gửi hình đầy đủ mỗi {gop} giây: máy ở thôn phải giải mã mọi hình nên tốn điện hơn; nên đặt khoảng hình "
    "khoá (I-frame, GOP) từ 1 đến 2 giây."
)


@dataclass(frozen=True)
class Sight:
    """How one camera stands."""

    standing: Standing
    since: datetime | None
    tampering: str = ""
    detail: str = ""
    """Why there is no picture, as its node says."""

    @property
    def is_blind(self) -> bool:
        """Whether nobody could see what happens in front of it."""
        return self.standing not in ("seeing", "resting")


def sights_of(db: Session, now: datetime) -> dict[tuple[str, str], Sight]:
    """Every camera in use, by node and camera. Where a whole node is gone its cameras see nothing either.

    While the broker is away nothing is known of any: what was said last is no news any more.
    """
    dark = dark_since(db, now)
    cameras = db.scalars(select(Camera).where(Camera.retired_at.is_(None))).all()
    seen = {(row.node, row.camera): row for row in db.scalars(select(CameraSeen))}
    lives = {row.node: row for row in db.scalars(select(ServiceSeen).where(ServiceSeen.service == "camera"))}
    return {
        (row.node, row.camera): sight_of(lives.get(row.node), seen.get((row.node, row.camera)), dark)
        for row in cameras
    }


def dark_since(db: Session, now: datetime) -> datetime | None:
    """Since when nothing can be heard of any camera, because the broker is away; None while it can."""
    return heard.away_since(db, now)


def sight_of(life: ServiceSeen | None, seen: CameraSeen | None, dark: datetime | None = None) -> Sight:
    """How a camera stands, by its node's camera service and what that last said of it. dark: see `dark_since`."""
    if dark is not None:
        return Sight("dark", dark)
    if life is not None and life.state in ("lost", "stopped"):
        return Sight("away", life.since)
    if seen is None:
        return Sight("unknown", None)
    if seen.state == "connecting":
        return Sight("connecting", seen.since, detail=seen.detail)
    if seen.state != "live":
        return Sight("offline", seen.picture_at or seen.since, detail=seen.detail)
    if seen.tampering:
        return Sight("tampered", seen.since, seen.tampering)
    return Sight("seeing" if seen.watching else "resting", seen.since)


def hints_of(seen: CameraSeen | None) -> list[str]:
    """What could be set better at the camera itself, as sentences."""
    if seen is None:
        return []
    hints = {"hevc": [HEVC], "h265": [HEVC], "mjpeg": [MJPEG]}.get(seen.codec, [])
    if seen.gop_s > LONG_GOP_S:
        hints = [*hints, LONG_GOP.format(gop=f"{seen.gop_s:.1f}".replace(".", ","))]
    return hints
