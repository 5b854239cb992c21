"""Cameras of the commune: adding one, setting it up, taking it away. All of it is written down, without addresses."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.camera_areas import Areas
from broker.hub.camera_setup import put_address
from broker.hub.declined import Declined
from broker.hub.quiet import undo_all
from broker.hub.records import Account, Camera, CameraSeen, NodeRecord, note_change, write_audit
from broker.hub.roles import require_role
from broker.trust.envelope import CameraAddress

SETTERS: Final = ("admin",)
MOST_PER_NODE: Final = 16


@dataclass(frozen=True)
class Wanted:
    """How a camera is to be set, judged already."""

    name: str
    address: CameraAddress
    sensitivity: float
    night_sensitivity: float | None
    areas: Areas
    schedule: list[dict[str, Any]]
    label: bool


RECONNECTING: Final = "Đang nối lại theo địa chỉ vừa lưu, chờ máy ở điểm báo về."


class Outdated(Declined):
    """The form was made from settings that somebody has changed since."""

    def __init__(self, parts: Sequence[str]) -> None:
        said = ", ".join(parts) or "mọi mục"
        super().__init__(
            "outdated",
            f"Có người vừa đổi cài đặt của camera này sau khi trang này mở ra: {said}. Chưa lưu gì. Những gì "
            "đang nhập vẫn còn dưới đây, thêm các vùng che kín vừa có người vẽ; xin mở trang camera ở cửa sổ khác "
            "để so, rồi bấm Lưu lần nữa nếu vẫn muốn đặt như dưới đây.",
        )
        self.parts = tuple(parts)


def fingerprint(row: Camera) -> str:
    """What a form was made from: "name:1f0c…,…", to tell later which parts somebody else has changed meanwhile."""
    return ",".join(f"{part}:{mark}" for part, mark in _marks(row).items())


def _marks(row: Camera) -> dict[str, str]:
    """A mark of each part of the settings by what people call it. Of the address as it is sealed."""
    parts = {
        "name": row.name,
        "address": [row.source, row.sub_source, row.sealed],
        "levels": [row.sensitivity, row.night_sensitivity, row.label],
        "hours": row.schedule,
        "zones": row.zones,
        "ignored": row.ignored,
        "masks": row.masks,
    }
    return {part: hashlib.sha256(msgspec.json.encode(held)).hexdigest()[:16] for part, held in parts.items()}


PARTS: Final = MappingProxyType(
    {
        "name": "tên",
        "address": "địa chỉ",
        "levels": "mức báo",
        "hours": "giờ canh",
        "zones": "vùng canh",
        "ignored": "vùng bỏ qua",
        "masks": "vùng che kín",
    }
)


def add(
    db: Session,
    account: Account,
    node: NodeRecord | None,
    name: str,
    address: CameraAddress,
    sensitivity: float,
    hub_public: bytes,
    now: datetime,
) -> Camera:
    """Add a camera to a point. Declined: no right, no such point, too many cameras."""
    require_role(db, account, now, *SETTERS)
    if node is None or node.retired_at is not None:
        raise Declined("no-node", "Xin chọn điểm đặt camera.")
    rows = db.execute(select(Camera.camera, Camera.retired_at).where(Camera.node == node.name)).all()
    if sum(retired_at is None for _, retired_at in rows) >= MOST_PER_NODE:
        raise Declined("many-cameras", f"Mỗi điểm có nhiều nhất {MOST_PER_NODE} camera.")
    row = Camera(
        node=node.name,
        camera=free_code(name, [camera for camera, _ in rows]),
        name=name,
        village=node.village,
        sensitivity=sensitivity,
    )
    put_address(row, address, hub_public)
    db.add(row)
    db.flush()
    _changed(db, account, row, "camera.added", {}, now)
    return row


def change(
    db: Session,
    account: Account,
    row: Camera,
    wanted: Wanted,
    old: CameraAddress,
    hub_public: bytes,
    now: datetime,
    made_of: str,
) -> bool:
    """Set a camera up; its node gets it with its next plan. Returns whether anything changed.

    old: its address as it was opened, so that an address typed again makes no new plan. made_of: `fingerprint` of
    what the form was made from. Declined: no right. Outdated: somebody else changed it meanwhile.
    """
    require_role(db, account, now, *SETTERS)
    changed = _difference(row, wanted, old)
    if not changed:
        return False
    if made_of != fingerprint(row):
        sent = dict(each.partition(":")[::2] for each in made_of.split(","))
        raise Outdated([PARTS[part] for part, mark in _marks(row).items() if sent.get(part) != mark])
    if wanted.address != old or row.sealed is None:
        put_address(row, wanted.address, hub_public)
    if wanted.address != old:
        _doubt(db, row, now)
        undo_all(db, account, row.node, row.camera, now)
    row.name, row.label, row.schedule = wanted.name, wanted.label, wanted.schedule
    row.sensitivity, row.night_sensitivity = wanted.sensitivity, wanted.night_sensitivity
    row.zones, row.ignored, row.masks = wanted.areas.zones, wanted.areas.ignored, wanted.areas.masks
    _changed(db, account, row, "camera.changed", changed, now)
    return True


def _doubt(db: Session, row: Camera, now: datetime) -> None:
    """With another address nothing said of this camera holds any more, until its node speaks again."""
    seen = db.get(CameraSeen, (row.node, row.camera))
    if seen is not None:
        seen.state, seen.since, seen.detail, seen.tampering = "connecting", now, RECONNECTING, ""


def accept_view(db: Session, account: Account, row: Camera, now: datetime) -> None:
    """It looks where it should: its node learns the view anew. Declined: no right."""
    require_role(db, account, now, *SETTERS)
    row.view += 1
    undo_all(db, account, row.node, row.camera, now)
    _changed(db, account, row, "camera.view-accepted", {}, now)


def remove(db: Session, account: Account, row: Camera, now: datetime) -> None:
    """Take a camera away: its address is forgotten, its alerts stay. Declined: no right."""
    require_role(db, account, now, *SETTERS)
    row.retired_at = now
    undo_all(db, account, row.node, row.camera, now)
    row.source, row.sub_source, row.sealed = "", "", None
    seen = db.get(CameraSeen, (row.node, row.camera))
    if seen is not None:
        db.delete(seen)
    _changed(db, account, row, "camera.removed", {}, now)


def free_code(name: str, taken: Sequence[str]) -> str:
    """A short code for the wire out of a name: "Cửa kho lúa" → "cua-kho-lua", numbered when taken."""
    plain = unicodedata.normalize("NFD", name.lower().replace("đ", "d"))
    words = re.findall(r"[a-z0-9]+", "".join(c for c in plain if not unicodedata.combining(c)))
    stem = "-".join(words)[:24].strip("-") or "camera"
    for n in range(1, MOST_PER_NODE * 8):
        code = stem if n == 1 else f"{stem}-{n}"
        if code not in taken:
            return code
    raise Declined("many-cameras", "Tên này đã dùng quá nhiều lần, xin đặt tên khác.")


def _difference(row: Camera, wanted: Wanted, old: CameraAddress) -> dict[str, str]:
    """What changes, as the audit log keeps it: no address and no password, of areas their number."""
    night = wanted.night_sensitivity
    told = {
        "name": (row.name, wanted.name, wanted.name),
        "address": (old.source, wanted.address.source, "yes"),
        "sub": (old.sub_source, wanted.address.sub_source, "yes" if wanted.address.sub_source else ""),
        "day": (row.sensitivity, wanted.sensitivity, f"{wanted.sensitivity:g}"),
        "night": (row.night_sensitivity, night, "" if night is None else f"{night:g}"),
        "zones": (_plain(row.zones), _plain(wanted.areas.zones), str(len(wanted.areas.zones))),
        "ignored": (_plain(row.ignored), _plain(wanted.areas.ignored), str(len(wanted.areas.ignored))),
        "masks": (_plain(row.masks), _plain(wanted.areas.masks), str(len(wanted.areas.masks))),
        "schedule": (row.schedule, wanted.schedule, str(len(wanted.schedule))),
        "label": (row.label, wanted.label, "yes" if wanted.label else ""),
    }
    return {name: said for name, (was, is_now, said) in told.items() if was != is_now}


def _plain(areas: Sequence[dict[str, Any]]) -> list[tuple[str, list[tuple[float, float]]]]:
    return [(each.get("name", ""), [(x, y) for x, y in each["corners"]]) for each in areas]


def _changed(
    db: Session, account: Account, row: Camera, action: str, detail: dict[str, str], now: datetime
) -> None:
    write_audit(db, now, account.username, action, f"{row.node}.{row.camera}", detail)
    note_change(db, "camera", row.node, now)
    note_change(db, "plan", row.node, now)
