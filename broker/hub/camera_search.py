"""Searches for cameras on a node's network: who may, what the node is told and answers, and what becomes of logins.

A login is sealed to the node's camera service at once, and forgotten with its answer; the hub itself cannot open it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker.contract.camera import CamerasFound, FoundCamera, FoundStream
from broker.contract.hub import SearchCameras
from broker.hub.camera_address import shown
from broker.hub.cameras import SETTERS
from broker.hub.declined import Declined
from broker.hub.records import (
    Account,
    CameraSeal,
    CameraSearch,
    NodeRecord,
    ServiceSeen,
    note_change,
    write_audit,
)
from broker.hub.roles import require_role
from broker.trust.envelope import CameraLogin
from broker.trust.seal import seal

ANSWER_WITHIN: Final = timedelta(seconds=30)
"""A search takes 4 s, a device that is slow at everything 15 s; the command is dropped after 30."""
KEPT: Final = timedelta(hours=24)
MOST_ASKED, WHILE = 30, timedelta(minutes=10)
"""Searches and questions of one person within a while: nobody guesses passwords here."""
LONGEST_USER, LONGEST_PASSWORD = 80, 200
SILENT: Final = "Máy ở điểm không trả lời trong 30 giây. Xem điểm còn nối không, rồi thử lại."
STRANGE: Final = "Máy ở điểm gửi về điều không dùng được; xin gõ địa chỉ luồng hình bằng tay."
GONE: Final = "Lần tìm này đã quá 24 giờ hoặc không có; xin tìm lại."
Outcome = Literal["waiting", "came", "refused", "silent"]


def ask(db: Session, account: Account, node: NodeRecord | None, now: datetime) -> CameraSearch:
    """Have a node look for cameras on its network; written into the audit log.

    Declined: no right, no such point, a node that is away, one already under way, too many.
    """
    require_role(db, account, now, *SETTERS)
    if node is None or node.retired_at is not None:
        raise Declined("no-node", "Xin chọn điểm để tìm camera.")
    row = _begin(db, account, node.name, now)
    write_audit(db, now, account.username, "camera.searched", node.name)
    return row


def ask_device(
    db: Session, account: Account, search: str, number: int, login: CameraLogin, now: datetime
) -> CameraSearch:
    """Have a node ask one of the devices it found for its streams; in the audit log without the login.

    Declined: no right, no such search or device, a login that is none, a node that is away or whose key is not known.
    """
    require_role(db, account, now, *SETTERS)
    before = found(db, search, now)
    if not 0 <= number < len(before.devices):
        raise Declined("no-device", "Không thấy thiết bị này trong lần tìm; xin tìm lại.")
    _judge(login)
    key = db.get(CameraSeal, before.node)
    if key is None:
        raise Declined("no-key", "Máy ở điểm chưa gửi khoá của camera về; đợi một phút rồi hỏi lại.")
    device = before.devices[number]
    row = _begin(db, account, before.node, now)
    row.device = device["device"]
    row.sealed = seal(key.public.encode("ascii"), msgspec.json.encode(login))
    write_audit(db, now, account.username, "camera.asked", row.node, {"device": device["address"]})
    return row


def found(db: Session, request: str, now: datetime) -> CameraSearch:
    """A search that is kept. Declined when there is none."""
    row = db.get(CameraSearch, request)
    if row is None or now > row.asked_at + KEPT:
        raise Declined("no-search", GONE)
    return row


def wanted(db: Session, now: datetime) -> Sequence[CameraSearch]:
    """Searches that no command was sent for and that somebody still waits for, oldest first."""
    query = select(CameraSearch).where(
        CameraSearch.asked_at > now - ANSWER_WITHIN,
        CameraSearch.sent_at.is_(None),
        CameraSearch.came_at.is_(None),
    )
    return db.scalars(query.order_by(CameraSearch.asked_at)).all()


def command(row: CameraSearch) -> SearchCameras:
    """What its node is told."""
    return SearchCameras(request=row.request, device=row.device, sealed=row.sealed)


def take(db: Session, row: CameraSearch, said: CamerasFound, now: datetime) -> None:
    """The answer to a search. Only the first counts; what no camera can be is left out; the login is forgotten."""
    if row.came_at is not None:
        return
    row.came_at, row.sealed = now, None
    row.devices = [] if row.device else [_device(each) for each in said.devices if _is_device(each)]
    host = urlsplit(row.device).hostname or ""
    row.streams = [_stream(each) for each in said.streams if _is_stream(each, host)] if row.device else []
    row.reason = _plain(said.reason)
    if not (row.reason or row.devices or row.streams):
        row.reason = STRANGE
    note_change(db, "search", row.request, now)


def outcome_of(row: CameraSearch, now: datetime) -> Outcome:
    """What came of a search."""
    if row.came_at is None:
        return "waiting" if now <= row.asked_at + ANSWER_WITHIN else "silent"
    return "refused" if row.reason else "came"


def put_away(db: Session, now: datetime) -> None:
    """Forget the logins that nobody answers to any more, and searches that are over."""
    for row in db.scalars(select(CameraSearch).where(CameraSearch.asked_at <= now - ANSWER_WITHIN)):
        row.sealed = None
        if row.asked_at <= now - KEPT:
            db.delete(row)


def _begin(db: Session, account: Account, node: str, now: datetime) -> CameraSearch:
    life = db.get(ServiceSeen, f"{node}.camera")
    if life is None or life.state in ("lost", "stopped"):
        raise Declined("away", "Điểm đang mất nối nên chưa tìm được; nối lại rồi tìm.")
    under_way = select(CameraSearch).where(
        CameraSearch.node == node, CameraSearch.asked_at > now - ANSWER_WITHIN, CameraSearch.came_at.is_(None)
    )
    if db.scalars(under_way.limit(1)).first() is not None:
        raise Declined("under-way", "Máy ở điểm này đang tìm, xin đợi vài giây.")
    mine = select(func.count()).select_from(CameraSearch)
    mine = mine.where(CameraSearch.asked_by == account.id, CameraSearch.asked_at > now - WHILE)
    if (db.scalar(mine) or 0) >= MOST_ASKED:
        raise Declined("too-many", "Anh/chị đã tìm quá nhiều lần, mười phút nữa xin tìm tiếp.")
    row = CameraSearch(
        request=f"h-{secrets.token_hex(12)}", node=node, asked_at=now, asked_by=account.id, device=""
    )
    row.devices, row.streams, row.reason = [], [], ""
    db.add(row)
    db.flush()
    note_change(db, "search", row.request, now)
    return row


def _judge(login: CameraLogin) -> None:
    if not login.user.strip() or not login.password:
        raise Declined("no-login", "Xin nhập tên và mật khẩu của camera.")
    if len(login.user) > LONGEST_USER or len(login.password) > LONGEST_PASSWORD:
        raise Declined(
            "long-login",
            f"Tên camera nhận nhiều nhất {LONGEST_USER} chữ, mật khẩu {LONGEST_PASSWORD}; xin kiểm tra lại.",
        )
    if not (login.user.isprintable() and login.password.isprintable()):
        raise Declined("odd-login", "Tên hoặc mật khẩu có ký tự không gõ được, xin nhập lại.")


def _is_device(said: FoundCamera) -> bool:
    """Whether it is an address of the machine it names, and nothing else."""
    try:
        parts = urlsplit(said.device)
        return (
            parts.scheme == "http" and parts.hostname == said.address and _plain(said.device) == said.device
        )
    except ValueError:
        return False


def _is_stream(said: FoundStream, host: str) -> bool:
    """Whether it is a stream of the machine that was asked."""
    try:
        parts = urlsplit(said.source)
        return parts.scheme in ("rtsp", "http") and parts.hostname == host and said.source.isprintable()
    except ValueError:
        return False


def _device(said: FoundCamera) -> dict[str, Any]:
    return {
        "device": said.device,
        "address": said.address,
        "name": _plain(said.name),
        "hardware": _plain(said.hardware),
    }


def _stream(said: FoundStream) -> dict[str, Any]:
    sizes = {"width_px": said.width_px, "height_px": said.height_px}
    return {"source": shown(said.source), "codec": _plain(said.codec), **sizes}


def _plain(told: str) -> str:
    return "".join(each for each in told if each.isprintable()).strip()
