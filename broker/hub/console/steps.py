"""How far a fresh hub is on its way to the first announcement that a node says it has played."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub import next_list, trusted
from broker.hub import people as staff
from broker.hub.console.points import point_of, seen_of
from broker.hub.console.wording import count, when
from broker.hub.declined import Declined
from broker.hub.records import (
    Account,
    ApproverKey,
    NodeRecord,
    Play,
    Revision,
    ServiceSeen,
    Village,
)

Key = Literal["villages", "people", "keys", "trust", "node", "announcement"]
Mark = Literal["done", "now", "todo"]
_ALIVE = ("ready", "degraded")


@dataclass(frozen=True)
class Part:
    """One thing inside a step."""

    is_done: bool
    said: str


@dataclass(frozen=True)
class Stair:
    """One of the six steps."""

    key: Key
    name: str
    said: str
    is_done: bool
    parts: Sequence[Part] = ()
    mark: Mark = "todo"


def is_finished(db: Session) -> bool:
    """Whether some loudspeaker has said that it played a signed announcement: then nothing here is needed any more."""
    query = select(Play.node).where(Play.state == "played", Play.sound != "file")
    return db.scalar(query.limit(1)) is not None


def stairs_of(db: Session, here: trusted.Here, at: datetime) -> list[Stair]:
    """The six steps in order; the first that is not done is `now`."""
    people = list(db.scalars(select(Account).where(Account.disabled_at.is_(None)).order_by(Account.id)))
    found = [
        _villages(db),
        _people(db, people, at),
        _keys(db, people),
        _trust(db, here, people, at),
        _node(db, at),
        _announcement(db, at),
    ]
    first = next((step.key for step in found if not step.is_done), None)
    return [replace(one, mark=_mark(one, first)) for one in found]


def headline(steps: Sequence[Stair]) -> str:
    """The answer first."""
    left = sum(not step.is_done for step in steps)
    if not left:
        return "Xã đã dùng được."
    return f"{count(left)} bước nữa là loa nói được." if left > 1 else "Còn một bước cuối."


def _mark(step: Stair, first: Key | None) -> Mark:
    return "done" if step.is_done else "now" if step.key == first else "todo"


def _villages(db: Session) -> Stair:
    names = list(db.scalars(select(Village.name).order_by(Village.rank, Village.code)))
    said = f"{count(len(names))} thôn: {', '.join(names[:12])}{'…' if len(names) > 12 else ''}."
    return Stair("villages", "Tên các thôn", said if names else "Ghi tên từng thôn của xã.", bool(names))


def _people(db: Session, people: Sequence[Account], at: datetime) -> Stair:
    waits = {each.id for each in people if staff.waiting_invitation(db, each, at) is not None}
    writers = [each for each in people if {"editor", "village"} & set(each.roles)]
    approvers = [each for each in people if "approver" in each.roles]
    is_done = any(one.id != other.id for one in writers for other in approvers)
    parts = (
        Part(bool(writers), f"Người viết: {_names(writers, waits) or 'chưa có'}"),
        Part(bool(approvers), f"Người duyệt: {_names(approvers, waits) or 'chưa có'}"),
    )
    said = "Người viết không tự duyệt bản của mình, nên cần ít nhất hai người."
    return Stair("people", "Người viết và người duyệt", said, is_done, parts)


def _keys(db: Session, people: Sequence[Account]) -> Stair:
    owners = set(db.scalars(select(ApproverKey.account_id).where(ApproverKey.removed_at.is_(None))))
    approvers = [each for each in people if "approver" in each.roles]
    parts = tuple(
        Part(each.id in owners, f"{each.full_name}: {'đã có khoá' if each.id in owners else 'chưa làm khoá'}")
        for each in approvers
    )
    said = "Người duyệt tự đăng nhập trên máy của mình, mở “Khoá ký của tôi” rồi làm khoá. Không ai làm thay được."
    return Stair("keys", "Khoá ký của người duyệt", said, any(part.is_done for part in parts), parts)


def _trust(db: Session, here: trusted.Here, people: Sequence[Account], at: datetime) -> Stair:
    able = trusted.signers(db, here, at)
    believed = [each for each in people if each.id in able]
    try:
        waits = len(next_list.pending(db, here, at).add)
    except Declined:
        waits = 0  # a broken list is said by its own page
    parts = [Part(True, f"Loa đang tin: {_names(believed)}")] if believed else []
    if waits:
        parts.append(Part(False, f"{count(waits)} khoá đang chờ xã ký"))
    said = "Người giữ khoá gốc của xã ký danh sách những ai loa được tin. Khoá gốc không vào trung tâm."
    return Stair("trust", "Danh sách tin cậy", said, bool(believed), tuple(parts))


def _node(db: Session, at: datetime) -> Stair:
    seen = seen_of(db)
    points = [point_of(seen, node, at) for node in seen.nodes if node.retired_at is None]
    speaks = set(
        db.scalars(
            select(ServiceSeen.node).where(ServiceSeen.service == "speaker", ServiceSeen.state.in_(_ALIVE))
        )
    )
    parts = tuple(Part(point.name in speaks, f"{point.label}: {point.said.lower()}") for point in points[:6])
    said = "Chọn thôn, lấy mã, chạy một lệnh ở máy của điểm. Máy tự làm khoá và nhận chứng thư."
    return Stair("node", "Điểm đầu tiên", said, any(point.name in speaks for point in points), parts)


def _announcement(db: Session, at: datetime) -> Stair:
    def newest(*states: str) -> Revision | None:
        query = select(Revision).where(Revision.state.in_(states)).order_by(Revision.edited_at.desc())
        return db.scalars(query.limit(1)).first()

    over = select(Play).where(Play.state == "played").limit(1)
    played = db.scalars(over.where(Play.sound != "file")).first()
    filed = db.scalars(over).first() if played is None else None
    held = db.scalars(
        select(Play.node).where(Play.state.in_(("ready", "playing", "played"))).limit(1)
    ).first()
    approved = newest("approved")
    sent = approved or newest("submitted")
    written = sent or newest("draft", "returned")
    parts = (
        Part(
            written is not None, f"Viết: {written.title or 'bản chưa có tên'}" if written else "Viết bản tin"
        ),
        Part(sent is not None, "Gửi duyệt"),
        Part(
            approved is not None,
            f"Ký duyệt lúc {when(approved.decided_at, at)}"
            if approved is not None and approved.decided_at is not None
            else "Nghe, đọc và ký duyệt",
        ),
        Part(held is not None, "Máy ở điểm đã kiểm chữ ký và giữ lịch phát"),
        Part(played is not None, _played(db, played, filed)),
    )
    said = "Người viết soạn một bản chào ngắn, chọn “phát ngay”. Người duyệt nghe rồi ký."
    return Stair("announcement", "Bản tin đầu tiên", said, played is not None, parts)


def _played(db: Session, played: Play | None, filed: Play | None) -> str:
    if played is not None:
        return f"{_label(db, played)} báo về: đã phát"
    if filed is not None:
        return f"{_label(db, filed)} báo về: ghi vào tệp, điểm chưa có loa. Cắm loa rồi phát lại."
    return "Điểm báo về: đã phát"


def _label(db: Session, play: Play) -> str:
    node = db.get(NodeRecord, play.node)
    return node.label if node is not None else play.node


def _names(people: Sequence[Account], waits: Collection[int] = ()) -> str:
    """Names in a row; those who have not followed their invitation yet are marked."""
    names = [each.full_name + (" (đã mời, chưa vào)" if each.id in waits else "") for each in people]
    return ", ".join(names[:3]) + (f" và {len(names) - 3} người nữa" if len(names) > 3 else "")
