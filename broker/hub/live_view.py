"""Looking at a camera as it is now: who may, why, how long, how many at once, and what its node is told.

A view is a row of `camera_live`; its pictures pass through the memory of `web` alone (live_pictures.py).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from broker.hub.alert_views import Reason
from broker.hub.camera_sight import Sight, dark_since, sight_of
from broker.hub.declined import Declined
from broker.hub.records import (
    Account,
    Camera,
    CameraLive,
    CameraSeen,
    ServiceSeen,
    note_change,
    write_audit,
)
from broker.hub.roles import require_role
from broker.link.clock import LOCAL

LOOKERS: Final = ("admin", "police")
"""Who sets cameras up, and who watches them."""
LASTS: Final = timedelta(seconds=60)
"""And once more as long by "Xem tiếp"."""
MOST_OWN, MOST_OF_NODE, MOST_OF_ALL = 2, 2, 6
"""Views at once: of one person, of one point's line, and of the hub's."""
AND: Final = "; rồi "
"""Between the reasons of one view."""
MOST_REASONS: Final = 5
"""Of one view: enough for who opens the next alert meanwhile, and what a day's page can show."""
REASONS: Final = MappingProxyType(
    {
        "report": "xác minh tin báo của người dân",
        "follow": "theo dõi tiếp sau cảnh báo",
        "event": "giữ trật tự khi thôn có việc đông người",
        "device": "kiểm tra camera",
    }
)
"""Why somebody looks who was not led there by an open alert; beside these own words are taken."""


def start(db: Session, account: Account, node: str, camera: str, reason: Reason, now: datetime) -> CameraLive:
    """Begin to look, written into the audit log with the reason. What this person looks at already goes on, and that it
    was asked for once more is written all the same: the reason may be another.

    Declined: no right, no such camera, a node or camera that is away, too many at once.
    """
    require_role(db, account, now, *LOOKERS)
    row = db.get(Camera, (node, camera))
    if row is None or row.retired_at is not None:
        raise Declined("no-camera", "Không tìm thấy camera này, có thể nó đã được gỡ.")
    under_way = _running(db, now)
    mine = [each for each in under_way if each.asked_by == account.id]
    same = next((each for each in mine if (each.node, each.camera) == (node, camera)), None)
    if same is not None:
        given = same.reason.split(AND)
        if reason.said not in given and len(given) >= MOST_REASONS:
            why = f"Lượt xem này đã ghi {MOST_REASONS} lý do; xin dừng xem rồi bắt đầu lượt mới."
            raise Declined("many-reasons", why)
        if reason.said not in given:
            same.reason = f"{same.reason}{AND}{reason.said}"
        _written(db, account, same, reason, now)
        return same
    refusal = _unseen(db, node, camera, now) or _too_many(mine, under_way, node)
    if refusal:
        raise Declined("not-now", refusal)
    view = CameraLive(
        view=f"h-{secrets.token_hex(16)}",
        node=node,
        camera=camera,
        asked_at=now,
        asked_by=account.id,
        reason=reason.said,
        until=now + LASTS,
    )
    db.add(view)
    db.flush()
    _written(db, account, view, reason, now)
    note_change(db, "live", view.view, now)
    return view


def go_on(db: Session, account: Account, view: str, now: datetime) -> CameraLive:
    """ "Xem tiếp", once. Declined: somebody else's, over, or gone on already."""
    row = own(db, account.id, view)
    if not is_running(row, now):
        raise Declined("over", "Lượt xem này đã hết; xin bấm Xem trực tiếp để xem lượt mới.")
    if not may_go_on(row):
        raise Declined("twice", "Mỗi lượt chỉ xem tiếp được một lần; hết giờ xin bấm Xem trực tiếp lần nữa.")
    row.until = row.asked_at + 2 * LASTS
    detail = {"reason": row.reason.partition(":")[0]}  # what follows are somebody's own words
    write_audit(db, now, account.username, "camera.live-longer", f"{row.node}.{row.camera}", detail)
    note_change(db, "live", row.view, now)
    return row


def stop(db: Session, account: Account, view: str, now: datetime) -> CameraLive:
    """ "Dừng xem". Declined: somebody else's."""
    row = own(db, account.id, view)
    end(db, row.view, now)
    return row


