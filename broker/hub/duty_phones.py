"""Phones of the duty room (điện thoại trực): which addresses are called, about what, after how long."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub import calling, unseen
from broker.hub.alert_kinds import CHOICES
from broker.hub.announcing.checks import visible
from broker.hub.calling import MOST_PHONES
from broker.hub.channels import LONGEST_ADDRESS, LONGEST_NAME, is_usable, kind_of, leads_here, masked
from broker.hub.declined import Declined
from broker.hub.posting import Letter
from broker.hub.records import Account, DutyCall, DutyPhone, put_setting, write_audit
from broker.hub.roles import require_role

KEEPERS = ("admin",)
LONGEST_AFTER_S = 3600


def add_phone(
    db: Session,
    account: Account,
    name: str,
    address: str,
    kinds: Sequence[str],
    after_s: int,
    now: datetime,
    *,
    gateway: str = "",
) -> DutyPhone:
    """A new one. gateway: the one door of this machine that may be called through, as the settings name it.

    Raises Declined for a name or address that is none, no kind at all, a wait that is too long.
    """
    require_role(db, account, now, *KEEPERS)
    called, where = " ".join(visible(name).split()), address.strip()
    if not any(char.isalnum() for char in called) or len(called) > LONGEST_NAME:
        raise Declined("phone-name", f"Xin ghi ai được gọi, nhiều nhất {LONGEST_NAME} chữ cái.")
    kept = unseen.phones_of(db)
    if any(one.name.lower() == called.lower() for one in kept):
        raise Declined("same-phone", f"Đã có “{called}”, xin ghi tên khác.")
    if len(kept) >= MOST_PHONES:
        raise Declined("many-phones", f"Đã có {MOST_PHONES} nơi được gọi, xin bỏ bớt.")
    if len(where) <= LONGEST_NAME and re.fullmatch(r"\+?[0-9 .()-]{8,}", where):
        raise Declined(
            "phone-number",
            "Máy không tự gọi số điện thoại được. Xin ghi địa chỉ cổng tin nhắn với số ở cuối, "
            "như httpsms://khoa-API@84912345678/84987654321.",
        )
    if len(where) > LONGEST_ADDRESS or kind_of(where) == "webhook" or not is_usable(where):
        raise Declined(
            "phone-address",
            "Địa chỉ này không gọi được. Xin chép địa chỉ theo một trong các mẫu cho Telegram, Zalo, tin nhắn SMS "
            "hoặc thư điện tử.",
        )
    if leads_here(where, gateway):
        raise Declined(
            "phone-here",
            "Địa chỉ này trỏ vào chính máy trung tâm nên không gọi ai được. Xin ghi địa chỉ của cổng tin nhắn; "
            "cổng đặt ngay trên máy trung tâm thì người cài đặt phải khai trong mục console.gateway trước.",
        )
    wanted = [kind for kind in CHOICES if kind in kinds]
    if not wanted:
        raise Declined("phone-kinds", "Xin chọn ít nhất một loại cảnh báo để gọi.")
    if not 0 <= after_s <= LONGEST_AFTER_S:
        raise Declined("phone-after", f"Xin chờ từ 0 đến {LONGEST_AFTER_S // 60} phút rồi gọi.")
    row = DutyPhone(name=called, address=where, kinds=wanted, after_s=after_s, created_at=now)
    db.add(row)
    db.flush()
    write_audit(db, now, account.username, "duty.phone-added", called, {"address": masked(where)})
    return row


def remove_phone(db: Session, account: Account, phone: int, now: datetime) -> DutyPhone:
    """Take it away; its address is forgotten, calls that wait are made no more."""
    require_role(db, account, now, *KEEPERS)
    row = _phone(db, phone)
    row.removed_at, row.address = now, ""
    for call in db.scalars(select(DutyCall).where(DutyCall.phone_id == row.id, DutyCall.state == "waiting")):
        call.state, call.problem = "given-up", "Đã bỏ nơi gọi này."
    write_audit(db, now, account.username, "duty.phone-removed", row.name)
    return row


def trial_of(db: Session, account: Account, phone: int, commune: str, now: datetime) -> Letter:
    """What a trial sends: to be sent after this transaction, which records that it was tried."""
    require_role(db, account, now, *KEEPERS)
    row = _phone(db, phone)
    write_audit(db, now, account.username, "duty.phone-tried", row.name)
    text = "Đây là tin thử của phòng trực, không có việc gì. Nhận được tin này là nơi gọi dùng được."
    return calling.letter_to(row, 0, f"{commune}: tin thử", text)


def put_unseen_after(db: Session, account: Account, seconds: int, now: datetime) -> None:
    """After how long an alert counts as unseen. Raises Declined for what is too short or too long."""
    require_role(db, account, now, *KEEPERS)
    if not unseen.SHORTEST_S <= seconds <= unseen.LONGEST_S:
        raise Declined("unseen-after", "Xin chọn từ nửa phút đến 60 phút.")
    put_setting(db, unseen.SETTING, seconds, now)
    write_audit(db, now, account.username, "duty.unseen-set", "duty", {"seconds": str(seconds)})


def lately(db: Session, count: int = 30) -> list[DutyCall]:
    """The last calls, newest first."""
    return list(db.scalars(select(DutyCall).order_by(DutyCall.id.desc()).limit(count)))


def _phone(db: Session, phone: int) -> DutyPhone:
    row = db.get(DutyPhone, phone)
    if row is None or row.removed_at is not None:
        raise Declined("phone-gone", "Nơi gọi này không còn nữa.")
    return row