def end(db: Session, view: str, now: datetime) -> None:
    """Nobody looks any more; its place is free for another."""
    row = db.get(CameraLive, view)
    if row is not None and is_running(row, now):
        row.ended_at = now
        note_change(db, "live", view, now)


def own(db: Session, account_id: int, view: str) -> CameraLive:
    """A view of this person. Declined when there is none: whose it is, is nobody else's business."""
    row = db.get(CameraLive, view)
    if row is None or row.asked_by != account_id:
        raise Declined("no-view", "Không tìm thấy lượt xem này; xin bấm Xem trực tiếp.")
    return row


def running_of(db: Session, account_id: int, node: str, camera: str, now: datetime) -> CameraLive | None:
    """What this person looks at with this camera at present."""
    for row in _running(db, now):
        if (row.asked_by, row.node, row.camera) == (account_id, node, camera):
            return row
    return None


def is_running(row: CameraLive, now: datetime) -> bool:
    """Whether its pictures may still be shown."""
    return row.ended_at is None and now < row.until


def may_go_on(row: CameraLive) -> bool:
    """Whether it was not gone on yet."""
    return row.until <= row.asked_at + LASTS


def wanted(db: Session, now: datetime) -> Sequence[CameraLive]:
    """Views whose node was not told of them, or not of their later end."""
    query = select(CameraLive).where(
        CameraLive.ended_at.is_(None),
        CameraLive.until > now,
        or_(CameraLive.sent_until.is_(None), CameraLive.sent_until < CameraLive.until),
    )
    return db.scalars(query.order_by(CameraLive.asked_at)).all()


def ask_anew(db: Session, node: str, now: datetime) -> None:
    """A point's camera service has started again and knows of no view: it is told once more of those that still run."""
    for row in _running(db, now):
        if row.node == node and row.sent_until is not None:
            row.sent_until = None
            note_change(db, "live", row.view, now)


def _written(db: Session, account: Account, view: CameraLive, reason: Reason, now: datetime) -> None:
    detail = {"reason": reason.logged}
    write_audit(db, now, account.username, "camera.live", f"{view.node}.{view.camera}", detail)


def _running(db: Session, now: datetime) -> Sequence[CameraLive]:
    query = select(CameraLive).where(CameraLive.ended_at.is_(None), CameraLive.until > now)
    return db.scalars(query.order_by(CameraLive.asked_at)).all()


def _unseen(db: Session, node: str, camera: str, now: datetime) -> str:
    """Why nothing can be seen there at present; empty when something can."""
    dark = dark_since(db, now)
    sight = sight_of(db.get(ServiceSeen, f"{node}.camera"), db.get(CameraSeen, (node, camera)), dark)
    if sight.standing == "dark":
        return f"Máy chuyển tin của xã không chạy{_since(sight)} nên chưa xem trực tiếp được."
    if sight.standing == "away" or db.get(ServiceSeen, f"{node}.camera") is None:
        return f"Điểm này đang mất nối{_since(sight)} nên chưa xem trực tiếp được; nối lại rồi xem."
    if sight.standing in ("offline", "connecting", "unknown"):
        return f"Camera này đang không có hình{_since(sight)} nên chưa xem trực tiếp được."
    return ""


def _since(sight: Sight) -> str:
    return "" if sight.since is None else f" từ {sight.since.astimezone(LOCAL):%H:%M %d/%m}"


def _too_many(mine: Sequence[CameraLive], under_way: Sequence[CameraLive], node: str) -> str:
    if len(mine) >= MOST_OWN:
        return f"Anh/chị đang xem trực tiếp {MOST_OWN} camera; xin dừng một camera rồi xem camera này."
    if sum(each.node == node for each in under_way) >= MOST_OF_NODE:
        return (
            f"Điểm này đang gửi {MOST_OF_NODE} hình trực tiếp, hết đường truyền; xin đợi nhiều nhất một phút."
        )
    if len(under_way) >= MOST_OF_ALL:
        return f"Cả xã đang xem trực tiếp {MOST_OF_ALL} camera, là nhiều nhất; xin đợi nhiều nhất một phút."
    return ""
